import { MillraceError } from '../base/errors.ts'

/** What came is not Kafka's: the message says what it looks like. Code `BAD_FRAME`. */
export class FrameError extends MillraceError {
  constructor(message: string) {
    super('BAD_FRAME', message, { retriable: true })
  }
}

export interface FrameReaderOptions {
  /** Longest frame that is believed, in bytes. */
  readonly maxFrameBytes: number
  /**
   * Frames are given out as views of memory that the next frame overwrites: for receivers that copy what they keep before they
   * return.
   */
  readonly reuse: boolean
  /** A whole frame, without its length. */
  readonly onFrame: (frame: Buffer) => void
  /** What to say of four bytes that are no length of a frame. Default: what a client says of a broker. */
  readonly explain?: (head: Buffer, length: number) => string
}

/** Shortest answer: a correlation id. */
const minFrameBytes = 4
const firstBytes = 64 * 1024
/** After so many frames in a row that needed less than a quarter of the reused memory, it is given back. */
const smallFrames = 32

/**
 * Cuts a stream of bytes into frames by their length. Memory grows with what has arrived, never with what a length claims.
 * `push` throws a `FrameError` when the stream cannot be Kafka's; nothing may be pushed after that.
 */
export class FrameReader {
  readonly #options: FrameReaderOptions
  readonly #head = Buffer.alloc(4)
  #headBytes = 0
  /** Length of the frame that is being read, or -1 while the length itself is. */
  #length = -1
  #filled = 0
  #memory: Buffer = Buffer.alloc(0)
  #small = 0
  #stopped = false

  constructor(options: FrameReaderOptions) {
    this.#options = options
  }

  /** No frame is given out any more, not even from the bytes being pushed now. */
  stop(): void {
    this.#stopped = true
    this.#memory = Buffer.alloc(0)
  }

  /** Whether a part of a frame has arrived whose rest has not. */
  get partial(): boolean {
    return this.#length >= 0 || this.#headBytes > 0
  }

  /** Bytes of the frame whose rest has not arrived. */
  get held(): number {
    return this.#stopped || this.#length < 0 ? 0 : this.#filled
  }

  /** Takes in the first `end` bytes of `chunk`, which may be overwritten afterwards. */
  push(chunk: Buffer, end = chunk.length): void {
    let at = 0
    while (at < end && !this.#stopped) {
      if (this.#length < 0) {
        at = this.#readLength(chunk, at, end)
        continue
      }
      const taken = Math.min(this.#length - this.#filled, end - at)
      if (taken === this.#length) this.#give(this.#whole(chunk, at, at + taken))
      else this.#append(chunk, at, at + taken)
      at += taken
    }
  }

  #readLength(chunk: Buffer, at: number, end: number): number {
    const taken = Math.min(4 - this.#headBytes, end - at)
    chunk.copy(this.#head, this.#headBytes, at, at + taken)
    this.#headBytes += taken
    if (this.#headBytes < 4) return at + taken
    const length = this.#head.readInt32BE(0)
    if (length < minFrameBytes || length > this.#options.maxFrameBytes) {
      const { explain, maxFrameBytes } = this.#options
      throw new FrameError(explain?.(this.#head, length) ?? whatItIs(this.#head, length, maxFrameBytes))
    }
    this.#headBytes = 0
    this.#length = length
    this.#filled = 0
    return at + taken
  }

  /** A frame that lies in the chunk as a whole. */
  #whole(chunk: Buffer, start: number, end: number): Buffer {
    return this.#options.reuse ? chunk.subarray(start, end) : Buffer.from(chunk.subarray(start, end))
  }

  #append(chunk: Buffer, start: number, end: number): void {
    const needed = this.#filled + end - start
    if (needed > this.#memory.length) {
      const room = Math.min(this.#length, Math.max(needed, this.#memory.length * 2, firstBytes))
      const grown = Buffer.allocUnsafeSlow(room)
      this.#memory.copy(grown, 0, 0, this.#filled)
      this.#memory = grown
    }
    chunk.copy(this.#memory, this.#filled, start, end)
    this.#filled = needed
    if (needed < this.#length) return
    const frame = this.#memory.subarray(0, needed)
    if (!this.#options.reuse) this.#memory = Buffer.alloc(0)
    this.#give(frame)
  }

  #give(frame: Buffer): void {
    this.#length = -1
    this.#small = frame.length * 4 < this.#memory.length ? this.#small + 1 : 0
    if (this.#small >= smallFrames) this.#memory = Buffer.alloc(0)
    this.#options.onFrame(frame)
  }
}

function whatItIs(head: Buffer, length: number, maxFrameBytes: number): string {
  if (head.toString('latin1') === 'HTTP') {
    return 'it answers HTTP: this is the port of a web server or a proxy, not of a Kafka broker'
  }
  if (head[0] === 0x15 && head[1] === 3) {
    return 'it answers with a TLS alert: this port expects TLS, and the connection is plain (the option tls)'
  }
  if (head[0] === 0x16 && head[1] === 3) {
    return 'it answers with a TLS handshake: this port speaks TLS, and the connection is plain (the option tls)'
  }
  const claim = `it sent a frame of ${length} bytes`
  if (length < minFrameBytes) {
    return `${claim}, and none has fewer than ${minFrameBytes}: this port is not a Kafka broker's, or bytes were lost`
  }
  return `${claim}, more than maxFrameBytes (${maxFrameBytes}): this port is not a Kafka broker's, or an answer is larger than allowed`
}
