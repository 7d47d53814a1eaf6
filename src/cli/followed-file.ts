import { type FileHandle, open, stat } from 'node:fs/promises'

const PIECE_BYTES = 64 * 1024
/** So many of the bytes that were read last are read again with those that follow. */
const TAIL_BYTES = 64
const NEWLINE = 10

/** Which file it is, whatever its name. */
interface Identity {
  readonly dev: bigint
  readonly ino: bigint
}

/** A file that is held open while others write to it: its name may be another's by now. */
export class FollowedFile {
  readonly #handle: FileHandle
  readonly #identity: Identity
  readonly #buffer = Buffer.allocUnsafeSlow(TAIL_BYTES + PIECE_BYTES)
  #position = 0
  #tail = Buffer.alloc(0)

  private constructor(handle: FileHandle, identity: Identity) {
    this.#handle = handle
    this.#identity = identity
  }

  /** What has this name now, unless it is this other one. */
  static async open(path: string, other?: FollowedFile): Promise<FollowedFile | 'same' | 'missing'> {
    try {
      const found = await stat(path, { bigint: true })
      if (other?.is(found)) return 'same'
      // A pipe would not be opened before somebody writes to it.
      if (!found.isFile()) throw new Error('is no file')
      const handle = await open(path)
      const file = new FollowedFile(handle, await handle.stat({ bigint: true }))
      if (other === undefined || !other.is(file.#identity)) return file
      await file.close()
      return 'same'
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return 'missing'
      throw thrown
    }
  }

  get position(): number {
    return this.#position
  }

  is({ dev, ino }: Identity): boolean {
    return this.#identity.dev === dev && this.#identity.ino === ino
  }

  /** Some of the bytes that follow; empty at the end; null: what was read last is not there any more, so it was cut off. */
  async read(): Promise<Buffer | null> {
    const known = this.#tail.length
    const { bytesRead } = await this.#handle.read(this.#buffer, 0, known + PIECE_BYTES, this.#position - known)
    if (!this.#buffer.subarray(0, Math.min(known, bytesRead)).equals(this.#tail)) return null
    this.#keepTail(bytesRead)
    this.#position += bytesRead - known
    return Buffer.from(this.#buffer.subarray(known, bytesRead))
  }

  restart(): void {
    this.#position = 0
    this.#tail = Buffer.alloc(0)
  }

  /** Goes to the end, or to where the line begins that is being written there; looks for that in so many bytes. */
  async skipLines(mostBytes: number): Promise<void> {
    const { size } = await this.#handle.stat()
    const lowest = Math.max(0, size - mostBytes)
    for (let end = size; end > lowest; ) {
      const start = Math.max(lowest, end - PIECE_BYTES)
      const { bytesRead } = await this.#handle.read(this.#buffer, 0, end - start, start)
      const newline = this.#buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE)
      if (newline >= 0) {
        this.#position = start + newline + 1
        this.#keepTail(newline + 1)
        return
      }
      end = start
    }
    this.#position = lowest
  }

  close(): Promise<void> {
    return this.#handle.close()
  }

  /** Of the first so many bytes in the buffer. */
  #keepTail(length: number): void {
    this.#tail = Buffer.from(this.#buffer.subarray(Math.max(0, length - TAIL_BYTES), length))
  }
}
