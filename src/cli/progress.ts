const EVERY_MS = 1_000
/** Back to the beginning of the line, which is cleared. */
const CLEAR = '\r\x1b[K'

/** One line on stderr that tells each second what goes on, where that is a terminal; it is gone at the end. */
export class Progress {
  readonly #stream: NodeJS.WriteStream
  readonly #timer: NodeJS.Timeout | undefined
  #told = false

  /** `what` is asked for each time; the time that went by is added. */
  constructor(what: string | (() => string), stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream
    if (!stream.isTTY) return
    const began = performance.now()
    this.#timer = setInterval(() => {
      const seconds = Math.round((performance.now() - began) / 1_000)
      this.#told = true
      stream.write(`${CLEAR}${typeof what === 'string' ? what : what()}, ${seconds} s`)
    }, EVERY_MS)
  }

  end(): void {
    clearInterval(this.#timer)
    if (this.#told) this.#stream.write(CLEAR)
    this.#told = false
  }
}
