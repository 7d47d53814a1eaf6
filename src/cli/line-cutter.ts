const NEWLINE = 10

/** A line, without its newline. */
export interface Line {
  /** A view into what was cut; null: it is too long. */
  readonly bytes: Buffer | null
  /** Where it begins, counted from where the cutter began. */
  readonly offset: number
}

/** Cuts bytes that come in pieces of any size into lines, whatever their characters are. */
export class LineCutter {
  readonly #mostBytes: number
  /** What the line that has no end yet has so far. */
  #begun: Buffer[] = []
  #begunBytes = 0
  #offset: number

  /** `offset`: where the first line begins. */
  constructor(mostBytes: number, offset = 0) {
    this.#mostBytes = mostBytes
    this.#offset = offset
  }

  /** The lines that end in this piece. */
  *cut(piece: Buffer): Generator<Line> {
    let from = 0
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, from)) {
      yield this.#line(piece.subarray(from, end), 1)
      from = end + 1
    }
    if (from === piece.length) return
    this.#begunBytes += piece.length - from
    if (this.#begunBytes <= this.#mostBytes) this.#begun.push(piece.subarray(from))
    else this.#begun = []
  }

  /** The last line, where it has no newline: nothing comes behind it. */
  *rest(): Generator<Line> {
    if (this.#begunBytes > 0) yield this.#line(Buffer.alloc(0), 0)
  }

  #line(end: Buffer, newline: number): Line {
    const length = this.#begunBytes + end.length
    const whole = this.#begunBytes === 0 ? end : Buffer.concat([...this.#begun, end])
    const offset = this.#offset
    this.#offset += length + newline
    this.#begun = []
    this.#begunBytes = 0
    return { bytes: length > this.#mostBytes ? null : whole, offset }
  }
}
