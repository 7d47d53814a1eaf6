import { MillraceError } from '../base/errors.ts'
import { describe } from '../base/option-check.ts'
import type { Bytes, HeaderInput } from '../records/batch-builder.ts'
import { EncodedHeaders, encodePairs, type HeaderPairs } from '../records/encoded-headers.ts'
import type { Delivery, DeliveryError, Receipt } from './delivery.ts'
import type { KeyFor, MessageSerdes, TopicSerdes, ValueFor } from './serdes.ts'

/** A message to be sent. Bytes in it are copied when it is put into a batch: leave them as they are until it is told what became of it. */
export interface ProducerMessage<K = Bytes, V = Bytes, N extends string = string> {
  readonly topic: N
  /** Default: none, and no serde is asked. */
  readonly key?: K | undefined
  /** Null is a tombstone on a compacted topic; serdes are given it too. */
  readonly value: V
  /** Pairs where a name comes more than once. */
  readonly headers?: HeaderInput | undefined
  /** Ms since 1970. Default: now. */
  readonly timestamp?: number | undefined
  /** Default: the partitioner chooses. */
  readonly partition?: number | undefined
}

/** Any message that a producer with these serdes sends. */
export type MessageOf<K, V, S extends TopicSerdes> =
  | ProducerMessage<K, V>
  | { [N in keyof S & string]: ProducerMessage<KeyFor<S, N, K>, ValueFor<S, N, V>, N> }[keyof S & string]

/** Headers whose names and values were looked at. */
export type CheckedHeaders = HeaderPairs | EncodedHeaders

/** A message as it came, from programs without types too: nothing is known of it yet. */
export type UncheckedMessage = { readonly [Field in keyof ProducerMessage]?: unknown }

/** What sends messages: a producer, or a transaction of one. `serdes`, for this call, go before those of the options. */
export interface Sends<K, V, S extends TopicSerdes> {
  send<N extends string, MK = KeyFor<S, N, K>, MV = ValueFor<S, N, V>>(
    message: ProducerMessage<NoInfer<MK>, NoInfer<MV>, N>,
    serdes?: MessageSerdes<MK, MV>,
  ): Promise<Delivery>
  sendBatch<N extends string, MK = KeyFor<S, N, K>, MV = ValueFor<S, N, V>>(
    messages: readonly ProducerMessage<NoInfer<MK>, NoInfer<MV>, N>[],
    serdes?: MessageSerdes<MK, MV>,
  ): Promise<readonly (Delivery | DeliveryError)[]>
}

/**
 * Takes a message, with serdes for this call, and tells the receipt what became of it; may do so before it returns. `at`: its place in the
 * list that is sent at once, the first of which comes first. Never throws.
 */
export type Accept = (
  message: UncheckedMessage,
  serdes: MessageSerdes<never, never> | undefined,
  receipt: Receipt,
  at: number,
) => void

export function sendOne(
  accept: Accept,
  message: UncheckedMessage,
  serdes: MessageSerdes<never, never> | undefined,
): Promise<Delivery> {
  return new Promise((resolve, reject) => accept(message, serdes, new OneReceipt(resolve, reject), 0))
}

export function sendMany(
  accept: Accept,
  messages: readonly UncheckedMessage[],
  serdes: MessageSerdes<never, never> | undefined,
): Promise<readonly (Delivery | DeliveryError)[]> {
  if (!Array.isArray(messages)) {
    const text = `sendBatch takes a list of messages, not ${describe(messages)}`
    return Promise.reject(new MillraceError('INVALID_MESSAGE', text))
  }
  return new Promise(resolve => {
    const { length } = messages
    const receipt = new ManyReceipts(length, resolve)
    if (length === 0) resolve([])
    // What is missing, or not an object, is refused.
    for (let at = 0; at < length; at++) accept(messages[at] as UncheckedMessage, serdes, receipt, at)
  })
}

class OneReceipt implements Receipt {
  readonly #resolve: (delivery: Delivery) => void
  readonly #reject: (error: DeliveryError) => void

  constructor(resolve: (delivery: Delivery) => void, reject: (error: DeliveryError) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  delivered(_: number, delivery: Delivery): void {
    this.#resolve(delivery)
  }

  failed(_: number, error: DeliveryError): void {
    this.#reject(error)
  }
}

/** Of a list: one for all of its messages, each under its place. */
class ManyReceipts implements Receipt {
  readonly #results: (Delivery | DeliveryError)[]
  readonly #resolve: (results: readonly (Delivery | DeliveryError)[]) => void
  #left: number

  constructor(count: number, resolve: (results: readonly (Delivery | DeliveryError)[]) => void) {
    this.#results = new Array(count)
    this.#left = count
    this.#resolve = resolve
  }

  delivered(at: number, delivery: Delivery): void {
    this.#told(at, delivery)
  }

  failed(at: number, error: DeliveryError): void {
    this.#told(at, error)
  }

  #told(at: number, result: Delivery | DeliveryError): void {
    this.#results[at] = result
    if (--this.#left === 0) this.#resolve(this.#results)
  }
}

/** Whether it can be an offset, a partition or a timestamp. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/**
 * Encodes headers once that many messages are to have.
 *
 * @throws {MillraceError} `INVALID_MESSAGE`
 */
export function encodeHeaders(headers: HeaderInput): EncodedHeaders {
  const wrong = (what: string) => new MillraceError('INVALID_MESSAGE', `Headers cannot be encoded: ${what}`)
  const checked = checkHeaders(headers, wrong)
  if (checked instanceof EncodedHeaders) return checked
  return new EncodedHeaders(checked.length, encodePairs(checked))
}

/** Looks at each; throws what `wrong` makes of a text. */
export function checkHeaders(headers: unknown, wrong: (what: string) => Error): CheckedHeaders {
  if (headers instanceof EncodedHeaders) return headers
  if (typeof headers !== 'object' || headers === null) {
    throw wrong(`headers must be an object or a list of pairs, not ${describe(headers)}`)
  }
  const given: readonly unknown[] = Array.isArray(headers) ? headers : Object.entries(headers)
  const pairs: [string, Bytes][] = []
  for (let at = 0; at < given.length; at++) {
    const pair = given[at]
    const isPair = Array.isArray(pair)
    const name: unknown = isPair ? pair[0] : undefined
    const value: unknown = isPair ? pair[1] : undefined
    if (typeof name !== 'string') throw wrong('headers must be pairs of a name and a value')
    if (!name.isWellFormed() || (typeof value === 'string' && !value.isWellFormed())) {
      throw wrong(`the header ${describe(name)} holds half of a surrogate pair`)
    }
    if (value !== null && typeof value !== 'string' && !(value instanceof Uint8Array)) {
      throw wrong(`the header ${describe(name)} must be bytes, a string or null, not ${typeof value}`)
    }
    pairs.push([name, value])
  }
  return pairs
}
