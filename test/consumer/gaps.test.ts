import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import { Consumer, MemoryOffsetStorage, type OffsetStorage, writeBatch } from '../../src/index.ts'
import { decodeGaps } from '../../src/offsets/gap-codec.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { killRounds } from '../kafka/kill-rounds.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'
import { quiet, WrittenTopics } from './written-topics.ts'

const topics = new WrittenTopics()

test('what is committed as done above a stuck message is not handled again after a kill', async () => {
  await using cluster = await EmbeddedCluster.start({})
  const { remembered } = await killRounds(cluster, 2, seededRandom(1), { stuck: true })
  assert.ok(remembered > 1_000, `${remembered} were remembered`)
})

test('while a message is held for good, those behind it that are done take no memory, and commits stay small', async () => {
  const rest = Array.from({ length: 1_000 }, (_, at) => ({ key: `customer-${at}`, value: Buffer.alloc(100) }))
  const topic = await topics.make([{ key: 'first', value: 'x' }, ...rest])
  const records = writeBatch(rest)
  const all = 200 * rest.length
  for (let written = rest.length; written < all; written += rest.length) {
    const [answer] = await topics.client.produce([{ topic, partition: 0, records }])
    assert.equal(answer?.error, null)
  }
  const kept = new MemoryOffsetStorage()
  const longest: number[] = []
  const storage: OffsetStorage = {
    load: partitions => kept.load(partitions),
    commit: offsets => {
      longest.push(...offsets.map(({ metadata }) => metadata.length))
      return kept.commit(offsets)
    },
  }
  const consumer = new Consumer({
    brokers: topics.broker.brokers,
    logger: quiet,
    group: topic,
    work: { attempts: 1, onFailure: 'hold' },
    offsets: { commitIntervalMs: 20, storage },
  })
  consumer.topic({ topic, partitions: [0] }, ({ offset }) => {
    if (offset === 0) throw new Error('not to be had')
  })
  await using _ = running(consumer)
  const committed = () => decodeGaps(kept.committed[0]?.metadata ?? '')?.done
  await until('all others are done, and committed', () => committed()?.[0]?.to === all + 1)
  assert.deepEqual(committed(), [{ from: 1, to: all + 1 }])
  const { partitions, reservoir } = consumer.state()
  const [{ done, undone, gaps } = { done: -1, undone: -1, gaps: -1 }] = partitions
  assert.deepEqual({ done, undone, gaps }, { done: 0, undone: 1, gaps: 1 })
  assert.ok(reservoir.bytes < 100, `${reservoir.bytes} bytes are kept for one small message`)
  assert.ok(Math.max(...longest) < 100, `${Math.max(...longest)} characters`)
})
