import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { glob, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join, normalize } from 'node:path'
import test from 'node:test'
import { apiTable } from '../src/broker/api/table.ts'
import { resolveOptions as resolveBrokerOptions } from '../src/broker/options.ts'
import { metricDefinitions as ofConsumers } from '../src/consumer/metric-names.ts'
import { resolveOptions } from '../src/consumer/options.ts'
import { Consumer, KafkaError, Producer } from '../src/index.ts'
import { metricDefinitions as ofProducers } from '../src/producer/metric-names.ts'
import { resolveProducer } from '../src/producer/options.ts'
import { type ApiName, api } from '../src/protocol/apis.ts'
import { type ErrorName, errorCodes } from '../src/protocol/error-codes.ts'

const root = join(import.meta.dirname, '..')

const metricDefinitions = [...Object.values(ofConsumers), ...Object.values(ofProducers)]

/** Written by commands that take long, and so not there in every checkout. */
const generated = new Set(['docs/benchmarks.md', 'docs/test-long.md'])

/** What code blocks use without saying where it comes from: the consumer of the first example, and what a reader would have. */
const context = `
declare const brokers: string[]
declare const ca: string
declare const password: string
declare const kafka: import('kafkajs').Kafka
declare const shop: import('millrace').Consumer
declare const broker: import('millrace/broker').Broker
declare function save(...what: unknown[]): Promise<void>
declare function remove(what: unknown): Promise<void>
declare function report(...what: unknown[]): Promise<void>
declare function insertMany(rows: readonly unknown[], signal?: AbortSignal): Promise<void>
declare function busy(): boolean
declare function charge(value: unknown, signal: AbortSignal): Promise<{ busyForMs: number; refused: boolean }>
declare const database: { query(sql: string, values: readonly unknown[]): Promise<Record<string, unknown>[]> }
declare module 'aws-msk-iam-sasl-signer-js' {
  function generateAuthToken(options: { region: string }): Promise<{ token: string; expiryTime: number }>
}
declare module 'zod' {
  interface Schema<T> {
    readonly '~standard': import('@standard-schema/spec').StandardSchemaV1.Props<unknown, T>
    nullable(): Schema<T | null>
  }
  const z: {
    string(): Schema<string>
    number(): Schema<number>
    object<T extends object>(shape: { [K in keyof T]: Schema<T[K]> }): Schema<T>
  }
}
`

async function pages(): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for await (const file of glob(['*.md', 'docs/**/*.md', 'examples/*.md', 'test/kafka/*.md'], {
    cwd: root,
    exclude: ['docs/api/**'],
  })) {
    found.set(file, await readFile(join(root, file), 'utf8'))
  }
  return found
}

/** The anchors of a page, as repository hosts make them of its headings. */
function anchors(text: string): string[] {
  const headings = [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(match => match[1] as string)
  return headings.map(heading =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```.*?^```/gms, '')
}

test('every link in the documentation leads somewhere', async () => {
  const texts = await pages()
  const dead: string[] = []
  let links = 0
  for (const [file, text] of texts) {
    for (const [, target = ''] of withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https:/.test(target)) continue
      links += 1
      const [path = '', anchor] = target.split('#')
      const page = path === '' ? file : normalize(join(dirname(file), path))
      const there = generated.has(page) || (await stat(join(root, page)).catch(() => null)) !== null
      if (!there || (anchor !== undefined && !anchors(texts.get(page) ?? '').includes(anchor))) {
        dead.push(`${file}: ${target}`)
      }
    }
  }
  assert.deepEqual(dead, [])
  assert.ok(links > 50, `only ${links} links were looked at`)
})

test('every code block of the documentation type-checks', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-docs-'))
  try {
    let blocks = 0
    for (const [file, text] of await pages()) {
      if (file.startsWith('test/')) continue
      for (const [, code = ''] of text.matchAll(/^```ts\n(.*?)^```/gms)) {
        blocks += 1
        const name = join(folder, file, `block-${blocks}.mts`)
        await mkdir(dirname(name), { recursive: true })
        await writeFile(name, `${code}export {}\n`)
      }
    }
    assert.ok(blocks > 15, `only ${blocks} blocks were found`)
    await writeFile(join(folder, 'context.d.ts'), context)
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    const config = {
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        noUnusedLocals: false,
        noUnusedParameters: false,
        paths: {
          millrace: [join(root, 'src/index.ts')],
          'millrace/broker': [join(root, 'src/broker/index.ts')],
          'millrace/opentelemetry': [join(root, 'src/opentelemetry/index.ts')],
          'millrace/prometheus': [join(root, 'src/metrics/prometheus.ts')],
          'millrace/server': [join(root, 'src/server/index.ts')],
          'millrace/testing': [join(root, 'src/testing/index.ts')],
          'millrace/statsd': [join(root, 'src/metrics/statsd.ts')],
          'prom-client': [join(root, 'node_modules/prom-client')],
          '@opentelemetry/*': [join(root, 'node_modules/@opentelemetry/*')],
        },
      },
      include: ['.'],
    }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
    assert.equal(await typeErrors(folder), '')
  } finally {
    await rm(folder, { recursive: true })
  }
})

function typeErrors(folder: string): Promise<string> {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  return new Promise(resolve => {
    execFile(process.execPath, [tsc, '-p', folder], (error, stdout) => resolve(error === null ? '' : stdout))
  })
}

/** Sections of the options with a page of their own, and those that are on another's. */
const sections = new Set(['ownership', 'fetch', 'work', 'offsets'])
const innerSections = new Set(['reservoir', 'reconnect', 'breaker'])

test('every option is on the page of its section, with the default it has', async () => {
  const texts = await pages()
  const defaults = resolveOptions({ brokers: ['localhost'], work: { breaker: {} } })
  const wrong: string[] = []
  let options = 0
  for (const section of ['', 'reconnect', 'ownership', 'fetch', 'fetch.reservoir', 'work', 'work.breaker', 'offsets']) {
    const parts = section.split('.').filter(part => part !== '')
    const [page = 'consumer'] = parts.filter(part => sections.has(part))
    const inner = parts.filter(part => !sections.has(part))
    const values = parts.reduce<unknown>((from, part) => Reflect.get(from as object, part), defaults) as object
    for (const name of optionsOf(parts)) {
      if (innerSections.has(name) || (section === '' && sections.has(name))) continue
      options += 1
      const shown = `\`${[...inner, name].join('.')}\``
      const row = (texts.get(`docs/${page}.md`) ?? '').split('\n').find(line => line.startsWith(`| ${shown} |`))
      const said = row?.split('|')[2]?.trim()
      if (said === undefined || !says(said, Reflect.get(values, name))) {
        wrong.push(`docs/${page}.md: ${shown} is ${String(Reflect.get(values, name))} by default, not ${said}`)
      }
    }
  }
  assert.deepEqual(wrong, [])
  assert.ok(options > 50, `only ${options} options were looked at`)
})

/** The options of a section, as the error about a wrong one names them. */
function optionsOf(parts: readonly string[]): string[] {
  const options = parts.reduceRight<object>((inside, part) => ({ [part]: inside }), { wrong: 1 })
  return knownNames(() => new Consumer({ brokers: ['localhost'], ...options }))
}

function knownNames(check: () => unknown): string[] {
  try {
    check()
  } catch (error) {
    const [, known = ''] = /known here: (.+)$/.exec((error as Error).message) ?? []
    return known.split(', ')
  }
  return []
}

test('every option of a producer is on its page, with the default it has', async () => {
  const lines = ((await pages()).get('docs/producer.md') ?? '').split('\n')
  const brokers = ['localhost']
  const { acks, serdes, topics, level, reconnect, retryBackoff, ...others } = resolveProducer({ brokers })
  const waits = { 'retryBackoff.minMs': retryBackoff(1, () => 0), 'retryBackoff.maxMs': retryBackoff.maxMs }
  const reconnects = { 'reconnect.minMs': reconnect.minMs, 'reconnect.maxMs': reconnect.maxMs }
  const values: Record<string, unknown> = { ...others, ...waits, ...reconnects, acks: acks === -1 ? 'all' : acks }
  const names = knownNames(() => new Producer({ brokers, ...{ wrong: 1 } }))
  assert.ok(names.length > 25, `only ${names.length} options were found`)
  const wrong: string[] = []
  for (const name of [...names, ...Object.keys(waits), ...Object.keys(reconnects)]) {
    if (name === 'retryBackoff' || name === 'reconnect') continue
    const said = lines.find(line => line.startsWith(`| \`${name}\` |`))?.split('|')[2]
    if (said === undefined || !says(said.trim(), values[name])) {
      wrong.push(`${name} is ${String(values[name])} by default, not ${said}`)
    }
  }
  assert.deepEqual(wrong, [])
})

test('every option of the embedded broker is on its page, with the default it has, and every request it serves', async () => {
  const lines = ((await pages()).get('docs/broker.md') ?? '').split('\n')
  const wrong: object = { wrong: 1 }
  const { limits, ...defaults } = resolveBrokerOptions({})
  const values: Record<string, unknown> = { ...defaults, advertisedHost: undefined }
  for (const [name, value] of Object.entries(limits)) values[`limits.${name}`] = value
  const names = knownNames(() => resolveBrokerOptions(wrong)).filter(name => name !== 'limits')
  const limitNames = knownNames(() => resolveBrokerOptions({ limits: wrong })).map(name => `limits.${name}`)
  assert.ok(names.length > 10 && limitNames.length > 3)
  for (const name of [...names, ...limitNames]) {
    const said = lines
      .find(line => line.startsWith(`| \`${name}\` |`))
      ?.split('|')[2]
      ?.trim()
    assert.ok(
      said !== undefined && says(said, values[name]),
      `${name} is ${String(values[name])} by default, not ${said}`,
    )
  }
  const served = lines.flatMap(line => [...line.matchAll(/`([A-Z]\w+)` \| (\d+)(?:–(\d+))? /g)])
  const versions = Object.keys(apiTable).map(name => [
    name,
    api(name as ApiName).minVersion,
    api(name as ApiName).maxVersion,
  ])
  assert.deepEqual(
    served.map(([, name, first, last]) => [name, Number(first), Number(last ?? first)]).sort(),
    versions.sort(),
  )
})

/** Numbers and strings are compared; what has no plain value (a function, no cap) is told in words. */
function says(text: string, value: unknown): boolean {
  const [, number, mebi] = /^([\d,]+)( MiB)?$/.exec(text) ?? []
  if (number !== undefined) return Number(number.replaceAll(',', '')) * (mebi ? 1024 * 1024 : 1) === value
  if (typeof value === 'boolean') return text.replaceAll('`', '') === String(value)
  if (typeof value === 'string') return text === `\`'${value}'\``
  return typeof value !== 'number' || !Number.isFinite(value)
}

/** Codes of Millrace's own errors, as its sources throw them. */
async function codesInSources(): Promise<Set<string>> {
  const codes = new Set([new KafkaError(12_345, 'asking').code])
  for await (const file of glob('src/**/*.ts', { cwd: root, exclude: ['src/cli/**'] })) {
    const text = await readFile(join(root, file), 'utf8')
    const thrown = /(?:Error|super)\(\s*(?:[\w.]+ \? )?'([A-Z][A-Z_]+)'(?: : '([A-Z][A-Z_]+)')?/g
    for (const [, code, other] of text.matchAll(thrown)) for (const found of [code, other]) if (found) codes.add(found)
  }
  return codes
}

test('every error code has a page, is linked from the page about errors, and no page is of a code that is not there', async () => {
  const texts = await pages()
  const index = texts.get('docs/errors.md') ?? ''
  const codes = await codesInSources()
  assert.ok(codes.size > 30, `only ${codes.size} codes were found`)
  const paths = [...texts.keys()].filter(path => path.startsWith('docs/errors/'))
  const paged = paths.map(path => basename(path, '.md'))
  assert.deepEqual(
    [...codes].filter(code => !paged.includes(code)),
    [],
    'these codes have no page docs/errors/CODE.md',
  )
  assert.deepEqual(
    paged.filter(code => !codes.has(code) && !Object.hasOwn(errorCodes, code)),
    [],
    'these pages are of codes that do not exist',
  )
  assert.deepEqual(
    paged.filter(code => !index.includes(`[\`${code}\`](errors/${code}.md)`)),
    [],
    'these pages are not linked from docs/errors.md',
  )
})

test('every page about an error code begins with its name, and with a message that the sources have', async () => {
  const sources: string[] = []
  for await (const file of glob('src/**/*.ts', { cwd: root })) sources.push(await readFile(join(root, file), 'utf8'))
  const all = sources.join('\n').replaceAll(/['`] \+\s+['`]/g, '')
  const wrong: string[] = []
  for (const [path, text] of await pages()) {
    if (!path.startsWith('docs/errors/')) continue
    const code = basename(path, '.md')
    const [, title, message = ''] = /^# (\w+)\n\n```\n(.*)\n```\n/.exec(text) ?? []
    if (title !== code) wrong.push(`${path}: the title is not ${code}, with a message below it`)
    // What the message says of its own, between what differs from one time to the next.
    const own = message
      .split(/ +/)
      .filter((_, at, words) => at + 1 < words.length && all.includes(words.slice(at, at + 2).join(' ')))
    const number = Object.hasOwn(errorCodes, code) ? errorCodes[code as ErrorName] : null
    const told = number === null ? '' : new KafkaError(number, 'x').message.slice('x: '.length)
    if (own.length === 0 && (told === '' || !message.includes(told))) wrong.push(`${path}: nothing says "${message}"`)
  }
  assert.deepEqual(wrong, [])
})

test('every metric is on the page about observability with its type and labels, and the dashboard knows no other', async () => {
  const page = (await pages()).get('docs/observability.md') ?? ''
  const rows = [...page.matchAll(/^\| `([a-z_]+)` \| (counter|gauge|histogram) \| ([^|]*) \| ([^|]+) \|$/gm)]
  const said = rows.map(([, name, type, labels = '', help]) => [name, type, labels.replaceAll('`', ''), help])
  const there = metricDefinitions.map(({ name, type, labels, help }) => [name, type, labels.join(', '), help])
  assert.deepEqual(said, there)

  const known = new Set<string>()
  for (const { name, type } of metricDefinitions) {
    const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
    for (const suffix of suffixes) known.add(`millrace_${name}${suffix}`)
  }
  const dashboard = await readFile(join(root, 'docs/grafana/millrace.json'), 'utf8')
  const { panels } = JSON.parse(dashboard) as { panels: { targets?: { expr: string }[] }[] }
  const shown = new Set(
    panels.flatMap(({ targets = [] }) => targets).flatMap(({ expr }) => expr.match(/millrace_\w+/g) ?? []),
  )
  const alerts = new Set(page.match(/(?<=[( `])millrace_\w+(?=[[{) `])/g)?.filter(name => !name.includes('seconds.')))
  assert.deepEqual(
    [...shown, ...alerts].filter(name => !known.has(name)),
    [],
  )
  const missing = metricDefinitions.filter(({ name }) => ![...shown].some(each => each.startsWith(`millrace_${name}`)))
  assert.deepEqual(
    missing.map(({ name }) => name),
    [],
    'the dashboard shows all',
  )
})
