import type { Bytes, HeaderInput } from '../records/batch-builder.ts'
import type { Delivery, DeliveryError, Receipt } from './delivery.ts'

/** A message to be sent. */
export interface ProducerMessage<K = Bytes, V = Bytes> {
  readonly topic: string
  /** Default: none. */
  readonly key?: K | null
  /** Default null, a tombstone. */
  readonly value?: V | null
  readonly headers?: HeaderInput
  /** Ms since 1970. Default: now. */
  readonly timestamp?: number
  /** Default: the partitioner chooses. */
  readonly partition?: number
}

/** Takes a message, and tells the receipt what became of it; may do so before it returns. */
export type Accept<K, V> = (message: ProducerMessage<K, V>, receipt: Receipt) => void

export function sendOne<K, V>(accept: Accept<K, V>, message: ProducerMessage<K, V>): Promise<Delivery> {
  return new Promise((resolve, reject) => accept(message, { delivered: resolve, failed: reject }))
}

export function sendMany<K, V>(
  accept: Accept<K, V>,
  messages: readonly ProducerMessage<K, V>[],
): Promise<readonly (Delivery | DeliveryError)[]> {
  return new Promise(resolve => {
    const results: (Delivery | DeliveryError)[] = new Array(messages.length)
    let left = messages.length
    if (left === 0) resolve(results)
    const told = (at: number, result: Delivery | DeliveryError) => {
      results[at] = result
      if (--left === 0) resolve(results)
    }
    for (const [at, message] of messages.entries()) {
      accept(message, { delivered: delivery => told(at, delivery), failed: error => told(at, error) })
    }
  })
}
