import { ClosedError, MillraceError } from '../base/errors.ts'
import { SectionCheck } from '../base/option-check.ts'
import type { Delivery, DeliveryError, Receipt } from './delivery.ts'
import type { Accept, UncheckedMessage } from './message.ts'

export interface ChannelOptions {
  /** Messages that were written and whose result was not read yet; more wait. Default 1,000. */
  capacity?: number
  /** False: nobody reads `successes`, and none are kept. Default true. */
  successes?: boolean
}

/** A message was written: the very object that was given to the input, with whatever else it carries. */
export interface ChannelSuccess<M> {
  readonly message: M
  readonly delivery: Delivery
}

/** A message was not. */
export interface ChannelFailure<M> {
  readonly message: M
  readonly error: DeliveryError
}

/**
 * An input and two outputs, as Go's producers have them: what became of a message is told by one of the two, in no order. What nobody
 * reads holds the input back. Both end after `close()`, once they are read to their ends.
 */
export interface Channel<M> extends AsyncDisposable {
  readonly input: {
    /** Resolves when the message is taken: await it. Rejects with `CLOSED` when it will not be. */
    write(message: M): Promise<void>
  }
  /** Leaving a loop over it ends nothing; another one goes on. */
  readonly successes: AsyncIterable<ChannelSuccess<M>>
  readonly errors: AsyncIterable<ChannelFailure<M>>
  /** Takes nothing more, and sends what lingers; resolves when all that was taken was written or has failed. */
  close(): Promise<void>
}

export interface ChannelParts {
  readonly accept: Accept
  /** Sends what lingers; resolves when all that was sent is told. */
  readonly flush: () => Promise<void>
  /** Aborts when the producer is closed. */
  readonly ended: AbortSignal
}

interface Waiting<M> {
  readonly message: M
  resolve(): void
  reject(error: Error): void
}

/** Writes that may wait for room. Who calls more without awaiting any is told so. */
const MOST_WAITING = 100_000

export class MessageChannel<M extends UncheckedMessage> implements Channel<M> {
  readonly input = { write: (message: M): Promise<void> => this.#write(message) }
  readonly successes: Results<ChannelSuccess<M>>
  readonly errors: Results<ChannelFailure<M>>
  readonly #parts: ChannelParts
  readonly #capacity: number
  readonly #keepsSuccesses: boolean
  readonly #waiting: Waiting<M>[] = []
  /** Messages whose result was not read. */
  #taken = 0
  #inFlight = 0
  #closing: Promise<void> | null = null
  /** After `close()`: nothing is on its way any more. */
  readonly #told = Promise.withResolvers<void>()
  readonly #end = () => void this.close()

  /** @throws {OptionError} */
  constructor(options: ChannelOptions, parts: ChannelParts) {
    const check = new SectionCheck('', options, ['capacity', 'successes'])
    this.#capacity = check.number('capacity', 1_000, { min: 1 })
    this.#keepsSuccesses = check.oneOf('successes', true, [true, false])
    this.#parts = parts
    this.successes = new Results(() => this.#read())
    this.errors = new Results(() => this.#read())
    parts.ended.addEventListener('abort', this.#end)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    for (const { reject } of this.#waiting.splice(0)) reject(new ClosedError('The channel'))
    void this.#parts.flush()
    if (this.#inFlight > 0) await this.#told.promise
    this.#parts.ended.removeEventListener('abort', this.#end)
    this.successes.end()
    this.errors.end()
  }

  async #write(message: M): Promise<void> {
    if (this.#closing !== null) throw new ClosedError('The channel')
    if (this.#taken < this.#capacity) {
      this.#taken++
      this.#send(message)
      return
    }
    if (this.#waiting.length >= MOST_WAITING) {
      const text = `${MOST_WAITING} writes wait for room in a channel already: await them, and read successes and errors`
      throw new MillraceError('BUFFER_FULL', text, { retriable: true })
    }
    await new Promise<void>((resolve, reject) => this.#waiting.push({ message, resolve, reject }))
  }

  #send(message: M): void {
    this.#inFlight++
    const receipt: Receipt = {
      delivered: (_, delivery) => {
        if (this.#keepsSuccesses) this.successes.add({ message, delivery })
        else this.#read()
        this.#settled()
      },
      failed: (_, error) => {
        this.errors.add({ message, error })
        this.#settled()
      },
    }
    this.#parts.accept(message, undefined, receipt, 0)
  }

  #settled(): void {
    this.#inFlight--
    if (this.#inFlight === 0 && this.#closing !== null) this.#told.resolve()
  }

  /** A result was read: its place is the next message's. */
  #read(): void {
    const next = this.#waiting.shift()
    if (next === undefined) {
      this.#taken--
      return
    }
    this.#send(next.message)
    next.resolve()
  }
}

/** Results until they are read, each by one reader. */
class Results<T> implements AsyncIterable<T> {
  readonly #read: () => void
  readonly #unread: T[] = []
  readonly #readers: ((result: IteratorResult<T, undefined>) => void)[] = []
  #ended = false

  /** `read`: one was. */
  constructor(read: () => void) {
    this.#read = read
  }

  add(result: T): void {
    const reader = this.#readers.shift()
    if (reader === undefined) {
      this.#unread.push(result)
      return
    }
    reader({ done: false, value: result })
    this.#read()
  }

  end(): void {
    this.#ended = true
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return { next: () => this.#next() }
  }

  #next(): Promise<IteratorResult<T, undefined>> {
    const [value] = this.#unread.splice(0, 1)
    if (value !== undefined) {
      this.#read()
      return Promise.resolve({ done: false, value })
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined })
    return new Promise(resolve => this.#readers.push(resolve))
  }
}
