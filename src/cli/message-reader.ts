import { toError } from '../base/errors.ts'
import type { ProducerMessage } from '../producer/message.ts'
import type { Input } from './input.ts'
import type { ReadLine } from './line-message.ts'
import { LineSplitter } from './line-splitter.ts'

/** Where in the input something is: the first line is 1. */
export interface Place {
  readonly input: string
  readonly line: number
}

/** A line that is no message. */
export interface WrongLine extends Place {
  readonly error: Error
}

/** Messages that are read and sent together. */
export interface Group {
  readonly messages: readonly ProducerMessage[]
  /** Where each of them was. */
  readonly places: readonly Place[]
  readonly wrong: readonly WrongLine[]
  /** Of the input. */
  readonly bytes: number
}

export interface ReaderOptions {
  readonly readLine: ReadLine
  /** Null: lines of a text. */
  readonly delimiter: Buffer | null
  /** Most that a line may have. */
  readonly mostBytes: number
  /** All of an input is one message. */
  readonly whole: boolean
  /** Where to begin in the first input. */
  readonly firstLine: number
  readonly mostMessages: number
  /** Wrong lines do not end it. */
  readonly keepGoing: boolean
}

/** Reads one input after another, and makes messages of what is there: a group of each chunk. */
export class MessageReader {
  readonly #options: ReaderOptions
  /** Of what comes next. */
  #place: Place
  #left: number
  #ended = false
  #complete = false

  constructor(options: ReaderOptions) {
    this.#options = options
    this.#place = { input: '', line: 1 }
    this.#left = options.mostMessages
  }

  /** What was not read yet. */
  get next(): Place {
    return this.#place
  }

  /** All was read that was to be. */
  get complete(): boolean {
    return this.#complete
  }

  /** Ends early when the signal aborts. */
  async *groups(inputs: readonly Input[], signal: AbortSignal): AsyncGenerator<Group, void, undefined> {
    for (const [at, input] of inputs.entries()) {
      this.#place = { input: input.name, line: 1 }
      const first = at === 0 ? this.#options.firstLine : 1
      for await (const lines of this.#options.whole ? this.#whole(input, signal) : this.#lines(input, signal)) {
        const group = this.#group(lines, first)
        if (group.places.length + group.wrong.length > 0) yield group
        if (this.#left === 0 || this.#ended) break
      }
      if (signal.aborted || this.#ended) return
      if (this.#left === 0) break
    }
    this.#complete = true
  }

  async *#lines(input: Input, signal: AbortSignal): AsyncGenerator<(Buffer | null)[]> {
    const splitter = new LineSplitter(this.#options.delimiter, this.#options.mostBytes)
    for await (const chunk of input.chunks(signal)) yield splitter.push(chunk)
    const last = signal.aborted ? undefined : splitter.end()
    if (last !== undefined) yield [last]
  }

  async *#whole(input: Input, signal: AbortSignal): AsyncGenerator<(Buffer | null)[]> {
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of input.chunks(signal)) {
      bytes += chunk.length
      if (bytes > this.#options.mostBytes) return yield [null]
      chunks.push(chunk)
    }
    if (!signal.aborted) yield [Buffer.concat(chunks)]
  }

  #group(lines: readonly (Buffer | null)[], first: number): Group {
    const { readLine, mostBytes, keepGoing } = this.#options
    const messages: ProducerMessage[] = []
    const places: Place[] = []
    const wrong: WrongLine[] = []
    let bytes = 0
    for (const line of lines) {
      if (this.#left === 0 || this.#ended) break
      const place = this.#place
      this.#place = { input: place.input, line: place.line + 1 }
      if (place.line < first) continue
      try {
        if (line === null) throw new Error(`it has more than ${mostBytes} bytes: see max.request.size`)
        const message = readLine(line)
        if (message === null) continue
        messages.push(message)
        places.push(place)
        bytes += line.length
        this.#left--
      } catch (thrown) {
        wrong.push({ ...place, error: toError(thrown) })
        this.#ended = !keepGoing
      }
    }
    return { messages, places, wrong, bytes }
  }
}
