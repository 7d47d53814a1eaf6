import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type Bytes,
  batch,
  type Clock,
  Consumer,
  Producer,
  type ProducerOptions,
  systemClock,
  TransactionError,
} from '../../src/index.ts'
import type { Cluster, ClusterOptions } from '../cluster.ts'
import { LogReader } from '../producer/log-reader.ts'
import { until } from '../until.ts'
import { running } from './running.ts'

export interface TransactionTestOptions {
  /** The second kind has an epoch for each transaction (KIP-890). */
  readonly kind: 1 | 2
  /** What somebody else's consumer of committed messages reads of a topic's first partition. */
  readonly read?: (cluster: Cluster, topic: string) => Promise<readonly string[]>
}

/** What transactions promise, on one node of any kind of cluster. */
export function transactionTests(
  start: (options: ClusterOptions) => Promise<Cluster>,
  { kind, read }: TransactionTestOptions,
): void {
  let cluster: Cluster
  let reader: LogReader
  let made = 0

  before(async () => {
    cluster = await start({ nodes: 1 })
    reader = new LogReader(cluster)
  })
  after(async () => {
    await reader?.close()
    await cluster?.close()
  })

  async function topicOf(partitions = 1): Promise<string> {
    const topic = `transactions-${++made}`
    await cluster.createTopic(topic, { partitions })
    return topic
  }

  function producerOf(
    transactionalId: string,
    options: Partial<ProducerOptions<Bytes, Bytes>> = {},
    clock = systemClock,
  ): Producer {
    const { brokers, security } = cluster
    return new Producer({ brokers, ...security, transactionalId, logLevel: 'silent', ...options }, { clock })
  }

  /** The decision is made when `transaction()` resolves; Kafka tells the group of it a moment later. */
  async function commits(group: string, wanted: number): Promise<void> {
    await until('the offset is committed', async () => (await cluster.committed(group))[0]?.offset === wanted)
  }

  async function code(transaction: Promise<unknown>): Promise<string> {
    const error = await transaction.then(
      () => null,
      thrown => thrown,
    )
    assert.ok(error instanceof TransactionError, String(error?.stack ?? error))
    return error.code
  }

  test('what is committed is read once and in order, what is aborted not at all', async () => {
    const topic = await topicOf()
    await using producer = producerOf(topic)
    const expected: string[] = []
    for (let n = 0; n < 20; n++) {
      const values = Array.from({ length: 5 }, (_, at) => `${n}.${at}`)
      const write = producer.transaction(async tx => {
        for (const value of values) void tx.send({ topic, value })
        if (n % 3 === 2) throw new Error('given up')
      })
      if (n % 3 === 2) await assert.rejects(write, { message: 'given up' })
      else {
        await write
        expected.push(...values)
      }
    }
    assert.deepEqual(await reader.values(topic), expected)
    if (read !== undefined) assert.deepEqual(await read(cluster, topic), expected)
  })

  test('many messages to many partitions are there together', async () => {
    const topic = await topicOf(6)
    await using producer = producerOf(topic, { batchBytes: 2_000 })
    const messages = Array.from({ length: 5_000 }, (_, n) => ({ topic, key: `k${n % 100}`, value: String(n) }))
    await producer.transaction(async tx => void (await tx.sendBatch(messages)))
    const logs = await Promise.all([0, 1, 2, 3, 4, 5].map(partition => reader.values(topic, partition)))
    for (const log of logs)
      assert.deepEqual(
        log,
        log.toSorted((a, b) => Number(a) - Number(b)),
      )
    assert.equal(new Set(logs.flat()).size, messages.length)
  })

  test('a second producer with the id aborts what the first one left open, and fences it', async () => {
    const topic = await topicOf()
    await using first = producerOf(topic)
    await using second = producerOf(topic)
    const fenced = first.transaction(async tx => {
      await tx.send({ topic, value: 'never' })
      await second.transaction(tx => tx.send({ topic, value: 'a' }))
      await tx.send({ topic, value: 'never too' }).catch(() => {})
    })
    assert.equal(await code(fenced), 'PRODUCER_FENCED')
    await second.transaction(tx => tx.send({ topic, value: 'b' }))
    assert.equal(await code(first.transaction(tx => tx.send({ topic, value: 'never' }))), 'PRODUCER_FENCED')
    assert.deepEqual(await reader.values(topic), ['a', 'b'])
  })

  test('one that takes longer than its time is aborted, and the producer goes on', async () => {
    const topic = await topicOf()
    // Its time, nine tenths of a minute, is over sooner here.
    let functionMs = 100
    const clock: Clock = { ...systemClock, after: (ms, fn) => systemClock.after(ms === 54_000 ? functionMs : ms, fn) }
    await using producer = producerOf(topic, {}, clock)
    const late = producer.transaction(async tx => {
      await tx.send({ topic, value: 'never' })
      await new Promise(() => {})
    })
    assert.equal(await code(late), 'TRANSACTION_ABORTED')
    functionMs = 54_000
    await producer.transaction(tx => tx.send({ topic, value: 'a' }))
    assert.deepEqual(await reader.values(topic), ['a'])
  })

  test('one that its coordinator gave up is told so: with the second kind the producer goes on, with the first it is over', async () => {
    const topic = await topicOf()
    // As in a process that hung, the time of the function is not noticed.
    const hung: Clock = {
      ...systemClock,
      after: (ms, fn) => (ms === 900 ? { cancel() {} } : systemClock.after(ms, fn)),
    }
    await using producer = producerOf(topic, { transactionTimeoutMs: 1_000, deliveryTimeoutMs: 1_000 }, hung)
    const given = producer.transaction(async tx => {
      await tx.send({ topic, value: 'never' })
      // Until the end of it is in the log.
      assert.deepEqual(await reader.values(topic), [])
    })
    assert.equal(await code(given), kind === 2 ? 'TRANSACTION_ABORTED' : 'PRODUCER_FENCED')
    const next = producer.transaction(tx => tx.send({ topic, value: 'a' }))
    if (kind === 2) await next
    else assert.equal(await code(next), 'PRODUCER_FENCED')
    assert.deepEqual(await reader.values(topic), kind === 2 ? ['a'] : [])
  })

  test('a member that is none any more commits no offsets, and its messages do not count', async () => {
    const [topic, source] = [await topicOf(), await topicOf()]
    await using producer = producerOf(topic)
    const offsets = [{ topic: source, partition: 0, offset: 3 }]
    for (const zombie of [
      { group: topic, memberId: 'gone', generation: 7 },
      { group: topic, memberId: '', generation: -1 },
    ]) {
      const refused = producer.transaction(async tx => {
        await tx.send({ topic, value: 'never' })
        await tx.sendOffsets(offsets, zombie)
      })
      assert.equal(await code(refused), 'TRANSACTION_ABORTED')
    }
    assert.deepEqual(await cluster.committed(topic), [])
    await producer.transaction(tx => tx.sendOffsets(offsets, { group: topic }))
    await commits(topic, 3)
    assert.deepEqual(await reader.values(topic), [])
  })

  test('messages that are handled in transactions with their offsets come out once, whichever member handles them', async () => {
    const [source, topic] = [await topicOf(), await topicOf()]
    const count = 200
    await cluster.write(
      source,
      Array.from({ length: count }, (_, n) => ({ value: String(n), partition: 0 })),
    )
    let handled = 0
    // Each gives up in the midst of a transaction, and the next one goes on where the last committed one ended.
    for (let member = 0; handled < count; member++) {
      assert.ok(member < 50, 'the members get nowhere')
      await using producer = producerOf(topic)
      const { brokers, security } = cluster
      const stopsAfter = handled + 30
      const consumer: Consumer = new Consumer({
        brokers,
        ...security,
        group: source,
        logLevel: 'silent',
        work: { concurrency: 1 },
        offsets: { commitIntervalMs: 2 ** 31 - 1 },
      }).topic(
        source,
        { work: { order: 'partition', onFailure: 'stop', attempts: 1 } },
        batch({ messages: 7, lingerMs: 5 }, async messages => {
          const { membership } = consumer.state().ownership ?? {}
          const last = messages.at(-1)
          assert.ok(membership && last)
          await producer.transaction(async tx => {
            for (const { value } of messages) void tx.send({ topic, value })
            await tx.sendOffsets([{ topic: source, partition: 0, offset: last.offset + 1 }], membership)
            if (handled >= stopsAfter) throw new Error('died')
          })
          handled += messages.length
        }),
      )
      await using run = running(consumer)
      await until('it died, or all is done', () => run.error !== null || handled >= count)
    }
    assert.deepEqual(
      await reader.values(topic),
      Array.from({ length: count }, (_, n) => String(n)),
    )
    await commits(source, count)
  })
}
