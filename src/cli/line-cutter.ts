import { CommandError, exitCodes } from './failure.ts'

const NEWLINE = 10

/** A line, without its newline. */
export interface Line {
  /** A view into what was cut. */
  readonly bytes: Buffer
  /** Where it begins, counted from where the cutter began. */
  readonly offset: number
}

/** Cuts bytes that come in pieces of any size into lines, whatever their characters are. */
export class LineCutter {
  readonly #source: string
  readonly #mostBytes: number
  /** What the line that has no end yet has so far. */
  #begun: Buffer[] = []
  #begunBytes = 0
  #offset: number

  /** `source` is for errors; `offset`: where in it the first line begins. */
  constructor(source: string, mostBytes: number, offset = 0) {
    this.#source = source
    this.#mostBytes = mostBytes
    this.#offset = offset
  }

  /** The lines that end in this piece. @throws {CommandError} `LINE_TOO_LONG`, behind the lines before that one */
  *cut(piece: Buffer): Generator<Line> {
    let from = 0
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, from)) {
      yield this.#line(piece.subarray(from, end), 1)
      from = end + 1
    }
    if (from === piece.length) return
    this.#check(piece.length - from)
    this.#begun.push(piece.subarray(from))
    this.#begunBytes += piece.length - from
  }

  /** The last line, where it has no newline: nothing comes behind it. */
  *rest(): Generator<Line> {
    if (this.#begunBytes > 0) yield this.#line(Buffer.alloc(0), 0)
  }

  #line(end: Buffer, newline: number): Line {
    this.#check(end.length)
    const bytes = this.#begunBytes === 0 ? end : Buffer.concat([...this.#begun, end])
    const offset = this.#offset
    this.#offset += bytes.length + newline
    this.#begun = []
    this.#begunBytes = 0
    return { bytes, offset }
  }

  #check(more: number): void {
    if (this.#begunBytes + more <= this.#mostBytes) return
    const text = `${this.#source}: the line at byte ${this.#offset} is longer than ${this.#mostBytes} bytes`
    throw new CommandError(exitCodes.failure, 'LINE_TOO_LONG', text)
  }
}
