import assert from 'node:assert/strict'
import type { Random } from '../../src/base/random.ts'
import { AbortedFilter } from '../../src/records/aborted.ts'
import { writeBatch, writeEndMarker } from '../../src/records/batch-writer.ts'
import { deflate } from '../../src/records/compression.ts'
import { CorruptBatchError } from '../../src/records/errors.ts'
import { LegacyBatch } from '../../src/records/legacy-batch.ts'
import { openBatch } from '../../src/records/open-batch.ts'
import { HEADER_BYTES, type RecordBatch } from '../../src/records/record-batch.ts'
import { splitBatches } from '../../src/records/split-batches.ts'
import { mutated } from '../protocol/hostile-bytes.ts'
import { options, place, recorded, seal, sealable } from './batches.ts'
import { recordedSets } from './message-sets.ts'

/** Sound batches of our own. */
export const ours: readonly Buffer[] = [
  writeBatch([
    { key: 'key', value: 'value', headers: { a: 'b', c: null } },
    { value: null },
    { key: '', value: Buffer.alloc(70), timestamp: 1 },
  ]),
  writeBatch(
    Array.from({ length: 80 }, (_, index) => ({ key: `k${index % 7}`, value: 'v'.repeat(index) })),
    { baseOffset: 2 ** 40, compression: 'gzip' },
  ),
  writeBatch([{ key: 'k', value: 'v'.repeat(500), headers: { h: 'x' } }], { compression: 'zstd', transactional: true }),
  writeEndMarker({ type: 'abort', producerId: 5, producerEpoch: 0 }),
]

/** Sound batches in every format and compression, of every client. */
export const samples: readonly Buffer[] = [
  ...ours,
  ...recorded.values(),
  ...recordedSets.flatMap(({ bytes }) => first(bytes, 3)),
]

function first(bytes: Buffer, count: number): Buffer[] {
  const { batches } = splitBatches(bytes, 0, bytes.length, place)
  return batches.slice(0, count).map(({ buffer }) => buffer)
}

/** Reads everything there is to read, as a consumer does; answers how many messages it got. */
export async function readAll(bytes: Buffer): Promise<number> {
  const { batches, corrupt } = splitBatches(bytes, 0, bytes.length, place)
  const filter = new AbortedFilter([{ producerId: 5, firstOffset: 0 }])
  let messages = 0
  for (const batch of batches) {
    filter.keeps(batch)
    const open = await openBatch(batch, options)
    assert.ok(open.bytes.length <= Math.max(options.maxInflatedBytes, batch.buffer.length))
    assert.ok(open.memory <= batch.buffer.length + 1.25 * options.maxInflatedBytes)
    let last = batch.baseOffset - 1
    for (let message = open.next(); message !== null; message = open.next()) {
      messages++
      assert.ok(message.offset > last && message.offset <= batch.lastOffset)
      last = message.offset
      assert.ok(Number.isFinite(message.timestamp))
      assert.ok(message.size <= open.bytes.length)
      assert.equal((message.rawKey?.length ?? 0) + (message.rawValue?.length ?? 0), message.size)
      assert.ok(message.headers.raw.length <= open.bytes.length / 2)
      assert.ok(message.keyHash(1) >= -1)
      message.detach()
      message.toJSON()
    }
  }
  if (corrupt !== null) throw corrupt
  return messages
}

/** Fails on anything but messages or the errors that a caller is told of. Answers whether there were messages. */
export async function survives(bytes: Buffer, what: string): Promise<boolean> {
  try {
    return (await readAll(bytes)) > 0
  } catch (error) {
    if (!(error instanceof CorruptBatchError)) throw new Error(`${what}: ${bytes.toString('hex')}`, { cause: error })
    assert.deepEqual([error.code, error.topic, error.partition], ['CORRUPT_BATCH', 'orders', 3])
    return false
  }
}

interface Insides {
  readonly batch: RecordBatch
  /** What is compressed, as it was before. */
  readonly plain: Buffer
}

/** Batches that are compressed, and what is inside. */
const compressed: readonly Insides[] = samples
  .flatMap(bytes => splitBatches(bytes, 0, bytes.length, place).batches)
  .flatMap(batch => {
    const open = openBatch(batch, options)
    if (open instanceof Promise) throw new Error('Opened beside the event loop')
    return batch.compression === 'none' ? [] : [{ batch, plain: open.bytes }]
  })

/** A batch that something is wrong with: anywhere, in what is compressed, or in what it inflates to; mostly sealed again. */
export function hostile(random: Random): Buffer {
  const kind = Math.floor(random() * 4)
  if (kind < 2) {
    const bytes = mutated(samples[Math.floor(random() * samples.length)] as Buffer, random)
    return kind === 0 && sealable(bytes) ? seal(bytes) : bytes
  }
  const { batch, plain } = compressed[Math.floor(random() * compressed.length)] as Insides
  const { compression } = batch
  if (compression === 'none') throw new Error('Not compressed')
  return around(
    batch,
    kind === 2 ? mutated(deflate(compression, plain), random) : deflate(compression, mutated(plain, random)),
  )
}

/** The same batch around another body. */
function around(batch: RecordBatch, body: Buffer): Buffer {
  if (!(batch instanceof LegacyBatch)) return seal(Buffer.concat([batch.buffer.subarray(0, HEADER_BYTES), body]))
  const head = Buffer.from(batch.buffer.subarray(0, -batch.messageSet(place).length))
  head.writeInt32BE(body.length, head.length - 4)
  return seal(Buffer.concat([head, body]))
}
