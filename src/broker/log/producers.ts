import { errorCodes } from '../../protocol/error-codes.ts'
import type { RecordBatch } from '../../records/record-batch.ts'

type ProducerId = number | bigint

/** A batch that an idempotent producer wrote, remembered in case it is sent again. */
export interface Written {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  readonly lastOffset: number
  /** Its largest timestamp. */
  readonly timestamp: number
}

export interface ProducerState {
  readonly producerId: ProducerId
  /** -1: none was seen. */
  epoch: number
  coordinatorEpoch: number
  /** Of the epoch, the oldest first. */
  written: Written[]
  /** Wall time of the last append. */
  lastSeen: number
}

/** As many as Kafka's producers may have in flight. */
const remembered = 5
const lastPossible = 0x7fff_ffff

/** What a partition knows of the idempotent producers that write to it (KIP-98), those heard of longest ago first. */
export class Producers {
  readonly #states = new Map<ProducerId, ProducerState>()

  get count(): number {
    return this.#states.size
  }

  get(producerId: ProducerId): ProducerState | undefined {
    return this.#states.get(producerId)
  }

  [Symbol.iterator](): Iterator<ProducerState> {
    return this.#states.values()
  }

  /** The same batch, when it is one of the last that its producer wrote. */
  duplicateOf(batch: RecordBatch): Written | undefined {
    const state = this.#states.get(batch.producerId)
    if (state?.epoch !== batch.producerEpoch) return undefined
    const last = lastSequence(batch)
    return state.written.find(sent => sent.firstSequence === batch.baseSequence && sent.lastSequence === last)
  }

  /** Whether the batch goes on where its producer stopped: the error code that Kafka answers. */
  check(batch: RecordBatch): number {
    const state = this.#states.get(batch.producerId)
    // Of a producer that was forgotten, or never heard of, any sequence is the first.
    if (state === undefined || state.epoch < 0) return errorCodes.NONE
    if (batch.producerEpoch < state.epoch) return errorCodes.INVALID_PRODUCER_EPOCH
    const before = batch.producerEpoch === state.epoch ? (state.written.at(-1)?.lastSequence ?? -1) : -1
    const expected = before === lastPossible ? 0 : before + 1
    return batch.baseSequence === expected ? errorCodes.NONE : errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER
  }

  /** The batch was appended. */
  wrote(batch: RecordBatch, now: number): void {
    const state = this.#seen(batch.producerId, batch.producerEpoch, now)
    if (state.written.length === remembered) state.written.shift()
    state.written.push({
      firstSequence: batch.baseSequence,
      lastSequence: lastSequence(batch),
      baseOffset: batch.baseOffset,
      lastOffset: batch.lastOffset,
      timestamp: batch.maxTimestamp,
    })
  }

  /** The marker of a transaction's end was appended; its epoch may be a new one (KIP-890). */
  ended(producerId: ProducerId, epoch: number, coordinatorEpoch: number, now: number): void {
    this.#seen(producerId, epoch, now).coordinatorEpoch = coordinatorEpoch
  }

  /** Forgets those that are `idle`, the oldest first, until `count` are gone. */
  forget(count: number, idle: (state: ProducerState) => boolean): void {
    let left = count
    for (const state of this.#states.values()) {
      if (left <= 0) return
      if (!idle(state)) continue
      this.#states.delete(state.producerId)
      left--
    }
  }

  #seen(producerId: ProducerId, epoch: number, now: number): ProducerState {
    let state = this.#states.get(producerId)
    state ??= { producerId, epoch, coordinatorEpoch: -1, written: [], lastSeen: now }
    if (state.epoch !== epoch) state.written = []
    state.epoch = epoch
    state.lastSeen = now
    this.#states.delete(producerId)
    this.#states.set(producerId, state)
    return state
  }
}

/** Sequences go on from 0 behind the largest int32. */
function lastSequence(batch: RecordBatch): number {
  const sum = batch.baseSequence + (batch.lastOffset - batch.baseOffset)
  return sum > lastPossible ? sum - lastPossible - 1 : sum
}
