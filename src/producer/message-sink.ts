import { Writable } from 'node:stream'
import { toError } from '../base/errors.ts'
import { SectionCheck } from '../base/option-check.ts'
import type { DeliveryError, Receipt } from './delivery.ts'
import type { Accept, UncheckedMessage } from './message.ts'
import { type MessageSerdes, resolveSerdes } from './serdes.ts'

/** Options of a stream into Kafka. Its serdes go before those of the producer. */
export interface WritableOptions<K, V> extends MessageSerdes<K, V> {
  /** Of messages that name none. With it, a string or bytes are the value of a message that has nothing else. */
  topic?: string
  /** Messages that may be on their way; more are not taken from the source. Default 10,000. */
  inFlight?: number
  /** Told of each message that was not delivered; then the stream goes on. Without it the first one destroys the stream. */
  onError?: (error: DeliveryError, message: unknown) => void
  /** Destroys the stream when it aborts. */
  signal?: AbortSignal
}

export interface SinkParts {
  readonly accept: Accept
  /** Sends what lingers. */
  readonly flush: () => Promise<void>
  /** Too much waits to get into the producer's buffer. */
  readonly isFull: () => boolean
  /** Resolves when that may be otherwise. */
  readonly put: () => Promise<void>
}

type Callback = (error?: Error | null) => void

/**
 * Takes messages as a stream, in object mode. It holds its source back while too many are on their way, or the producer's buffer is full;
 * it finishes when all are written.
 */
export class MessageSink extends Writable {
  readonly #parts: SinkParts
  readonly #serdes: MessageSerdes<never, never>
  readonly #topic: string | undefined
  readonly #most: number
  readonly #onError: WritableOptions<unknown, unknown>['onError']
  #inFlight = 0
  /** Takes the next message, once there is room. */
  #held: Callback | null = null
  #finishing: Callback | null = null

  /** @throws {OptionError} */
  constructor(options: WritableOptions<never, never>, parts: SinkParts) {
    const check = new SectionCheck('', options, ['topic', 'key', 'value', 'inFlight', 'onError', 'signal'])
    const { onError, signal } = options
    if (onError !== undefined && typeof onError !== 'function') throw check.wrong('onError', 'a function')
    super({ objectMode: true, ...(signal === undefined ? {} : { signal }) })
    this.#parts = parts
    this.#topic = check.string('topic')
    this.#most = check.number('inFlight', 10_000, { min: 1 })
    this.#onError = onError
    resolveSerdes(options)
    this.#serdes = options
  }

  override _write(chunk: unknown, _: BufferEncoding, callback: Callback): void {
    let message: UncheckedMessage
    try {
      message = this.#messageOf(chunk)
    } catch (thrown) {
      callback(toError(thrown))
      return
    }
    const receipt: Receipt = {
      delivered: () => this.#told(),
      failed: (_, error) => {
        this.#failed(error, chunk)
        this.#told()
      },
    }
    this.#inFlight++
    this.#parts.accept(message, this.#serdes, receipt, 0)
    if (this.#hasRoom()) {
      callback()
      return
    }
    this.#held = callback
    if (this.#parts.isFull()) void this.#parts.put().then(() => this.#goOn())
  }

  override _final(callback: Callback): void {
    this.#finishing = callback
    void this.#parts.flush()
    this.#goOn()
  }

  override _destroy(error: Error | null, callback: Callback): void {
    const held = this.#held
    this.#held = null
    held?.(error)
    callback(error)
  }

  #told(): void {
    this.#inFlight--
    this.#goOn()
  }

  #goOn(): void {
    // Later: listeners of the stream may throw, and those who tell what became of messages go on with the next one.
    if (this.#held !== null && this.#hasRoom()) {
      process.nextTick(this.#held)
      this.#held = null
    }
    if (this.#inFlight === 0 && this.#finishing !== null) {
      process.nextTick(this.#finishing)
      this.#finishing = null
    }
  }

  #hasRoom(): boolean {
    return this.#inFlight < this.#most && !(this.#inFlight > 0 && this.#parts.isFull())
  }

  #failed(error: DeliveryError, message: unknown): void {
    if (this.destroyed) return
    if (this.#onError === undefined) {
      this.destroy(error)
      return
    }
    try {
      this.#onError(error, message)
    } catch (thrown) {
      this.destroy(toError(thrown))
    }
  }

  #messageOf(chunk: unknown): UncheckedMessage {
    const topic = this.#topic
    if (topic === undefined) return chunk as UncheckedMessage
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) return { topic, value: chunk }
    return typeof chunk === 'object' && chunk !== null ? { topic, ...chunk } : (chunk as UncheckedMessage)
  }
}
