import { randomBytes } from 'node:crypto'

const RUN_BYTES = 8
const NUMBER_AT = RUN_BYTES
const BEGAN_AT = NUMBER_AT + 4
const PRODUCED_AT = BEGAN_AT + 8

/** Bytes that a message needs at least. */
export const HOP_BYTES = PRODUCED_AT + 8

/** What a message says of its way. Times are those of `performance.now()` in this process. */
export interface HopMessage {
  readonly number: number
  /** When it was due at the first hop. */
  readonly began: number
  /** When it was due at this one. */
  readonly produced: number
}

/** Writes and reads the messages of one run: whatever else is in the topics is left alone. */
export class HopMessages {
  readonly #run = randomBytes(RUN_BYTES)
  readonly #size: number

  constructor(size: number) {
    this.#size = size
  }

  write({ number, began, produced }: HopMessage): Buffer {
    const bytes = Buffer.alloc(this.#size)
    this.#run.copy(bytes)
    bytes.writeUInt32BE(number, NUMBER_AT)
    bytes.writeDoubleBE(began, BEGAN_AT)
    bytes.writeDoubleBE(produced, PRODUCED_AT)
    return bytes
  }

  /** Null: it is of another run. */
  read(bytes: Buffer | null): HopMessage | null {
    if (bytes === null || bytes.length !== this.#size || bytes.compare(this.#run, 0, RUN_BYTES, 0, RUN_BYTES) !== 0) {
      return null
    }
    return {
      number: bytes.readUInt32BE(NUMBER_AT),
      began: bytes.readDoubleBE(BEGAN_AT),
      produced: bytes.readDoubleBE(PRODUCED_AT),
    }
  }
}
