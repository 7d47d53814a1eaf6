import type { ReportValue } from '../base/metrics.ts'
import type { MetricDefinition } from '../metrics/definition.ts'
import type { Reading } from '../metrics/meters.ts'
import type { Tally } from '../metrics/tally.ts'
import type { Claim } from './claim.ts'
import type { Engine } from './engine.ts'
import { metricDefinitions as metrics } from './metric-names.ts'

/** What a consumer counts anyway, and where it is read. */
export function readings(engine: Engine): Reading[] {
  const { claims, dispatcher, fetching, commits, workLog, stallWatch } = engine
  const { options } = engine
  const one = (definition: MetricDefinition, value: () => number): Reading => [
    definition,
    report => report({}, value()),
  ]
  const sum = (definition: MetricDefinition, value: (claim: Claim) => number): Reading => [
    definition,
    report => byTopic(claims, value, (a, b) => a + b, report),
  ]
  const work = (claim: Claim) => dispatcher.state(claim)
  const membership = () => engine.ownership.state().membership
  return [
    counted(engine, metrics.messagesDone, workLog.done, 'settled'),
    counted(engine, metrics.messagesFiltered, workLog.filtered, 'filtered'),
    counted(engine, metrics.messagesExpired, workLog.expired, 'expired'),
    [metrics.attemptsRetried, report => workLog.retried.read(report)],
    [metrics.handlerTimeouts, report => workLog.timeouts.read(report)],
    [metrics.failures, report => workLog.failures.read(report)],
    [metrics.messagesKept, report => engine.sinks.kept.read(report)],
    [metrics.handlersAbandoned, report => workLog.abandoned.read(report)],
    sum(metrics.inFlight, claim => work(claim)?.inFlight ?? 0),
    one(metrics.concurrency, () => options.work.concurrency),
    one(metrics.abandoned, () => dispatcher.abandoned),
    one(metrics.threads, () => engine.threads?.state.ready ?? 0),
    one(metrics.threadsBusy, () => engine.threads?.state.busy ?? 0),
    one(metrics.threadsReplaced, () => engine.threads?.state.replaced ?? 0),
    sum(metrics.waiting, claim => work(claim)?.waiting ?? 0),
    sum(metrics.undone, claim => work(claim)?.undone ?? 0),
    one(metrics.circuitsOpened, () => engine.breaker?.opened ?? 0),
    one(metrics.circuitsOpen, () => engine.breaker?.state().length ?? 0),
    sum(metrics.partitions, () => 1),
    sum(metrics.stalledPartitions, claim => (stallWatch.stalledSince(claim) === null ? 0 : 1)),
    sum(metrics.lag, claim => claim.lag ?? 0),
    [metrics.lagMax, report => byTopic(claims, claim => claim.lag ?? 0, Math.max, report)],
    sum(metrics.reservoirMessages, claim => claim.reservoir.messages),
    sum(metrics.reservoirBytes, claim => claim.reservoir.bytes),
    one(metrics.reservoirLimit, () => options.fetch.reservoir.bytes),
    one(metrics.fetchedBytes, () => fetching.fetchedBytes),
    one(metrics.fetchIdle, () => fetching.idleMs / 1_000),
    one(metrics.commitsFailed, () => engine.failedCommits),
    one(metrics.commitAge, () => (commits?.ageMs ?? 0) / 1_000),
    one(metrics.transactionsCommitted, () => engine.transactions?.committed ?? 0),
    one(metrics.transactionsAborted, () => engine.transactions?.aborted ?? 0),
    one(metrics.transactionOutputs, () => engine.transactions?.committedOutputs ?? 0),
    one(metrics.rebalances, () => membership()?.rebalances ?? 0),
    one(metrics.rebalanceTime, () => (membership()?.rebalancingMs ?? 0) / 1_000),
  ]
}

/** Of claims that ended, and of those that are owned. */
function counted(
  { claims }: Engine,
  definition: MetricDefinition,
  ended: Tally<'topic'>,
  what: 'settled' | 'filtered' | 'expired',
): Reading {
  return [
    definition,
    report => {
      const counts = new Map<string, number>()
      const add = (topic: string, count: number) => counts.set(topic, count + (counts.get(topic) ?? 0))
      ended.read(({ topic = '' }, count) => add(topic, count))
      for (const claim of claims) add(claim.topic, claim[what])
      for (const [topic, count] of counts) report({ topic }, count)
    },
  ]
}

function byTopic(
  claims: Iterable<Claim>,
  value: (claim: Claim) => number,
  combine: (a: number, b: number) => number,
  report: ReportValue,
): void {
  const values = new Map<string, number>()
  for (const claim of claims) {
    const before = values.get(claim.topic)
    values.set(claim.topic, before === undefined ? value(claim) : combine(before, value(claim)))
  }
  for (const [topic, total] of values) report({ topic }, total)
}
