import { type Clock, systemClock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { SectionCheck } from '../base/option-check.ts'
import { StderrLogger } from '../base/stderr-logger.ts'

export interface PushOptions {
  /** Default `'127.0.0.1'`. */
  host?: string
  /** Default 8125 for StatsD, 2003 for Graphite. */
  port?: number
  /** How often values are sent. Default 10,000 ms. */
  intervalMs?: number
  /** Where it says that nothing can be sent. Default: stderr. */
  logger?: Logger
}

export interface ResolvedPush {
  readonly host: string
  readonly port: number
  readonly intervalMs: number
  readonly logger: Logger
  readonly clock: Clock
}

/** `path` is the function's name, for errors. @throws {OptionError} */
export function resolvePush(
  path: string,
  options: PushOptions,
  port: number,
  more: readonly string[],
): { readonly section: SectionCheck; readonly push: ResolvedPush } {
  const section = new SectionCheck(path, options, ['host', 'port', 'intervalMs', 'logger', ...more])
  const push = {
    host: section.string('host') ?? '127.0.0.1',
    port: section.number('port', port, { min: 1, max: 65_535 }),
    intervalMs: section.number('intervalMs', 10_000, { min: 100, max: 2 ** 31 - 1 }),
    logger: options.logger ?? new StderrLogger('warn', systemClock),
    clock: systemClock,
  }
  return { section, push }
}
