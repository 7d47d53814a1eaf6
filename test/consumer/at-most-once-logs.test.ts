import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Consumer, type ConsumerOptions, MemoryOffsetStorage, type Truncated } from '../../src/index.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'

const place = { topic: 'alerts', partition: 0 }

/**
 * A log of six messages, of which ten were committed before the other four were lost; `leaderEpoch` is that of the commit, -1 when nobody
 * kept it. `steps`: what is handled and what is committed, in this order.
 */
class Truncation implements AsyncDisposable {
  readonly storage = new MemoryOffsetStorage()
  readonly steps: string[] = []
  readonly #cluster: EmbeddedCluster

  constructor(cluster: EmbeddedCluster) {
    this.#cluster = cluster
  }

  static async make(leaderEpoch: number): Promise<Truncation> {
    const cluster = await EmbeddedCluster.start({ topics: { alerts: { partitions: 1 } } })
    const made = new Truncation(cluster)
    await made.write(6)
    await made.storage.commit([{ ...place, offset: 10, leaderEpoch, metadata: '' }])
    return made
  }

  async write(count: number): Promise<void> {
    await this.#cluster.write('alerts', new Array(count).fill({ value: 'x' }))
  }

  get committed(): number | undefined {
    return this.storage.committed[0]?.offset
  }

  consumer(onOutOfRange?: 'earliest' | 'latest'): Consumer {
    const options: ConsumerOptions = {
      brokers: this.#cluster.brokers,
      group: 'alerts',
      logLevel: 'silent',
      fetch: { maxWaitMs: 50, ...(onOutOfRange && { onOutOfRange }) },
      offsets: { mode: 'at-most-once', storage: this.storage },
    }
    const consumer = new Consumer(options).topic('alerts', ({ offset }) => void this.steps.push(`handle ${offset}`))
    consumer.on('committed', ([one]) => this.steps.push(`commit ${one?.offset}`))
    return consumer
  }

  get handled(): string[] {
    return this.steps.filter(step => step.startsWith('handle'))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#cluster.close()
  }
}

const handling = (from: number, until: number) => Array.from({ length: until - from }, (_, n) => `handle ${from + n}`)

test('at most once, a log that was truncated below what is committed is read from where the two part, and nothing before comes again', async () => {
  await using log = await Truncation.make(0)
  const consumer = log.consumer()
  const told: Truncated[] = []
  consumer.on('truncated', event => told.push(event))
  await using run = running(consumer)
  await until('its end is committed', () => log.committed === 6)
  assert.deepEqual(log.steps, ['commit 6'])
  // At the offsets of those that were lost are others now.
  await log.write(5)
  await until('they are handled', () => log.handled.length === 5)
  assert.deepEqual(log.handled, handling(6, 11))
  for (const [at, step] of log.steps.entries()) {
    const offset = Number(/handle (\d+)/.exec(step)?.[1] ?? -1)
    const acknowledged = log.steps.slice(0, at).findLast(each => each.startsWith('commit'))
    assert.ok(Number(acknowledged?.slice(7) ?? Infinity) > offset, `${step} after ${acknowledged}`)
  }
  assert.deepEqual(told, [{ ...place, position: 10, endOffset: 6, leaderEpoch: 0 }])
  assert.equal(run.error, null)
})

test('at most once, what is committed beyond the log ends the consumer before any message is handled, unless a policy says otherwise', async () => {
  await using log = await Truncation.make(-1)
  const run = log.consumer().run()
  await assert.rejects(run, { code: 'OFFSET_OUT_OF_RANGE' })
  assert.deepEqual(log.steps, [])
  assert.equal(log.committed, 10)
})

test("at most once, 'latest' goes on at the end of a log that is shorter than what is committed", async () => {
  await using log = await Truncation.make(-1)
  await using run = running(log.consumer('latest'))
  await until('its end is committed', () => log.committed === 6)
  await log.write(5)
  await until('they are handled', () => log.handled.length === 5)
  assert.deepEqual(log.handled, handling(6, 11))
  assert.equal(log.steps[0], 'commit 6')
  assert.equal(run.error, null)
})

test("at most once, 'earliest' handles what is left of a log that is shorter than what is committed, each message once", async () => {
  await using log = await Truncation.make(-1)
  await using run = running(log.consumer('earliest'))
  await log.write(3)
  await until('all are handled', () => log.handled.length >= 9)
  await until('all are committed', () => log.committed === 9)
  assert.deepEqual(log.handled, handling(0, 9))
  assert.equal(log.steps[0], 'commit 0')
  assert.equal(run.error, null)
})

test('at most once, a log that is truncated while it is read hands out nothing again that was begun, and all that was only committed', async () => {
  await using cluster = await EmbeddedCluster.start({ nodes: 3, topics: { alerts: { partitions: 1, replicas: 3 } } })
  await cluster.write('alerts', new Array(10).fill({ value: 'x' }))
  const begun: number[] = []
  const ended = Promise.withResolvers<void>()
  const consumer = new Consumer({
    brokers: cluster.brokers,
    group: 'alerts',
    logLevel: 'silent',
    work: { concurrency: 2 },
    offsets: { mode: 'at-most-once' },
  }).topic('alerts', async ({ offset }) => {
    begun.push(offset)
    if (offset === 2 || offset === 3) await ended.promise
  })
  let told = 0
  consumer.on('truncated', () => told++)
  await using run = running(consumer)
  const partition = () => consumer.state().partitions[0]
  await until('two are begun, and all is committed', () => begun.length === 4 && partition()?.committed === 10)
  cluster.broker.fault({
    api: 'OffsetForLeaderEpoch',
    count: 1,
    action: {
      reply: ({ topics = [] }) => ({
        topics: topics.map(({ topic = '', partitions = [] }) => ({
          topic,
          partitions: partitions.map(({ partition = 0 }) => ({ partition, leaderEpoch: 0, endOffset: 6 })),
        })),
      }),
    },
  })
  await cluster.moveLeader('alerts', 0)
  await until('it is told', () => told === 1)
  ended.resolve()
  await until('all are handled', () => begun.length >= 10)
  await until('all are done', () => partition()?.done === 10)
  assert.deepEqual(begun, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.equal(run.error, null)
})
