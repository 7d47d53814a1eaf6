import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { addAbortSignal, type Readable } from 'node:stream'
import { toError } from '../base/errors.ts'
import { CommandError, exitCodes } from './failure.ts'

const CHUNK_BYTES = 64 * 1024
export const STDIN = '-'

/** A file, or what comes by stdin. */
export class Input {
  /** Its path; `-` for stdin. */
  readonly name: string
  readonly #open: () => Readable

  private constructor(name: string, open: () => Readable) {
    this.name = name
    this.#open = open
  }

  /**
   * All are looked at before the first one is read: what cannot be read is told before anything is written.
   *
   * @throws {CommandError}
   */
  static async all(paths: readonly string[], stdin: Readable): Promise<Input[]> {
    if (paths.filter(path => path === STDIN).length > 1) {
      throw new CommandError(exitCodes.usage, 'USAGE', 'Standard input (-) can be read only once')
    }
    for (const path of paths) if (path !== STDIN) await check(path)
    return paths.map(path =>
      path === STDIN
        ? new Input(path, () => stdin)
        : new Input(path, () => createReadStream(path, { highWaterMark: CHUNK_BYTES })),
    )
  }

  /** Ends early when the signal aborts. */
  async *chunks(signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
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

async function check(path: string): Promise<void> {
  try {
    await using file = await open(path)
    if ((await file.stat()).isDirectory()) throw new Error('it is a directory')
  } catch (thrown) {
    throw cannotRead(exitCodes.usage, path, toError(thrown))
  }
}

function cannotRead(exitCode: 1 | 2, name: string, cause: Error): CommandError {
  return new CommandError(exitCode, 'INPUT', `${inputName(name)} cannot be read: ${cause.message}`, cause)
}
