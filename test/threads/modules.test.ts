import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batch, Consumer, constant, defineHandler, json, OptionError, threads } from '../../src/index.ts'
import { deliver } from '../../src/testing/index.ts'
import { ThreadPool } from '../../src/threads/pool.ts'
import { quiet, WrittenTopics } from '../consumer/written-topics.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { withoutPackage } from '../without-package.ts'
import { LoggedRun, type LoggedRunOptions } from './logged-run.ts'

const topics = new WrittenTopics()
const moduleOf = (name: string) => threads(new URL(`./handlers/${name}.ts`, import.meta.url))
const runOf = (topic: string, options: LoggedRunOptions) => new LoggedRun(topics.broker.brokers, topic, options)

// The first one: once the package is loaded it stays.
test('without the package that has the threads the error says what to install, and only those who want threads see it', () => {
  const consumer = new Consumer({ brokers: ['127.0.0.1:1'] })
  using _ = withoutPackage('piscina')
  consumer.topic('orders', () => {})
  assert.throws(() => consumer.topic('images', moduleOf('told')), {
    code: 'MISSING_PACKAGE',
    message: 'threads() needs the package "piscina", which cannot be loaded. Run npm install piscina',
  })
})

test('serdes of the module run in the thread, those of the route here, and what these make must be sendable', async () => {
  const topic = await topics.make([
    { key: 'a', value: '{"total":1}' },
    { key: 'b', value: 'no JSON' },
    { key: null, value: '2' },
  ])
  const key = { deserialize: (bytes: Buffer | null) => (bytes === null ? () => {} : bytes.toString()) }
  const run = runOf(topic, { route: { key }, handler: moduleOf('priced') })
  await using _ = running(run.consumer)
  await run.committed(3)
  await until('one was handled', () => run.said('priced').length === 1)
  const { key: seen, value, isBuffer } = run.said('priced')[0]?.fields ?? {}
  assert.deepEqual([seen, value, isBuffer], ['a', { total: 1 }, false])
  for (const [offset, code] of [
    [1, 'DECODE'],
    [2, 'NOT_CLONEABLE'],
  ] as const) {
    const { attempts, reason, error } = run.failure(offset)
    assert.deepEqual([attempts, reason, error.code], [1, 'decode', code])
  }
  assert.match(run.failure(2).error.message, /\[0\] offset 2 cannot be sent to a thread: .*defineHandler\(\)/)
})

test('bytes that a serde of the route answers arrive as the buffer they are, and as no more than that', async () => {
  const topic = await topics.make([{ key: 'the key', value: '' }])
  const run = runOf(topic, { route: { key: { deserialize: bytes => bytes?.subarray(4) } } })
  await using _ = running(run.consumer)
  await run.committed(1)
  await until('it was handled', () => run.said('ends').length === 1)
  const { key, isBuffer } = run.said('ends')[0]?.fields ?? {}
  assert.deepEqual([Buffer.from(key as Uint8Array).toString(), isBuffer], ['key', true])
})

for (const [module, said] of [
  ['throws', /throws\.ts does not load: RangeError: no database$/],
  ['no-handler', /no-handler\.ts does not load: OptionError: its default export must be a handler, .* is 'a text'$/],
  ['throws-later', /throws-later\.ts ended its thread: no database$/],
  ['exits', /exits\.ts ended its thread while it was loaded$/],
  ['not-there', /not-there\.ts does not load: .*Cannot find module/],
] as const) {
  test(`a handler module that cannot be used ends the consumer: ${module}`, async () => {
    const topic = await topics.make([{ value: '' }])
    const run = runOf(topic, { handler: moduleOf(module) })
    const { ended, ...running_ } = runningOf(run)
    await ended
    const error = running_.error()
    assert.equal(error?.code, 'HANDLER_MODULE')
    assert.match(error.message, said)
    assert.deepEqual(run.failures, [])
  })
}

test('modules that never end to load are told, and close() ends them', async () => {
  const clock = new VirtualClock()
  const warned: string[] = []
  const logger = { ...quiet, warn: (_: object, text: string) => void warned.push(text) }
  const pool = new ThreadPool({ size: 1, clock, logger, fatal: assert.fail })
  const module = new URL('./handlers/never-loads.ts', import.meta.url)
  pool.handler({ name: 'topic(a)', module, key: false, value: false, timeoutMs: 1_000, abandonMs: 1_000 })
  const started = pool.start()
  await clock.advance(10_000)
  assert.match(String(warned), /^no thread has loaded its handler modules for 10000 ms/)
  const refused = assert.rejects(started, { code: 'CLOSED' })
  await pool.close()
  await refused
  assert.equal(clock.timers, 0)
})

test('a serde for the same part in the route and in its module ends the consumer', async () => {
  const topic = await topics.make([{ value: '{}' }])
  const run = runOf(topic, { route: { value: json() }, handler: moduleOf('priced') })
  const { ended, error } = runningOf(run)
  await ended
  assert.match(
    String(error()?.message),
    /priced\.ts has a serde for the value, and topic\(.*\) has one too: remove one$/,
  )
})

function runningOf({ consumer }: LoggedRun) {
  let error: (Error & { code?: string }) | null = null
  const ended = consumer.run().catch(thrown => {
    error = thrown
  })
  return { ended, error: () => error as (Error & { code?: string }) | null }
}

test('what makes no sense is refused', () => {
  const consumer = (work: object) => new Consumer({ brokers: ['127.0.0.1:1'], group: 'a', work })
  assert.throws(() => consumer({ threads: 0 }), /work\.threads must be a whole number from 1 to 1024, not 0/)
  assert.throws(
    () => consumer({ threads: 4, concurrency: 2 }),
    /work\.threads must be at most work\.concurrency, which is 2/,
  )
  assert.throws(() => threads('./resize.ts'), /threads\(\) needs the URL of a handler module/)
  assert.throws(() => threads(new URL('http://127.0.0.1/resize.ts')), OptionError)
  assert.throws(() => defineHandler({ value: {} as never }, () => {}), /defineHandler\.value must be a serde/)
  assert.throws(() => batch({}, moduleOf('told') as never), /batch\(…\) does not run in threads/)
  assert.throws(() => defineHandler({}, 1 as never), /needs a handler, not 1/)
  assert.throws(
    () =>
      new Consumer({ brokers: ['127.0.0.1:1'], group: 'a', work: { transaction: true } }).topic('a', moduleOf('told')),
    /topic\('a'\) has its handler in threads, which cannot send .*: leave out one of the two/,
  )
  assert.throws(
    () => consumer({ abandonMs: 35_000 }).topic('a', moduleOf('told')),
    /rebalanceTimeoutMs is 60000, and a drain may take 65000/,
  )
})

test('work.threads without a route that uses them is refused at the start', async () => {
  const consumer = new Consumer({ brokers: ['127.0.0.1:1'], work: { threads: 2 } }).topic('orders', () => {})
  await assert.rejects(consumer.run(), /work\.threads needs a route whose handler runs in threads: threads\(…\)/)
})

test('deliver() runs such routes in real threads, and time is held for what they wait for', async () => {
  const shop = new Consumer({
    brokers: ['127.0.0.1:1'],
    logLevel: 'silent',
    work: { threads: 1, attempts: 2, backoff: constant(60_000), onFailure: 'skip' },
  }).topic('deeds', moduleOf('told'))
  const { handled, failed, undone, error, elapsedMs } = await deliver(
    shop,
    ['', 'fail', 'exit once', 'poison'].map(value => ({ topic: 'deeds', value })),
  )
  assert.deepEqual([undone, error], [0, null])
  assert.deepEqual(handled.map(({ message, attempt }) => [message.offset, attempt]).sort(), [
    [0, 1],
    [2, 2],
  ])
  assert.deepEqual(failed.map(({ message, attempts }) => [message.offset, attempts]).sort(), [
    [1, 2],
    [3, 1],
  ])
  assert.ok(elapsedMs >= 48_000 && elapsedMs < 240_000, `${elapsedMs} ms`)
})
