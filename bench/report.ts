import {
  cpuMicros,
  firstPass,
  lateness,
  measurements,
  messagesPerSecond,
  micros,
  million,
  quotients,
  rate,
} from './figures.ts'
import type { ScaleResult } from './group-scale/result.ts'
import { scaleSection } from './group-scale/section.ts'
import { capital, firstLine, range, reached, table, times, verdict, whole } from './markdown.ts'
import type { RssSample } from './measurement.ts'
import type { Occasion } from './occasion.ts'
import { judgeLatency, latencyTable } from './latency-table.ts'
import { stallTable } from './stall-table.ts'
import { rebalanceSection } from './rebalance/section.ts'
import type { RebalanceResult } from './rebalance/result.ts'
import type { ComparisonResult, Result, ScenarioResult } from './results.ts'
import { type Comparison, type Goal, type Scenario, scenarios } from './scenarios.ts'
import { spread } from './statistics.ts'

const INTRODUCTION = `# Benchmarks

Written by \`npm run bench\`; the raw numbers of every round are in [\`bench/results/\`](../bench/results),
how to run it and what is fair about it in [\`bench/README.md\`](../bench/README.md).

One local Kafka, values of 100 bytes, 8 partitions, no compression, the producer's default batches. Each contender is a process of its
own; they take turns, every other round backwards. Its first passes through the topic warm it up and do not count; further ones are
counted until enough is measured, each with a new client, from its first message to its last. Figures are medians of the rounds with
their range in brackets; "Millrace ÷ this" is the median of the quotients round by round. "First pass" is the first warm-up: a fresh
process that reads the topic once, as the tools that come with Kafka measure it, and as a short job feels it. CPU time is that of the client's process, all
its threads. "Timer late" is how late a 10 ms timer in the same process fired: the median of the rounds for p50 and p99, the worst of
all for the maximum.
`

const tableOf: Readonly<Record<Scenario['kind'], (comparison: Comparison, result: ComparisonResult) => string>> = {
  speed: speedTable,
  latency: latencyTable,
  memory: memoryTable,
  stall: stallTable,
}

/** The limit on memory, in MiB: this, what the reservoir may hold, and one fetch (both at their defaults). */
const LIMIT_MIB = 120 + 64 + 16

export function report(results: ReadonlyMap<string, Result>): string {
  const machines = new Set(Array.from(results.values(), onMachine))
  const where = (result: Occasion) => (machines.size > 1 ? `\n${onMachine(result)}` : '')
  const sections = scenarios.flatMap(scenario => {
    const result = results.get(scenario.name) as ScenarioResult | undefined
    return result ? [section(scenario, result, where(result))] : []
  })
  const groups = results.get('rebalance') as RebalanceResult | undefined
  if (groups) sections.push(rebalanceSection(groups, when(groups) + where(groups)))
  const scale = results.get('group-scale') as ScaleResult | undefined
  if (scale) sections.push(scaleSection(scale, when(scale) + where(scale)))
  return [INTRODUCTION, ...(machines.size === 1 ? [...machines, ''] : []), ...sections].join('\n')
}

function section(scenario: Scenario, result: ScenarioResult, where: string): string {
  const tables = scenario.comparisons.flatMap(comparison => {
    const found = result.comparisons.find(({ name }) => name === comparison.name)
    if (!found || found.runs.length === 0) return []
    return [tableOf[scenario.kind](comparison, found)]
  })
  return `## ${scenario.title}\n\n${scenario.text}\n\n${when(result, size(result))}${where}\n\n${tables.join('\n')}`
}

function onMachine({ machine, settings }: Occasion): string {
  const peers = Object.entries(machine.peers).map(([name, version]) => `${name} ${version}`)
  return [
    `${machine.cpu}, ${machine.cpus} processors, ${machine.memoryGb} GB, ${machine.system}; pinned: ${settings.pinning}.`,
    `Node ${machine.node}, ${machine.java}, Kafka ${machine.kafka}, ${peers.join(', ')}.`,
  ].join(' ')
}

function when({ at, commit, settings }: Occasion, size = `${rounds(settings.rounds)}.`): string {
  const what = `Millrace ${settings.millrace === 'dist' ? 'as built' : 'from its sources'}, commit ${commit ?? 'unknown'}`
  return `*${at.slice(0, 10)}. ${what}. ${size}*`
}

function size({ settings }: ScenarioResult): string {
  const topics = Object.entries(settings.topics).map(([name, count]) => `\`${name}\` of ${whole(count)} messages`)
  return `${capital(topics.join(', '))}. ${rounds(settings.rounds)} of at least ${settings.minSeconds} s.`
}

const rounds = (count: number) => `${count} ${count === 1 ? 'round' : 'rounds'}`

function speedTable(comparison: Comparison, result: ComparisonResult): string {
  const [subject] = comparison.contenders
  if (!subject) throw new Error(`${comparison.name} has no contenders`)
  const rows = comparison.contenders.map(({ name }) => {
    const failed = result.failed.find(({ contender }) => contender === name)
    const measured = measurements(result, name)
    if (failed) return [name, `not run: ${firstLine(failed.reason)}`, '', '', '', '', '', '']
    if (measured.length === 0) return [name, 'not run', '', '', '', '', '', '']
    return [
      name,
      rate(spread(measured.map(messagesPerSecond))),
      name === subject.name ? '' : range(spread(quotients(result, subject.name, name, messagesPerSecond)), times),
      million(spread(measured.map(firstPass)).median),
      name === subject.name ? '' : times(spread(quotients(result, subject.name, name, firstPass)).median),
      range(spread(measured.map(cpuMicros)), micros),
      lateness(measured.flatMap(({ timerLateMs }) => timerLateMs ?? [])),
      `${whole(spread(measured.map(({ rssPeakMib }) => rssPeakMib)).median)} MiB`,
    ]
  })
  const head = [
    '',
    'messages/s',
    'Millrace ÷ this',
    'first pass',
    'Millrace ÷ this',
    'CPU µs per message',
    'timer late ms, p50 / p99 / max',
    'memory, peak',
  ]
  const goals = comparison.goals.map(goal => `- ${judge(goal, subject.name, result)}`)
  return `### ${capital(comparison.name)}\n\n${table(head, rows)}\n${goals.join('\n')}${goals.length > 0 ? '\n' : ''}`
}

function judge(goal: Goal, subject: string, result: ComparisonResult): string {
  const measured = measurements(result, subject)
  if ('ratio' in goal) {
    const { median } = spread(quotients(result, subject, goal.against, messagesPerSecond))
    const first = spread(quotients(result, subject, goal.against, firstPass)).median
    const warm = verdict(`≥ ${goal.ratio} × ${goal.against}`, `${times(median)} ×`, median >= goal.ratio)
    return `${warm} In the first pass: ${times(first)} ×, ${reached(first >= goal.ratio)}.`
  }
  if ('messagesPerSecond' in goal) {
    const { median } = spread(measured.map(messagesPerSecond))
    return verdict(`≥ ${million(goal.messagesPerSecond)}/s`, `${million(median)}/s`, median >= goal.messagesPerSecond)
  }
  if ('latencyP99Of' in goal) return judgeLatency(goal.latencyP99Of, subject, result)
  const { median } = spread(measured.flatMap(({ timerLateMs }) => timerLateMs?.p99 ?? []))
  return verdict(`timer p99 < ${goal.timerP99Ms} ms late`, `${median.toFixed(1)} ms`, median < goal.timerP99Ms)
}

function memoryTable(_: Comparison, result: ComparisonResult): string {
  const rows = result.runs.map(({ contender, measurement }) => {
    const samples = measurement.rss ?? []
    const parts = (of: (sample: RssSample) => number) =>
      thirds(samples)
        .map(part => whole(spread(part.map(of)).median))
        .join(' / ')
    const peak = spread(samples.map(({ mib }) => mib)).max
    return [
      contender,
      `${whole(measurement.seconds)} s`,
      whole(measurement.messages),
      parts(({ mib }) => mib),
      parts(({ youngMib }) => youngMib),
      `${whole(peak)} MiB`,
      peak <= LIMIT_MIB ? 'yes' : '**no**',
      lateness(measurement.timerLateMs ? [measurement.timerLateMs] : []),
    ]
  })
  const head = [
    '',
    'ran',
    'messages',
    'MiB, median of each third',
    'young generation',
    'peak',
    `≤ ${whole(LIMIT_MIB)} MiB`,
    'timer late ms, p50 / p99 / max',
  ]
  return `### ${capital(result.name)}\n\n${table(head, rows)}\nThe limit is 120 MiB, the reservoir (64 MiB) and one \`maxBytes\` (16 MiB). \
The young generation is part of what V8 holds: it doubles when much is allocated, up to 64 MiB, and is no message.\n`
}

function thirds(samples: readonly RssSample[]): RssSample[][] {
  const size = Math.ceil(samples.length / 3)
  return [0, 1, 2].map(part => samples.slice(part * size, (part + 1) * size))
}
