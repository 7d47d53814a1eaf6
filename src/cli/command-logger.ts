import { systemClock } from '../base/clock.ts'
import type { LogLevel } from '../base/logger.ts'
import { StderrLogger } from '../base/stderr-logger.ts'

/** Writing to a file, or to a terminal, blocks by nature; nobody can do anything about it. */
const BLOCKED = 'a handler blocked the event loop'

/** Log lines on stderr, but not the error that ends the command: it is told once, at the end. */
export class CommandLogger extends StderrLogger {
  constructor(level: LogLevel, stream: NodeJS.WritableStream = process.stderr) {
    super(level, systemClock, line => void stream.write(line))
  }

  override warn(fields: object, message: string): void {
    if (message !== BLOCKED) super.warn(fields, message)
  }

  override error(fields: object, message: string): void {
    const ending = 'err' in fields && fields.err instanceof Error && fields.err.message === message
    if (!ending) super.error(fields, message)
  }
}
