import { ConnectionError, MillraceError, OptionError, RequestTimeoutError } from '../base/errors.ts'

/** What the `millrace` command exits with; the help and `docs/cli.md` name the same. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  unreachable: 3,
  unknown: 4,
  /** As shells have it for SIGINT. */
  interrupted: 130,
} as const

type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

/** A command ends with this line and this exit code. */
export class CommandError extends MillraceError {
  readonly exitCode: ExitCode

  constructor(exitCode: ExitCode, code: string, message: string, cause?: unknown) {
    super(code, message, { cause })
    this.exitCode = exitCode
  }
}

export function exitCodeOf(error: Error): ExitCode {
  if (error instanceof CommandError) return error.exitCode
  if (error instanceof OptionError) return exitCodes.usage
  if (error instanceof ConnectionError || error instanceof RequestTimeoutError) return exitCodes.unreachable
  return exitCodes.failure
}

/** What to do on the command line about errors whose own message speaks of the library's options. */
const advice: Readonly<Record<string, string>> = {
  OFFSET_OUT_OF_RANGE: 'Here: choose another --from (a timestamp is written @MS), --partition or --group',
}

/** One line for people; the stack too when `verbose`. */
export function describeFailure(error: Error, verbose: boolean): string {
  const more = error instanceof MillraceError ? advice[error.code] : undefined
  const line = [error.message || error.name, more].filter(part => part !== undefined).join('. ')
  const stack = verbose && error.stack !== undefined ? `${error.stack}\n` : ''
  return `millrace: ${line.replaceAll(/\s*\n\s*/g, ' ')}\n${stack}`
}
