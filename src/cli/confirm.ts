import { createInterface } from 'node:readline/promises'
import { CommandError, exitCodes } from './failure.ts'
import { printable } from './printable.ts'

/**
 * Asks before what cannot be undone, on the terminal: the answer is to be `yes`. Where there is no terminal, `--yes` must have been given.
 *
 * @throws {CommandError} unless it is to be done
 */
export async function confirm(question: string, yes: boolean | undefined): Promise<void> {
  if (yes) return
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new CommandError(exitCodes.usage, 'NOT_CONFIRMED', `${question} Nobody can be asked here: add --yes`)
  }
  const answer = await ask(`${printable(question)} Type yes: `)
  if (answer === null) throw new CommandError(exitCodes.interrupted, 'INTERRUPTED', 'Interrupted: nothing was done')
  if (!/^y(es)?$/i.test(answer.trim())) throw new CommandError(exitCodes.failure, 'NOT_CONFIRMED', 'Nothing was done')
}

/** Null when it is interrupted, or the terminal is closed. */
async function ask(question: string): Promise<string | null> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const ended = new AbortController()
  terminal.once('close', () => ended.abort())
  try {
    return await terminal.question(question, { signal: ended.signal })
  } catch {
    process.stderr.write('\n')
    return null
  } finally {
    terminal.close()
  }
}
