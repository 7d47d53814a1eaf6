/** What work needs to know of a message; everything else is opaque to it. */
export interface WorkMessage {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Bytes of key and value, for batches that are limited by size. */
  readonly size: number
  /** A hash of the key's bytes, seeded by `seed` XOR the partition, 0 … 2^30 − 1; -1 when there is no key. An empty key is a key. */
  keyHash(seed: number): number
  /** Whether the bytes of both keys are the same; equal hashes do not say so. */
  hasKeyOf(other: WorkMessage): boolean
}

/**
 * One owned partition as work sees it: messages are taken out of it in offset order and settled in any order.
 * Implemented by the consumer's claim.
 */
export interface WorkClaim<M extends WorkMessage = WorkMessage> {
  readonly topic: string
  readonly partition: number
  /** False once the claim was released or lost: what is settled afterwards is dropped. */
  readonly live: boolean
  /** Whether messages may be taken now: not paused, not waiting for a commit. */
  readonly dispatchable: boolean
  /** Offset of the lowest message that was taken and is not settled; -1: there is none. */
  readonly lowest: number
  /** The next message, or null when none is ready (the dispatcher is woken when there is, unless the claim is `passing`). */
  take(): M | null
  /** The last `take` answered null although there may be more: it had passed over many that are done, and gave way. */
  readonly passing: boolean
  /** Begins to track the message that was just taken; the answer is its slot. Called once per message, in the order taken. */
  track(message: M): number
  /** Attempts that owners before made on a message that was taken; 0: none. */
  tried(message: M): number
  /** So many attempts were made on the message, of this owner and those before; 0: it is to begin anew. */
  attempted(message: M, attempts: number): void
  /** The message is done: handled, or given up by a decision that commits. */
  settle(slot: number, message: M): void
  /** Work keeps this message for long: its bytes are copied out, so that its record batch may be freed before it is settled. */
  detach(message: M): void
  /** No handler is entered any more; `begun` is the highest offset for which one was, -1: none. May be told twice. */
  stopped(begun: number): void
}
