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

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

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

/** One line for people; the stack too when `verbose`. */
export function describeFailure(error: Error, verbose: boolean): string {
  const stack = verbose && error.stack !== undefined ? `${error.stack}\n` : ''
  return `millrace: ${(error.message || error.name).replaceAll(/\s*\n\s*/g, ' ')}\n${stack}`
}
