import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { consumerOf, loadHandlerModule } from '../../src/cli/handler-module.ts'
import type { HandlerWork } from '../../src/cli/handler-process.ts'
import type { Settings } from '../../src/cli/settings.ts'
import { deliver } from '../../src/testing/index.ts'
import { until } from '../until.ts'

let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-module-'))
})
after(() => rm(folder, { recursive: true }))

const work: HandlerWork = {
  module: '',
  given: { options: {}, environment: {}, properties: {}, config: null, dialect: 'kafka' },
  group: 'shop',
  instanceId: 'shop-1',
  members: 2,
  topics: ['orders'],
  pattern: '^audit',
  concurrency: null,
  threads: null,
  from: null,
  logLevel: 'warn',
}

const settings: Settings = {
  connection: { brokers: ['localhost:1'], clientId: 'millrace' },
  consumer: {},
  producer: {},
  notes: [],
}

/** What the command makes of the module with this code. */
async function made(name: string, code: string, file: Settings['consumer'] = {}, threads: number | null = null) {
  const path = join(folder, name)
  await writeFile(path, code)
  return consumerOf(await loadHandlerModule(path), { ...work, module: path, threads }, { ...settings, consumer: file })
}

test('a module is loaded as TypeScript, as a module, or as what compilers make CommonJS of', async () => {
  for (const [name, code] of [
    ['sound.ts', 'export default (message: object): void => {}'],
    ['sound.mjs', 'export default () => {}'],
    ['sound.cjs', 'module.exports = () => {}'],
    ['compiled.cjs', 'exports.__esModule = true; exports.default = () => {}; exports.consumer = { work: {} }'],
  ] as const) {
    const { consumer, drainMs } = await made(name, code)
    assert.deepEqual([consumer.state().group, drainMs], ['shop', 60_000], name)
  }
})

test('a config file goes before what the module says, option by option', async () => {
  const code = `export default () => {}
export const consumer = { ownership: { rebalanceTimeoutMs: 50_000, drainMs: 1_000 }, work: { abandonMs: 60_000 } }
`
  await assert.rejects(made('before.ts', code), /rebalanceTimeoutMs is 50000, and a drain may take 66000/)
  const { drainMs } = await made('after.ts', code, { work: { abandonMs: 1_000 }, ownership: { drainMs: 2_000 } })
  assert.equal(drainMs, 50_000)
  const broken = made('mixed.ts', code, { work: { attempts: 0, abandonMs: 1 } })
  await assert.rejects(broken, /^OptionError: work\.attempts must be/)
})

test('a module that cannot be used is refused with what is wrong and where', async () => {
  const wrong: [name: string, code: string, message: RegExp][] = [
    ['broken.ts', 'export default () => {}\nnothing.here()\n', /broken\.ts does not load: ReferenceError: .*:2:1\)$/],
    ['syntax.ts', 'export default () => {\n', /syntax\.ts does not load: SyntaxError/],
    ['imports.ts', "import 'no-such-package'\n", /does not load: .*no-such-package/],
    ['none.ts', 'export const handle = () => {}\n', /^none\.ts needs a default export that is a handler: .*undefined$/],
    ['text.ts', "export default 'handler'\n", /default export.*not 'handler'$/],
    ['typo.ts', 'export default () => {}\nexport const consumer = { wrk: 1 }\n', /^wrk is not an option/],
    [
      'group.ts',
      "export default () => {}\nexport const consumer = { group: 'x' }\n",
      /consumer\.group is what --group says/,
    ],
    ['work.ts', 'export default () => {}\nexport const consumer = { work: 5 }\n', /^work must be an object/],
    [
      'instance.ts',
      "export default () => {}\nexport const consumer = { ownership: { instanceId: 'x' } }\n",
      /instanceId is what --instance-prefix says/,
    ],
    ['list.ts', 'export default () => {}\nexport const consumer = []\n', /export consumer must be an object/],
    ['route.ts', 'export default () => {}\nexport const options = { val: 1 }\n', /val is not an option/],
  ]
  for (const [name, code, message] of wrong) await assert.rejects(made(name, code), { message })
  await assert.rejects(loadHandlerModule(join(folder, 'missing.ts')), {
    code: 'HANDLER_MODULE',
    message: /missing\.ts does not load: .*Cannot find module/,
  })
})

test('a module may bring its serdes with its handler, which runs here or in threads', async () => {
  const source = new URL('../../src/threads/handler-module.ts', import.meta.url).href
  const code = `import { defineHandler } from '${source}'
let calls = 0
export default defineHandler({ value: { deserialize: bytes => JSON.parse(bytes) } }, async ({ value, topic }, { log }) => {
  log.warn({ value, topic, calls: ++calls }, 'handled')
})
`
  for (const threads of [null, 1]) {
    const seen: unknown[] = []
    const logger = { debug() {}, info() {}, error() {}, warn: (fields: object) => void seen.push(fields) }
    const { consumer } = await made('defined.mjs', code, { logger }, threads)
    const { handled, failed } = await deliver(consumer, [{ topic: 'orders', value: { id: 1 } }])
    assert.deepEqual([handled.length, failed.length], [1, 0])
    // Each thread has the module for itself: there it was called for the first time.
    await until('it is logged', () => seen.length === 1)
    const place = { topic: 'orders', partition: 0, offset: 0, attempt: 1 }
    assert.deepEqual(seen, [{ ...place, value: { id: 1 }, calls: 1 }])
  }
  const batch = 'export default { limits: { messages: 1, bytes: 1, lingerMs: 0 }, handle: () => {} }'
  await assert.rejects(made('batch.mjs', batch, {}, 2), /batch\(…\) cannot run in threads: leave out --threads/)
})
