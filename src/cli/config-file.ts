import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { constant, exponential } from '../base/backoff.ts'
import { OptionError, toError } from '../base/errors.ts'
import { describe } from '../base/option-check.ts'
import type { SaslOptions, TlsOptions } from '../client/security.ts'
import { type ConsumerOptions, resolveOptions } from '../consumer/options.ts'
import { type PropertiesRead, readEntries } from '../consumer/properties/read-properties.ts'
import { type ProducerOptions, resolveProducer } from '../producer/options.ts'
import { type ProducerPropertiesRead, readProducerEntries } from '../producer/properties/read-properties.ts'
import { mergeOptions } from '../properties/dialects.ts'
import { Entry } from '../properties/entry.ts'
import { entriesIn } from '../properties/source.ts'
import type { Bytes } from '../records/batch-builder.ts'
import type { ConnectionFields, Given } from './given.ts'
import { passwordIn, saslOf, tokenIn } from './security-settings.ts'

/** Options that a file may have: a consumer's, and those of a producer in a section of their own. */
export interface FileOptions extends Partial<ConsumerOptions> {
  tls?: boolean | TlsOptions
  sasl?: SaslOptions
  producer?: Partial<ProducerOptions<Bytes, Bytes>>
}

/** What the keys of a `.properties` file are about. */
export type ConfiguredClient = 'consumer' | 'producer'

/** What a file and `-X` say. */
export interface ConfigRead {
  readonly options: FileOptions
  readonly notes: readonly string[]
}

type Section = Record<string, unknown>

/** In the dialects. */
const brokerKeys = ['bootstrap.servers', 'metadata.broker.list']

/**
 * Reads the file that `--config` names, and `-X` as lines behind it: JSON, YAML and modules have the names of options,
 * everything else is a `.properties` file.
 *
 * @throws {OptionError} that names the file, and the line where it is known
 */
export async function readConfigFile(
  given: Given,
  fields: ConnectionFields,
  client: ConfiguredClient,
): Promise<ConfigRead> {
  const { config, properties } = given
  const lines = Object.entries(properties).map(([key, value]) => new Entry(key, value, { place: '-X' }))
  const structured = config === null ? undefined : await structuredFile(config)
  if (structured !== undefined) {
    const { options, notes } = lines.length > 0 ? read(lines, given, fields, client) : { options: {}, notes: [] }
    return { options: mergeOptions(structured, options), notes }
  }
  const ofFile = config === null ? [] : entriesIn(config).filter(({ key }) => !Object.hasOwn(properties, key))
  return read([...ofFile, ...lines], given, fields, client)
}

function read(
  entries: readonly Entry[],
  { dialect }: Given,
  fields: ConnectionFields,
  client: ConfiguredClient,
): ConfigRead {
  const named = entries.some(({ key }) => brokerKeys.includes(key))
  const complete = completeSasl(fields)
  const overrides = { ...(!named && { brokers: ['localhost:9092'] }), ...(complete && { sasl: complete }) }
  const { options, notes } =
    client === 'consumer'
      ? readEntries(entries, { dialect, overrides: overrides as FileOptions })
      : inSection(readProducerEntries(entries, { dialect, overrides }))
  const { brokers, ...rest } = options
  return { options: named ? options : rest, notes: notes.map(({ message }) => message) }
}

/** How to connect is not of the producer alone. */
function inSection({ options, notes }: ProducerPropertiesRead): Pick<PropertiesRead, 'options' | 'notes'> {
  const { brokers, clientId, reconnect, tls, sasl, ...producer } = options
  const connection = { brokers, clientId, reconnect, tls, sasl }
  const given = Object.fromEntries(Object.entries(connection).filter(([, value]) => value !== undefined))
  return { options: { ...given, brokers, producer } as FileOptions & { brokers: readonly string[] }, notes }
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
    const { producer, ...consumer } = options
    const brokers = ['localhost:9092']
    resolveOptions({ brokers, ...consumer } as ConsumerOptions)
    if (producer !== undefined) checkProducer(producer)
    return options
  } catch (thrown) {
    throw new OptionError(`${name}: ${toError(thrown).message}`)
  }
}

function checkProducer(producer: unknown): void {
  if (!isSection(producer)) throw new OptionError(`producer must be an object, not ${describe(producer)}`)
  try {
    resolveProducer({ brokers: ['localhost:9092'], ...producer })
  } catch (thrown) {
    throw new OptionError(`producer: ${toError(thrown).message}`)
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
