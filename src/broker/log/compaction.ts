import { createHash } from 'node:crypto'
import { settled } from '../../base/held-clock.ts'
import type { AbortedTransaction } from '../../records/aborted.ts'
import { deflate } from '../../records/compression.ts'
import { crc32c } from '../../records/crc32c.ts'
import { markerOf } from '../../records/marker.ts'
import { COMPRESSION_BITS, HEADER_BYTES, PREFIX_BYTES, RecordBatch, SEALED_FROM } from '../../records/record-batch.ts'
import { recordsOf } from './inflated.ts'
import type { RecordCursor } from './record-cursor.ts'
import { Slabs } from './slabs.ts'

export interface Compaction {
  /** All batches that may be cleaned, in log order. */
  readonly batches: readonly RecordBatch[]
  /** Aborted transactions among them. */
  readonly aborted: readonly AbortedTransaction[]
  readonly now: number
  /** How long a tombstone, or a marker whose transaction is gone, stays after it was first seen. */
  readonly deleteRetentionMs: number
  /** When the tombstones and markers of a batch may go, as far as that was decided before. */
  readonly horizons: WeakMap<RecordBatch, number>
  /** Whether the batch holds the last that is known of an active producer. */
  readonly lastOfProducer: (batch: RecordBatch) => boolean
}

export interface Compacted {
  /** What becomes of each batch; null: it goes. */
  readonly replaced: ReadonlyMap<RecordBatch, RecordBatch | null>
  /** Aborted transactions of which nothing was found any more. */
  readonly vanished: ReadonlySet<AbortedTransaction>
}

/** Keys that one run looks at; what lies behind the last of them stays as it is, as when Kafka's offset map is full. */
const maxKeys = 1_000_000
/** Bytes of batches after which others have their turn. */
const turnBytes = 1024 * 1024
/** Longer ones are told apart by a digest. */
const maxKeyBytes = 24

/**
 * Keeps the latest value of each key, by the rules of Kafka's log cleaner: offsets stay as they are, records of aborted transactions go, a
 * marker goes after the last record of its transaction, and a batch stays, if need be empty, where it holds the last sequence of a
 * producer or the last offset of all. A batch whose records cannot be read stays whole.
 */
export async function compact(compaction: Compaction): Promise<Compacted> {
  const latest = await latestOffsets(compaction)
  const transactions = new CleanedTransactions(compaction.aborted)
  const replaced = new Map<RecordBatch, RecordBatch | null>()
  const last = compaction.batches.at(-1)
  const slabs = new Slabs()
  for await (const batch of paced(compaction.batches)) {
    const gone = transactions.reach(batch)
    const horizon = compaction.horizons.get(batch)
    const due = horizon !== undefined && horizon <= compaction.now
    const dropped = gone && (due || !batch.isControl)
    const retained = dropped ? [] : batch.isControl ? 'all' : await retainedRecords(batch, latest, due)
    let kept: RecordBatch | null
    if (retained === 'all' || (retained.length > 0 && retained.length === batch.count)) kept = batch
    else if (retained.length > 0) kept = rewritten(batch, retained)
    else kept = batch === last || compaction.lastOfProducer(batch) ? emptied(batch) : null
    // What stays lies close together again: what goes is to free its memory.
    if (kept !== null) kept = new RecordBatch(slabs.place(kept.buffer))
    replaced.set(batch, kept)
    const waits = batch.isControl ? gone : retained !== 'all' && retained.some(record => record.tombstone)
    if (kept !== null && waits) compaction.horizons.set(kept, horizon ?? compaction.now + compaction.deleteRetentionMs)
  }
  return { replaced, vanished: transactions.vanished }
}

/** The batches, with a turn of the event loop after each megabyte of them. */
async function* paced(batches: readonly RecordBatch[]): AsyncGenerator<RecordBatch> {
  let bytes = 0
  for (const batch of batches) {
    yield batch
    bytes += batch.buffer.length
    if (bytes < turnBytes) continue
    bytes = 0
    await settled()
  }
}

interface Latest {
  readonly offsets: ReadonlyMap<string, number>
  /** Keys were looked at up to here. */
  readonly end: number
}

async function latestOffsets({ batches, aborted }: Compaction): Promise<Latest> {
  const offsets = new Map<string, number>()
  const transactions = new CleanedTransactions(aborted)
  for await (const batch of paced(batches)) {
    if (transactions.reach(batch) || batch.isControl) continue
    const records = await recordsOf(batch)
    while (records?.next()) {
      if (records.keyLength < 0) continue
      if (offsets.size >= maxKeys) return { offsets, end: batch.baseOffset }
      offsets.set(nameOf(records.key), batch.baseOffset + records.offsetDelta)
    }
  }
  return { offsets, end: Number.POSITIVE_INFINITY }
}

function nameOf(key: Buffer): string {
  if (key.length <= maxKeyBytes) return key.toString('latin1')
  return `#${createHash('sha256').update(key).digest().toString('latin1')}`
}

/** A record that stays, with what the header of its batch has to tell of it. */
interface Retained {
  readonly bytes: Buffer
  readonly timestampDelta: number
  readonly tombstone: boolean
}

async function retainedRecords(batch: RecordBatch, latest: Latest, due: boolean): Promise<Retained[] | 'all'> {
  const records = await recordsOf(batch)
  if (records === null || batch.baseOffset >= latest.end) return 'all'
  const retained: Retained[] = []
  while (records.next()) {
    if (records.keyLength < 0 || isOutdated(batch.baseOffset + records.offsetDelta, records, latest)) continue
    const tombstone = records.valueLength < 0
    if (tombstone && due) continue
    const bytes = records.bytes.subarray(records.start, records.end)
    retained.push({ bytes, timestampDelta: records.timestampDelta, tombstone })
  }
  return records.atEnd ? retained : 'all'
}

function isOutdated(offset: number, records: RecordCursor, { offsets }: Latest): boolean {
  return offset < (offsets.get(nameOf(records.key)) ?? 0)
}

function rewritten(batch: RecordBatch, retained: readonly Retained[]): RecordBatch {
  const plain = Buffer.concat(retained.map(record => record.bytes))
  const body = batch.compression === 'none' ? plain : deflate(batch.compression, plain)
  const latest = retained.reduce((max, record) => Math.max(max, record.timestampDelta), Number.NEGATIVE_INFINITY)
  return remade(batch, body, retained.length, bytes => {
    const timestamp = batch.baseTimestamp + latest
    if (batch.timestampType === 'CreateTime' && Number.isSafeInteger(timestamp)) {
      bytes.writeBigInt64BE(BigInt(timestamp), 35)
    }
  })
}

/** The header alone: offsets, producer and sequence outlive the records. */
function emptied(batch: RecordBatch): RecordBatch {
  if (batch.count === 0) return batch
  return remade(batch, Buffer.alloc(0), 0, bytes => {
    bytes.writeInt16BE(batch.attributes & ~COMPRESSION_BITS, SEALED_FROM)
    bytes.writeBigInt64BE(-1n, 27)
  })
}

function remade(batch: RecordBatch, body: Buffer, count: number, change: (bytes: Buffer) => void): RecordBatch {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + body.length)
  batch.buffer.copy(bytes, 0, 0, HEADER_BYTES)
  body.copy(bytes, HEADER_BYTES)
  bytes.writeInt32BE(bytes.length - PREFIX_BYTES, 8)
  bytes.writeInt32BE(count, 57)
  change(bytes)
  bytes.writeUInt32BE(crc32c(bytes.subarray(SEALED_FROM)), 17)
  return new RecordBatch(bytes)
}

/** Follows the transactions through a log that may have been compacted before. */
class CleanedTransactions {
  /** Aborted ones for whose marker nothing was found before it. */
  readonly vanished = new Set<AbortedTransaction>()
  /** By first offset, the latest first. */
  readonly #coming: AbortedTransaction[]
  readonly #aborting = new Map<number | bigint, { readonly entry: AbortedTransaction; found: boolean }>()
  readonly #committing = new Set<number | bigint>()

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#coming = aborted.toSorted((a, b) => b.firstOffset - a.firstOffset)
  }

  /** Whether nobody needs the batch: its transaction was aborted, or it is the marker of one that is gone. */
  reach(batch: RecordBatch): boolean {
    for (let next = this.#coming.at(-1); next && next.firstOffset <= batch.lastOffset; next = this.#coming.at(-1)) {
      if (!this.#aborting.has(next.producerId)) this.#aborting.set(next.producerId, { entry: next, found: false })
      this.#coming.pop()
    }
    return batch.isControl ? this.#reachMarker(batch) : batch.isTransactional && this.#reachData(batch)
  }

  #reachData(batch: RecordBatch): boolean {
    const aborting = this.#aborting.get(batch.producerId)
    if (aborting === undefined) this.#committing.add(batch.producerId)
    else aborting.found = true
    return aborting !== undefined
  }

  #reachMarker(batch: RecordBatch): boolean {
    if (batch.count === 0) return true
    if (markerOf(batch) === 'commit') return !this.#committing.delete(batch.producerId)
    const aborting = this.#aborting.get(batch.producerId)
    this.#aborting.delete(batch.producerId)
    if (aborting?.found === false) this.vanished.add(aborting.entry)
    return aborting?.found !== true
  }
}
