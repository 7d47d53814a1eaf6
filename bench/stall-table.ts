import { lateness } from './figures.ts'
import { capital, table, whole } from './markdown.ts'
import type { RssSample } from './measurement.ts'
import type { ComparisonResult } from './results.ts'
import type { Comparison } from './scenarios.ts'
import { spread } from './statistics.ts'

const BUFFER_MIB = 64
/** The limit on resident memory: as much as a consumer has beside its reservoir, the buffer, and again as much for what V8 holds of its messages. */
const LIMIT_MIB = 120 + 2 * BUFFER_MIB

export function stallTable(_: Comparison, result: ComparisonResult): string {
  const rows = result.runs.map(({ contender, measurement }) => {
    const samples = measurement.rss ?? []
    const first = samples.findIndex(({ stalled }) => stalled)
    const stalled = samples.filter(sample => sample.stalled)
    const before = samples.slice(0, Math.max(first, 0))
    const after = samples.slice(first + stalled.length)
    const shown = (of: (sample: RssSample) => number) =>
      [before, stalled.slice(0, stalled.length >> 1), stalled.slice(stalled.length >> 1), after]
        .map(part => whole(spread(part.map(of)).median))
        .join(' / ')
    const peak = spread(samples.map(({ mib }) => mib)).max
    return [
      contender,
      `${stalled.length} of ${whole(measurement.seconds)} s`,
      whole(measurement.messages),
      shown(({ mib }) => mib),
      shown(({ heapMib = 0 }) => heapMib),
      shown(({ buffersMib = 0 }) => buffersMib),
      `${whole(peak)} MiB`,
      peak <= LIMIT_MIB ? 'yes' : '**no**',
      lateness(measurement.timerLateMs ? [measurement.timerLateMs] : []),
    ]
  })
  const head = [
    '',
    'stood still',
    'written in the end',
    'MiB: before / first half / second half / after',
    "of V8's heap",
    'buffers outside of it',
    'peak',
    `≤ ${whole(LIMIT_MIB)} MiB`,
    'timer late ms, p50 / p99 / max',
  ]
  return `### ${capital(result.name)}\n\n${table(head, rows)}\nThe limit is 120 MiB and twice \`bufferBytes\` (64 MiB).\n`
}
