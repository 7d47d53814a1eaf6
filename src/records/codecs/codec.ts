/** The levels that a codec may be told, and beside them the one that stands for its own choice where it has such a number. */
export interface Levels {
  readonly min: number
  readonly max: number
  readonly default?: number
}

/** One way to compress records. */
export interface Codec {
  /** Null: it has none. */
  readonly levels: Levels | null
  /** @throws {PackageMissing} */
  load(): void
  /** Expected output up to which the event loop is held for it: about 4 ms. */
  readonly syncBytes: number
  /** Bytes that the input inflates to. May be a guess, or a lie of the sender: limits hold whatever it says. */
  expectedBytes(input: Uint8Array): number
  /** At most `maxBytes`, else it throws `OutputTooLarge`; anything else that it throws means bad input. */
  inflateSync(input: Uint8Array, maxBytes: number): Buffer
  /** The same beside the event loop. */
  inflate(input: Uint8Array, maxBytes: number): Promise<Buffer>
  /** `level`: one of `levels`. */
  deflate(input: Uint8Array, level: number | undefined): Buffer
}

/** The output would be larger than it may be. */
export class OutputTooLarge extends Error {}
