import type { Clock } from '../base/clock.ts'
import { MillraceError, OptionError, toError } from '../base/errors.ts'
import { describe } from '../base/option-check.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'
import type { Identity, IdentitySource } from './identity.ts'
import { isCount } from './message.ts'
import type { WrittenTransaction } from './sender.ts'
import type { Deadline, Ended, TransactionCalls, TransactionGroup, TransactionOffset } from './transaction-calls.ts'
import { abortedBecause, TransactionError } from './transaction-error.ts'

export interface TransactionsParts {
  readonly calls: TransactionCalls
  readonly transactionalId: string
  /** After this the coordinator aborts it by itself, ms. */
  readonly timeoutMs: number
  /** How long a call is tried, ms. */
  readonly patienceMs: number
  readonly clock: Clock
  /** Something may be written that could not be before. */
  readonly changed: () => void
}

/** The transaction that is open, as far as it is told what becomes of it. */
export interface Opened {
  /** It is to be aborted, and nothing more of it is written. */
  broke(error: Error): void
  /** Its time is over, unless it is being ended. */
  stop(error: Error): void
}

/** How often the cluster is asked which kind of transactions it has: an upgrade or a downgrade may change it. */
const LOOK_AGAIN_MS = 300_000

/**
 * The transactions of one producer, one after another.
 *
 *     new ──init──▶ ready ──begin──▶ open ──commit──▶ ready
 *                     ▲                └──abort, or an end without an answer──▶ in doubt
 *                     └───────────────abort, and init as the same producer────────┘
 *
 * In doubt, it asks to abort what may be open still, which tells whether another producer has the transactional id by now, and then for
 * an epoch of its own: whatever comes late is refused (KIP-360, KIP-890).
 */
export class Transactions implements IdentitySource, WrittenTransaction {
  readonly transactionalId: string
  readonly #parts: TransactionsParts
  #identity: Identity | null = null
  /** The identity is good for the next transaction. */
  #ready = false
  #addsPartitions = false
  /** By the clock's `now`, when it was asked for. */
  #lookedAt = Number.NEGATIVE_INFINITY
  /** Partitions that the coordinator knows, and those that it is to be told of. */
  readonly #added = new Set<string>()
  readonly #wanted = new Map<string, TopicPartition>()
  #adding: Promise<void> | null = null
  /** Something was asked of a broker in its name, and it was not surely ended: the coordinator may have it open. */
  #touched = false
  #open: Opened | null = null
  #closed: PromiseWithResolvers<void> | null = null
  #writing = false
  #broken: Error | null = null
  #fenced: TransactionError | null = null

  constructor(parts: TransactionsParts) {
    this.#parts = parts
    this.transactionalId = parts.transactionalId
  }

  /** Null outside of a transaction, and when it is to be aborted: nothing is written then. */
  get current(): Identity | null {
    return this.#writing ? this.#identity : null
  }

  get addsPartitions(): boolean {
    return this.#addsPartitions
  }

  /** As whom it is written, also between two. */
  get identity(): Identity | null {
    return this.#identity
  }

  get isOpen(): boolean {
    return this.#open !== null
  }

  /** Why the open one cannot be committed; null: it can. */
  get broken(): Error | null {
    return this.#broken
  }

  /** Another producer has the transactional id. */
  get fenced(): TransactionError | null {
    return this.#fenced
  }

  /** A number is missing: what was to be written cannot be, in order. */
  renew(from: Identity, cause: Error | null): void {
    if (from === this.#identity) this.fail(cause ?? abortedBecause(new Error('a message of it was not written')))
  }

  /** It is to be aborted. */
  fail(error: Error): void {
    if (this.#open === null || this.#broken !== null) return
    this.#broken = error
    this.#writing = false
    this.#open.broke(error)
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

  async begin(opened: Opened): Promise<void> {
    if (this.#fenced !== null) throw this.#fenced
    if (this.#open !== null) {
      const text = 'A transaction of this producer is open: one follows the other. Await it, or use more producers'
      throw new MillraceError('TRANSACTION_OPEN', text)
    }
    this.#open = opened
    this.#closed = Promise.withResolvers()
    this.#broken = null
    this.#added.clear()
    this.#wanted.clear()
    try {
      const until = this.#deadline()
      await this.#recover(until)
      await this.#lookAgain(until)
    } catch (thrown) {
      this.#over()
      throw thrown
    }
    this.#writing = this.#broken === null
  }

  async sendOffsets(offsets: readonly TransactionOffset[], group: TransactionGroup): Promise<void> {
    const { current } = this
    if (current === null) throw this.#broken ?? new MillraceError('NO_TRANSACTION', 'The transaction is over')
    if (offsets.length === 0) return
    try {
      checkMember(group)
      for (const offset of offsets) checkOffset(offset)
      this.#touched = true
      await this.#parts.calls.commitOffsets(current, offsets, group, this.#addsPartitions, this.#whileWritten())
    } catch (thrown) {
      this.fail(toError(thrown))
      throw thrown
    }
  }

  /** All its messages are written. Rejects with `TRANSACTION_UNKNOWN` when it is over, with all else when it is to be aborted. */
  async commit(): Promise<void> {
    if (this.#broken !== null) throw this.#broken
    this.#writing = false
    if (this.#touched) {
      const ended = await this.#end(true, this.#deadline())
      if (ended.result === 'refused') throw ended.error
      if (ended.result === 'unclear') {
        this.#over()
        const text = `Nobody answered whether the transaction of ${this.transactionalId} was committed: ${ended.error.message}`
        throw new TransactionError('TRANSACTION_UNKNOWN', text, { cause: ended.error })
      }
    }
    this.#over()
  }

  /** Nothing of it is under way any more. When this rejects, it is tried again before the next one; nothing of it counts anyway. */
  async abort(): Promise<void> {
    this.#writing = false
    try {
      await this.#adding
      await this.#recover(this.#deadline())
    } finally {
      this.#over()
    }
  }

  /** Ends the open one, if there is one; resolves when it is over. */
  async close(error: Error): Promise<void> {
    this.#open?.stop(error)
    await this.#closed?.promise
  }

  #deadline(): Deadline {
    return { at: this.#parts.clock.now() + this.#parts.patienceMs }
  }

  /** One that is to be aborted is not added to any more. */
  #whileWritten(): Deadline {
    return { ...this.#deadline(), isOver: () => !this.#writing }
  }

  #over(): void {
    this.#open = null
    this.#writing = false
    this.#closed?.resolve()
  }

  /** Makes sure that the last one is ended, and that the next one can be told from it. */
  async #recover(until: Deadline): Promise<void> {
    await this.#abortLast(until)
    if (!this.#ready) await this.#init(until)
  }

  async #abortLast(until: Deadline): Promise<void> {
    if (!this.#touched) return
    const { result, error } = await this.#end(false, until)
    if (isFenced(error)) throw this.#fence(error)
    // One that is refused for another reason is over.
    if (result === 'unclear') throw error
  }

  async #end(committed: boolean, until: Deadline): Promise<Ended> {
    // Is there while something is touched.
    const identity = this.#identity as Identity
    const ended = await this.#parts.calls.end(identity, committed, this.#addsPartitions, until)
    if (ended.result === 'done') {
      this.#identity = ended.identity
      this.#touched = false
    }
    // Under the first kind, what is late of an aborted one would be taken for the next one's.
    this.#ready = ended.result === 'done' && (committed || this.#addsPartitions)
    return ended
  }

  /**
   * As the same producer, if it was one: who took over is not fenced then. Yet a transaction that it has open would be aborted, so nobody
   * comes here without having been told by the coordinator that the last one is over.
   */
  async #init(until: Deadline): Promise<void> {
    const { calls, timeoutMs } = this.#parts
    const before = this.#identity
    try {
      this.#identity = await calls.init(before, timeoutMs, until)
    } catch (thrown) {
      throw before !== null && isFenced(thrown) ? this.#fence(thrown) : thrown
    }
    this.#touched = false
    await this.#look(until)
    this.#ready = true
  }

  #fence(cause: unknown): TransactionError {
    const { transactionalId, timeoutMs } = this.#parts
    const text =
      `Another producer has the transactional id ${transactionalId} now, or the coordinator gave up a transaction of this one, ` +
      `which took longer than ${timeoutMs} ms: this producer is over`
    this.#fenced = new TransactionError('PRODUCER_FENCED', text, { cause })
    return this.#fenced
  }

  async #look(until: Deadline): Promise<void> {
    this.#addsPartitions = await this.#parts.calls.addsPartitions(until)
    this.#lookedAt = this.#parts.clock.now()
  }

  /** Epochs of the two kinds mean different things: with another kind, it begins anew. */
  async #lookAgain(until: Deadline): Promise<void> {
    const { calls, clock } = this.#parts
    if (clock.now() - this.#lookedAt < LOOK_AGAIN_MS) return
    this.#lookedAt = clock.now()
    if ((await calls.addsPartitions(until)) === this.#addsPartitions) return
    this.#touched = true
    await this.#abortLast(until)
    await this.#init(until)
  }

  async #add(): Promise<void> {
    const { calls, changed } = this.#parts
    // With those that are found to be wanted in the same turn.
    await null
    for (let { current } = this; current !== null && this.#wanted.size > 0; current = this.current) {
      const partitions = [...this.#wanted.values()]
      this.#wanted.clear()
      this.#touched = true
      try {
        await calls.addPartitions(current, partitions, this.#whileWritten())
        for (const { topic, partition } of partitions) this.#added.add(partitionName(topic, partition))
      } catch (thrown) {
        this.fail(toError(thrown))
      }
      changed()
    }
    this.#adding = null
  }
}

/** Without either a group takes offsets from everybody; a member that was put out has to be told from that. */
function checkMember({ group, memberId, generation, instanceId }: TransactionGroup): void {
  if (memberId === undefined && generation === undefined && (instanceId ?? null) === null) return
  if (memberId !== undefined && memberId !== '' && generation !== undefined && generation >= 0) return
  const text =
    `Offsets of group ${group} are not committed: memberId ${describe(memberId)} with generation ${describe(generation)} is no member ` +
    'of it, or not any more'
  throw new MillraceError('UNKNOWN_MEMBER_ID', text)
}

function checkOffset({ topic, partition, offset }: TransactionOffset): void {
  if (typeof topic === 'string' && isCount(partition) && isCount(offset)) return
  const place = `${describe(topic)}, partition ${describe(partition)}`
  throw new OptionError(`an offset of ${place} must be a whole number of at least 0, not ${describe(offset)}`)
}

function isFenced(thrown: unknown): boolean {
  if (!(thrown instanceof KafkaError)) return false
  return thrown.errorCode === errorCodes.PRODUCER_FENCED || thrown.errorCode === errorCodes.INVALID_PRODUCER_EPOCH
}
