import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { constant, exponential } from '../base/backoff.ts'
import { OptionError, toError } from '../base/errors.ts'
import { describe } from '../base/option-check.ts'
import type { SaslOptions, TlsOptions } from '../client/security.ts'
import { type ConsumerOptions, resolveOptions } from '../consumer/options.ts'
import { readEntries } from '../consumer/properties/read-properties.ts'
import { mergeOptions } from '../properties/dialects.ts'
import { Entry } from '../properties/entry.ts'
import { entriesIn } from '../properties/source.ts'
import type { ConnectionFields, Given } from './given.ts'
import { passwordIn, saslOf, tokenIn } from './security-settings.ts'

/** Options that a file may have. */
export interface FileOptions extends Partial<ConsumerOptions> {
  tls?: boolean | TlsOptions
  sasl?: SaslOptions
}

/** What a file and `-X` say. */
export interface ConfigRead {
  readonly options: FileOptions
  readonly notes: readonly string[]
}

type Section = Record<string, unknown>

/**
 * Reads the file that `--config` names, and `-X` as lines behind it: JSON, YAML and modules have the names of a consumer's options,
 * everything else is a `.properties` file.
 *
 * @throws {OptionError} that names the file, and the line where it is known
 */
export async function readConfigFile(given: Given, fields: ConnectionFields): Promise<ConfigRead> {
  const { config, properties } = given
  const lines = Object.entries(properties).map(([key, value]) => new Entry(key, value, { place: '-X' }))
  const structured = config === null ? undefined : await structuredFile(config)
  if (structured !== undefined) {
    const { options, notes } = lines.length > 0 ? read(lines, given, fields) : { options: {}, notes: [] }
    return { options: mergeOptions(structured, options), notes }
  }
  const ofFile = config === null ? [] : entriesIn(config).filter(({ key }) => !Object.hasOwn(properties, key))
  return read([...ofFile, ...lines], given, fields)
}

function read(entries: readonly Entry[], { dialect }: Given, fields: ConnectionFields): ConfigRead {
  const named = entries.some(({ key }) => key === 'bootstrap.servers')
  const complete = completeSasl(fields)
  const { options, notes } = readEntries(entries, {
    dialect,
    overrides: { ...(!named && { brokers: ['localhost:9092'] }), ...(complete && { sasl: complete }) } as FileOptions,
  })
  const { brokers, ...rest } = options
  return { options: named ? options : rest, notes: notes.map(({ message }) => message) }
}

/** What goes before the file, where it needs nothing of that. */
function completeSasl(fields: ConnectionFields): SaslOptions | undefined {
  try {
    return saslOf(undefined, fields)
  } catch {
    return undefined
  }
}

/** Undefined: it is a `.properties` file. */
async function structuredFile(path: string): Promise<Section | undefined> {
  const parse = parsers[extname(path).toLowerCase()]
  if (parse === undefined) return undefined
  const name = basename(path)
  try {
    const value = await parse(path)
    if (!isSection(value)) throw new OptionError(`it holds ${describe(value)}, and options are expected`)
    const options = plainOptions(value, dirname(path))
    resolveOptions({ brokers: ['localhost:9092'], ...options } as ConsumerOptions)
    return options
  } catch (thrown) {
    throw new OptionError(`${name}: ${toError(thrown).message}`)
  }
}

const parsers: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
  '.json': parseJson,
  '.yaml': parseYaml,
  '.yml': parseYaml,
  ...Object.fromEntries(['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts'].map(extension => [extension, load])),
}

/** What a parser quotes of a file may be a password, so errors have the place alone. */
async function parseJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8')
  try {
    return JSON.parse(text)
  } catch (thrown) {
    const [, line, column] = /line (\d+) column (\d+)/.exec(toError(thrown).message) ?? []
    const at = line === undefined ? 'its end' : `line ${line}, column ${column}`
    throw new OptionError(`it is not JSON: see ${at}`)
  }
}

async function parseYaml(path: string): Promise<unknown> {
  const { LineCounter, parseDocument } = await import('yaml')
  const lineCounter = new LineCounter()
  const document = parseDocument(await readFile(path, 'utf8'), { lineCounter, prettyErrors: false })
  const [error] = document.errors
  if (error === undefined) return document.toJS()
  const { line, col } = lineCounter.linePos(error.pos[0])
  throw new OptionError(`line ${line}, column ${col}: it is not YAML (${error.code})`)
}

async function load(path: string): Promise<unknown> {
  const { default: loaded } = (await import(pathToFileURL(path).href)) as { default?: unknown }
  return loaded
}

/** Makes options of what a file can hold: certificates by path, a password or a token by file, numbers of a backoff. */
function plainOptions(value: Section, folder: string): Section {
  const options = { ...value }
  if (typeof options.brokers === 'string') options.brokers = options.brokers.split(/\s*,\s*/)
  if (isSection(options.work) && 'backoff' in options.work) {
    options.work = { ...options.work, backoff: backoff(options.work.backoff) }
  }
  if (isSection(options.tls)) options.tls = withFiles(options.tls, folder)
  if (isSection(options.sasl)) options.sasl = withSecret(options.sasl, folder)
  return options
}

function backoff(value: unknown): unknown {
  if (typeof value === 'number') return constant(value)
  if (!isSection(value)) return value
  const { minMs, maxMs } = value
  return typeof minMs === 'number' && typeof maxMs === 'number' ? exponential(minMs, maxMs) : value
}

/** Paths are seen from where the file is. */
function withFiles(tls: Section, folder: string): Section {
  const named = Object.entries(tls).filter(([name]) => ['ca', 'cert', 'key', 'pfx'].includes(name))
  const content = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(content)
    if (typeof value !== 'string' || value.includes('-----BEGIN ')) return value
    return readFileSync(resolve(folder, value))
  }
  return { ...tls, ...Object.fromEntries(named.map(([name, value]) => [name, content(value)])) }
}

function withSecret({ passwordFile, tokenFile, ...sasl }: Section, folder: string): Section {
  return {
    ...sasl,
    ...(typeof passwordFile === 'string' && { password: passwordIn(resolve(folder, passwordFile)) }),
    ...(typeof tokenFile === 'string' && { token: tokenIn(resolve(folder, tokenFile)) }),
  }
}

function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
