import type { Writable } from 'node:stream'
import { toError } from '../base/errors.ts'
import { CommandError, exitCodes } from './failure.ts'
import { Lines } from './lines.ts'

/** Lines that are written together. `written` rejects only when its signal aborts: then nobody waits for it any more. */
interface Chunk {
  readonly written: PromiseWithResolvers<void>
}

/**
 * Writes what is appended, in order and one chunk after another: while one is on its way, the next one is put together. So a reader that
 * is slow slows down whoever waits for `written`.
 */
export class Output {
  readonly #stream: Writable
  readonly #broken: (error: NodeJS.ErrnoException) => void
  /** What the next chunk is put together in. */
  #lines = new Lines()
  /** The other one: being written, or free. */
  #spare = new Lines()
  #next: Chunk | null = null
  #writing: Chunk | null = null
  #error: Error | null = null

  /** `broken` is told once when nothing can be written any more; what was not written by then is never acknowledged. */
  constructor(stream: Writable, broken: (error: NodeJS.ErrnoException) => void) {
    this.#stream = stream
    this.#broken = broken
    // The callback of the write that failed tells.
    stream.on('error', () => {})
  }

  /** Appends through `append`; resolves when that is written, rejects with the signal's reason when it aborts before. */
  write(append: (lines: Lines) => void, signal: () => AbortSignal): Promise<void> {
    if (this.#next === null) {
      this.#next = { written: Promise.withResolvers() }
      const { reject } = this.#next.written
      const given = signal()
      given.addEventListener('abort', () => reject(given.reason), { once: true })
      if (this.#writing === null) setImmediate(() => this.#flush())
    }
    append(this.#lines)
    return this.#next.written.promise
  }

  #flush(): void {
    const chunk = this.#next
    if (chunk === null || this.#writing !== null || this.#error !== null) return
    this.#next = null
    this.#writing = chunk
    const lines = this.#lines
    this.#lines = this.#spare
    this.#spare = lines
    this.#stream.write(lines.bytes, error => {
      if (error) {
        this.#error = toError(error)
        this.#broken(error)
        return
      }
      lines.clear()
      this.#writing = null
      chunk.written.resolve()
      this.#flush()
    })
  }
}

/** Writes a text to stdout; resolves when that is done, or when nobody reads it any more. */
export async function writeText(text: string): Promise<void> {
  const error = await new Promise<NodeJS.ErrnoException | null | undefined>(resolve => {
    process.stdout.on('error', resolve).write(text, resolve)
  })
  if (error && error.code !== 'EPIPE') throw cannotWrite(error)
}

/** One JSON object per line. */
export function writeObjects(objects: readonly object[]): Promise<void> {
  return writeText(objects.map(each => `${JSON.stringify(each)}\n`).join(''))
}

export function cannotWrite(error: NodeJS.ErrnoException): CommandError {
  return new CommandError(exitCodes.failure, 'OUTPUT', `The output cannot be written: ${error.message}`, error)
}
