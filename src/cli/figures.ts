import type { LatencySummary } from './latencies.ts'
import type { Summary } from './meter.ts'

type Row = readonly [name: string, value: string]

/** What a meter counted, as rows of a table. */
export function summaryRows(summary: Summary): Row[] {
  return [
    ['messages', shown(summary.messages)],
    ['seconds', shown(summary.seconds, 2)],
    ['messages/s', shown(summary.messagesPerSecond)],
    ['MB/s', shown(summary.megabytesPerSecond, 1)],
    ['CPU µs per message', shown(summary.cpuMicrosPerMessage, 2)],
    ['10 ms timer late, p99, ms', shown(summary.timerLateP99Ms, 1)],
  ]
}

/** p50, p95, p99, p99.9 and the largest. */
export function latencyFigures({ p50, p95, p99, p999, max }: LatencySummary): string[] {
  return [p50, p95, p99, p999, max].map(ms => shown(ms, 2))
}

function shown(value: number, digits = 0): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
