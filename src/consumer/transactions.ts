import { randomUUID } from 'node:crypto'
import { type Backoff, exponential } from '../base/backoff.ts'
import { type Clock, sleep } from '../base/clock.ts'
import { ClosedError, MillraceError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type { NativeClient } from '../client/native-client.ts'
import { METADATA_TOO_LARGE, OffsetError } from '../offsets/error.ts'
import { splitCommit } from '../offsets/kafka-storage.ts'
import { type GroupMembership, isAboutMembership, type MemberIdentity } from '../offsets/membership.ts'
import type { CommittedOffset, StorageResult } from '../offsets/storage.ts'
import { DeliveryError } from '../producer/delivery.ts'
import { Producer } from '../producer/producer.ts'
import { TransactionError } from '../producer/transaction-error.ts'
import { KafkaError } from '../protocol/error-codes.ts'
import type { AnyMessage, Claim } from './claim.ts'
import type { Claims } from './claims.ts'
import type { TransactionAborted } from './events.ts'
import type { Outputs } from './outputs.ts'
import type { TransactionSummary } from './state.ts'
import type { ResolvedTransaction } from './transaction-options.ts'
import { type OutputTransaction, TransactionRound } from './transaction-round.ts'

/** What writes: a producer. */
export interface OutputProducer {
  transaction(write: (tx: OutputTransaction) => Promise<void>): Promise<void>
  close(options: { drainMs: number }): Promise<void>
}

/** What becomes of claims when a transaction does not end well; done by the engine. */
export interface TransactionEvents {
  /** They begin again where the group is: what they did since is not done. */
  again(claims: readonly Claim[]): void
  /** More outputs may be made. */
  roomAgain(): void
  /** So many characters of metadata were too many. */
  metadataTooLarge(characters: number): void
  aborted(event: TransactionAborted): void
  fatal(error: Error): void
}

export interface TransactionsParts {
  readonly id: string
  readonly makeProducer: () => OutputProducer
  /** With an id of its own a producer is not fenced by another one, and made anew when a broker says so. */
  readonly ownId: boolean
  readonly group: string
  /** Null: nobody is a member. */
  readonly membership: GroupMembership | null
  readonly claims: Claims
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly events: TransactionEvents
}

/** Outputs that may wait for their transaction before nothing more is handed to handlers. */
const MOST_WAITING_BYTES = 16 * 1024 * 1024
/** How often it is looked whether there is a member again. */
const MEMBER_MS = 20
/** How long what is open may take to be aborted at the end. */
const LAST_ABORT_MS = 1_000

/**
 * The transactions of a consumer, one after another: in each are the outputs of messages that are done, and the offsets and gaps that say so.
 * It is what offsets are committed to; nothing is committed otherwise.
 *
 *     settled: outputs ──▶ this round ──sealed by a commit──▶ written, offsets sent, ended
 *                          the next round takes what is done meanwhile ┘
 *
 * A message and its outputs enter a round in the same instant, and the commit is a picture of that instant: handlers need not stand still for it.
 * When a round fails, the claims of which anything was written begin again where the group is, and what others had in it is the next one's.
 */
export class Transactions {
  readonly #parts: TransactionsParts
  readonly #backoff: Backoff = exponential(50, 5_000)
  readonly #ended = new AbortController()
  /** Of messages that are about to be settled. */
  readonly #attached = new WeakMap<AnyMessage, Outputs>()
  #producer: OutputProducer
  /** Takes what is done now. */
  #round: TransactionRound
  /** Its transaction is open; null: none is. */
  #open: TransactionRound | null = null
  #last: Promise<unknown> = Promise.resolve()
  #waitingBytes = 0
  #failures = 0
  #fatal: Error | null = null
  #committed = 0
  #aborted = 0
  #messages = 0
  #outputs = 0
  #error: Error | null = null

  constructor(parts: TransactionsParts) {
    this.#parts = parts
    this.#producer = parts.makeProducer()
    this.#round = new TransactionRound(this.#taken)
  }

  /** Whether more messages may be handled: what they make has room. */
  get hasRoom(): boolean {
    return this.#waitingBytes < MOST_WAITING_BYTES
  }

  /** What is written for this message when it is settled. */
  attach(message: AnyMessage, outputs: Outputs): void {
    this.#attached.set(message, outputs)
  }

  /** The message is done, in this very moment. */
  settled(claim: Claim, message: AnyMessage): void {
    const outputs = this.#attached.get(message)
    if (outputs === undefined) return
    this.#attached.delete(message)
    this.#waitingBytes += this.#round.add(claim, outputs)
    void this.#begin(this.#round)
  }

  /** Nothing of this claim may be committed any more. */
  removed(claim: Claim): void {
    if (!this.#open?.written.has(claim)) return
    const { topic, partition } = claim
    const text = `${topic}[${partition}] is given up, and what was written for it does not count`
    this.#open.fail(new MillraceError('TRANSACTION_ABORTED', text, { topic, partition, retriable: true }))
  }

  /** Ends the round of this moment with these offsets. */
  async commit(offsets: readonly CommittedOffset[]): Promise<readonly StorageResult[]> {
    const { claims } = this.#parts
    const round = this.#round
    this.#round = new TransactionRound(this.#taken)
    round.seal(offsets.map(offset => ({ offset, claim: claims.get(offset.topic, offset.partition) })))
    const error = await this.#begin(round)
    return offsets.map(({ topic, partition }) => ({ topic, partition, error: error && this.#told(error) }))
  }

  /** What is known of a claim is not enough to commit it: nothing is committed any more. */
  fail(error: Error): void {
    if (this.#fatal !== null) return
    this.#fatal = error
    this.#open?.fail(error)
    this.#parts.events.fatal(error)
  }

  state(wallTime: (at: number) => number): TransactionSummary {
    const open = this.#open
    const openedAt = open?.openedAt ?? null
    return {
      id: this.#parts.id,
      openSince: openedAt === null ? null : wallTime(openedAt),
      messages: open?.messages ?? 0,
      outputs: open?.outputs ?? 0,
      waitingBytes: this.#waitingBytes,
      committed: this.#committed,
      committedOutputs: this.#outputs,
      committedMessages: this.#messages,
      aborted: this.#aborted,
      error: this.#error?.message ?? null,
    }
  }

  get committed(): number {
    return this.#committed
  }

  get committedOutputs(): number {
    return this.#outputs
  }

  get aborted(): number {
    return this.#aborted
  }

  /** Aborts what is open. */
  async close(): Promise<void> {
    const closed = new ClosedError('The consumer')
    this.#ended.abort(closed)
    this.#open?.fail(closed)
    await this.#producer.close({ drainMs: LAST_ABORT_MS })
    await this.#last
  }

  readonly #taken = (bytes: number): void => {
    const { hasRoom } = this
    this.#waitingBytes -= bytes
    if (!hasRoom && this.hasRoom) this.#parts.events.roomAgain()
  }

  /** One follows the other. Resolves when it is over: null, or why it was not committed. */
  #begin(round: TransactionRound): Promise<Error | null> {
    if (round.over === null) {
      round.over = this.#last.then(() => this.#write(round))
      this.#last = round.over
    }
    return round.over
  }

  async #write(round: TransactionRound): Promise<Error | null> {
    const { clock, random } = this.#parts
    const { signal } = this.#ended
    try {
      if (this.#failures > 0) await sleep(clock, this.#backoff(this.#failures, random), signal)
      signal.throwIfAborted()
      if (this.#fatal !== null) throw this.#fatal
      await this.#producer.transaction(async tx => {
        this.#open = round
        round.openedAt = clock.now()
        await round.write(tx)
        await this.#sendOffsets(tx, round)
      })
    } catch (thrown) {
      this.#open = null
      return this.#failed(round, toError(thrown))
    }
    this.#open = null
    this.#failures = 0
    this.#committed++
    this.#messages += round.messages
    this.#outputs += round.outputs
    return null
  }

  async #sendOffsets(tx: OutputTransaction, round: TransactionRound): Promise<void> {
    const { group, membership } = this.#parts
    const member = membership === null ? null : await this.#member(membership, tx, round)
    try {
      for (const part of splitCommit(group, round.offsets)) await tx.sendOffsets(part, { group, ...member })
    } catch (thrown) {
      if (member !== null && thrown instanceof KafkaError && isAboutMembership(thrown.errorCode)) {
        membership?.refused(member, thrown.errorCode)
      }
      throw thrown
    }
    // Given up meanwhile.
    round.throwIfFailed()
  }

  /** As whom it is committed: while the group is being joined, as whoever this is then, as long as there is time. */
  async #member(membership: GroupMembership, tx: OutputTransaction, round: TransactionRound): Promise<MemberIdentity> {
    for (;;) {
      const { current } = membership
      if (current !== null) return current
      await sleep(this.#parts.clock, MEMBER_MS, tx.signal)
      round.throwIfFailed()
    }
  }

  #failed(round: TransactionRound, error: Error): Error {
    // Of another round than the present one something is left only if it failed.
    if (this.#round === round) this.#round = new TransactionRound(this.#taken)
    this.#round.takeOver(round)
    if (this.#ended.signal.aborted || this.#fatal !== null) return error
    const { events, logger, ownId } = this.#parts
    const again = new Set(round.written)
    this.#failures++
    this.#error = error
    this.#aborted++
    if (causedBy(error, METADATA_TOO_LARGE)) {
      events.metadataTooLarge(round.longestMetadata)
      for (const claim of round.withMetadata) again.add(claim)
    } else if (isFenced(error) && ownId) this.#renew()
    else if (isFinal(error)) {
      this.fail(error)
      return error
    }
    const claims = [...again].filter(claim => claim.live)
    const partitions = claims.map(({ topic, partition }) => ({ topic, partition }))
    const { messages, outputs } = round
    logger[isRebalancing(error) ? 'info' : 'warn'](
      { err: error, messages, outputs, partitions: partitions.length },
      `a transaction was not committed, and ${messages} messages come again: ${error.message}`,
    )
    events.aborted({ error, messages, outputs, partitions })
    events.again(claims)
    this.#last = this.#recover(this.#last)
    if (this.#round.rest.length > 0) void this.#begin(this.#round)
    return error
  }

  /** Makes sure that what nobody answered about is over: claims wait for that before they begin again. */
  async #recover(before: Promise<unknown>): Promise<void> {
    await before
    if (this.#ended.signal.aborted) return
    await this.#producer.transaction(async () => {}).catch(() => {})
  }

  /** The coordinator gave its transaction up, which ends a producer with brokers before 4.0. */
  #renew(): void {
    void this.#producer.close({ drainMs: 0 }).catch(() => {})
    this.#producer = this.#parts.makeProducer()
  }

  #told(error: Error): MillraceError {
    const fatal = this.#fatal !== null
    const code = error instanceof MillraceError ? error.code : 'TRANSACTION_ABORTED'
    return new OffsetError(code === METADATA_TOO_LARGE ? 'TRANSACTION_ABORTED' : code, error.message, {
      cause: error,
      retriable: !fatal,
      fatal,
      rebalancing: isRebalancing(error),
    })
  }
}

/** The error, and what caused it. */
function causes(error: unknown): readonly MillraceError[] {
  return error instanceof MillraceError ? [error, ...causes(error.cause)] : []
}

function causedBy(error: Error, code: string): boolean {
  return causes(error).some(cause => cause.code === code)
}

function isRebalancing(error: Error): boolean {
  return causes(error).some(cause => cause instanceof KafkaError && isAboutMembership(cause.errorCode))
}

function isFenced(error: Error): boolean {
  return error instanceof TransactionError && error.code === 'PRODUCER_FENCED'
}

/** What no broker takes, however often it is tried: the producer was fenced, may not write, or what was written is refused. */
function isFinal(error: Error): boolean {
  if (!(error instanceof MillraceError) || isFenced(error)) return true
  if (error.retriable || isRebalancing(error)) return false
  return causes(error).some(cause => {
    const refused = cause instanceof DeliveryError && !cause.retriable && cause.code !== 'UNKNOWN_SERVER_ERROR'
    return refused || hopeless.has(cause.code) || cause.code.endsWith('_AUTHORIZATION_FAILED')
  })
}

const hopeless: ReadonlySet<string> = new Set(['UNSUPPORTED_VERSION', 'INVALID_TRANSACTION_TIMEOUT', 'INVALID_OPTION'])

/** The producer of a consumer's transactions. */
export function outputProducer(
  transaction: ResolvedTransaction,
  id: string,
  parts: { readonly client: NativeClient; readonly brokers: readonly string[] } & Pick<
    TransactionsParts,
    'clock' | 'random' | 'logger'
  >,
): OutputProducer {
  const { client, brokers, clock, random, logger } = parts
  return new Producer(
    {
      ...transaction.producer,
      brokers,
      client,
      logger,
      transactionalId: id,
      transactionTimeoutMs: transaction.timeoutMs,
    },
    { clock, random },
  )
}

/** One that no other process has. */
export function ownId(group: string): string {
  return `${group}-${randomUUID()}`
}
