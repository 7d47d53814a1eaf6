import { cpuMicros, lateness, measurements, micros, quotients } from './figures.ts'
import { capital, firstLine, range, table, times, verdict, whole } from './markdown.ts'
import type { Latency, Measurement } from './measurement.ts'
import type { ComparisonResult } from './results.ts'
import type { Comparison } from './scenarios.ts'
import { spread } from './statistics.ts'

const parts = ['p50', 'p95', 'p99', 'max'] as const

/** How long messages took, and how much longer than the first contender's. */
export function latencyTable(comparison: Comparison, result: ComparisonResult): string {
  const [subject] = comparison.contenders
  const rows = comparison.contenders.map(({ name }) => {
    const failed = result.failed.find(({ contender }) => contender === name)
    const measured = measurements(result, name)
    const taken = measured.flatMap(({ latencyMs }) => latencyMs ?? [])
    if (taken.length === 0)
      return [name, failed ? `not run: ${firstLine(failed.reason)}` : 'not run', '', '', '', '', '', '', '']
    const shown = (part: keyof Latency) => range(spread(taken.map(each => each[part])), ms)
    return [
      name,
      ...parts.map(shown),
      name === subject?.name ? '' : range(spread(quotients(result, name, subject?.name ?? '', p99)), times),
      range(spread(measured.map(cpuMicros)), micros),
      lateness(measured.flatMap(({ timerLateMs }) => timerLateMs ?? [])),
      `${whole(spread(measured.map(({ rssPeakMib }) => rssPeakMib)).median)} MiB`,
    ]
  })
  const head = [
    '',
    ...parts.map(part => `${part}, ms`),
    'p99 ÷ Millrace',
    'CPU µs per message',
    'timer late ms, p50 / p99 / max',
    'memory, peak',
  ]
  const goals = comparison.goals.flatMap(goal => {
    return 'latencyP99Of' in goal ? [`- ${judgeLatency(goal.latencyP99Of, subject?.name ?? '', result)}\n`] : []
  })
  return `### ${capital(result.name)}\n\n${table(head, rows)}\n${goals.join('')}`
}

export function judgeLatency(other: string, subject: string, result: ComparisonResult): string {
  const { median } = spread(quotients(result, subject, other, p99))
  return verdict(`p99 not above that of ${other}`, `${times(median)} × (median of the pairs)`, median <= 1)
}

const p99 = ({ latencyMs }: Measurement) => latencyMs?.p99 ?? Number.NaN
const ms = (value: number) => value.toFixed(value < 10 ? 2 : 0)
