import { toError } from '../base/errors.ts'
import type { ProducerMessage } from '../producer/message.ts'
import type { ReadLine } from './line-message.ts'

/** Where in the input something is: the number of a line, the first being 1, or of the byte with which one begins. */
export interface Place {
  readonly input: string
  readonly at: number
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

/** Lines that came together; null is one that is too long. */
export interface LineChunk {
  readonly lines: readonly (Buffer | null)[]
  /** Of the first one. */
  readonly at: number
}

/** Where lines come from. */
export interface LineSource {
  readonly name: string
  /** Ends early when the signal aborts. */
  chunks(signal: AbortSignal): AsyncIterable<LineChunk>
}

export interface ReaderOptions {
  readonly readLine: ReadLine
  /** Of a line. */
  readonly mostBytes: number
  /** Where to begin in the first source. */
  readonly first: number
  readonly mostMessages: number
  /** Wrong lines do not end it. */
  readonly keepGoing: boolean
}

/** Reads one source after another, and makes messages of what is there. */
export class MessageReader {
  readonly #options: ReaderOptions
  /** Of what comes next. */
  #place: Place = { input: '', at: 1 }
  #left: number
  #ended = false
  #complete = false

  constructor(options: ReaderOptions) {
    this.#options = options
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
  async *groups(sources: readonly LineSource[], signal: AbortSignal): AsyncGenerator<Group, void, undefined> {
    for (const [index, source] of sources.entries()) {
      this.#place = { input: source.name, at: 1 }
      const first = index === 0 ? this.#options.first : 1
      for await (const chunk of source.chunks(signal)) {
        const group = this.#group(source.name, chunk, first)
        if (group.places.length + group.wrong.length > 0) yield group
        if (this.#left === 0 || this.#ended) break
      }
      if (signal.aborted || this.#ended) return
      if (this.#left === 0) break
    }
    this.#complete = true
  }

  #group(input: string, { lines, at }: LineChunk, first: number): Group {
    const { readLine, mostBytes, keepGoing } = this.#options
    const messages: ProducerMessage[] = []
    const places: Place[] = []
    const wrong: WrongLine[] = []
    let bytes = 0
    for (const [index, line] of lines.entries()) {
      if (this.#left === 0 || this.#ended) break
      const place = { input, at: at + index }
      this.#place = { input, at: at + index + 1 }
      if (place.at < first) continue
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
