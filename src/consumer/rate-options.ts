import { SectionCheck } from '../base/option-check.ts'
import type { Rate } from '../work/rate.ts'

/** `work.rate` and `work.keyRate`: how many messages may be handed to handlers in a time, each attempt counted. */
export interface RateOptions {
  /** So many within `perMs`; a whole number. */
  messages: number
  /** Default 1,000. */
  perMs?: number
  /** How many may be handed over at once after a quiet time. Default: as many as the rate has in 100 ms, at least one. */
  burst?: number
}

const BURST_MS = 100
/** A rate of one message in this time is the lowest: 31 days. */
const LONGEST_MS = 31 * 86_400_000

/** @throws {OptionError} */
export function resolveRate(path: string, options: RateOptions): Rate {
  const section = new SectionCheck(path, options, ['messages', 'perMs', 'burst'])
  const messages = section.number('messages', Number.NaN, { min: 1, max: 1_000_000_000 })
  const perMs = section.number('perMs', 1_000, { min: 1, max: LONGEST_MS })
  const burst = section.number('burst', Math.ceil((messages * BURST_MS) / perMs), { min: 1, max: 1_000_000_000 })
  return { messages, perMs, burst }
}
