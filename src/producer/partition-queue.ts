import type { MillraceError } from '../base/errors.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'
import { type ProducerBatch, SEQUENCES } from './batch.ts'
import type { Identity, IdentitySource } from './identity.ts'

/** What a broker, or the way to it, made of one attempt. */
export type Outcome =
  | { readonly error: null; readonly baseOffset: number; readonly logAppendTime: number }
  /** `sent` false: it reached no broker. */
  | { readonly error: MillraceError; readonly sent: boolean }

export interface PartitionQueueOptions {
  /** What a leader answers says that its replicas have it: until they do it may lose its office, and answers as if it had written nothing. */
  readonly acks: 0 | 1 | -1
  /** Batches without an answer. Brokers know the last five of a producer, so that one that is sent again is found among them. */
  readonly maxInFlight: number
}

/** Errors that a broker finds before it writes: the batch is not in its log, and never will be by that attempt. */
const refusals: ReadonlySet<number> = new Set([
  errorCodes.CORRUPT_MESSAGE,
  errorCodes.MESSAGE_TOO_LARGE,
  errorCodes.INVALID_TOPIC_EXCEPTION,
  errorCodes.RECORD_LIST_TOO_LARGE,
  errorCodes.NOT_ENOUGH_REPLICAS,
  errorCodes.INVALID_REQUIRED_ACKS,
  errorCodes.TOPIC_AUTHORIZATION_FAILED,
  errorCodes.CLUSTER_AUTHORIZATION_FAILED,
  errorCodes.INVALID_TIMESTAMP,
  errorCodes.UNSUPPORTED_VERSION,
  errorCodes.INVALID_REQUEST,
  errorCodes.UNSUPPORTED_FOR_MESSAGE_FORMAT,
  errorCodes.POLICY_VIOLATION,
  errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
  errorCodes.INVALID_PRODUCER_EPOCH,
  errorCodes.INVALID_TXN_STATE,
  errorCodes.INVALID_PRODUCER_ID_MAPPING,
  errorCodes.CONCURRENT_TRANSACTIONS,
  errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  errorCodes.UNKNOWN_PRODUCER_ID,
  errorCodes.UNSUPPORTED_COMPRESSION_TYPE,
  errorCodes.INVALID_RECORD,
  errorCodes.PRODUCER_FENCED,
  errorCodes.TRANSACTION_ABORTABLE,
])
/** The same of leaders that wait for no replica; who waits answers this too when it lost its office meanwhile. */
const moves: ReadonlySet<number> = new Set([
  errorCodes.NOT_LEADER_OR_FOLLOWER,
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorCodes.UNKNOWN_TOPIC_ID,
  errorCodes.LEADER_NOT_AVAILABLE,
  errorCodes.FENCED_LEADER_EPOCH,
])
/** The topic takes no batches of that size; half of it may do. */
const tooLarge: ReadonlySet<number> = new Set([errorCodes.MESSAGE_TOO_LARGE, errorCodes.RECORD_LIST_TOO_LARGE])
/** The broker's log and the numbers of this producer do not go together. */
const outOfStep: ReadonlySet<number> = new Set([
  errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
  errorCodes.UNKNOWN_PRODUCER_ID,
  errorCodes.INVALID_PRODUCER_EPOCH,
])
/**
 * How long a broker surely knows a producer that it acknowledged something to. One that it does not know may begin with any number: were
 * several on their way then, and the first one refused, the second would be written before it. Brokers forget a producer after
 * `producer.id.expiration.ms` (a day), and where retention deletes what it wrote before a new replica has copied it.
 */
const KNOWN_MS = 60_000

/** From this number on the log does not go on: a batch that had it was given up, or the log and the numbers are out of step. */
interface Hole {
  readonly sequence: number
  /** No attempt with this number was written, nor can it come to be: so nothing behind it can. */
  readonly certain: boolean
}

/**
 * The batches of one partition, in the order in which they are to be in its log.
 *
 *     waiting ──take──▶ under way ──answered──▶ settled
 *        ▲                  └──to be tried again──┐
 *        └────────────────────────────────────────┘
 *
 * With idempotence a batch gets its sequence number when it is first taken, and keeps it as long as it is tried: the broker writes each
 * number once, and only behind the one before. One that is tried again is taken alone, in its turn.
 *
 * One that is given up leaves a hole. What was numbered before it keeps its numbers and is tried on. What was numbered behind it gets new
 * numbers under a new epoch (KIP-360) once the hole is certain and nothing is under way. It is certain when the broker refused each attempt
 * of the missing one. Else the next one behind it is sent under its old number: when that is written, so was the missing one; when it is out
 * of order, and was refused each time itself, it is a certain hole. An attempt that ended without an answer may still come to be written, from
 * the buffers of a connection that was lost; such a batch is never sent under another number, and is given up as unknown.
 */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  /** Not before this time, by the clock's `now`, is one that failed tried again. */
  notBefore = 0
  readonly #keeper: IdentitySource | null
  readonly #options: PartitionQueueOptions
  readonly #waiting: ProducerBatch[] = []
  readonly #underWay: ProducerBatch[] = []
  /** As whom the last number was given, and the next number to give. */
  #identity: Identity | null = null
  #next = 0
  /** When a number was last acknowledged, by the clock's `now`. */
  #ackedAt = Number.NEGATIVE_INFINITY
  #holes: Hole[] = []

  constructor(topic: string, partition: number, keeper: IdentitySource | null, options: PartitionQueueOptions) {
    this.topic = topic
    this.partition = partition
    this.#keeper = keeper
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#underWay.length === 0
  }

  /** The first that waits. */
  get head(): ProducerBatch | undefined {
    return this.#waiting[0]
  }

  /** The one that new messages are added to. */
  get open(): ProducerBatch | undefined {
    const last = this.#waiting.at(-1)
    return last?.sealed === false ? last : undefined
  }

  get waiting(): readonly ProducerBatch[] {
    return this.#waiting
  }

  /** Those that are under way, and those that wait. */
  get all(): readonly ProducerBatch[] {
    return [...this.#underWay, ...this.#waiting]
  }

  get size(): number {
    return this.#underWay.length + this.#waiting.length
  }

  add(batch: ProducerBatch): void {
    this.#waiting.push(batch)
  }

  /** Whether the head may be sent now; whether it is due is not asked here. */
  canTake(now: number): boolean {
    const { head } = this
    if (head === undefined || now < this.notBefore || this.#underWay.length >= this.#options.maxInFlight) return false
    if (this.#keeper === null) return true
    if (this.#underWay.length === 0) this.#mend()
    const { current } = this.#keeper
    if (current === null) return false
    if (this.#underWay.length === 0) return true
    // One that was sent before is sent alone: what was sent behind it is in the log, or waits behind it.
    if (head.sequence >= 0 || this.#holes.length > 0) return false
    // The last numbers of an old epoch must have their answers before the first one of a new epoch is sent.
    return this.#identity === current && now - this.#ackedAt < KNOWN_MS
  }

  /** Takes the head, which `canTake` allowed. */
  take(): ProducerBatch {
    // Looked at by `canTake`.
    const batch = this.#waiting.shift() as ProducerBatch
    batch.sealed = true
    batch.attempts++
    if (this.#keeper !== null && batch.sequence < 0) this.#number(batch, this.#keeper)
    this.#underWay.push(batch)
    return batch
  }

  /** What becomes of the batch then; its parts wait in its place when it is split. */
  answered(batch: ProducerBatch, outcome: Outcome, now: number): 'over' | 'again' | readonly ProducerBatch[] {
    this.#underWay.splice(this.#underWay.indexOf(batch), 1)
    const { error } = outcome
    if (error === null) {
      this.#written(batch, now)
      batch.succeeded(outcome.baseOffset, outcome.logAppendTime)
      return 'over'
    }
    const code = error instanceof KafkaError ? error.errorCode : null
    if (code === errorCodes.DUPLICATE_SEQUENCE_NUMBER) {
      this.#written(batch, now)
      batch.succeeded(-1, -1)
      return 'over'
    }
    batch.cause = error
    if (outcome.sent && !this.#refused(code)) batch.uncertain = true
    if (code !== null && tooLarge.has(code) && batch.count > 1) {
      const parts = batch.split()
      for (const part of parts.toReversed()) this.#putBack(part)
      return parts
    }
    if (now < batch.deadline && this.#triesAgain(batch, error, code)) {
      this.#putBack(batch)
      return 'again'
    }
    if (error.retriable && now >= batch.deadline) this.#late(batch)
    else this.#giveUp(batch, error.code, error.message, error.retriable)
    return 'over'
  }

  /** Gives up what waits and may not be tried any longer; answers what that was. */
  expire(now: number): readonly ProducerBatch[] {
    const late = this.#waiting.filter(batch => now >= batch.deadline)
    // All of them first: who is told of one may send another message, which none of these is to take.
    for (const batch of late) this.#waiting.splice(this.#waiting.indexOf(batch), 1)
    for (const batch of late) this.#late(batch)
    return late
  }

  #late(batch: ProducerBatch): void {
    const last = batch.cause === null ? 'it was not sent, see the log' : `the last attempt: ${batch.cause.message}`
    this.#giveUp(batch, 'DELIVERY_TIMEOUT', `not delivered within the time that it had; ${last}`, true)
  }

  /** Gives up all that waits. */
  abandon(error: MillraceError): readonly ProducerBatch[] {
    const waiting = this.#waiting.splice(0)
    for (const batch of waiting) this.#giveUp(batch, error.code, error.message, error.retriable)
    return waiting
  }

  /** Gives up all that is under way: it may be written or not. */
  forsake(error: MillraceError): readonly ProducerBatch[] {
    const underWay = this.#underWay.splice(0)
    for (const batch of underWay) {
      batch.uncertain = true
      this.#giveUp(batch, error.code, error.message, error.retriable)
    }
    return underWay
  }

  #number(batch: ProducerBatch, { current }: IdentitySource): void {
    if (this.#identity !== current) {
      this.#identity = current
      this.#next = 0
      this.#ackedAt = Number.NEGATIVE_INFINITY
    }
    batch.number(current, this.#next)
    this.#next = (this.#next + batch.count) % SEQUENCES
  }

  /** So all before it was. */
  #written(batch: ProducerBatch, now: number): void {
    if (batch.identity !== this.#identity) return
    this.#ackedAt = now
    if (this.#holes.length > 0) this.#holes = this.#holes.filter(hole => isBefore(batch.sequence, hole.sequence))
  }

  /** The broker says that this attempt wrote nothing. */
  #refused(code: number | null): boolean {
    if (code === null) return false
    return refusals.has(code) || (this.#options.acks !== -1 && moves.has(code))
  }

  #triesAgain(batch: ProducerBatch, error: MillraceError, code: number | null): boolean {
    if (this.#keeper === null) return error.retriable && !batch.uncertain
    if (code === null || !outOfStep.has(code)) return error.retriable
    // One before it comes first; then this one fits, or tells more.
    if (
      [...this.#underWay, ...this.#waiting].some(
        other => other.sequence >= 0 && isBefore(other.sequence, batch.sequence),
      )
    )
      return true
    if (!batch.uncertain) this.#holes.push({ sequence: batch.sequence, certain: true })
    return !batch.uncertain
  }

  /** In front of those that were sent after it. */
  #putBack(batch: ProducerBatch): void {
    const at = this.#waiting.findIndex(other => other.sequence < 0 || isBefore(batch.sequence, other.sequence))
    this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, batch)
  }

  #giveUp(batch: ProducerBatch, code: string, why: string, retriable: boolean): void {
    const { sequence, uncertain } = batch
    if (sequence >= 0) this.#holes.push({ sequence, certain: !uncertain })
    batch.failed(batch.error(code, why, uncertain ? 'unknown' : 'no', retriable))
  }

  /** Nothing is under way: what was numbered behind a certain hole gets new numbers, and so does what comes after the last hole. */
  #mend(): void {
    if (this.#holes.length === 0 || this.#identity === null) return
    const numbered = this.#waiting.filter(batch => batch.sequence >= 0)
    const first = numbered[0]
    // It comes before the hole, or tells whether there is one.
    if (first !== undefined && !this.#holes.some(hole => hole.certain && !isBefore(first.sequence, hole.sequence)))
      return
    this.#holes = []
    this.#keeper?.renew(this.#identity, first?.cause ?? null)
    for (const batch of numbered) {
      batch.uncertain = false
      batch.number(null, -1)
    }
  }
}

/** Numbers begin anew after the largest. */
function isBefore(one: number, other: number): boolean {
  return one !== other && (other - one + SEQUENCES) % SEQUENCES < SEQUENCES / 2
}
