import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32, gzipSync } from 'node:zlib'
import type { FetchedPartition } from '../../src/client/low-level-client.ts'
import { Budget } from '../../src/fetch/budget.ts'
import { Reservoir } from '../../src/fetch/reservoir.ts'
import type { Message } from '../../src/records/message.ts'
import { openBatch } from '../../src/records/open-batch.ts'
import type { RecordBatch } from '../../src/records/record-batch.ts'
import { splitBatches } from '../../src/records/split-batches.ts'
import { batchOf, first, messagesOf, openNow, options, place, recorded } from './batches.ts'
import { type ExpectedMessage, recordedSets } from './message-sets.ts'

function split(bytes: Buffer): RecordBatch[] {
  const { batches, corrupt } = splitBatches(bytes, 0, bytes.length, place)
  assert.equal(corrupt, null)
  return batches
}

async function read(bytes: Buffer): Promise<Message[]> {
  const messages: Message[] = []
  for (const batch of split(bytes)) messages.push(...messagesOf(await openBatch(batch, options)))
  return messages
}

function plain(message: Message): ExpectedMessage {
  assert.deepEqual([message.headers.raw, message.headers.get('a')], [[], undefined])
  const { offset, timestamp, timestampType, rawKey, rawValue } = message
  return {
    offset,
    timestamp,
    timestampType,
    key: rawKey?.toString() ?? null,
    value: rawValue?.toString() ?? null,
  }
}

for (const { name, bytes, messages } of recordedSets) {
  test(`${name}: what Kafka's own code wrote is read, detached too`, async () => {
    const found = await read(bytes)
    assert.deepEqual(found.map(plain), messages)
    for (const message of found) message.detach()
    assert.deepEqual(found.map(plain), messages)
  })
}

const everything = Buffer.concat(recordedSets.map(({ bytes }) => bytes))
const empty = Buffer.alloc(0)
const expected = recordedSets.flatMap(({ messages }) => messages)

function reservoirAt(position: number) {
  const budget = new Budget(1 << 26)
  const fail = (error: Error) => assert.fail(error)
  const events = { filled: () => {}, corrupt: fail, fail }
  const options = { ...place, budget, position, maxInflatedBytes: 1 << 20, onCorrupt: 'fail', events } as const
  return { budget, reservoir: new Reservoir(options) }
}

function fetched(batches: readonly RecordBatch[]): FetchedPartition {
  const log = { highWatermark: 800, lastStableOffset: 800, logStartOffset: 0, bytes: 0, error: null, corrupt: null }
  return { ...place, ...log, aborted: [], batches }
}

test('a reservoir hands out all formats in one log from any offset on, and holds nothing afterwards', () => {
  const end = (expected.at(-1)?.offset ?? 0) + 1
  for (const position of [0, 100, 101, 131, 145, 181, 187, 300, 421, 500]) {
    const { reservoir, budget } = reservoirAt(position)
    reservoir.fill(fetched(split(everything).filter(({ lastOffset }) => lastOffset >= position)))
    const found: Message[] = []
    for (let message = reservoir.take(); message !== null; message = reservoir.take()) {
      found.push(message)
      assert.ok(reservoir.delivered > message.offset)
    }
    assert.deepEqual(
      found.map(plain),
      expected.filter(({ offset }) => offset >= position),
    )
    for (const message of found) reservoir.release(message)
    assert.equal(budget.held, 0)
    assert.equal(reservoir.delivered, end)
  }
})

test('a fetch may end inside of a message', () => {
  const [dense = empty, holes = empty] = recordedSets.map(set => set.bytes)
  const bytes = Buffer.concat([dense, holes])
  for (let end = dense.length; end < bytes.length; end++) {
    const { batches, corrupt } = splitBatches(bytes, 0, end, place)
    assert.equal(corrupt, null)
    assert.ok(batches.length >= 10 && batches.length < 20)
  }
})

/** A message whose fields are right but for what is given. */
function message(given: {
  offset?: number
  magic?: number
  attributes?: number
  key?: Buffer | null
  value?: Buffer | null
  keyLength?: number
  timestamp?: number
}): Buffer {
  const { offset = 0, magic = 1, attributes = 0, key = null, value = Buffer.from('v') } = given
  const bytes = Buffer.alloc((magic === 0 ? 26 : 34) + (key?.length ?? 0) + (value?.length ?? 0))
  bytes.writeBigInt64BE(BigInt(offset), 0)
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes[16] = magic
  bytes[17] = attributes
  let at = 18
  if (magic === 1) at = bytes.writeBigInt64BE(BigInt(given.timestamp ?? 1_400_000_000_000), at)
  at = bytes.writeInt32BE(given.keyLength ?? key?.length ?? -1, at)
  at += key?.copy(bytes, at) ?? 0
  at = bytes.writeInt32BE(value?.length ?? -1, at)
  value?.copy(bytes, at)
  return sealed(bytes)
}

function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32(bytes.subarray(16)), 12)
  return bytes
}

const gzip = 1
const wrapper = (offset: number, ...inner: Buffer[]) =>
  message({ offset, attributes: gzip, value: gzipSync(Buffer.concat(inner)) })
const offsets = (bytes: Buffer) => messagesOf(openNow(bytes)).map(({ offset }) => offset)

test('offsets inside of a wrapper count from its first message in format 1, and are those of the log in format 0', () => {
  assert.deepEqual(offsets(wrapper(12, message({ offset: 0 }), message({ offset: 2 }))), [10, 12])
  const value = gzipSync(Buffer.concat([message({ magic: 0, offset: 10 }), message({ magic: 0, offset: 12 })]))
  for (const offset of [12, 15]) {
    assert.deepEqual(offsets(message({ magic: 0, offset, attributes: gzip, value })), [10, 12])
  }
})

test('under LogAppendTime the time of the wrapper is that of its messages, whatever they say', () => {
  const bytes = message({ attributes: gzip | 8, value: gzipSync(message({ timestamp: 7 })) })
  const [found] = messagesOf(openNow(bytes))
  assert.deepEqual([found?.timestamp, found?.timestampType], [1_400_000_000_000, 'LogAppendTime'])
  const created = message({ attributes: gzip, value: gzipSync(message({ timestamp: 7 })) })
  assert.equal(messagesOf(openNow(created))[0]?.timestamp, 7)
})

test('what lies behind a message is not taken for its headers', () => {
  const next = message({ magic: 0 })
  next[0] = 2
  const open = openNow(
    message({ magic: 0, attributes: gzip, value: gzipSync(Buffer.concat([message({ magic: 0 }), next])) }),
  )
  assert.deepEqual(first(open).headers.raw, [])
  assert.throws(() => open.next(), { code: 'CORRUPT_BATCH' })
})

test('of a batch that begins before the position only what is wanted counts', () => {
  const { reservoir } = reservoirAt(145)
  reservoir.fill(fetched(split(everything).filter(({ lastOffset }) => lastOffset === 149)))
  assert.equal(reservoir.messages, 5)
})

test('the batches behind a wrapper begin after it at the earliest, and count no more messages than there can be', () => {
  const bytes = Buffer.concat([
    wrapper(12, message({ offset: 0 }), message({ offset: 2 })),
    wrapper(20, message({ offset: 0 }), message({ offset: 1 })),
    message({ offset: 30 }),
  ])
  assert.deepEqual(
    split(bytes).map(({ baseOffset, lastOffset, count }) => [baseOffset, lastOffset, count]),
    [
      [0, 12, 13],
      [13, 20, 8],
      [30, 30, 1],
    ],
  )
})

const sound = message({ offset: 5, key: Buffer.from('key') })
const damages: Record<string, [Buffer, RegExp]> = {
  'a wrong checksum': [Buffer.concat([sound.subarray(0, -1), Buffer.from('w')]), /checksum does not match/],
  'a key longer than the message': [message({ key: Buffer.from('key'), keyLength: 99 }), /do not agree/],
  'a key of negative length': [message({ keyLength: -2 }), /do not agree/],
  'a value that is not as long as it says': [
    sealed(Buffer.from(sound).fill(9, sound.length - 2, sound.length - 1)),
    /do not agree/,
  ],
  'a wrapper without a value': [message({ attributes: gzip, value: null }), /is null/],
  'a wrapper around nothing': [wrapper(5), /do not agree/],
  'a wrapper in a wrapper': [wrapper(5, wrapper(5, sound)), /compressed again/],
  'a message inside with a wrong checksum': [
    wrapper(5, Buffer.concat([sound.subarray(0, -1), Buffer.from('w')])),
    /checksum of a message inside/,
  ],
  'a message inside that is cut off': [wrapper(5, sound, sound.subarray(0, 30)), /ends inside of a message/],
  'a wrapper offset before its messages': [wrapper(4, sound), /its offset is 4, and that of its last message 5/],
  'messages inside that go back': [
    wrapper(9, message({ offset: 3 }), message({ offset: 2 }), message({ offset: 4 })),
    /claims the offset 7, in a batch from 9/,
  ],
  'a record batch inside': [wrapper(5, recorded.get('java-none') ?? empty), /do not agree/],
}
for (const [what, [bytes, said]] of Object.entries(damages)) {
  test(`${what} is corrupt`, () => {
    assert.throws(() => messagesOf(openNow(bytes)), { code: 'CORRUPT_BATCH', message: said, topic: 'orders' })
  })
}

test('a changed bit anywhere behind offset and length shows', () => {
  for (const bytes of [sound, wrapper(5, sound)]) {
    for (let at = 12; at < bytes.length; at++) {
      const copy = Buffer.from(bytes)
      copy[at] = (copy[at] as number) ^ 1
      const [batch] = splitBatches(copy, 0, copy.length, place).batches
      assert.ok(batch === undefined || !batch.crcValid, `byte ${at}`)
    }
  }
})

test('what a wrapper inflates to is limited', () => {
  const bomb = message({ attributes: gzip, value: gzipSync(message({ value: Buffer.alloc(100_000) })) })
  assert.equal(offsets(bomb).length, 1)
  assert.throws(() => openNow(bomb, { maxInflatedBytes: 100_000 }), { code: 'CORRUPT_BATCH', message: /beyond/ })
})

test('memory counts a message once, and a wrapper with what it inflated to', () => {
  assert.equal(openNow(sound).memory, sound.length)
  const packed = wrapper(5, sound)
  assert.ok(openNow(packed).memory >= packed.length + sound.length)
  assert.equal(batchOf(packed).compression, 'gzip')
})
