import { range } from './markdown.ts'
import type { Lateness, Measurement } from './measurement.ts'
import type { ComparisonResult } from './results.ts'
import { type Spread, spread } from './statistics.ts'

export function measurements(result: ComparisonResult, contender: string): Measurement[] {
  return result.runs.filter(run => run.contender === contender).map(({ measurement }) => measurement)
}

/** How many times as fast the subject was as another, for each round that has both. */
export function quotients(
  result: ComparisonResult,
  subject: string,
  other: string,
  rateOf: (measurement: Measurement) => number,
): number[] {
  return result.runs.flatMap(run => {
    if (run.contender !== subject) return []
    const pair = result.runs.find(({ contender, round }) => contender === other && round === run.round)
    const quotient = pair ? rateOf(run.measurement) / rateOf(pair.measurement) : Number.NaN
    return Number.isNaN(quotient) ? [] : [quotient]
  })
}

export function lateness(all: readonly Lateness[]): string {
  if (all.length === 0) return '–'
  const median = (of: (one: Lateness) => number) => spread(all.map(of)).median.toFixed(1)
  return `${median(({ p50 }) => p50)} / ${median(({ p99 }) => p99)} / ${spread(all.map(({ max }) => max)).max.toFixed(1)}`
}

export const messagesPerSecond = ({ messages, seconds }: Measurement) => messages / seconds
export const firstPass = (measurement: Measurement) => measurement.firstPass ?? Number.NaN
export const cpuMicros = ({ messages, cpuUser, cpuSystem }: Measurement) => ((cpuUser + cpuSystem) / messages) * 1e6

export const rate = (values: Spread) => range(values, million)
export const million = (value: number) =>
  value >= 1e6 ? `${(value / 1e6).toFixed(2)} M` : `${(value / 1e3).toFixed(0)} k`
export const micros = (value: number) => value.toFixed(value < 10 ? 2 : 0)
