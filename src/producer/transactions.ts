import { MillraceError, toError } from '../base/errors.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'
import type { Identity, IdentitySource } from './identity.ts'
import type { WrittenTransaction } from './sender.ts'
import type { TransactionCalls, TransactionGroup, TransactionOffset } from './transaction-calls.ts'

/**
 * A transaction failed. Codes: `PRODUCER_FENCED`, another producer has this transactional id now, and this one is over;
 * `TRANSACTION_ABORTED`, it is not in the log, and may be tried again; `TRANSACTION_UNKNOWN`, nobody knows whether it was committed.
 */
export class TransactionError extends MillraceError {}

export interface TransactionsParts {
  readonly calls: TransactionCalls
  readonly transactionalId: string
  /** After this the coordinator aborts it by itself, ms. */
  readonly timeoutMs: number
  /** By the clock's `now`: until when a call that begins now is tried. */
  readonly deadline: () => number
  /** Something may be written that could not be before. */
  readonly changed: () => void
}

/** Errors after which this producer can do nothing more. */
const final: ReadonlySet<number> = new Set([
  errorCodes.PRODUCER_FENCED,
  errorCodes.INVALID_PRODUCER_EPOCH,
  errorCodes.INVALID_PRODUCER_ID_MAPPING,
  errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  errorCodes.CLUSTER_AUTHORIZATION_FAILED,
])

/**
 * The transactions of one producer, one after another.
 *
 *     unknown ──init──▶ idle ──begin──▶ open ──commit, abort──▶ idle
 *                                        └──unclear──▶ unknown
 */
export class Transactions implements IdentitySource, WrittenTransaction {
  readonly transactionalId: string
  readonly #parts: TransactionsParts
  #state: 'unknown' | 'idle' | 'open' = 'unknown'
  #identity: Identity | null = null
  #addsPartitions = false
  /** Partitions that the coordinator knows, and those that it is to be told of. */
  readonly #added = new Set<string>()
  readonly #wanted = new Map<string, TopicPartition>()
  #adding: Promise<void> | null = null
  /** Something was asked of a broker in its name: it has to be ended. */
  #touched = false
  /** Why it cannot be committed. */
  #broken: Error | null = null
  #fatal: MillraceError | null = null

  constructor(parts: TransactionsParts) {
    this.#parts = parts
    this.transactionalId = parts.transactionalId
  }

  /** Null outside of a transaction, and when it is to be aborted: nothing is written then. */
  get current(): Identity | null {
    return this.#state === 'open' && this.#broken === null ? this.#identity : null
  }

  get addsPartitions(): boolean {
    return this.#addsPartitions
  }

  /** A number is missing: what was to be written cannot be, in order. */
  renew(from: Identity): void {
    if (from !== this.#identity) return
    this.fail(new TransactionError('TRANSACTION_ABORTED', 'a message of it could not be written', { retriable: true }))
  }

  /** It is to be aborted. */
  fail(error: Error): void {
    this.#broken ??= error
  }

  mayWrite(topic: string, partition: number): boolean {
    if (this.#addsPartitions) {
      this.#touched = true
      return true
    }
    const name = partitionName(topic, partition)
    if (this.#added.has(name)) return true
    this.#wanted.set(name, { topic, partition })
    this.#adding ??= this.#add()
    return false
  }

  async begin(): Promise<void> {
    if (this.#fatal !== null) throw this.#fatal
    if (this.#state === 'open') {
      throw new MillraceError(
        'TRANSACTION_OPEN',
        'A transaction of this producer is open: one follows the other. Await it, or use more producers',
      )
    }
    if (this.#state === 'unknown') await this.#init()
    this.#state = 'open'
    this.#added.clear()
    this.#wanted.clear()
    this.#touched = false
    this.#broken = null
  }

  async sendOffsets(offsets: readonly TransactionOffset[], group: TransactionGroup): Promise<void> {
    const { calls, deadline } = this.#parts
    const { current } = this
    if (current === null) throw this.#broken ?? new MillraceError('NO_TRANSACTION', 'The transaction is over')
    this.#touched = true
    try {
      await calls.commitOffsets(current, offsets, group, this.#addsPartitions, deadline())
    } catch (thrown) {
      throw this.#failed(toError(thrown))
    }
  }

  /** All its messages are written. */
  async commit(): Promise<void> {
    await this.#adding
    if (this.#broken !== null) throw this.#broken
    if (this.#touched) await this.#end(true)
    this.#state = 'idle'
  }

  /** Nothing of it is under way any more. */
  async abort(): Promise<void> {
    await this.#adding
    if (this.#touched && this.#fatal === null) await this.#end(false)
    this.#state = this.#fatal === null ? 'idle' : 'unknown'
    // Under the first kind, numbers may be missing, and what is late of this transaction would be taken for the next one's.
    if (!this.#addsPartitions && this.#fatal === null) await this.#init()
  }

  async #init(): Promise<void> {
    const { calls, timeoutMs, deadline } = this.#parts
    const own = this.#state === 'idle' ? this.#identity : null
    this.#state = 'unknown'
    try {
      const until = deadline()
      this.#identity = await calls.init(own, timeoutMs, until)
      this.#addsPartitions = await calls.addsPartitions(until)
      this.#state = 'idle'
    } catch (thrown) {
      throw this.#failed(toError(thrown))
    }
  }

  async #end(committed: boolean): Promise<void> {
    const { calls, deadline } = this.#parts
    // Is there while one is open.
    const identity = this.#identity as Identity
    try {
      this.#identity = await calls.end(identity, committed, this.#addsPartitions, deadline())
    } catch (thrown) {
      const error = this.#failed(toError(thrown))
      this.#state = 'unknown'
      const said = thrown instanceof KafkaError && !thrown.retriable
      if (!committed || said) throw error
      const text = `Nobody answered whether the transaction of ${this.transactionalId} was committed: ${error.message}`
      throw new TransactionError('TRANSACTION_UNKNOWN', text, { cause: thrown })
    }
  }

  async #add(): Promise<void> {
    const { calls, deadline, changed } = this.#parts
    while (this.#wanted.size > 0 && this.current !== null) {
      const partitions = [...this.#wanted.values()]
      this.#wanted.clear()
      this.#touched = true
      try {
        await calls.addPartitions(this.current, partitions, deadline())
        for (const { topic, partition } of partitions) this.#added.add(partitionName(topic, partition))
      } catch (thrown) {
        this.#failed(toError(thrown))
      }
      changed()
    }
    this.#adding = null
  }

  #failed(error: Error): Error {
    if (error instanceof KafkaError && final.has(error.errorCode)) {
      const fenced =
        error.errorCode === errorCodes.PRODUCER_FENCED || error.errorCode === errorCodes.INVALID_PRODUCER_EPOCH
      this.#fatal = fenced
        ? new TransactionError(
            'PRODUCER_FENCED',
            `Another producer has the transactional id ${this.transactionalId} now: this one is over`,
            { cause: error },
          )
        : error
    }
    this.#broken = this.#fatal ?? this.#broken ?? error
    return this.#broken
  }
}
