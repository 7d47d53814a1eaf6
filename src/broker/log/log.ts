import type { Clock } from '../../base/clock.ts'
import { errorCodes } from '../../protocol/error-codes.ts'
import type { AbortedTransaction } from '../../records/aborted.ts'
import { writeEndMarker } from '../../records/batch-writer.ts'
import { RecordBatch, type TimestampType } from '../../records/record-batch.ts'
import type { Config } from '../config.ts'
import { Batches, batchCost, type Slice } from './batches.ts'
import { compact } from './compaction.ts'
import { adopt, check, hasProducer, type Rejection } from './incoming.ts'
import { type EpochEnd, LeaderEpochs } from './leader-epochs.ts'
import type { LogSpace, Tenant } from './log-space.ts'
import { type ProducerState, Producers } from './producers.ts'
import { Slabs } from './slabs.ts'
import { type Found, findByTime, findLargestTime } from './time-lookup.ts'
import { TransactionIndex } from './transaction-index.ts'

export type Isolation = 'read_uncommitted' | 'read_committed'

export interface LogSettings {
  /** `orders-3`, for messages. */
  readonly name: string
  /** The topic's, as it is now. */
  readonly config: () => Config
  readonly clock: Clock
  readonly space: LogSpace
  /** After so long without a batch an idempotent producer is forgotten. */
  readonly producerExpirationMs: number
}

export interface Appended {
  readonly baseOffset: number
  /** Milliseconds since 1970; -1 where the producer's timestamps hold. */
  readonly appendTime: number
}

export interface Read extends Slice {
  /** Transactions in what was read that were aborted; null where the reader wants all. */
  readonly aborted: readonly AbortedTransaction[] | null
}

/** A producer, as `DescribeProducers` tells of it. */
export interface ActiveProducer extends Readonly<ProducerState> {
  /** First offset of its open transaction, or -1. */
  readonly openSince: number
}

/**
 * The record batches of a partition as they came, each copied once, and what follows from them: producers, transactions, leader
 * epochs. The nodes share it, so what is appended is replicated at once.
 */
export class Log implements Tenant {
  readonly #settings: LogSettings
  readonly #slabs = new Slabs()
  readonly #batches = new Batches()
  readonly #epochs = new LeaderEpochs()
  readonly #producers = new Producers()
  readonly #transactions = new TransactionIndex()
  #startOffset = 0
  #endOffset = 0
  #epoch = 0
  #horizons = new WeakMap<RecordBatch, number>()
  #compacting: Promise<void> | null = null
  #closed = false

  constructor(settings: LogSettings) {
    this.#settings = settings
    settings.space.join(this)
  }

  /** First offset that can be read. */
  get startOffset(): number {
    return this.#startOffset
  }

  /** Offset of the next message. Everything is replicated at once, so it is the end of the log too. */
  get highWatermark(): number {
    return this.#endOffset
  }

  /** Where the oldest open transaction begins, else the high watermark. */
  get lastStableOffset(): number {
    return Math.max(this.#transactions.firstOpen ?? this.#endOffset, this.#startOffset)
  }

  /** Bytes of all batches. */
  get size(): number {
    return this.#batches.bytes
  }

  get memory(): number {
    return this.#batches.memory
  }

  get producers(): number {
    return this.#producers.count
  }

  *activeProducers(): Generator<ActiveProducer> {
    for (const state of this.#producers) yield { ...state, openSince: this.#transactions.openSince(state.producerId) }
  }

  /** Behind the last offset that such a reader gets. */
  endFor(isolation: Isolation): number {
    return isolation === 'read_committed' ? this.lastStableOffset : this.#endOffset
  }

  /** Appends a batch that a producer sent (`oneBatch`), or tells what Kafka has against it. One sent again keeps its place. */
  append(sent: RecordBatch): Appended | Rejection {
    const { clock, space, name } = this.#settings
    const config = this.#settings.config()
    const now = clock.wallTime()
    const largestTimestamp = check(sent, { config, now, partition: name })
    if (typeof largestTimestamp !== 'number') return largestTimestamp
    const duplicate = this.#producers.duplicateOf(sent)
    // Kafka tells its largest timestamp as the append time, whoever made it.
    if (duplicate !== undefined) return { baseOffset: duplicate.baseOffset, appendTime: duplicate.timestamp }
    const errorCode = this.#checkProducer(sent)
    if (errorCode !== errorCodes.NONE) return { errorCode, tellsStart: true }
    if (!space.hasRoom(sent.buffer.length + batchCost)) return { errorCode: errorCodes.KAFKA_STORAGE_ERROR }
    const timestampType = config.get('message.timestamp.type') as TimestampType
    const place = { baseOffset: this.#endOffset, leaderEpoch: this.#epoch, largestTimestamp, timestampType }
    const batch = adopt(this.#slabs.place(sent.buffer), sent, place)
    this.#push(batch)
    if (hasProducer(batch)) this.#wrote(batch, now)
    this.#keepBytes(1)
    return { baseOffset: batch.baseOffset, appendTime: batch.timestampType === 'LogAppendTime' ? now : -1 }
  }

  #checkProducer(batch: RecordBatch): number {
    if (!hasProducer(batch)) return errorCodes.NONE
    const errorCode = this.#producers.check(batch)
    const strays = !batch.isTransactional && this.#transactions.isOpen(batch.producerId)
    return errorCode === errorCodes.NONE && strays ? errorCodes.INVALID_TXN_STATE : errorCode
  }

  #wrote(batch: RecordBatch, now: number): void {
    const before = this.#producers.count
    this.#producers.wrote(batch, now)
    if (batch.isTransactional && !this.#transactions.isOpen(batch.producerId)) {
      this.#transactions.begin(batch.producerId, batch.baseOffset)
    }
    this.#settings.space.producersChanged(this.#producers.count - before)
  }

  /** Writes the marker that ends this producer's transaction; one that ends nothing only where there is room for it. */
  endTransaction(producerId: number, producerEpoch: number, type: 'commit' | 'abort'): void {
    if (!this.#settings.space.hasRoom(batchCost) && !this.#transactions.isOpen(producerId)) return
    const now = this.#settings.clock.wallTime()
    const baseOffset = this.#endOffset
    const leaderEpoch = this.#epoch
    const marker = writeEndMarker({ type, producerId, producerEpoch, baseOffset, leaderEpoch, now })
    this.#push(new RecordBatch(marker))
    const before = this.#producers.count
    this.#producers.ended(producerId, producerEpoch, 0, now)
    this.#transactions.end(producerId, baseOffset, type)
    this.#settings.space.producersChanged(this.#producers.count - before)
  }

  #push(batch: RecordBatch): void {
    this.#batches.push(batch)
    this.#endOffset = batch.lastOffset + 1
    this.#settings.space.changed(batch.buffer.length + batchCost)
  }

  /** From now on batches are of a leader with this epoch. */
  beginEpoch(epoch: number): void {
    this.#epoch = epoch
    this.#epochs.begin(epoch, this.#endOffset)
  }

  /** Where this epoch ended, as far as the log knows (KIP-320). */
  endOfEpoch(epoch: number): EpochEnd {
    return this.#epochs.endOf(epoch, this.#endOffset)
  }

  /** Epoch of the first offset; -1 when it is not known. */
  get startEpoch(): number {
    return this.#epochs.earliest(this.#startOffset)
  }

  /** Where the batch with this offset begins; the offset itself where there is none. */
  batchStart(offset: number): number {
    return Math.min(offset, this.#batches.find(offset, () => true)?.baseOffset ?? offset)
  }

  /** Bytes that such a reader has before it, up to `end`. */
  available(offset: number, isolation: Isolation, end: number): number {
    return this.#batches.bytesBetween(offset, Math.min(end, this.endFor(isolation)))
  }

  /** `offset` is in the log; a reader at or beyond `end`, or the end for this isolation, gets nothing. */
  read(
    offset: number,
    isolation: Isolation,
    maxBytes: number,
    atLeastOne: boolean,
    end = Number.POSITIVE_INFINITY,
  ): Read {
    const slice = this.#batches.slice(offset, Math.min(end, this.endFor(isolation)), maxBytes, atLeastOne)
    const committed = isolation === 'read_committed'
    return { ...slice, aborted: committed ? this.#transactions.abortedIn(offset, slice.end) : null }
  }

  /** The first record that is not older, if there is one. */
  findByTime(timestamp: number): Promise<Found | null> {
    return this.#settings.space.alone(() => findByTime(this.#batches, this.#startOffset, timestamp))
  }

  /** The first record with the largest timestamp. */
  findLargestTime(): Promise<Found | null> {
    return this.#settings.space.alone(() => findLargestTime(this.#batches, this.#startOffset))
  }

  /** Records before this offset are no more; it may be inside of a batch. */
  deleteBefore(offset: number): void {
    if (offset <= this.#startOffset) return
    this.#startOffset = offset
    this.#epochs.moveStart(offset)
    this.#transactions.moveStart(offset)
    for (let oldest = this.#batches.oldest; oldest !== undefined; oldest = this.#batches.oldest) {
      if (oldest.lastOffset >= offset) break
      this.#dropOldest(oldest)
    }
  }

  #dropOldest(oldest: RecordBatch): void {
    this.#batches.dropOldest()
    this.#settings.space.changed(-oldest.buffer.length - batchCost)
    this.deleteBefore(oldest.lastOffset + 1)
  }

  giveUp(bytes: number): void {
    if (!this.#deletes) return
    const goal = this.memory - bytes
    for (let oldest = this.#batches.oldest; oldest !== undefined; oldest = this.#batches.oldest) {
      if (this.memory <= goal) return
      this.#dropOldest(oldest)
    }
  }

  forgetProducers(count: number): void {
    const before = this.#producers.count
    this.#producers.forget(count, state => !this.#transactions.isOpen(state.producerId))
    this.#settings.space.producersChanged(this.#producers.count - before)
  }

  applyRetention(): void {
    const now = this.#settings.clock.wallTime()
    this.#keepBytes(0)
    const keptMs = this.#settings.config().number('retention.ms')
    for (let oldest = this.#batches.oldest; this.#deletes && keptMs >= 0; oldest = this.#batches.oldest) {
      if (oldest === undefined || now - oldest.maxTimestamp <= keptMs) break
      this.#dropOldest(oldest)
    }
    const expired = ({ producerId, lastSeen }: ProducerState) =>
      now - lastSeen >= this.#settings.producerExpirationMs && !this.#transactions.isOpen(producerId)
    const before = this.#producers.count
    this.#producers.forget(before, expired)
    this.#settings.space.producersChanged(this.#producers.count - before)
  }

  get #deletes(): boolean {
    return this.#settings.config().get('cleanup.policy').includes('delete')
  }

  /** As Kafka: at least `retention.bytes` stay, where there were as many. */
  #keepBytes(batches: number): void {
    const kept = this.#settings.config().number('retention.bytes')
    if (kept < 0 || !this.#deletes) return
    for (let oldest = this.#batches.oldest; oldest !== undefined; oldest = this.#batches.oldest) {
      if (this.size - oldest.buffer.length < kept || this.#batches.count <= batches) return
      this.#dropOldest(oldest)
    }
  }

  /** Keeps the latest value of each key among what is stable; resolves when that is done. A second call joins the first. */
  compact(): Promise<void> {
    this.#compacting ??= this.#settings.space
      .alone(() => this.#compact())
      .finally(() => {
        this.#compacting = null
      })
    return this.#compacting
  }

  async #compact(): Promise<void> {
    const end = this.lastStableOffset
    const batches = [...this.#batches].filter(batch => batch.baseOffset < end)
    const { replaced, vanished } = await compact({
      batches,
      aborted: this.#transactions.abortedIn(this.#startOffset, end),
      now: this.#settings.clock.wallTime(),
      deleteRetentionMs: this.#settings.config().number('delete.retention.ms'),
      horizons: this.#horizons,
      lastOfProducer: batch => this.#isLastOfProducer(batch),
    })
    if (this.#closed) return
    const before = this.memory
    const all = [...this.#batches].map(batch => (replaced.has(batch) ? replaced.get(batch) : batch))
    this.#batches.replace(all.filter(batch => batch !== null && batch !== undefined))
    this.#transactions.retain(aborted => !vanished.has(aborted))
    this.#settings.space.changed(this.memory - before)
  }

  #isLastOfProducer(batch: RecordBatch): boolean {
    const state = hasProducer(batch) ? this.#producers.get(batch.producerId) : undefined
    if (state === undefined) return false
    const last = state.written.at(-1)
    return last === undefined
      ? batch.isControl && batch.producerEpoch === state.epoch
      : batch.lastOffset === last.lastOffset
  }

  close(): void {
    this.#closed = true
    this.#settings.space.leave(this)
  }
}
