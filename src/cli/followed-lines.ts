import { FileFollower } from './file-follower.ts'
import type { LineChunk, LineSource } from './message-reader.ts'

const RETURN = 13

export interface FollowedOptions {
  readonly from: 'start' | 'end'
  readonly mostBytes: number
  /** Is told what happens to the file, for people. */
  readonly tell: (what: string) => void
}

/** Lines of a file as they are written to it, by the byte with which each begins. */
export class FollowedLines implements LineSource {
  readonly name: string
  readonly #options: FollowedOptions

  constructor(path: string, options: FollowedOptions) {
    this.name = path
    this.#options = options
  }

  async *chunks(signal: AbortSignal): AsyncGenerator<LineChunk, void, undefined> {
    const { from, mostBytes: mostLineBytes, tell } = this.#options
    for await (const { bytes, offset } of new FileFollower(this.name, { from, signal, mostLineBytes, tell }).lines()) {
      yield { lines: [bytes?.at(-1) === RETURN ? bytes.subarray(0, -1) : bytes], at: offset }
    }
  }
}
