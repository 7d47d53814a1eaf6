import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type ConsumerOptions, constant, type MillraceError, type RecordInput } from '../../src/index.ts'
import { WrittenTopics } from '../consumer/written-topics.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'
import { LoggedRun, type LoggedRunOptions } from './logged-run.ts'

const topics = new WrittenTopics()
const folder = await mkdtemp(join(tmpdir(), 'millrace-threads-'))
after(() => rm(folder, { recursive: true }))

const runOf = (topic: string, work: ConsumerOptions['work'] = {}, options: LoggedRunOptions = {}) =>
  new LoggedRun(topics.broker.brokers, topic, { ...options, work })

const topicOf = (...values: (string | RecordInput)[]) =>
  topics.make(values.map(value => (typeof value === 'string' ? { value } : value)))

test('a handler in a thread is given the message and the context that it would have here', async () => {
  const topic = await topicOf(
    { key: 'k', value: '', headers: [['trace', 'a']], timestamp: 1_700_000_000_000 },
    { key: null, value: null },
  )
  const run = runOf(topic)
  await using _ = running(run.consumer)
  await run.committed(2)
  await until('both ended', () => run.said('ends').length === 2)
  const [first] = run
    .said('begins')
    .map(({ fields }) => fields)
    .filter(({ offset }) => offset === 0)
  assert.ok(first)
  const { at, thread, deadline, headers, ...rest } = first
  assert.deepEqual(rest, {
    topic,
    partition: 0,
    offset: 0,
    attempt: 1,
    timestamp: 1_700_000_000_000,
    timestampType: 'CreateTime',
    highWatermark: 2,
    leaderEpoch: 0,
  })
  assert.deepEqual([typeof at, typeof thread, typeof deadline], ['bigint', 'string', 'number'])
  const [[name, value]] = headers as [[string, Uint8Array]]
  assert.deepEqual([name, Buffer.from(value).toString()], ['trace', 'a'])
  const keys = run.said('ends').map(({ fields }) => [fields.offset, fields.isBuffer, fields.key === null])
  assert.deepEqual(keys.sort(), [
    [0, true, false],
    [1, false, true],
  ])
})

test('a thread that blocks for ever is ended at timeoutMs + abandonMs, and its message tried again', async () => {
  const topic = await topicOf('spin once', 'spin', '')
  const run = runOf(topic, { timeoutMs: 1_000, abandonMs: 50, attempts: 2, maxAbandoned: 1 })
  await using _ = running(run.consumer)
  await run.committed(3)
  // On a busy machine the others may be too slow as well.
  const { attempts, reason, error } = run.failure(1)
  assert.deepEqual([attempts, reason, error.code], [2, 'timeout', 'HANDLER_TERMINATED'])
  assert.match(error.message, new RegExp(`^the handler of ${topic}\\[0\\] offset 1 still ran 50 ms after its signal`))
  assert.ok((run.consumer.state().threads?.replaced ?? 0) >= 3)
  assert.equal(run.consumer.state().abandoned, 0)
})

test('a message whose thread does not end, as it is in native code, is not tried again before that returns', async () => {
  const file = join(folder, 'released')
  const topic = await topicOf({ key: file, value: 'native once' }, '')
  const run = runOf(topic, { timeoutMs: 200, abandonMs: 20 })
  await using _ = running(run.consumer)
  await until('it was given up', () => (run.consumer.state().threads?.replaced ?? 0) > 0)
  await until('another thread has its place', () => run.consumer.state().threads?.ready === 2)
  await writeFile(file, '')
  await run.committed(2)
  for (const { fields } of run.said('again')) assert.equal(fields.released, true)
})

test('at most once no message is handed out again whose thread died, not to the next owner either', async () => {
  const topic = await topicOf('exit', 'throw later', 'spin', '')
  const handled: unknown[] = []
  for (let owner = 0; owner < 2; owner++) {
    const run = runOf(topic, { timeoutMs: 1_000, abandonMs: 50 }, { mode: 'at-most-once' })
    await using _ = running(run.consumer)
    await run.committed(4)
    await until('all ended', () => run.consumer.state().partitions[0]?.done === 4)
    handled.push(...run.said('begins').map(({ fields }) => fields.offset))
    if (owner === 0)
      assert.deepEqual(
        run.failures.map(({ attempts }) => attempts),
        [1, 1, 1],
      )
  }
  assert.deepEqual(handled.sort(), [0, 1, 2, 3])
})

test('a thread that ends by itself fails the message that it ran, which is named with the reason, and no other', async () => {
  const topic = await topicOf('exit', '', 'throw later', '', 'exit once')
  const run = runOf(topic, { attempts: 2 })
  await using _ = running(run.consumer)
  await run.committed(5)
  const failures = run.failures.map(({ message, attempts, reason }) => [message.offset, attempts, reason])
  assert.deepEqual(failures.sort(), [
    [0, 2, 'error'],
    [2, 2, 'error'],
  ])
  const of = (offset: number) => run.failure(offset).error
  assert.match(of(0).message, new RegExp(`${topic}\\[0\\] offset 0 ended: worker exited with code: 7`))
  assert.match(of(2).message, /offset 2 ended: nobody caught this/)
  assert.deepEqual([of(0).code, of(0).retriable, (of(2).cause as Error).name], ['THREAD_ENDED', true, 'RangeError'])
  assert.equal(run.consumer.state().threads?.replaced, 5)
})

test('an error that is thrown in a thread arrives with its class, name, message, stack, cause and what else it tells', async () => {
  const topic = await topicOf('fail', 'fail with a function', 'fail with a text', 'refuse')
  const run = runOf(topic, { attempts: 1 })
  await using _ = running(run.consumer)
  await run.committed(4)
  const of = (offset: number) => run.failure(offset).error
  const { name, message, code, stack, cause, constructor: made } = of(0)
  assert.deepEqual([name, message, code, made.name], ['TypeError', 'told to', 'TOLD', 'TypeError'])
  assert.match(String(stack), /^TypeError: told to\n.*told\.ts:\d+/s)
  assert.deepEqual([(cause as MillraceError).code, (cause as MillraceError).retriable], ['INNER', false])
  assert.deepEqual([of(1).message, of(2).message], ['cannot be cloned', 'a text'])
  const refused = of(3) as MillraceError & { status?: number }
  assert.deepEqual(
    [refused.name, refused.constructor.name, refused.code, refused.retriable, refused.status],
    ['Refused', 'Refused', 'REFUSED', true, 409],
  )
  assert.equal(run.consumer.state().threads?.replaced, 0)
})

test('Retry and Poison keep their meaning', async () => {
  const topic = await topicOf('poison', 'retry')
  const run = runOf(topic, { attempts: 9, backoff: constant(3_600_000) })
  await using _ = running(run.consumer)
  await run.committed(2)
  assert.deepEqual(
    run.failures.map(({ message, attempts, error }) => [
      message.offset,
      attempts,
      error.constructor.name,
      error.message,
    ]),
    [[0, 1, 'Poison', 'useless']],
  )
})

test('the signal reaches the thread with its reason: who resolves after it is done, who rejects failed of the timeout', async () => {
  const topic = await topicOf('wait', 'wait, then resolve')
  const run = runOf(topic, { attempts: 1, timeoutMs: 2_000, abandonMs: 30_000 })
  await using _ = running(run.consumer)
  await run.committed(2)
  assert.deepEqual(
    run.failures.map(({ message, reason, error }) => [message.offset, reason, error.name]),
    [[0, 'timeout', 'HandlerTimeout']],
  )
  await until('both were told', () => run.said('aborted').length === 2)
  for (const { fields } of run.said('aborted')) {
    assert.deepEqual([fields.reason, fields.code, fields.topic], ['HandlerTimeout', 'HANDLER_TIMEOUT', topic])
  }
  assert.equal(run.consumer.state().threads?.replaced, 0)
})

test('a handler whose partition is lost gets its signal', async () => {
  const topic = await topicOf('wait', '')
  const run = runOf(topic)
  await using _ = running(run.consumer)
  await until('it runs', () => run.said('begins').length > 0)
  run.consumer.seek({ topic, partition: 0 }, 1)
  await run.committed(2)
  await until('it was told', () => run.said('aborted').length === 1)
  assert.equal(run.said('aborted')[0]?.fields.reason, 'PartitionLost')
  assert.deepEqual(run.failures, [])
})

test('a handler that goes on after its partition was lost is ended with its thread, and others have its place', async () => {
  const topic = await topicOf('never settle', '')
  const run = runOf(topic, { threads: 1, abandonMs: 20 })
  await using _ = running(run.consumer)
  await until('it runs', () => run.said('begins').length > 0)
  run.consumer.seek({ topic, partition: 0 }, 1)
  await run.committed(2)
  assert.ok((run.consumer.state().threads?.replaced ?? 0) >= 1)
})

test('a partition that is revoked is given up when its handler goes on: that is ended with its thread', async () => {
  const topic = await topics.make([{ value: 'spin' }], { partitions: 2, written: 2 })
  const member = () => runOf(topic, { abandonMs: 20 }, { ownership: { drainMs: 20 }, match: topic })
  const first = member()
  await using _ = running(first.consumer)
  await until('both run', () => first.said('begins').length === 2)
  const second = member()
  await using __ = running(second.consumer)
  await until('one runs elsewhere', () => second.said('begins').length > 0)
  assert.deepEqual(first.failures, [])
  assert.ok((first.consumer.state().threads?.replaced ?? 0) >= 1)
})

test('close() gives handlers their signal, and leaves no thread behind', async () => {
  const topic = await topicOf('wait', 'wait')
  const run = runOf(topic)
  const before = ports()
  const { ended } = running(run.consumer)
  await until('both run', () => run.said('begins').length === 2)
  assert.ok(ports() > before)
  assert.deepEqual(await run.consumer.close({ drainMs: 0 }), { drained: true, undone: 0 })
  await ended
  assert.deepEqual(
    run.said('aborted').map(({ fields }) => fields.reason),
    ['Closing', 'Closing'],
  )
  assert.deepEqual(run.failures, [])
  await until('no thread is left', () => ports() <= before)
})

test('close() ends threads that are blocked', async () => {
  const topic = await topicOf('spin', 'spin')
  const run = runOf(topic, { abandonMs: 20 })
  const before = ports()
  const { ended } = running(run.consumer)
  await until('both run', () => run.said('begins').length === 2)
  await run.consumer.close({ drainMs: 0 })
  await ended
  assert.deepEqual(run.failures, [])
  await until('no thread is left', () => ports() <= before)
})

/** Ways to other threads that are open. */
function ports(): number {
  return process.getActiveResourcesInfo().filter(name => name === 'MessagePort').length
}

test('what a handler logs in a thread is in the log of the consumer, whatever it is', async () => {
  const topic = await topicOf('log')
  const run = runOf(topic)
  await using _ = running(run.consumer)
  await until('all is logged', () => run.said('ends').length === 1)
  const [shown] = run.said('with a function')
  assert.match(JSON.stringify(shown?.fields), /Function: fn/)
  const [error] = run.said('with an error')
  assert.equal(error?.level, 'error')
  assert.equal((error.fields.err as Error).message, 'inside')
})

test('messages of one key are handled one after another, in order, by whatever thread', async () => {
  const records = Array.from({ length: 60 }, (_, n) => ({
    key: `k${n % 5}`,
    value: n % 29 === 3 ? 'exit once' : 'work',
  }))
  const topic = await topics.make(records)
  const run = runOf(topic, { threads: 3 })
  await using _ = running(run.consumer)
  await run.committed(records.length)
  await until('all told that they ended', () => run.said('ends').length === records.length)
  const ends = new Map(run.said('ends').map(({ fields }) => [fields.offset, fields.at as bigint]))
  const begins = new Map(run.said('begins').map(({ fields }) => [fields.offset, fields]))
  assert.ok(new Set([...begins.values()].map(({ thread }) => thread)).size > 1)
  for (let offset = 5; offset < records.length; offset++) {
    const [before, begin] = [ends.get(offset - 5), begins.get(offset)?.at as bigint]
    assert.ok(before !== undefined && before <= begin, `${offset} began before ${offset - 5} ended`)
  }
})

test('there are never more handlers than threads: what waits for one waits where its timeout does not run', async () => {
  const topic = await topics.make(Array.from({ length: 40 }, () => ({ value: 'work' })))
  const run = runOf(topic, { threads: 1, concurrency: 16 })
  let most = 0
  const watch = setInterval(() => {
    most = Math.max(most, run.consumer.state().inFlight)
  }, 1)
  await using _ = running(run.consumer)
  await run.committed(40)
  clearInterval(watch)
  assert.equal(most, 1)
})
