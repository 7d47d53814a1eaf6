import { firstLine, range, table, whole } from '../markdown.ts'
import { spread } from '../statistics.ts'
import type { ScaleCost, ScaleResult, ScaleRun } from './result.ts'

/** `when`: the line on when and where it was measured. */
export function scaleSection({ members, partitions, runs, failed }: ScaleResult, when: string): string {
  const head = [
    '',
    'settled after s',
    'rounds of the group',
    'partitions moved',
    "the leader's assignment, longest, ms",
    'CPU ms per member',
    'warnings logged',
  ]
  const rows = [
    row(`${whole(members)} members start at once`, runs, members, ({ start }) => start),
    row('one more joins', runs, members, ({ join }) => join),
    row('it leaves', runs, members, ({ leave }) => leave),
  ]
  const perMember = (of: (run: ScaleRun) => number, digits: number) =>
    figures(
      runs.map(run => of(run) / members),
      digits,
    )
  const kib = perMember(({ memoryKib }) => memoryKib, 0)
  const idle = perMember(({ idleCpuPerSecond }) => idleCpuPerSecond * 1e3, 2)
  const failures = failed.map(({ round, reason }) => `Round ${round} could not be run: ${firstLine(reason)}\n`)
  return `## A large group

${whole(members)} members and one topic of ${whole(partitions)} partitions on the embedded broker. Each member is a consumer with a client \
(five connections) of its own, at its defaults (cooperative-sticky, heartbeats every 3 s); all of them are in one process, the broker is \
in another. Settled: all members are stable in one generation, and each partition has one owner. CPU is that of the members' process, \
until then, by the number of members.

${when}

${table(head, rows)}
A member takes ${kib} KiB of memory and, while nothing happens, ${idle} ms of CPU time in a second.
${failures.length > 0 ? `\n${failures.join('')}` : ''}`
}

function row(name: string, runs: readonly ScaleRun[], members: number, of: (run: ScaleRun) => ScaleCost): string[] {
  const costs = runs.map(of)
  return [
    name,
    figures(
      costs.map(({ seconds }) => seconds),
      2,
    ),
    figures(
      costs.map(({ generations }) => generations),
      0,
    ),
    figures(
      costs.map(({ moved }) => moved),
      0,
    ),
    figures(
      costs.map(({ assignmentsMs }) => spread(assignmentsMs).max),
      1,
    ),
    figures(
      costs.map(({ cpuSeconds }) => (cpuSeconds * 1e3) / members),
      2,
    ),
    figures(
      costs.map(({ warnings }) => warnings),
      0,
    ),
  ]
}

function figures(values: readonly number[], digits: number): string {
  return range(spread(values), value => value.toFixed(digits))
}
