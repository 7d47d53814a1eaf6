import type { RecordInput } from '../../../src/records/batch-writer.ts'
import { type BatchOptions, writeBatch } from '../../../src/records/batch-writer.ts'
import { crc32c } from '../../../src/records/crc32c.ts'
import { requestFrame } from '../../broker/raw-connection.ts'
import { everyVersion, noId, type Probe, type ProbeTopic, type Script } from '../probe.ts'
import { fetchBody } from './fetch-body.ts'

const time = 1_600_000_000_000
const ab: readonly RecordInput[] = [
  { key: 'a', value: '1', timestamp: time },
  { key: 'b', value: '2', timestamp: time + 5 },
]

function batchOf(records: readonly RecordInput[] = ab, options: BatchOptions = {}): Buffer {
  return writeBatch(records, options)
}

/** A batch with some bytes of its header changed, sealed again. */
function forged(change: (batch: Buffer) => void, records = ab): Buffer {
  const batch = writeBatch(records)
  change(batch)
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
  return batch
}

interface ProduceBody {
  readonly acks?: number
  readonly index?: number
  readonly transactionalId?: string
}

function producer(probe: Probe, version: number) {
  return (step: string, { name, id }: ProbeTopic, records: Buffer, body: ProduceBody = {}) => {
    const { index = 0, ...more } = body
    const topicData = [{ name, topicId: id, partitionData: [{ index, records }] }]
    return probe.ask(step, 'Produce', version, { acks: -1, timeoutMs: 5_000, topicData, ...more })
  }
}

export const produceScripts: readonly Script[] = [
  ...everyVersion('produce', 'Produce', async (probe, version) => {
    const topic = await probe.topic('plain', 2)
    const produce = producer(probe, version)
    await produce('one batch', topic, batchOf())
    await produce('by the leader only', topic, batchOf(), { acks: 1 })
    await produce('an unknown kind of acks', topic, batchOf(), { acks: 2 })
    await produce('no bytes', topic, Buffer.alloc(0))
    await produce('an unknown partition', topic, batchOf(), { index: 9 })
    await produce('a partition before the first', topic, batchOf(), { index: -1 })
    await produce('an unknown topic', { name: probe.named('unknown'), id: noId }, batchOf())
    await produce('a topic that is not legal', { name: 'a b', id: noId }, batchOf())
    await produce('two batches', topic, Buffer.concat([batchOf(), batchOf()]))
    await produce('a batch that is cut', topic, batchOf().subarray(0, 70))
    await produce('less than a header', topic, batchOf().subarray(0, 20))
    await produce('a batch and bytes behind it', topic, Buffer.concat([batchOf(), Buffer.alloc(5)]))
    for (const compression of ['gzip', 'zstd'] as const) {
      await produce(compression, topic, batchOf(ab, { compression }))
    }
    await produce('offsets and epoch of its own', topic, batchOf(ab, { baseOffset: 77, leaderEpoch: 3 }))
    await produce('a value of null', topic, batchOf([{ key: 'a', value: null }]))
    await probe.ask('two topics in one', 'Produce', version, {
      acks: -1,
      timeoutMs: 5_000,
      topicData: [
        { name: topic.name, topicId: topic.id, partitionData: [0, 1].map(index => ({ index, records: batchOf() })) },
        { name: probe.named('unknown'), topicId: noId, partitionData: [{ index: 0, records: batchOf() }] },
      ],
    })
    await probe.ask('nothing', 'Produce', version, { acks: -1, timeoutMs: 5_000, topicData: [] })
    const own = { name: topic.name, topicId: topic.id, partitionData: [{ index: 0, records: batchOf() }] }
    const silent = requestFrame('Produce', version, { acks: 0, timeoutMs: 5_000, topicData: [own] })
    ;(await probe.connection()).tell(silent)
    await produce('after one that is not acknowledged', topic, batchOf())
  }),

  ...everyVersion('produce what is wrong', 'Produce', async (probe, version) => {
    const topic = await probe.topic('plain')
    const produce = producer(probe, version)
    const broken = batchOf()
    broken.writeUInt8(broken.readUInt8(70) ^ 1, 70)
    await produce('a wrong checksum', topic, broken)
    await produce(
      'format 1',
      topic,
      forged(batch => batch.writeInt8(1, 16)),
    )
    await produce(
      'format 3',
      topic,
      forged(batch => batch.writeInt8(3, 16)),
    )
    await produce(
      'a compression that is unknown',
      topic,
      forged(batch => batch.writeInt16BE(5, 21)),
    )
    await produce(
      'marked as a control batch',
      topic,
      forged(batch => batch.writeInt16BE(0x20, 21)),
    )
    await produce(
      'marked as appended by the log',
      topic,
      forged(batch => batch.writeInt16BE(0x08, 21)),
    )
    await produce(
      'no record, by its header',
      topic,
      forged(batch => batch.writeInt32BE(0, 57)),
    )
    await produce(
      'more records than there are',
      topic,
      forged(batch => batch.writeInt32BE(3, 57)),
    )
    await produce(
      'fewer records than there are',
      topic,
      forged(batch => batch.writeInt32BE(1, 57)),
    )
    await produce(
      'an end beyond its records',
      topic,
      forged(batch => batch.writeInt32BE(5, 23)),
    )
    await produce(
      'an end before its begin',
      topic,
      forged(batch => batch.writeInt32BE(-1, 23)),
    )
    await produce(
      'the offset of a record is another',
      topic,
      forged(batch => batch.writeUInt8(4, 64)),
    )
    await produce(
      'a record that is longer than the batch',
      topic,
      forged(batch => batch.writeUInt8(0x7e, 61)),
    )
    await produce(
      'a length less than a header',
      topic,
      forged(batch => batch.writeInt32BE(10, 8)),
    )
    await produce(
      'a length below 0',
      topic,
      forged(batch => batch.writeInt32BE(-10, 8)),
    )
    await produce(
      'a maximum time that is not in it',
      topic,
      forged(batch => batch.writeBigInt64BE(5n, 35)),
    )
    await produce('a time of long ago', topic, batchOf([{ value: 'x', timestamp: 1 }]))
    await produce('a time far ahead', topic, batchOf([{ value: 'x', timestamp: Date.now() + 10 * 86_400_000 }]))
    await produce('a time below 0', topic, batchOf([{ value: 'x', timestamp: -5 }]))
    await produce('no time', topic, batchOf([{ value: 'x', timestamp: -1 }]))
    await produce('afterwards', topic, batchOf())
    await produce(
      'a compression that it has not',
      topic,
      forged(batch => batch.writeInt16BE(1, 21)),
    )
  }),

  ...everyVersion('produce under a config', 'Produce', async (probe, version) => {
    const produce = producer(probe, version)
    const small = await probe.topic('small', 1, { 'max.message.bytes': '200' })
    await produce('too large', small, batchOf([{ value: 'x'.repeat(300) }]))
    await produce('just right', small, batchOf([{ value: 'x'.repeat(100) }]))
    await produce('small when compressed', small, batchOf([{ value: 'x'.repeat(900) }], { compression: 'gzip' }))
    const compacted = await probe.topic('compacted', 1, { 'cleanup.policy': 'compact' })
    await produce('no key', compacted, batchOf([{ key: 'a', value: '1' }, { value: '2' }, { value: '3' }]))
    await produce('an empty key', compacted, batchOf([{ key: '', value: '2' }]))
    await produce('no key, compressed', compacted, batchOf([{ value: '2' }], { compression: 'gzip' }))
    const stamped = await probe.topic('stamped', 1, { 'message.timestamp.type': 'LogAppendTime' })
    await produce('the time of the log', stamped, batchOf())
    await produce('the time of the log, compressed', stamped, batchOf(ab, { compression: 'gzip' }))
    await probe.ask('what was stamped', 'Fetch', 12, fetchBody(stamped))
    const safe = await probe.topic('safe', 1, { 'min.insync.replicas': '2' })
    await produce('too few replicas', safe, batchOf())
    await produce('too few replicas, by the leader only', safe, batchOf(), { acks: 1 })
    const narrow = await probe.topic('narrow', 1, {
      'message.timestamp.before.max.ms': '1000',
      'message.timestamp.after.max.ms': '1000',
    })
    await produce('too old', narrow, batchOf())
    await produce('too new', narrow, batchOf([{ value: 'x', timestamp: Date.now() + 60_000 }]))
    const gzip = await probe.topic('gzip', 1, { 'compression.type': 'gzip' })
    await produce('not compressed as the topic is', gzip, batchOf())
    await produce('compressed as the topic is', gzip, batchOf(ab, { compression: 'gzip' }))
  }),

  ...everyVersion('produce idempotently', 'Produce', async (probe, version) => {
    const topic = await probe.topic('once', 2)
    const produce = producer(probe, version)
    const { producerId } = await probe.setUp('InitProducerId', { transactionalId: null, transactionTimeoutMs: 1_000 })
    const from = (baseSequence: number, producerEpoch = 0, records = ab) =>
      batchOf(records, { producerId, producerEpoch, baseSequence })
    await produce('the first', topic, from(0))
    await produce('the first again', topic, from(0))
    for (const sequence of [2, 4, 6, 8, 10, 12]) await produce(`from ${sequence}`, topic, from(sequence))
    await produce('the fifth before the last', topic, from(4))
    await produce('the sixth before the last', topic, from(2))
    await produce('the last again', topic, from(12))
    await produce('a part of the last', topic, from(12, 0, ab.slice(0, 1)))
    await produce('more than the last', topic, from(12, 0, [...ab, ...ab]))
    await produce('a gap', topic, from(16))
    await produce('the next after a gap', topic, from(14))
    await produce('the next epoch, not from 0', topic, from(16, 1))
    await produce('the next epoch', topic, from(0, 1))
    await produce('the epoch before', topic, from(16, 0))
    await produce('not from 0 in another partition', topic, from(5, 1), { index: 1 })
    await produce('the same again in another partition', topic, from(5, 1), { index: 1 })
    const stranger = (options: BatchOptions) => batchOf(ab, { producerId: 987_654_321, producerEpoch: 0, ...options })
    await produce('a producer nobody knows, from 0', topic, stranger({ baseSequence: 0 }))
    await produce('another producer nobody knows', topic, stranger({ baseSequence: 9, producerId: 987_654_322 }))
    await produce('an epoch below 0', topic, stranger({ baseSequence: 2, producerEpoch: -1 }))
    await produce('a sequence below 0', topic, stranger({ baseSequence: -1 }))
    await produce('without an id, but a sequence', topic, batchOf(ab, { baseSequence: 4 }))
    const wraps = { producerId: 987_654_323, producerEpoch: 0 }
    await produce('near the last sequence', topic, batchOf(ab, { ...wraps, baseSequence: 2 ** 31 - 3 }))
    await produce('over the last sequence', topic, batchOf(ab, { ...wraps, baseSequence: 2 ** 31 - 1 }))
    await produce('behind the last sequence', topic, batchOf(ab, { ...wraps, baseSequence: 1 }))
    await probe.ask('what was written', 'Fetch', 12, fetchBody(topic))
  }),
]
