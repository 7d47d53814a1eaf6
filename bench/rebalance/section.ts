import { firstLine, range, table, times, verdict, whole } from '../markdown.ts'
import { spread } from '../statistics.ts'
import { clients } from './clients.ts'
import type { EventCost, GroupEvent, RebalanceResult } from './result.ts'

const titles: Readonly<Record<GroupEvent, string>> = {
  steady: 'Nothing happens, for comparison',
  join: 'A third member joins',
  leave: 'It leaves',
  kill: 'One of two is killed',
}
/** A retained partition may be later than while nothing happens by this much and still have no pause: two messages. */
const NO_PAUSE_MS = 20

/** `when`: the line on when and where it was measured. */
export function rebalanceSection(result: RebalanceResult, when: string): string {
  const tables = (Object.keys(titles) as GroupEvent[]).map(event => eventTable(event, result))
  const goals = verdicts(result).map(line => `- ${line}\n`)
  return [
    `## Groups that change\n`,
    text(result),
    `${when}\n`,
    clients.map(({ name, strategy, commits }) => `- ${name}: ${strategy}; ${commits}.\n`).join(''),
    ...tables,
    goals.join(''),
  ].join('\n')
}

function text({ load }: RebalanceResult): string {
  const seconds = (ms: number) => `${ms / 1_000} s`
  return `A group of one client, each member a process of its own, reads ${load.partitions} partitions that get \
${load.messagesPerSecond} messages a second each; a handler waits for ${load.handlerMs} ms, all that a client hands over at the same \
time. Two members are there; a third one joins, then leaves; then one of the two is killed (SIGKILL). The session timeout is \
${seconds(load.sessionTimeoutMs)}, the least that Kafka allows by default, with a heartbeat every ${seconds(load.heartbeatIntervalMs)}, \
for everybody. A partition's pause is the longest time around the event in which it had a message and none was handled, less the time of a handler; \
each round has the median and the longest of its partitions, of all and of those alone whose owner stayed the same. A message counts as \
handled twice when a handler was done with it again, and as never handled when no handler was, until the end of the round.
`
}

function eventTable(event: GroupEvent, result: RebalanceResult): string {
  const [subject] = clients
  const rows = clients.map(({ name }) => {
    const costs = costsOf(result, name, event)
    const failed = result.failed.filter(({ client }) => client === name)
    const [first] = failed
    if (costs.length === 0)
      return [name, first ? `not run: ${firstLine(first.reason)}` : 'not run', '', '', '', '', '', '']
    const quotients = name === subject?.name ? [] : longestQuotients(result, name, event)
    return [
      failed.length > 0 ? `${name} (${costs.length} of ${costs.length + failed.length} rounds)` : name,
      ms(costs.map(({ pausesMs }) => spread(pausesMs).median)),
      ms(costs.map(longest)),
      quotients.length > 0 ? range(spread(quotients), times) : '',
      whole(spread(costs.map(cost => retained(cost).length)).median),
      ms(costs.map(cost => spread(retained(cost)).median)),
      ms(costs.map(longestRetained)),
      count(costs.map(({ twice }) => twice)),
      count(costs.map(({ never }) => never)),
    ]
  })
  const head = [
    '',
    'pause ms, median',
    'longest',
    '÷ Millrace',
    'partitions retained',
    'their pause ms, median',
    'longest',
    'handled twice',
    'never handled',
  ]
  return `### ${titles[event]}\n\n${table(head, rows)}`
}

function verdicts(result: RebalanceResult): string[] {
  const [subject] = clients
  if (!subject) return []
  const costs = (event: GroupEvent) => costsOf(result, subject.name, event)
  const steady = spread(costs('steady').map(longestRetained)).median
  return (['join', 'leave'] as const).flatMap(event => {
    const twice = costs(event).reduce((sum, cost) => sum + cost.twice, 0)
    const pause = spread(costs(event).map(longestRetained)).median
    return [
      verdict(`nothing handled twice at a ${event}`, `${whole(twice)} in all rounds`, twice === 0),
      verdict(
        `no pause of retained partitions at a ${event}`,
        `longest ${whole(pause)} ms, ${whole(steady)} ms while nothing happens`,
        pause <= steady + NO_PAUSE_MS,
      ),
    ]
  })
}

function costsOf({ runs }: RebalanceResult, client: string, event: GroupEvent): EventCost[] {
  return runs.filter(run => run.client === client).map(({ events }) => events[event])
}

/** How many times as long the longest pause was as the subject's, for each round that has both. */
function longestQuotients({ runs }: RebalanceResult, client: string, event: GroupEvent): number[] {
  return runs.flatMap(run => {
    if (run.client !== client) return []
    const pair = runs.find(other => other.client === clients[0]?.name && other.round === run.round)
    return pair ? [longest(run.events[event]) / Math.max(1, longest(pair.events[event]))] : []
  })
}

const retained = ({ pausesMs, retained }: EventCost) => pausesMs.filter((_, partition) => retained[partition])
const longest = ({ pausesMs }: EventCost) => spread(pausesMs).max
const longestRetained = (cost: EventCost) => spread(retained(cost)).max
const ms = (values: readonly number[]) => range(spread(values.filter(value => !Number.isNaN(value))), whole)
const count = (values: readonly number[]) => (values.every(value => value === 0) ? '0' : range(spread(values), whole))
