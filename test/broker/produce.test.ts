import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { type BatchOptions, type RecordInput, writeBatch } from '../../src/records/batch-writer.ts'
import { RecordBatch } from '../../src/records/record-batch.ts'
import { changed } from '../records/batches.ts'
import { LogBench } from './log-bench.ts'

const now = new LogBench().clock.wallTime()

/** Three records. */
function batch(options: BatchOptions = {}, records: readonly RecordInput[] = three): Buffer {
  return writeBatch(records, { now, ...options })
}

const three: readonly RecordInput[] = [
  { key: 'a', value: 'A' },
  { key: 'b', value: 'B' },
  { key: 'c', value: 'C' },
]

function withHeader(change: (bytes: Buffer) => void): Buffer {
  return changed(batch(), change)
}

test('records that are not one sound batch of the current format are refused as Kafka refuses them', async () => {
  const bench = new LogBench()
  const { INVALID_RECORD, CORRUPT_MESSAGE, UNKNOWN_SERVER_ERROR, NONE } = errorCodes
  const damaged = batch()
  damaged.writeUInt8(damaged.readUInt8(70) ^ 1, 70)
  const tooShort = batch()
  tooShort.writeInt32BE(5, 8)
  const noHeader = batch().subarray(0, 60)
  noHeader.writeInt32BE(48, 8)
  const cases: [what: string, records: Buffer | null, errorCode: number, tellsStart: boolean][] = [
    ['nothing', null, INVALID_RECORD, false],
    ['no bytes', Buffer.alloc(0), INVALID_RECORD, false],
    ['a part of a batch', batch().subarray(0, 50), INVALID_RECORD, false],
    ['two batches', Buffer.concat([batch(), batch()]), INVALID_RECORD, false],
    ['the old format', withHeader(bytes => void bytes.writeInt8(1, 16)), INVALID_RECORD, false],
    ['an unknown format', withHeader(bytes => void bytes.writeInt8(3, 16)), CORRUPT_MESSAGE, false],
    ['a length that cannot be', tooShort, CORRUPT_MESSAGE, false],
    ['less than a header', noHeader, CORRUPT_MESSAGE, false],
    ['a wrong checksum', damaged, CORRUPT_MESSAGE, false],
    ['nonsense behind it', Buffer.concat([batch(), Buffer.alloc(30)]), CORRUPT_MESSAGE, false],
    ['an offset', batch({ baseOffset: 5 }), INVALID_RECORD, true],
    ['a count below the offsets', withHeader(bytes => void bytes.writeInt32BE(2, 57)), INVALID_RECORD, true],
    ['a count above the offsets', withHeader(bytes => void bytes.writeInt32BE(4, 57)), INVALID_RECORD, true],
    ['fewer records than it says', withCount(4), INVALID_RECORD, true],
    ['more records than it says', withCount(2), INVALID_RECORD, true],
    ['no records', withCount(0), INVALID_RECORD, true],
    ['a control batch', withHeader(bytes => void bytes.writeInt16BE(0x20, 21)), INVALID_RECORD, true],
    ['a producer without a sequence', batch({ producerId: 5, producerEpoch: 0 }), INVALID_RECORD, true],
    ['a codec that does not exist', withHeader(bytes => void bytes.writeInt16BE(5, 21)), UNKNOWN_SERVER_ERROR, true],
    ['a record with a wrong length', withHeader(bytes => void bytes.writeInt8(22, 61)), INVALID_RECORD, true],
    ['a sound batch', batch(), NONE, true],
    ['a part of another behind it', Buffer.concat([batch(), batch().subarray(0, 40)]), NONE, true],
    ['offsets inside that jump', withHeader(bytes => void bytes.writeInt8(20, 64)), NONE, true],
  ]
  for (const [what, records, errorCode, tellsStart] of cases) {
    const answer = await bench.send(records)
    const sound = errorCode === NONE
    assert.deepEqual(
      [what, answer.errorCode, answer.baseOffset >= 0, answer.logStartOffset],
      [what, errorCode, sound, tellsStart ? 0 : -1],
    )
  }
  assert.equal(bench.log.highWatermark, 9)
  bench.cluster.close()
})

function withCount(count: number): Buffer {
  return withHeader(bytes => {
    bytes.writeInt32BE(count, 57)
    bytes.writeInt32BE(count - 1, 23)
  })
}

test('a topic takes batches as large, as keyed and as timely as its settings say', async () => {
  const bench = new LogBench()
  const { MESSAGE_TOO_LARGE, RECORD_LIST_TOO_LARGE, INVALID_RECORD, INVALID_TIMESTAMP } = errorCodes
  bench.set({ 'max.message.bytes': String(batch().length - 1) })
  assert.equal((await bench.send(batch())).errorCode, MESSAGE_TOO_LARGE)
  bench.set({ 'segment.bytes': '1048576', 'max.message.bytes': '2000000' })
  const large = writeBatch([{ value: Buffer.alloc(1_048_576) }], { now })
  assert.equal((await bench.send(large)).errorCode, RECORD_LIST_TOO_LARGE)
  bench.set({ 'cleanup.policy': 'compact' })
  const keyless = await bench.send(batch({}, [{ value: '0' }, { key: 'k', value: '1' }, { value: '2' }]))
  assert.deepEqual([keyless.errorCode, keyless.recordErrors.map(each => each.batchIndex)], [INVALID_RECORD, [0, 2]])
  assert.notEqual(keyless.errorMessage, null)
  bench.set({})
  const hour = 3_600_000
  for (const compression of ['none', 'gzip'] as const) {
    assert.equal((await bench.send(batch({ now: now + hour + 1, compression }))).errorCode, INVALID_TIMESTAMP)
    assert.equal((await bench.send(batch({ now: now + hour, compression }))).errorCode, 0)
    assert.equal((await bench.send(batch({ now: -1, compression }))).errorCode, 0, 'none at all')
  }
  bench.set({ 'message.timestamp.before.max.ms': '1000' })
  const mixed = await bench.send(batch({}, [{ value: '0' }, { value: '1', timestamp: now - 1_001 }]))
  assert.deepEqual(
    mixed.recordErrors.map(each => each.batchIndex),
    [1],
  )
  bench.cluster.close()
})

test('the topic decides whose timestamps hold, and a batch tells the largest of its records', async () => {
  const bench = new LogBench()
  const stored = async (sent: Buffer) => {
    const { baseOffset, logAppendTimeMs } = await bench.send(sent)
    const batch = new RecordBatch((await bench.fetch({ offset: baseOffset, partitionMaxBytes: 1 })).records as Buffer)
    assert.ok(batch.crcValid)
    return [logAppendTimeMs, batch.timestampType, batch.maxTimestamp]
  }
  const records = [{ value: '0', timestamp: 7 }, { value: '1', timestamp: 9 }, { value: '2' }]
  const written = (change: (bytes: Buffer) => void = () => {}) => changed(batch({ now: 8 }, records), change)
  assert.deepEqual(await stored(written()), [-1, 'CreateTime', 9])
  assert.deepEqual(await stored(written(bytes => void bytes.writeBigInt64BE(5n, 35))), [-1, 'CreateTime', 9])
  assert.deepEqual(await stored(written(bytes => void bytes.writeInt16BE(8, 21))), [-1, 'CreateTime', 9])
  bench.set({ 'message.timestamp.type': 'LogAppendTime' })
  assert.deepEqual(await stored(written()), [now, 'LogAppendTime', now])
  assert.deepEqual(await stored(batch({ now: 8, compression: 'zstd' })), [now, 'LogAppendTime', now])
  const stamped = await bench.send(written(bytes => void bytes.writeInt16BE(8, 21)))
  assert.deepEqual([stamped.errorCode, stamped.recordErrors.length], [errorCodes.INVALID_TIMESTAMP, 3])
  bench.cluster.close()
})

test('zstd is refused from clients that cannot know it', async () => {
  const bench = new LogBench()
  const zstd = batch({ compression: 'zstd' })
  assert.equal((await bench.send(zstd, { version: 6 })).errorCode, errorCodes.UNSUPPORTED_COMPRESSION_TYPE)
  assert.equal((await bench.send(zstd, { version: 7 })).errorCode, 0)
  bench.cluster.close()
})

test('only the leader takes batches, and newer clients are told who that is', async () => {
  const bench = new LogBench({ nodes: 3 })
  bench.partition().elect(2)
  const ask = (version: number, node: number) => {
    const topicData = [{ name: 't', partitionData: [{ index: 0, records: batch() }] }]
    return bench.ask('Produce', version, { acks: 1, timeoutMs: 1, topicData }, { node })
  }
  const told = async (version: number, node: number) => {
    const { responses, nodeEndpoints } = await ask(version, node)
    const { errorCode, currentLeader } = responses[0]?.partitionResponses[0] ?? {}
    return [errorCode, currentLeader?.leaderId, currentLeader?.leaderEpoch, nodeEndpoints.map(each => each.port)]
  }
  assert.deepEqual(await told(9, 1), [6, -1, -1, []])
  assert.deepEqual(await told(10, 1), [6, 2, 1, [2]])
  assert.deepEqual(await told(10, 2), [0, -1, -1, []])
  bench.cluster.close()
})

test('a batch that all must have waits for no replica that is not there, and is refused when too few are', async () => {
  const bench = new LogBench({ nodes: 3 })
  bench.set({ 'min.insync.replicas': '2' })
  const { nodes, topics } = bench.cluster
  for (const node of nodes.all) node.running = node.id === bench.partition().leader
  topics.nodesChanged()
  const node = bench.partition().leader
  assert.equal((await bench.send(batch(), { node })).errorCode, errorCodes.NOT_ENOUGH_REPLICAS)
  assert.equal((await bench.send(batch(), { node, acks: 1 })).errorCode, 0)
  bench.set({ 'min.insync.replicas': '1' })
  assert.equal((await bench.send(batch(), { node })).errorCode, 0)
  bench.cluster.close()
})

test('each partition of a request is answered for itself, under its topic name or id', async () => {
  const bench = new LogBench()
  const id = bench.cluster.topics.get('t')?.id as string
  const partitionData = [0, 1, 7, 0].map(index => ({ index, records: batch() }))
  const unknown = 'AAAAAAAAAAAAAAAAAAAAAQ'
  const answers = async (version: number, acks: number) => {
    const topicData = [
      { ...(version < 13 ? { name: 't' } : { topicId: id }), partitionData },
      { ...(version < 13 ? { name: 'nobody' } : { topicId: unknown }), partitionData: partitionData.slice(0, 1) },
    ]
    const { responses } = await bench.ask('Produce', version, { acks, timeoutMs: 1, topicData })
    assert.deepEqual(
      responses.map(each => (version < 13 ? each.name : each.topicId)),
      version < 13 ? ['t', 'nobody'] : [id, unknown],
    )
    return responses.map(each => each.partitionResponses.map(({ index, errorCode }) => [index, errorCode]))
  }
  const ok = [
    [0, 0],
    [1, 0],
    [7, 3],
  ]
  assert.deepEqual(await answers(9, 1), [ok, [[0, 3]]])
  assert.deepEqual(await answers(13, -1), [ok, [[0, 100]]])
  const { INVALID_REQUIRED_ACKS: wrong } = errorCodes
  assert.deepEqual(await answers(9, 2), [
    [
      [0, wrong],
      [1, wrong],
      [7, 3],
    ],
    [[0, 3]],
  ])
  bench.cluster.close()
})

test('what cannot be read at all, or is transactional without an id, refuses the whole request', async () => {
  const bench = new LogBench()
  const codes = async (...all: Buffer[]) => {
    const topicData = [{ name: 't', partitionData: all.map((records, index) => ({ index, records })) }]
    const { responses } = await bench.ask('Produce', 9, { acks: 1, timeoutMs: 1, topicData })
    return responses[0]?.partitionResponses.map(each => each.errorCode)
  }
  const unreadable = batch()
  unreadable.writeInt32BE(1, 8)
  assert.deepEqual(await codes(batch(), unreadable), [2, 2])
  const producer = { producerId: 1, producerEpoch: 0, baseSequence: 0 }
  const transactional = batch({ ...producer, transactional: true })
  assert.deepEqual(await codes(batch(), transactional), [53, 53])
  assert.equal(bench.log.highWatermark, 0)
  bench.cluster.close()
})

test('without acks nothing is answered, and a rejection ends the connection', async () => {
  const bench = new LogBench()
  await assert.rejects(bench.send(batch(), { acks: 0 }), /no answer is sent/)
  assert.equal(bench.log.highWatermark, 3)
  await assert.rejects(bench.send(null, { acks: 0 }), /rejected/)
  bench.cluster.close()
})
