import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type BreakerOptions, batch, Consumer, type ConsumerOptions, type RouteOptions } from '../../src/index.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'
import { quiet, WrittenTopics } from './written-topics.ts'

const topics = new WrittenTopics()

/** A topic with so many messages in each of its partitions. */
function topicOf(count: number, partitions = 1): Promise<string> {
  const records = Array.from({ length: count }, (_, n) => ({ value: String(n) }))
  return topics.make(records, { partitions, written: partitions })
}

function consumerOf(breaker: BreakerOptions, work: ConsumerOptions['work'] = {}) {
  const phases: string[] = []
  const consumer = new Consumer({
    brokers: topics.broker.brokers,
    logger: quiet,
    work: { concurrency: 1, attempts: 1, onFailure: 'skip', breaker, ...work },
  })
  consumer.on('circuit', ({ phase, partition }) => phases.push(partition === null ? phase : `${partition} ${phase}`))
  return { consumer, phases }
}

test('too many failures open the circuit, one message probes after the pause, and all goes on when it is handled', async () => {
  const topic = await topicOf(100)
  const { consumer, phases } = consumerOf({ failures: 5, pauseMs: 100 }, { concurrency: 8 })
  let broken = true
  const calls: string[] = []
  consumer.topic(topic, async ({ offset }) => {
    const probe = consumer.state().circuits[0]?.phase === 'half-open'
    calls.push(probe ? 'probe' : String(offset))
    await new Promise(resolve => setImmediate(resolve))
    if (broken) throw new Error('the database is down')
  })
  await using _ = running(consumer)
  await until('it has probed twice', () => calls.filter(call => call === 'probe').length >= 2)
  const before = calls.indexOf('probe')
  // Those that ran when it opened are done; then nothing but one message for each pause.
  assert.ok(before >= 5 && before <= 5 + 8, `${before} before the first probe`)
  assert.ok(calls.slice(before).every(call => call === 'probe'))
  const { circuits, partitions } = consumer.state()
  assert.deepEqual(
    circuits.map(({ topic, partition }) => [topic, partition]),
    [[null, null]],
  )
  assert.ok(partitions[0]?.waitsFor.some(({ for: what }) => what === 'circuit'))
  broken = false
  await until('all is done', () => consumer.state().work.done === 100)
  assert.deepEqual(consumer.state().circuits, [])
  assert.equal(phases.at(-1), 'closed')
})

test('with a circuit for each partition the others go on', async () => {
  const topic = await topicOf(50, 2)
  const { consumer, phases } = consumerOf({ failures: 3, scope: 'partition', pauseMs: 3_600_000 })
  const handled: number[] = []
  consumer.topic(topic, ({ partition }) => {
    if (partition === 1) throw new Error('bad')
    handled.push(partition)
  })
  await using _ = running(consumer)
  await until('the other is done', () => handled.length === 50 && phases.includes('1 open'))
  assert.deepEqual(new Set(phases), new Set(['1 open']))
  assert.equal(consumer.state().work.skipped, 3)
})

test('onOpen is told what failed, and may stop the consumer, with what is done committed', async () => {
  const topic = await topicOf(10)
  const told: unknown[] = []
  const { consumer } = consumerOf({
    failures: 2,
    onOpen: ({ failures, windowMs, last, topic }) => {
      told.push([failures, windowMs, last.message.offset, topic])
      return 'stop'
    },
  })
  consumer.topic(topic, ({ offset }) => {
    throw new Error(`no ${offset}`)
  })
  await assert.rejects(consumer.run(), {
    code: 'CIRCUIT_OPEN',
    message: '2 messages failed within 60000 ms, the last because of: no 1',
  })
  assert.deepEqual(told, [[2, 60_000, 1, null]])
})

test('an onOpen that throws, or answers nonsense, stops the consumer', async () => {
  const topic = await topicOf(3)
  const broken = [() => 'maybe', () => Promise.reject(new Error('no pager'))] as unknown as BreakerOptions['onOpen'][]
  for (const onOpen of broken) {
    const { consumer } = consumerOf({ failures: 1, ...(onOpen === undefined ? {} : { onOpen }) })
    consumer.topic(topic, () => {
      throw new Error('bad')
    })
    await assert.rejects(consumer.run(), { code: 'CIRCUIT_OPEN' })
  }
})

for (const [name, serde] of [
  ['at once', (bytes: Buffer | null) => bytes],
  ['later', async (bytes: Buffer | null) => bytes],
] as const) {
  test(`one probe means one: also of batches, and of messages that are decoded ${name}`, async () => {
    const topic = await topicOf(60, 3)
    const { consumer } = consumerOf({ failures: 3, pauseMs: 50 }, { concurrency: 16, order: 'none' })
    let broken = true
    let [probes, most, running_] = [0, 0, 0]
    const options: RouteOptions<Buffer | null, Buffer | null> = {
      value: { deserialize: serde as (bytes: Buffer | null) => Buffer | null },
    }
    consumer.topic(
      topic,
      options,
      batch({ messages: 2, lingerMs: 1 }, async () => {
        const half = consumer.state().circuits[0]?.phase === 'half-open'
        running_++
        if (half) {
          probes++
          most = Math.max(most, running_)
        }
        await new Promise(resolve => setTimeout(resolve, 2))
        running_--
        if (broken) throw new Error('bad')
      }),
    )
    await using _ = running(consumer)
    await until('it has probed three times', () => probes >= 3)
    assert.equal(most, 1)
    broken = false
    await until('all is done', () => consumer.state().work.done === 180)
  })
}

test('a batch of several partitions probes for each of them: a message that failed by itself is no success', async () => {
  const topic = await topicOf(30, 3)
  const { consumer, phases } = consumerOf({ failures: 2, scope: 'partition', pauseMs: 50 }, { order: 'none' })
  let broken = true
  consumer.topic(
    topic,
    batch({ by: 'route', messages: 3, lingerMs: 1 }, batch => {
      for (const message of batch) if (broken && message.partition > 0) batch.fail(message, new Error('bad'))
    }),
  )
  await using _ = running(consumer)
  const reopened = (partition: number) => phases.filter(phase => phase === `${partition} open`).length > 1
  await until('both were probed and failed again', () => reopened(1) && reopened(2))
  assert.ok(!phases.some(phase => phase.startsWith('0') || phase.endsWith('closed')))
  broken = false
  await until('all is done', () => consumer.state().work.done === 90)
  await until('both are closed', () => phases.includes('1 closed') && phases.includes('2 closed'))
})

test('a batch with messages that cannot be decoded probes without them, and fails if there are no others', async () => {
  const values = ['bad', 'bad', 'undecodable', 'undecodable', 'sound', 'undecodable', 'sound']
  const topic = await topics.make(values.map(value => ({ value })))
  const { consumer, phases } = consumerOf({ failures: 2, pauseMs: 50 }, { order: 'none' })
  const value = {
    deserialize: (bytes: Buffer | null) => {
      if (String(bytes) === 'undecodable') throw new Error('no JSON')
      return String(bytes)
    },
  }
  const handled: (string | undefined)[] = []
  consumer.topic(
    topic,
    { value },
    batch({ messages: 2, lingerMs: 1 }, batch => {
      if (batch.some(({ value }) => value === 'bad')) throw new Error('bad')
      handled.push(consumer.state().circuits[0]?.phase)
    }),
  )
  await using _ = running(consumer)
  await until('all is done', () => consumer.state().work.done === values.length)
  assert.deepEqual(handled, ['half-open', undefined])
  const changes = phases.filter((phase, at) => phase !== phases[at - 1])
  assert.deepEqual(changes, ['open', 'half-open', 'open', 'half-open', 'closed'])
})

test('a probe whose partition is sought elsewhere while it is decoded says nothing: another one follows at once', async () => {
  const topic = await topicOf(3)
  const { consumer } = consumerOf({ failures: 1, pauseMs: 10 })
  const decodes = Promise.withResolvers<void>()
  const goesOn = Promise.withResolvers<void>()
  let broken = true
  const value = {
    deserialize: async (bytes: Buffer | null) => {
      if (consumer.state().circuits[0]?.phase === 'half-open' && broken) {
        broken = false
        decodes.resolve()
        await goesOn.promise
      }
      return bytes
    },
  }
  const handled: number[] = []
  consumer.topic({ topic, partitions: [0] }, { value }, ({ offset }) => {
    if (broken) throw new Error('the database is down')
    handled.push(offset)
  })
  await using _ = running(consumer)
  await decodes.promise
  await consumer.seek({ topic, partition: 0 }, 2)
  goesOn.resolve()
  await until('the last is handled', () => handled.includes(2))
  assert.deepEqual(consumer.state().circuits, [])
})
