import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import {
  batch,
  Consumer,
  type ConsumerOptions,
  constant,
  deadLetter,
  type Message,
  NativeClient,
  type TransactionOptions,
  writeBatch,
} from '../../src/index.ts'
import { LogReader } from '../producer/log-reader.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'
import { quiet, WrittenTopics } from './written-topics.ts'

const topics = new WrittenTopics()

const numbers = (count: number, keys = 7) =>
  Array.from({ length: count }, (_, n) => ({ key: `k${n % keys}`, value: String(n) }))

async function make(records: Parameters<typeof topics.make>[0], counts = {}) {
  const topic = await topics.make(records, counts)
  await topics.broker.createTopic(`${topic}.out`, { partitions: 1 })
  return topic
}

function consumerOf(
  topic: string,
  work: Omit<ConsumerOptions['work'] & object, 'transaction'> = {},
  transaction: TransactionOptions = {},
) {
  return new Consumer({
    brokers: topics.broker.brokers,
    group: topic,
    logger: quiet,
    work: { transaction: { intervalMs: 20, ...transaction }, attempts: 3, backoff: constant(1), ...work },
  })
}

async function written(topic: string): Promise<string[]> {
  await using reader = new LogReader(topics.broker)
  return await reader.values(`${topic}.out`)
}

const committed = (consumer: Consumer, offset: number, partitions = 1) => {
  const states = consumer.state().partitions
  return states.length === partitions && states.every(state => state.committed === offset)
}

test('what handlers send is written once, in the order of each key, and committed with their messages', async () => {
  const topic = await make(numbers(500), { partitions: 3, written: 3 })
  const consumer = consumerOf(topic)
  consumer.topic(topic, async ({ key, value, partition }, { send }) => {
    send({ topic: `${topic}.out`, key, value: `${partition}/${value}` })
    await null
    send({ topic: `${topic}.out`, key, value: `${partition}/${value}+` })
  })
  await using _ = running(consumer)
  await until('all is committed', () => committed(consumer, 500, 3))
  const values = await written(topic)
  assert.equal(values.length, 3_000)
  assert.equal(new Set(values).size, 3_000)
  for (const partition of [0, 1, 2]) {
    for (let k = 0; k < 7; k++) {
      const own = values.filter(value => value.startsWith(`${partition}/`) && parseInt(value.slice(2), 10) % 7 === k)
      const expected = Array.from({ length: 500 }, (_, n) => n)
        .filter(n => n % 7 === k)
        .flatMap(n => [`${partition}/${n}`, `${partition}/${n}+`])
      assert.deepEqual(own, expected)
    }
  }
  const { transaction } = consumer.state()
  assert.equal(transaction?.committedOutputs, 3_000)
  assert.equal(transaction?.aborted, 0)
})

test('an attempt that fails leaves no trace, nor does one that sent what cannot be written', async () => {
  const topic = await make(numbers(20))
  const errors: string[] = []
  const consumer = consumerOf(topic)
  consumer.topic(topic, async ({ key, value }, { send, attempt }) => {
    send({ topic: `${topic}.out`, key, value: `${value} in attempt ${attempt}` })
    await null
    if (attempt === 1) throw new Error('no')
    try {
      // Values of other kinds need a serde.
      if (attempt === 2) send({ topic: `${topic}.out`, value: { value } as never })
    } catch (thrown) {
      errors.push((thrown as { code: string }).code)
      throw thrown
    }
  })
  await using _ = running(consumer)
  await until('all is committed', () => committed(consumer, 20))
  assert.deepEqual(
    (await written(topic)).sort(),
    numbers(20)
      .map(({ value }) => `${value} in attempt 3`)
      .sort(),
  )
  assert.deepEqual(new Set(errors), new Set(['ENCODE']))
})

test('what is sent through a serde that takes its time, or fails, is written as the handler says, or fails it', async () => {
  const topic = await make(numbers(3))
  const consumer = consumerOf(topic, { onFailure: 'skip', attempts: 1 })
  const slow = {
    async serialize(n: number) {
      await new Promise(resolve => setTimeout(resolve, 5 - 2 * n))
      if (n === 1) throw new Error('not one')
      return Buffer.from(`n${n}`)
    },
  }
  consumer.topic(topic, ({ value }, { send }) => {
    send({ topic: `${topic}.out`, value: Number(value) }, { value: slow })
    send({ topic: `${topic}.out`, value: `after ${value}` })
  })
  await using _ = running(consumer)
  await until('all is committed', () => committed(consumer, 3))
  const values = await written(topic)
  assert.deepEqual(values.toSorted(), ['after 0', 'after 2', 'n0', 'n2'])
  assert.equal(values.indexOf('after 2'), values.indexOf('n2') + 1)
  assert.equal(consumer.state().work.skipped, 1)
})

test('what a handler sends after it has settled is refused', async () => {
  const topic = await make(numbers(1))
  let late: Promise<unknown> = Promise.resolve()
  const consumer = consumerOf(topic)
  consumer.topic(topic, (_, { send }) => {
    late = new Promise(resolve => setTimeout(resolve, 1)).then(() => send({ topic: `${topic}.out`, value: 'late' }))
    late.catch(() => {})
  })
  await using _ = running(consumer)
  await until('all is committed', () => committed(consumer, 1))
  await assert.rejects(late, { code: 'NO_TRANSACTION' })
  assert.deepEqual(await written(topic), [])
})

for (const api of ['EndTxn', 'TxnOffsetCommit', 'Produce'] as const) {
  test(`a transaction that is not committed (${api}) has its messages handled again, in order, and only those`, async () => {
    const topic = await make(numbers(30, 1))
    const handled: string[] = []
    let refuses = false
    const consumer = consumerOf(topic)
    consumer.topic(topic, async ({ key, value }, { send }) => {
      handled.push(String(value))
      if (value?.toString() === '10') {
        // What is done before is in another transaction.
        await until('it is committed', () => committed(consumer, 10))
        const when = ({ clientId }: { clientId: string | null }) => clientId === 'millrace'
        if (!refuses) topics.broker.fault({ api, count: 1, when, action: { error: 'UNKNOWN_SERVER_ERROR' } })
        refuses = true
      }
      send({ topic: `${topic}.out`, key, value })
    })
    await using _ = running(consumer)
    await until('all is committed', () => committed(consumer, 30))
    const all = numbers(30).map(({ value }) => value)
    assert.deepEqual(await written(topic), all)
    const { transaction } = consumer.state()
    assert.equal(transaction?.aborted, 1)
    assert.match(transaction?.error ?? '', /UNKNOWN_SERVER_ERROR/)
    // Those before 10 once, some of the others a second time from 10 on.
    assert.deepEqual(handled.slice(0, 10), all.slice(0, 10))
    const again = handled.lastIndexOf('10')
    assert.ok(again > 10, handled.join())
    assert.deepEqual(handled.slice(10, again), all.slice(10, again))
    assert.deepEqual(handled.slice(again), all.slice(10))
  })
}

test('messages in front of one that takes long are committed meanwhile, and not written again by whoever comes next', async () => {
  const topic = await make(numbers(60, 60))
  const handled: string[] = []
  const first = consumerOf(topic, { concurrency: 4 })
  first.topic(topic, async ({ value }, { send, signal }) => {
    if (String(value) === '0') await new Promise((_, reject) => signal.addEventListener('abort', reject))
    send({ topic: `${topic}.out`, value: `first ${value}` })
  })
  {
    await using _ = running(first)
    await until('all but one is committed', () => first.state().transaction?.committedMessages === 59)
    assert.equal(first.state().partitions[0]?.committed, 0)
  }
  const second = consumerOf(topic)
  second.topic(topic, ({ value }, { send }) => {
    handled.push(String(value))
    send({ topic: `${topic}.out`, value: `second ${value}` })
  })
  await using _ = running(second)
  await until('all is committed', () => committed(second, 60))
  assert.deepEqual(handled, ['0'])
  const values = await written(topic)
  assert.equal(values.length, 60)
  assert.equal(values.at(-1), 'second 0')
})

test('no more is taken than can be remembered, whatever of it is done first', async () => {
  const topic = await make(numbers(200, 200))
  const started = new Set<number>()
  const release = Promise.withResolvers<void>()
  const consumer = new Consumer({
    brokers: topics.broker.brokers,
    group: topic,
    logger: quiet,
    offsets: { metadataLimit: 120 },
    work: { concurrency: 100, transaction: { intervalMs: 20 } },
  })
  consumer.topic(topic, async ({ offset, value }, { send }) => {
    started.add(offset)
    // Every second one is done at once.
    if (offset % 2 === 0) await release.promise
    send({ topic: `${topic}.out`, value })
  })
  await using _ = running(consumer)
  const waits = () => consumer.state().partitions[0]?.waitsFor.some(wait => wait.for === 'gaps')
  await until('it waits, and all that is done is committed', () => waits() && consumer.state().commits?.pending === 0)
  const { gaps = 0 } = consumer.state().partitions[0] ?? {}
  const [offset] = await topics.broker.committed(topic)
  assert.ok(gaps > 2, `${gaps}`)
  assert.ok((offset?.metadata.length ?? 0) > 20 && (offset?.metadata.length ?? 0) <= 120, offset?.metadata)
  assert.ok(started.size < 50, `${started.size} were started`)
  release.resolve()
  await until('all is committed', () => committed(consumer, 200))
  assert.equal(new Set(await written(topic)).size, 200)
  assert.equal((await written(topic)).length, 200)
})

test('a broker that takes less metadata teaches that, and nothing of it is forgotten', async () => {
  const small = await Broker.start({
    topics: { in: 1, out: 1 },
    config: { 'group.initial.rebalance.delay.ms': '0', 'offset.metadata.max.bytes': '150' },
  })
  try {
    const client = new NativeClient({ brokers: small.brokers, logger: quiet })
    await client.metadata(['in'])
    await client.produce([{ topic: 'in', partition: 0, records: writeBatch(numbers(150, 150)) }])
    await client.close()
    const consumer = new Consumer({
      brokers: small.brokers,
      group: 'g',
      logger: quiet,
      work: { concurrency: 100, transaction: { intervalMs: 20 } },
    })
    const refused = () => (consumer.state().transaction?.aborted ?? 0) > 0
    consumer.topic('in', async ({ offset, value }, { send }) => {
      if (offset % 3 === 0) await until('the broker has refused what is done behind it', refused)
      send({ topic: 'out', value })
    })
    await using _ = running(consumer)
    await until('all is committed', () => committed(consumer, 150))
    await using reader = new LogReader(small)
    const values = await reader.values('out')
    assert.equal(values.length, 150)
    assert.equal(new Set(values).size, 150)
  } finally {
    await small.close()
  }
})

test('what fails is in its dead-letter topic once, with the commit of its message, whatever the handler had sent', async () => {
  const topic = await make(numbers(20))
  await topics.broker.createTopic(`${topic}.dlq`)
  const consumer = consumerOf(topic, { attempts: 2, onFailure: deadLetter(`${topic}.dlq`) })
  // The first one commits where it begins.
  topics.broker.fault({ api: 'EndTxn', skip: 1, count: 1, action: { error: 'UNKNOWN_SERVER_ERROR' } })
  consumer.topic(topic, ({ value }, { send }) => {
    send({ topic: `${topic}.out`, value })
    if (Number(value) % 5 !== 0) return
    throw new Error('a multiple of five')
  })
  await using _ = running(consumer)
  await until('all is committed', () => committed(consumer, 20))
  await using reader = new LogReader(topics.broker)
  const values = (all: readonly string[]) => all.map(Number).sort((a, b) => a - b)
  assert.deepEqual(values(await reader.values(`${topic}.dlq`)), [0, 5, 10, 15])
  const rest = Array.from({ length: 20 }, (_, n) => n).filter(n => n % 5 !== 0)
  assert.deepEqual(values(await written(topic)), rest)
  assert.equal(consumer.state().transaction?.aborted, 1)
})

test('a handler that was left to itself writes nothing when it ends after all', async () => {
  const topic = await make(numbers(3))
  const late = Promise.withResolvers<void>()
  const decided = Promise.withResolvers<void>()
  let ended = false
  const onFailure = async () => {
    late.resolve()
    await decided.promise
    return 'skip' as const
  }
  const consumer = consumerOf(topic, { timeoutMs: 20, abandonMs: 20, onFailure })
  consumer.topic(topic, async ({ value }, { send }) => {
    send({ topic: `${topic}.out`, value })
    if (String(value) !== '1') return
    await late.promise
    ended = true
  })
  await using _ = running(consumer)
  await until('its handler ended', () => ended)
  decided.resolve()
  await until('all is committed', () => committed(consumer, 3))
  assert.deepEqual((await written(topic)).sort(), ['0', '2'])
})

test('what is done when it closes is committed, and the next member goes on behind it', async () => {
  const topic = await make(numbers(50))
  const consumer = consumerOf(topic, {}, { intervalMs: 4_000 })
  const done = Promise.withResolvers<void>()
  consumer.topic(topic, ({ value, offset }, { send }) => {
    send({ topic: `${topic}.out`, value })
    if (offset === 49) done.resolve()
  })
  const run = consumer.run()
  await done.promise
  await consumer.close()
  await run
  assert.equal((await topics.broker.committed(topic))[0]?.offset, 50)
  assert.equal((await written(topic)).length, 50)
})

test('of two with one id the younger goes on, and the other ends', async () => {
  const topic = await make(numbers(50), { partitions: 2, written: 2 })
  const member = () => {
    const consumer = consumerOf(topic, {}, { id: topic })
    return consumer.topic(topic, ({ value }, { send }) => send({ topic: `${topic}.out`, value }))
  }
  const first = member()
  const ended = first.run()
  ended.catch(() => {})
  await until('it commits', () => committed(first, 50, 2))
  const second = member()
  await using _ = running(second)
  await until('there are two', () => second.state().partitions.length === 1 && first.state().partitions.length === 1)
  const more = Array.from({ length: 10 }, (_, n) => ({ key: null, value: `more ${n}` }))
  while (first.state().status !== 'closed') {
    const batches = [0, 1].map(partition => ({ topic, partition, records: writeBatch(more) }))
    await topics.client.produce(batches)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  await assert.rejects(ended, { code: 'PRODUCER_FENCED' })
})

test('options that make no sense with it are refused, and so are partitions by name', () => {
  const refused = (options: Partial<ConsumerOptions>, expected: RegExp) => {
    const all = { brokers: ['localhost:1'], group: 'g', ...options, work: { transaction: true, ...options.work } }
    assert.throws(() => new Consumer(all as ConsumerOptions), expected)
  }
  refused({ group: undefined as never }, /a group is needed: .* with work\.transaction/)
  refused({ offsets: { metadataLimit: 0 } }, /offsets\.metadataLimit must be at least \d+, not 0/)
  refused({ offsets: { commitIntervalMs: 5 } }, /work\.transaction\.intervalMs says how often/)
  refused({ fetch: { isolation: 'read_uncommitted' } }, /fetch\.isolation must be 'read_committed'/)
  const storage = { load: async () => [], commit: async () => [] }
  refused({ offsets: { storage } }, /offsets\.storage must be left out/)
  refused({ work: { transaction: { intervalMs: 6_000 } } }, /work\.transaction\.intervalMs must be at most half/)
  refused(
    { work: { transaction: { producer: { compression: 'x' as never } } } },
    /work\.transaction\.producer\.compression must be/,
  )
  const consumer = new Consumer({ brokers: ['localhost:1'], group: 'g', work: { transaction: true } })
  assert.throws(() => consumer.topic({ topic: 'a', partitions: [0] }, () => {}), /names partitions/)
  const mixed = batch({ by: 'route' }, () => {})
  assert.throws(
    () => consumer.topic('a', { work: { order: 'none' } }, mixed),
    /topic\('a'\) has a batch\(\) by 'route', and with work\.transaction/,
  )
})

test('a batch is done as a whole, or not at all: of single messages its handler may say nothing', async () => {
  const topic = await make(numbers(8))
  const consumer = consumerOf(topic, { attempts: 1, onFailure: 'skip' })
  const refused: unknown[] = []
  consumer.topic(
    topic,
    batch({ messages: 4, lingerMs: 60_000 }, (batch, { send }) => {
      for (const { value } of batch) send({ topic: `${topic}.out`, value })
      for (const say of [batch.done, (message: Message) => batch.fail(message, new Error('no'))]) {
        try {
          say(batch[0] as Message)
        } catch (thrown) {
          refused.push((thrown as { code: string }).code)
        }
      }
      if (batch.some(({ offset }) => offset === 5)) throw new Error('no')
    }),
  )
  await using _ = running(consumer)
  await until('all is committed', () => committed(consumer, 8))
  // Of the halves of the second, those without the bad one count.
  assert.deepEqual((await written(topic)).sort(), ['0', '1', '2', '3', '4', '6', '7'])
  assert.deepEqual(new Set(refused), new Set(['UNDIVIDED']))
})

test('what one message makes may be more than what is given to the producer at a time', async () => {
  const topic = await make(numbers(3))
  const consumer = consumerOf(topic, {}, { timeoutMs: 30_000 })
  consumer.topic(topic, ({ value }, { send }) => {
    for (let n = 0; n < 2_500; n++) send({ topic: `${topic}.out`, value: `${value}/${n}` })
    send({ topic: `${topic}.out`, value: 'x'.repeat(900_000) })
  })
  await using _ = running(consumer)
  await until('all is committed', () => committed(consumer, 3))
  const values = await written(topic)
  assert.equal(values.length, 3 * 2_501)
  assert.equal(new Set(values).size, 3 * 2_500 + 1)
  assert.equal(consumer.state().transaction?.waitingBytes, 0)
  assert.equal(consumer.state().transaction?.aborted, 0)
})

test('handlers pause while too much waits for its transaction, and go on when it is written', async () => {
  const topic = await make(numbers(40))
  const consumer = consumerOf(topic, { concurrency: 4 }, { timeoutMs: 30_000 })
  const value = 'x'.repeat(800_000)
  let handled = 0
  consumer.topic(topic, (_, { send }) => {
    handled++
    send({ topic: `${topic}.out`, value })
  })
  const stuck = topics.broker.fault({
    api: 'Produce',
    action: { error: 'NOT_LEADER_OR_FOLLOWER' },
    when: ({ clientId }) => clientId === 'millrace',
  })
  await using _ = running(consumer)
  const waits = () => consumer.state().partitions[0]?.waitsFor.some(wait => wait.for === 'outputs')
  await until('handlers wait', waits)
  assert.ok(handled < 40, `${handled}`)
  stuck[Symbol.dispose]()
  await until('all is committed', () => committed(consumer, 40))
  assert.equal((await written(topic)).length, 40)
})
