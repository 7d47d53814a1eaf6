import type { MillraceError } from '../base/errors.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'
import type { ProducerBatch } from './batch.ts'
import type { Written } from './delivery.ts'
import type { Identity, IdentitySource } from './identity.ts'

/** What a broker, or the way to it, made of one attempt. */
export type Outcome =
  | { readonly error: null; readonly baseOffset: number; readonly logAppendTime: number }
  | { readonly error: MillraceError }

/** Errors after which nobody knows whether the batch was written: it may be in the leader's log, or come to be. */
const unsaid: ReadonlySet<number> = new Set([errorCodes.REQUEST_TIMED_OUT, errorCodes.NOT_ENOUGH_REPLICAS_AFTER_APPEND])
/** Errors of requests that were not sent. */
const unsent: ReadonlySet<string> = new Set(['AUTHENTICATION', 'TLS', 'UNSUPPORTED_VERSION', 'QUEUE_FULL'])
/** The broker's log and the numbers of this producer do not go together. */
const outOfStep: ReadonlySet<number> = new Set([
  errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
  errorCodes.UNKNOWN_PRODUCER_ID,
  errorCodes.INVALID_PRODUCER_EPOCH,
])
const SEQUENCES = 2 ** 31
/**
 * How long a broker surely knows a producer that it acknowledged something to. One that it does not know may begin with any number: were
 * several on their way then, and the first one refused, the second would be written before it.
 */
const KNOWN_MS = 60_000

/**
 * The batches of one partition, in the order in which they are to be in its log.
 *
 *     waiting ──take──▶ under way ──answered──▶ settled
 *        ▲                  └──to be tried again──┐
 *        └────────────────────────────────────────┘
 *
 * With idempotence a batch gets its sequence number when it is first taken, and keeps it as long as it is tried: the broker writes each
 * number once, and only behind the one before. One that is tried again is taken alone, in its turn. When a number is missing for good,
 * because its batch was given up or refused, what follows gets new numbers under a new epoch, once nothing is under way (KIP-360): so
 * nothing that is still on its way can come in between.
 */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  /** Not before this time, by the clock's `now`, is one that failed tried again. */
  notBefore = 0
  readonly #keeper: IdentitySource | null
  readonly #waiting: ProducerBatch[] = []
  readonly #underWay: ProducerBatch[] = []
  /** As whom the last number was given. */
  #identity: Identity | null = null
  /** The next number to give; the next one that the log wants, as far as is known. */
  #next = 0
  #acked = 0
  /** When a number was last acknowledged, by the clock's `now`. */
  #ackedAt = Number.NEGATIVE_INFINITY
  /** A number is missing, or may be. */
  #hole: 'none' | 'possible' | 'certain' = 'none'

  constructor(topic: string, partition: number, keeper: IdentitySource | null) {
    this.topic = topic
    this.partition = partition
    this.#keeper = keeper
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

  add(batch: ProducerBatch): void {
    this.#waiting.push(batch)
  }

  /** Whether the head may be sent now; whether it is due is not asked here. */
  canTake(now: number): boolean {
    const head = this.head
    if (head === undefined || now < this.notBefore) return false
    if (this.#keeper === null) return true
    this.#mend()
    const current = this.#keeper.current
    if (current === null) return false
    // One that was sent before is sent alone: what was sent behind it is in the log, or waits behind it.
    if (head.sequence >= 0) return this.#underWay.length === 0
    if (this.#hole !== 'none') return false
    if (this.#underWay.length === 0) return true
    // The last numbers of an old epoch must have their answers before the first one of a new epoch is sent.
    return this.#identity === current && now - this.#ackedAt < KNOWN_MS
  }

  /** Takes the head, which `canTake` allowed. */
  take(): ProducerBatch {
    // Looked at by `canTake`.
    const batch = this.#waiting.shift() as ProducerBatch
    batch.sealed = true
    batch.attempts++
    if (this.#keeper !== null && batch.sequence < 0) this.#number(batch)
    this.#underWay.push(batch)
    return batch
  }

  /** Whether the batch is over; else it waits to be tried again. */
  answered(batch: ProducerBatch, outcome: Outcome, now: number): boolean {
    this.#underWay.splice(this.#underWay.indexOf(batch), 1)
    const { error } = outcome
    if (error === null) {
      this.#written(batch, now)
      batch.succeeded(outcome.baseOffset, outcome.logAppendTime)
      return true
    }
    const code = error instanceof KafkaError ? error.errorCode : null
    if (code === errorCodes.DUPLICATE_SEQUENCE_NUMBER) {
      this.#written(batch, now)
      batch.succeeded(-1, -1)
      return true
    }
    batch.cause = error
    if (code === null ? !unsent.has(error.code) : unsaid.has(code)) batch.uncertain = true
    if (this.#triesAgain(batch, error, code) && now < batch.deadline) {
      this.#putBack(batch)
      return false
    }
    this.#giveUp(batch, error.code, error.message, error.retriable)
    return true
  }

  /** Gives up what waits and may not be tried any longer; answers what that was. */
  expire(now: number): readonly ProducerBatch[] {
    const late = this.#waiting.filter(batch => now >= batch.deadline)
    for (const batch of late) {
      this.#waiting.splice(this.#waiting.indexOf(batch), 1)
      const last = batch.cause === null ? 'it was not sent, see the log' : `the last attempt: ${batch.cause.message}`
      this.#giveUp(batch, 'DELIVERY_TIMEOUT', `not delivered within the time that it had; ${last}`, true)
    }
    return late
  }

  /** Gives up all that waits. */
  abandon(error: MillraceError): readonly ProducerBatch[] {
    const waiting = this.#waiting.splice(0)
    for (const batch of waiting) this.#giveUp(batch, error.code, error.message, error.retriable)
    return waiting
  }

  #number(batch: ProducerBatch): void {
    const { current } = this.#keeper as IdentitySource
    if (this.#identity !== current) {
      this.#identity = current
      this.#next = this.#acked = 0
      this.#ackedAt = Number.NEGATIVE_INFINITY
    }
    batch.number(current, this.#next)
    this.#next = (this.#next + batch.count) % SEQUENCES
  }

  #written(batch: ProducerBatch, now: number): void {
    if (batch.identity !== this.#identity) return
    this.#acked = (batch.sequence + batch.count) % SEQUENCES
    this.#ackedAt = now
  }

  #triesAgain(batch: ProducerBatch, error: MillraceError, code: number | null): boolean {
    if (this.#keeper === null) return error.retriable && !batch.uncertain
    if (code === null || !outOfStep.has(code)) return error.retriable
    // One before it comes first; then this one fits.
    const behind = batch.sequence !== this.#acked && code === errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER
    const earlier = [...this.#underWay, ...this.#waiting].some(each => each.sequence >= 0 && isBefore(each, batch))
    if (!(behind && earlier)) this.#hole = 'certain'
    return true
  }

  /** In front of those that were sent after it. */
  #putBack(batch: ProducerBatch): void {
    const at = this.#waiting.findIndex(each => each.sequence < 0 || isBefore(batch, each))
    this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, batch)
  }

  #giveUp(batch: ProducerBatch, code: string, why: string, retriable: boolean): void {
    const written: Written = batch.uncertain ? 'unknown' : 'no'
    if (batch.sequence >= 0 && this.#hole !== 'certain') this.#hole = batch.uncertain ? 'possible' : 'certain'
    batch.failed(batch.error(code, why, written, retriable))
  }

  /** Once nothing is under way: is a number missing? Then all that was numbered gets new ones. */
  #mend(): void {
    if (this.#hole === 'none' || this.#underWay.length > 0) return
    // Those that were sent and wait for their turn tell whether the one before them is in the log.
    const numbered = this.#waiting.filter(batch => batch.sequence >= 0)
    if (this.#hole === 'possible' && numbered.length > 0) return
    const missing = this.#hole === 'certain' || this.#acked !== this.#next
    this.#hole = 'none'
    if (!missing || this.#identity === null) return
    this.#keeper?.renew(this.#identity, numbered[0]?.cause ?? null)
    // Behind a number that is missing nothing can have been written.
    for (const batch of numbered) {
      batch.uncertain = false
      batch.number(null, -1)
    }
  }
}

/** Of one identity; numbers begin anew after the largest. */
function isBefore(one: ProducerBatch, other: ProducerBatch): boolean {
  return (other.sequence - one.sequence + SEQUENCES) % SEQUENCES < SEQUENCES / 2 && one.sequence !== other.sequence
}
