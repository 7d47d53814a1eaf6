import type { Clock } from '../base/clock.ts'
import type { Histogram } from '../base/metrics.ts'
import type { TopicPartition } from '../base/topic-partition.ts'
import type { FetchQuery, LowLevelClient } from '../client/low-level-client.ts'
import type { MetricDefinition } from '../metrics/definition.ts'
import type { CommittedOffset, OffsetStorage } from '../offsets/storage.ts'
import type { OwnershipListener } from '../ownership/coordinator.ts'
import type { HandlerContext } from '../work/context.ts'
import { told } from '../work/invocation.ts'
import type { Route } from '../work/route.ts'
import type { AnyMessage } from './claim.ts'
import type { Instruments } from './instruments.ts'
import { metricDefinitions } from './metric-names.ts'
import { type HandleTrace, type RebalanceTrace, type TracedConsumer, traceHandler, tracing } from './tracing.ts'

/** Who watches a consumer's operations: traces, when somebody subscribes, and metrics, when they are wanted. */
export interface Observation {
  readonly consumer: TracedConsumer
  readonly instruments: Instruments | null
  readonly clock: Clock
}

/** The client that fetching uses. */
export function observedClient(client: LowLevelClient, observation: Observation): LowLevelClient {
  const timed = timer(observation, metricDefinitions.fetchDuration)
  const ask = (query: FetchQuery, signal: AbortSignal | undefined) => timed(() => client.fetch(query, signal))
  const epochs = client.offsetsForLeaderEpoch?.bind(client)
  return {
    metadata: topics => client.metadata(topics),
    fetch(query, signal) {
      const { fetch } = tracing
      if (!fetch.hasSubscribers) return ask(query, signal)
      return fetch.tracePromise(() => ask(query, signal), { ...observation.consumer, query })
    },
    listOffsets: (queries, isolation) => client.listOffsets(queries, isolation),
    ...(epochs === undefined ? {} : { offsetsForLeaderEpoch: epochs }),
    produce: (batches, options) => client.produce(batches, options),
    close: () => client.close(),
  }
}

/** The storage that the commit loop uses. */
export function observedStorage(storage: OffsetStorage, observation: Observation): OffsetStorage {
  const timed = timer(observation, metricDefinitions.commitDuration)
  const ask = (offsets: readonly CommittedOffset[]) => timed(() => storage.commit(offsets))
  return {
    load: partitions => storage.load(partitions),
    commit(offsets) {
      const { commit } = tracing
      if (!commit.hasSubscribers) return ask(offsets)
      return commit.tracePromise(() => ask(offsets), { ...observation.consumer, offsets })
    },
  }
}

/** Who is told of assignments. */
export function observedListener(listener: OwnershipListener, observation: Observation): OwnershipListener {
  const timed = timer(observation, metricDefinitions.rebalancePause)
  const trace = (
    kind: RebalanceTrace['kind'],
    partitions: readonly TopicPartition[],
    operation: () => Promise<void>,
  ): Promise<void> => {
    const { rebalance } = tracing
    if (!rebalance.hasSubscribers) return operation()
    return rebalance.tracePromise(operation, { ...observation.consumer, kind, partitions })
  }
  return {
    assigned: partitions => trace('assigned', partitions, () => listener.assigned(partitions)),
    revoked: partitions => trace('revoked', partitions, () => timed(() => listener.revoked(partitions))),
    lost: partitions => trace('lost', partitions, () => listener.lost(partitions)),
    leaseChanged: open => listener.leaseChanged(open),
    fatal: error => listener.fatal(error),
  }
}

/** The same route, whose handler is timed and traced. */
export function observedRoute(route: Route<AnyMessage>, observation: Observation): Route<AnyMessage> {
  if (route.batch === null) return { ...route, handle: observedHandler(route.handle, observation, alone) }
  return { ...route, handle: observedHandler(route.handle, observation, messages => messages) }
}

type Handle<W> = (work: W, context: HandlerContext) => unknown

const alone = (message: AnyMessage): readonly AnyMessage[] => [message]

function observedHandler<W extends AnyMessage | readonly AnyMessage[]>(
  handle: Handle<W>,
  { consumer, instruments, clock }: Observation,
  messagesOf: (work: W) => readonly AnyMessage[],
): Handle<W> {
  const timed = instruments === null ? handle : timedHandler(handle, instruments, clock)
  return (work, context) => {
    if (!tracing.handle.hasSubscribers) return timed(work, context)
    const { topic, partition } = firstOf(work)
    const { attempt } = context
    const messages = messagesOf(work)
    const trace: HandleTrace = { ...consumer, topic, partition, messages, attempt, batch: Array.isArray(work) }
    return traceHandler(trace, () => timed(work, context))
  }
}

function firstOf(work: AnyMessage | readonly AnyMessage[]): AnyMessage {
  return 'topic' in work ? work : (work[0] as AnyMessage)
}

function timedHandler<W extends AnyMessage | readonly AnyMessage[]>(
  handle: Handle<W>,
  instruments: Instruments,
  clock: Clock,
): Handle<W> {
  const byTopic = new Map<string, Histogram>()
  const durations = (topic: string): Histogram => {
    const known = byTopic.get(topic)
    if (known !== undefined) return known
    const made = instruments.histogram(metricDefinitions.handlerDuration, { topic })
    byTopic.set(topic, made)
    return made
  }
  return (work, context) => {
    const times = durations(firstOf(work).topic)
    const start = clock.now()
    const ended = () => times.observe((clock.now() - start) / 1_000)
    return told(() => handle(work, context), ended, ended)
  }
}

/** Times operations, if somebody wants that; else they are as they were. */
function timer({ instruments, clock }: Observation, definition: MetricDefinition) {
  if (instruments === null) return <T>(operation: () => Promise<T>): Promise<T> => operation()
  const histogram = instruments.histogram(definition)
  return async <T>(operation: () => Promise<T>): Promise<T> => {
    const start = clock.now()
    try {
      return await operation()
    } finally {
      histogram.observe((clock.now() - start) / 1_000)
    }
  }
}
