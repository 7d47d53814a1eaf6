import { MillraceError, toError } from '../base/errors.ts'
import { materialize } from './batches.ts'
import type { WorkMessage } from './claim.ts'
import type { Slot } from './slot.ts'
import type { SlotPool } from './slot-pool.ts'

/**
 * The messages of a batch, whose handler may say of single ones what became of them. When it resolves, those of which it said nothing are
 * done; when it rejects, they have failed.
 */
export interface MessageBatch<M> extends ReadonlyArray<M> {
  /**
   * The message is done, and committed as soon as it can be, whatever becomes of the batch. False: something was said of it before, or
   * the batch or its partition is not the handler's any more; then it changes nothing.
   *
   * @throws {MillraceError} `NOT_IN_BATCH`
   */
  readonly done: (message: M) => boolean
  /**
   * The message failed by itself: once the handler has ended, it has its own attempts and its own decision. Answers and throws as `done`.
   */
  readonly fail: (message: M, error: unknown) => boolean
}

/** Of the same batch, but of these messages alone. */
export function batchOf<M>(
  messages: readonly M[],
  { done, fail }: Pick<MessageBatch<M>, 'done' | 'fail'>,
): MessageBatch<M> {
  // A plain array: iterating one of a class of its own is several times slower.
  return Object.defineProperties(messages, { done: { value: done }, fail: { value: fail } }) as MessageBatch<M>
}

export interface VerdictsParts<M extends WorkMessage> {
  readonly slots: SlotPool<M>
  /** A message is done. */
  readonly done: (slot: Slot<M>) => void
}

/** What the handler of a batch said of its single messages. */
export class Verdicts<M extends WorkMessage> {
  readonly batch: MessageBatch<M>
  readonly #leader: Slot<M>
  readonly #parts: VerdictsParts<M>
  /** Made when it first says something. */
  #slots: Map<M, Slot<M>> | null = null
  #said: Map<Slot<M>, Error | null> | null = null
  #ended = false

  constructor(leader: Slot<M>, messages: readonly M[], parts: VerdictsParts<M>) {
    this.#leader = leader
    this.#parts = parts
    this.batch = batchOf(messages, {
      done: message => this.#say(message, null),
      fail: (message, error) => this.#say(message, toError(error)),
    })
  }

  /** The error of each that failed, null of each that is done; null: nothing was said. */
  get said(): ReadonlyMap<Slot<M>, Error | null> | null {
    return this.#said
  }

  /** The handler has ended, or is left to itself. */
  end(): void {
    this.#ended = true
    this.#slots = null
  }

  #say(message: M, error: Error | null): boolean {
    if (this.#ended) return false
    this.#slots ??= new Map(materialize(this.#leader, this.#parts.slots).map(slot => [slot.message, slot]))
    const slot = this.#slots.get(message)
    if (slot === undefined) {
      const { topic, partition, offset } = message
      const text = `${topic}[${partition}] offset ${offset} is not in this batch: done and fail take its own messages`
      throw new MillraceError('NOT_IN_BATCH', text, { topic, partition, offset })
    }
    this.#said ??= new Map()
    if (this.#said.has(slot) || !slot.intake.claim.live) return false
    this.#said.set(slot, error)
    if (error === null) this.#parts.done(slot)
    return true
  }
}
