import { lateness } from './figures.ts'
import { capital, table, whole } from './markdown.ts'
import type { RssSample } from './measurement.ts'
import type { ComparisonResult } from './results.ts'
import type { Comparison } from './scenarios.ts'
import { spread } from './statistics.ts'

const BUFFER_MIB = 64
/** What may come on top of what there was before: the buffer, and again as much for what V8 holds of its messages. */
const MORE_MIB = 2 * BUFFER_MIB
/** By then the buffer is full. */
const FILLED_AFTER = 5

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
    const peak = spread(stalled.map(({ mib }) => mib)).max
    const grew = (stalled.at(-1)?.mib ?? 0) - (stalled[FILLED_AFTER]?.mib ?? 0)
    return [
      contender,
      `${stalled.length} of ${whole(measurement.seconds)} s`,
      whole(measurement.messages),
      shown(({ mib }) => mib),
      shown(({ heapMib = 0 }) => heapMib),
      shown(({ buffersMib = 0 }) => buffersMib),
      `${whole(grew)} MiB`,
      peak <= spread(before.map(({ mib }) => mib)).median + MORE_MIB ? 'yes' : '**no**',
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
    'grew while it stood still',
    `≤ ${MORE_MIB} MiB more than before`,
    'timer late ms, p50 / p99 / max',
  ]
  return `### ${capital(result.name)}\n\n${table(head, rows)}\nThe limit is twice \`bufferBytes\` (64 MiB): the buffer, and what V8 holds of \
the messages in it. It grew: from the sixth second of standing still, when the buffer is full, to the last. What V8's heap has in use includes what nobody needs any more: it \
collects when something is allocated, and while the broker stands still nothing is.\n`
}
