import { MillraceError } from '../base/errors.ts'
import { partitionName } from '../base/topic-partition.ts'
import type { CommittedOffset } from '../offsets/storage.ts'
import type { ProducerMessage } from '../producer/message.ts'
import type { Outgoing } from '../producer/outgoing.ts'
import type { TransactionGroup, TransactionOffset } from '../producer/transaction-calls.ts'
import type { Claim } from './claim.ts'
import type { Outputs } from './outputs.ts'

/** A producer's transaction, as far as a round needs it. */
export interface OutputTransaction {
  /** Aborted when it cannot be committed any more. */
  readonly signal: AbortSignal
  sendBatch(messages: readonly ProducerMessage[]): Promise<unknown>
  sendOffsets(offsets: readonly TransactionOffset[], group: TransactionGroup): Promise<void>
}

/** A message that is done, and what is written for it. */
interface Done {
  readonly claim: Claim
  readonly outputs: Outputs
}

/** An offset that is committed, and whose it is. */
interface ClaimOffset {
  readonly offset: CommittedOffset
  readonly claim: Claim | undefined
}

/** What is handed to the producer in one go, and how many of these may be without an answer. */
const MOST_MESSAGES = 1_000
const MOST_BYTES = 1_048_576
const MOST_LISTS = 8
/** What an output takes beside its bytes. */
const OVERHEAD = 200

/**
 * What goes into one transaction: outputs of messages as they are done, until it is sealed with the offsets that make these messages done for
 * the group. A message that is done later, and what was sent for it, is the next round's.
 */
export class TransactionRound {
  /** Claims of which outputs were given to the producer. */
  readonly written = new Set<Claim>()
  /** Messages that are done, and what was given to the producer for them. */
  messages = 0
  outputs = 0
  /** When its transaction began, by the clock; null: it has not. */
  openedAt: number | null = null
  /** Resolves when it is over: null, or why it was not committed. */
  over: Promise<Error | null> | null = null
  readonly #taken: (bytes: number) => void
  #queue: Done[] = []
  #at = 0
  /** Outputs of the first one in the queue that were taken. */
  #begun = 0
  #offsets: readonly ClaimOffset[] | null = null
  #failure: Error | null = null
  #waker = Promise.withResolvers<void>()

  /** `taken`: so many bytes do not wait any more. */
  constructor(taken: (bytes: number) => void) {
    this.#taken = taken
  }

  /** Answers how many bytes more wait. */
  add(claim: Claim, outputs: Outputs): number {
    this.#queue.push({ claim, outputs })
    this.#wake()
    return sizeOf(outputs)
  }

  /** Nothing is added any more: it is to be committed with these. */
  seal(offsets: readonly ClaimOffset[]): void {
    this.#offsets = offsets
    this.#wake()
  }

  get sealed(): boolean {
    return this.#offsets !== null
  }

  /** Longest metadata of its offsets. */
  get longestMetadata(): number {
    return (this.#offsets ?? []).reduce((longest, { offset }) => Math.max(longest, offset.metadata.length), 0)
  }

  /** Claims whose offsets have metadata. */
  get withMetadata(): Claim[] {
    return (this.#offsets ?? []).flatMap(({ offset, claim }) => (offset.metadata === '' ? [] : (claim ?? [])))
  }

  /** It is not to be committed. */
  fail(error: Error): void {
    this.#failure ??= error
    this.#wake()
  }

  throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure
  }

  /** What the other one did not come to is written before what this one has, which has not begun. */
  takeOver({ rest }: TransactionRound): void {
    this.#queue = [...rest, ...this.#queue]
  }

  get rest(): readonly Done[] {
    const [first, ...others] = this.#queue.slice(this.#at)
    if (first === undefined) return []
    return [{ claim: first.claim, outputs: first.outputs.slice(this.#begun) }, ...others]
  }

  /** Writes what is done until it is sealed; resolves when all of it is in the logs. */
  async write(tx: OutputTransaction): Promise<void> {
    const lists = new Set<Promise<unknown>>()
    tx.signal.addEventListener('abort', () => this.#wake(), { once: true })
    for (;;) {
      tx.signal.throwIfAborted()
      this.throwIfFailed()
      const woken = this.#waker.promise
      const waits = this.#at < this.#queue.length
      const messages = waits && lists.size < MOST_LISTS ? this.#take() : null
      if (messages !== null) {
        const sent = tx.sendBatch(messages).finally(() => {
          lists.delete(sent)
          this.#wake()
        })
        lists.add(sent)
      } else if (this.sealed && !waits && lists.size === 0) return
      else await woken
    }
  }

  /**
   * What is to be committed: of claims that are owned still.
   *
   * @throws {MillraceError} when a claim is missing whose outputs are in the transaction
   */
  get offsets(): readonly CommittedOffset[] {
    const owned = (this.#offsets ?? []).filter(({ claim }) => claim?.live)
    const claims = new Set(owned.map(({ claim }) => claim))
    for (const claim of this.written) {
      if (claims.has(claim)) continue
      const { topic, partition } = claim
      const text = `What was written for ${partitionName(topic, partition)} cannot be committed without its offset`
      throw new MillraceError('TRANSACTION_ABORTED', text, { topic, partition, retriable: true })
    }
    return owned.map(({ offset }) => offset)
  }

  /** The next outputs of claims that live; those of others come again at whoever owns them. */
  #take(): ProducerMessage[] {
    const messages: ProducerMessage[] = []
    let bytes = 0
    while (this.#at < this.#queue.length && messages.length < MOST_MESSAGES && bytes < MOST_BYTES) {
      const { claim, outputs } = this.#queue[this.#at] as Done
      const output = outputs[this.#begun++] as Outgoing
      bytes += output.bytes + OVERHEAD
      if (claim.live) {
        this.written.add(claim)
        messages.push(messageOf(output))
      }
      if (this.#begun < outputs.length) continue
      this.#begun = 0
      this.#at++
      if (claim.live) this.messages++
    }
    if (this.#at === this.#queue.length) {
      this.#queue = []
      this.#at = 0
    }
    this.outputs += messages.length
    if (bytes > 0) this.#taken(bytes)
    return messages
  }

  #wake(): void {
    this.#waker.resolve()
    this.#waker = Promise.withResolvers()
  }
}

function messageOf({ topic, key, value, headers, timestamp, partition }: Outgoing): ProducerMessage {
  return { topic, key: key ?? undefined, value, headers, timestamp, partition: partition < 0 ? undefined : partition }
}

function sizeOf(outputs: Outputs): number {
  let bytes = 0
  for (const output of outputs) bytes += output.bytes + OVERHEAD
  return bytes
}
