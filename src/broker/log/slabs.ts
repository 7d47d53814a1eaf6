const smallest = 4 * 1024
const largest = 64 * 1024
/** What would take more than this part of a slab gets memory of its own. */
const largePart = 1 / 4

/**
 * Memory for many small things that come one after another and go in about the same order: they lie side by side in larger pieces, so
 * that neighbours can be sent as one, and the garbage collector has little to do. A slab is freed when all that is in it is.
 */
export class Slabs {
  #slab: Buffer = Buffer.alloc(0)
  #used = 0
  #placed = 0

  /** A copy of these bytes. */
  place(bytes: Uint8Array): Buffer {
    const own = this.#take(bytes.length)
    own.set(bytes)
    return own
  }

  #take(size: number): Buffer {
    this.#placed += size
    // As large as all before: what holds little takes little.
    const next = Math.min(Math.max(this.#placed, smallest), largest)
    if (size > next * largePart) return Buffer.allocUnsafeSlow(size)
    if (this.#slab.length - this.#used < size) {
      this.#slab = Buffer.allocUnsafeSlow(next)
      this.#used = 0
    }
    const start = this.#used
    this.#used += size
    return this.#slab.subarray(start, this.#used)
  }
}

/** Puts bytes together that are sent one behind the other: those that lie so in memory are one piece. */
export class Pieces {
  readonly #pieces: Buffer[] = []
  #first: Buffer | null = null
  #size = 0
  #bytes = 0

  /** Bytes in all pieces. */
  get bytes(): number {
    return this.#bytes
  }

  /** Adds the first `size` of these bytes. */
  add(bytes: Buffer, size: number): void {
    this.#bytes += size
    const first = this.#first
    if (first !== null && first.buffer === bytes.buffer && first.byteOffset + this.#size === bytes.byteOffset) {
      this.#size += size
      return
    }
    this.#end()
    this.#first = bytes
    this.#size = size
  }

  finish(): readonly Buffer[] {
    this.#end()
    return this.#pieces
  }

  #end(): void {
    const first = this.#first
    if (first !== null) this.#pieces.push(Buffer.from(first.buffer, first.byteOffset, this.#size))
    this.#first = null
  }
}
