import { createReadStream } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import { addAbortSignal, type Readable } from 'node:stream'
import { toError } from '../base/errors.ts'
import { CommandError, exitCodes } from './failure.ts'
import { LineSplitter } from './line-splitter.ts'
import type { LineChunk, LineSource } from './message-reader.ts'

const CHUNK_BYTES = 64 * 1024
export const STDIN = '-'

/** How a file, or what comes by stdin, is cut into lines. */
export interface Cut {
  /** Null: lines of a text. */
  readonly delimiter: Buffer | null
  /** All of it is one. */
  readonly whole: boolean
  /** Most that a line may have. */
  readonly mostBytes: number
}

/** A file, or what comes by stdin. */
export class Input implements LineSource {
  /** Its path; `-` for stdin. */
  readonly name: string
  readonly #open: () => Readable
  readonly #cut: Cut

  private constructor(name: string, open: () => Readable, cut: Cut) {
    this.name = name
    this.#open = open
    this.#cut = cut
  }

  /**
   * All are looked at before the first one is read: what cannot be read is told before anything is written.
   *
   * @throws {CommandError}
   */
  static async all(paths: readonly string[], stdin: Readable, cut: Cut): Promise<Input[]> {
    if (paths.filter(path => path === STDIN).length > 1) {
      throw new CommandError(exitCodes.usage, 'USAGE', 'Standard input (-) can be read only once')
    }
    for (const path of paths) if (path !== STDIN) await check(path)
    return paths.map(path => {
      const open = () => (path === STDIN ? stdin : createReadStream(path, { highWaterMark: CHUNK_BYTES }))
      return new Input(path, open, cut)
    })
  }

  async *chunks(signal: AbortSignal): AsyncGenerator<LineChunk, void, undefined> {
    const { delimiter, whole, mostBytes } = this.#cut
    if (whole) return yield* this.#whole(signal)
    const splitter = new LineSplitter(delimiter, mostBytes)
    let at = 1
    for await (const bytes of this.#bytes(signal)) {
      const lines = splitter.push(bytes)
      yield { lines, at }
      at += lines.length
    }
    const last = signal.aborted ? undefined : splitter.end()
    if (last !== undefined) yield { lines: [last], at }
  }

  async *#whole(signal: AbortSignal): AsyncGenerator<LineChunk, void, undefined> {
    const pieces: Buffer[] = []
    let length = 0
    for await (const bytes of this.#bytes(signal)) {
      length += bytes.length
      if (length > this.#cut.mostBytes) return yield { lines: [null], at: 1 }
      pieces.push(bytes)
    }
    if (!signal.aborted) yield { lines: [Buffer.concat(pieces)], at: 1 }
  }

  async *#bytes(signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    if (signal.aborted) return
    try {
      for await (const chunk of addAbortSignal(signal, this.#open())) yield chunk as Buffer
    } catch (thrown) {
      if (signal.aborted) return
      throw cannotRead(exitCodes.failure, this.name, toError(thrown))
    }
  }
}

/** For people. */
export function inputName(name: string): string {
  return name === STDIN ? 'standard input' : name
}

/** Not by opening it: who writes to a pipe would take that for its reader. */
async function check(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK)
    if ((await stat(path)).isDirectory()) throw new Error('it is a directory')
  } catch (thrown) {
    throw cannotRead(exitCodes.usage, path, toError(thrown))
  }
}

function cannotRead(exitCode: 1 | 2, name: string, cause: Error): CommandError {
  return new CommandError(exitCode, 'INPUT', `${inputName(name)} cannot be read: ${cause.message}`, cause)
}
