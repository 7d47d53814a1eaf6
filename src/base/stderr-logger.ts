import type { Clock } from './clock.ts'
import type { Logger, LogLevel } from './logger.ts'

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
/** The same message is written this often at most; what was left out is counted. */
const REPEAT_MS = 10_000
/** Messages that are remembered. */
const REMEMBERED = 500

interface Written {
  at: number
  left: number
}

/**
 * The logger for programs that brought none: a line each to stderr, and a message that repeats itself (a broker that is down)
 * once in ten seconds.
 */
export class StderrLogger implements Logger {
  readonly #threshold: number
  readonly #clock: Clock
  readonly #write: (line: string) => void
  readonly #written = new Map<string, Written>()

  constructor(level: LogLevel, clock: Clock, write: (line: string) => void = line => void process.stderr.write(line)) {
    this.#threshold = LEVELS.indexOf(level)
    this.#clock = clock
    this.#write = write
  }

  debug(fields: object, message: string): void {
    this.#log('debug', fields, message)
  }

  info(fields: object, message: string): void {
    this.#log('info', fields, message)
  }

  warn(fields: object, message: string): void {
    this.#log('warn', fields, message)
  }

  error(fields: object, message: string): void {
    this.#log('error', fields, message)
  }

  #log(level: Exclude<LogLevel, 'silent'>, fields: object, message: string): void {
    if (LEVELS.indexOf(level) < this.#threshold) return
    const repeated = this.#repeated(`${level} ${message}`)
    if (repeated === null) return
    const more = repeated > 0 ? ` (and ${repeated} more like it)` : ''
    const time = new Date(this.#clock.wallTime()).toISOString()
    this.#write(`${time} ${level.toUpperCase()} millrace: ${message}${more}${rest(fields, message)}\n`)
  }

  /** How many of these were left out since the last one that was written; null: this one is left out too. */
  #repeated(line: string): number | null {
    const now = this.#clock.now()
    const before = this.#written.get(line)
    if (before !== undefined && now - before.at < REPEAT_MS) {
      before.left++
      return null
    }
    this.#written.delete(line)
    if (this.#written.size >= REMEMBERED) {
      for (const oldest of this.#written.keys()) {
        this.#written.delete(oldest)
        break
      }
    }
    this.#written.set(line, { at: now, left: 0 })
    return before?.left ?? 0
  }
}

/** The fields behind the message; of an error only what the message does not say already. */
function rest(fields: object, message: string): string {
  const shown: string[] = []
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Error && message.includes(value.message)) continue
    shown.push(` ${name}=${value instanceof Error ? value.message : (JSON.stringify(value) ?? String(value))}`)
  }
  return shown.join('')
}
