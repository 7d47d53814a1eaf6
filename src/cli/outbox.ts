import type { Delivery, DeliveryError } from '../producer/delivery.ts'
import type { ProducerMessage } from '../producer/message.ts'

export type Results = readonly (Delivery | DeliveryError)[]

/** Messages that are sent together. */
interface Sendable {
  readonly messages: readonly ProducerMessage[]
  readonly bytes: number
}

/** What is on its way at once: enough for a fast cluster far away, and memory stays bounded. */
const MOST_MESSAGES = 20_000
const MOST_BYTES = 16 * 1024 * 1024

/** Groups of messages on their way. What became of them is told in the order in which they were put in, and holds up the next ones. */
export class Outbox<Group extends Sendable> {
  readonly #send: (group: Group) => Promise<Results>
  readonly #settled: (group: Group, results: Results) => Promise<void>
  #last: Promise<void> = Promise.resolve()
  #messages = 0
  #bytes = 0
  #left = () => {}

  constructor(send: (group: Group) => Promise<Results>, settled: (group: Group, results: Results) => Promise<void>) {
    this.#send = send
    this.#settled = settled
  }

  /** Resolves when there is room, or the signal aborts. One at a time may wait. */
  async room({ messages, bytes }: Group, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && this.#messages > 0 && this.#isFull(messages.length, bytes)) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#left = resolve
      signal.addEventListener('abort', this.#left, { once: true })
      await promise
      signal.removeEventListener('abort', this.#left)
    }
  }

  put(group: Group): void {
    this.#messages += group.messages.length
    this.#bytes += group.bytes
    const sent = this.#send(group)
    this.#last = this.#last.then(async () => {
      await this.#settled(group, await sent)
      this.#messages -= group.messages.length
      this.#bytes -= group.bytes
      this.#left()
    })
  }

  /** Resolves when all is told. */
  empty(): Promise<void> {
    return this.#last
  }

  #isFull(messages: number, bytes: number): boolean {
    return this.#messages + messages > MOST_MESSAGES || this.#bytes + bytes > MOST_BYTES
  }
}
