import type { WorkMessage } from './claim.ts'

/** How many messages may be handed to handlers, each attempt counted: in any time t, `burst + messages × t / perMs` at most. */
export interface Rate {
  readonly messages: number
  readonly perMs: number
  /** How many may be handed over at once after a quiet time. */
  readonly burst: number
}

/**
 * A token bucket, full at first. It is kept as the moment at which it is full again, so that nothing needs to fill it, and so that it need
 * not be kept at all once that moment has come.
 */
export class TokenBucket {
  readonly #intervalMs: number
  readonly #burstMs: number
  #fullAt = Number.NEGATIVE_INFINITY

  constructor({ messages, perMs, burst }: Rate) {
    this.#intervalMs = perMs / messages
    this.#burstMs = burst * this.#intervalMs
  }

  /** By the clock that `take` is told: from when on it has at least one token. */
  get readyAt(): number {
    return this.#fullAt + this.#intervalMs - this.#burstMs
  }

  /** Between two tokens. */
  get intervalMs(): number {
    return this.#intervalMs
  }

  full(now: number): boolean {
    return this.#fullAt <= now
  }

  /** Takes so many tokens although there may be fewer: what is missing is waited for before the next is taken. */
  take(count: number, now: number): void {
    this.#fullAt = Math.max(this.#fullAt, now) + count * this.#intervalMs
  }
}

/** The bucket of a key, or of several that share one. */
interface KeyBucket {
  readonly tokens: TokenBucket
  /** Messages that wait for it. */
  waiting: number
}

/** Keys that have a bucket of their own. Beyond that, and only then, new ones share buckets: they wait for each other, and none goes too fast. */
const MOST_KEYS = 100_000
const SHARED_BUCKETS = 1_024
/** Names of shared buckets are beyond all hashes. */
const FIRST_SHARED = 2 ** 30
/** Looked at when a new one is made, so that those that are full again are forgotten as fast as others come. */
const LOOKS = 2

/** A rate of each key by itself. Keys are known by their hashes. */
export class KeyRates<M extends WorkMessage> {
  readonly #rate: Rate
  readonly #seed: number
  readonly #mostKeys: number
  readonly #buckets = new Map<number, KeyBucket>()
  #sweep = this.#buckets.entries()

  constructor(rate: Rate, seed: number, mostKeys = MOST_KEYS) {
    this.#rate = rate
    this.#seed = seed
    this.#mostKeys = mostKeys
  }

  /** Buckets that are remembered. */
  get size(): number {
    return this.#buckets.size
  }

  /**
   * Takes a token of the message's key, or answers when it should ask again: those that wait for one key ask one after another. 0: it took
   * one, or the message has no key. `fresh`: it has not waited for it yet, so others that do are in front of it.
   */
  take(message: M, now: number, fresh: boolean): number {
    const hash = this.#hash(message)
    if (hash === -1) return 0
    const bucket = this.#bucket(hash, now)
    const { tokens } = bucket
    if (tokens.readyAt <= now && (!fresh || bucket.waiting === 0)) {
      tokens.take(1, now)
      return 0
    }
    return Math.max(now, tokens.readyAt) + bucket.waiting++ * tokens.intervalMs
  }

  /** A message that was to ask again does so now, or never will. */
  waited(message: M): void {
    const hash = this.#hash(message)
    const bucket = this.#buckets.get(hash) ?? this.#buckets.get(sharedName(hash))
    if (bucket !== undefined) bucket.waiting--
  }

  /** The partition is in the seed of a hash already, and so is not in this one: a key has one rate, wherever it comes from. */
  #hash(message: M): number {
    return message.keyHash(this.#seed ^ message.partition)
  }

  #bucket(hash: number, now: number): KeyBucket {
    const own = this.#buckets.get(hash)
    if (own !== undefined) return own
    const name = sharedName(hash)
    const shared = this.#buckets.get(name)
    // It may have taken tokens of that one before.
    if (shared !== undefined && !isIdle(shared, now)) return shared
    this.#forget(now)
    const made = { tokens: new TokenBucket(this.#rate), waiting: 0 }
    this.#buckets.set(this.#buckets.size < this.#mostKeys ? hash : name, made)
    return made
  }

  #forget(now: number): void {
    for (let looks = 0; looks < LOOKS; looks++) {
      let next = this.#sweep.next()
      if (next.done) {
        this.#sweep = this.#buckets.entries()
        next = this.#sweep.next()
        if (next.done) return
      }
      const [name, bucket] = next.value
      if (isIdle(bucket, now)) this.#buckets.delete(name)
    }
  }
}

function isIdle({ tokens, waiting }: KeyBucket, now: number): boolean {
  return waiting === 0 && tokens.full(now)
}

function sharedName(hash: number): number {
  return FIRST_SHARED + (hash % SHARED_BUCKETS)
}
