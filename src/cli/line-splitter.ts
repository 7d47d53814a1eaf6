const NEWLINE = Buffer.from('\n')
const RETURN = 13
const NOTHING = Buffer.alloc(0)

/**
 * Splits bytes that come in chunks into lines, whatever their characters are. Without a delimiter a line ends with a newline, and a carriage
 * return before that is none of it.
 */
export class LineSplitter {
  readonly #delimiter: Buffer
  readonly #isText: boolean
  readonly #mostBytes: number
  /** The line that has not ended, but for its last bytes: a delimiter may begin in these. */
  #begun: Buffer[] = []
  #begunBytes = 0
  #tail: Buffer = NOTHING

  constructor(delimiter: Buffer | null, mostBytes: number) {
    this.#delimiter = delimiter ?? NEWLINE
    this.#isText = delimiter === null
    this.#mostBytes = mostBytes
  }

  /** Lines that end in this chunk, as views where they can be; null stands for one that is too long. */
  push(chunk: Buffer): (Buffer | null)[] {
    const bytes = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk])
    const lines: (Buffer | null)[] = []
    let from = 0
    for (let end = this.#find(bytes, 0); end >= 0; end = this.#find(bytes, from)) {
      lines.push(this.#line(bytes.subarray(from, end)))
      from = end + this.#delimiter.length
    }
    const kept = Math.max(from, bytes.length - this.#delimiter.length + 1)
    this.#begin(bytes.subarray(from, kept))
    this.#tail = bytes.subarray(kept)
    return lines
  }

  /** The last line, which has no end; nothing comes behind it. Undefined: there is none. */
  end(): Buffer | null | undefined {
    const tail = this.#tail
    this.#tail = NOTHING
    return this.#begunBytes + tail.length === 0 ? undefined : this.#line(tail)
  }

  #find(bytes: Buffer, from: number): number {
    const { length } = this.#delimiter
    return bytes.indexOf(length === 1 ? (this.#delimiter[0] as number) : this.#delimiter, from)
  }

  #begin(bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#begunBytes += bytes.length
    if (this.#begunBytes <= this.#mostBytes) this.#begun.push(bytes)
    else this.#begun = []
  }

  #line(last: Buffer): Buffer | null {
    const begun = this.#begun
    const tooLong = this.#begunBytes + last.length > this.#mostBytes
    this.#begun = []
    this.#begunBytes = 0
    if (tooLong) return null
    const line = begun.length === 0 ? last : Buffer.concat([...begun, last])
    return this.#isText && line.at(-1) === RETURN ? line.subarray(0, -1) : line
  }
}
