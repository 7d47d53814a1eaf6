import { constant } from '../../base/backoff.ts'
import type { Draft } from '../../properties/draft.ts'
import type { Entry } from '../../properties/entry.ts'
import {
  always,
  any,
  boolean,
  duration,
  ignored,
  type Key,
  type Keys,
  part,
  sets,
  text,
  whole,
} from '../../properties/key.ts'
import type { BatchLimits } from '../../work/route.ts'

const offsetReset: Key = {
  option: 'offsets.start, fetch.onOutOfRange',
  byDefault: 'largest',
  read: (entry, draft) => {
    const start = entry.oneOf({ smallest: 'earliest', largest: 'latest' })
    draft.set('offsets.start', start, entry)
    draft.set('fetch.onOutOfRange', start, entry)
  },
}

const onceAgain = 'it is tried again, with growing waits, until it works'
const zookeeper = 'groups and offsets are in Kafka. Brokers are named by bootstrap.servers'

/** Most handlers at the same time, all partitions together: each partition has its own workers. */
const goConcurrency = 1_000

/** The keys of Go Kafka Client 0.2, with its defaults. Keys of Kafka's that it does not have are taken too. */
export const goKeys: Keys = {
  'group.id': sets('group', text, 'go-consumer-group'),
  'client.id': sets('clientId', text, 'go-client'),
  'consumer.id': ignored(any, 'the group gives its members their ids. A name that stays is group.instance.id'),
  'socket.timeout': sets('requestTimeoutMs', duration, '30s'),

  'fetch.message.max.bytes': sets('fetch.partitionMaxBytes', whole, '1048576'),
  'fetch.min.bytes': sets('fetch.minBytes', whole, '1'),
  'fetch.wait.max.ms': sets('fetch.maxWaitMs', entry => entry.ms(), '100'),
  'num.consumer.fetchers': sets('fetch.fetchers', whole, '1'),
  'queued.max.message.chunks': part('fetch.reservoir.messages', whole, '3'),
  'fetch.batch.size': part('fetch.reservoir.messages, batch.messages', whole, '100'),
  'fetch.batch.timeout': part('batch.lingerMs', duration, '5s'),
  'fetch.max.retries': ignored(whole, onceAgain, '5'),
  'requeue.ask.next.backoff': ignored(
    duration,
    'the broker answers when it has something, or after fetch.wait.max.ms',
    '5s',
  ),
  'fetch.request.backoff': ignored(
    duration,
    'the broker answers when it has something, or after fetch.wait.max.ms',
    '10ms',
  ),
  'fetch.topic.metadata.retries': ignored(whole, onceAgain, '3'),
  'fetch.topic.metadata.backoff': ignored(duration, onceAgain, '1s'),
  'refresh.leader.backoff': ignored(duration, onceAgain, '200ms'),
  'skip.corrupted.messages': sets('fetch.onCorrupt', entry => (entry.boolean() ? 'skip' : 'fail'), 'false'),

  'auto.offset.reset': offsetReset,
  'offset.commit.interval': sets('offsets.commitIntervalMs', duration, '3s'),
  'offsets.commit.max.retries': ignored(whole, onceAgain, '5'),
  'offset.commit.max.retries': ignored(whole, onceAgain),
  'offsets.storage': always('kafka', entry => entry.oneOf({ kafka: 'kafka', zookeeper: 'zookeeper' }), zookeeper),

  'partition.assignment.strategy': sets(
    'ownership.strategies',
    entry => [entry.oneOf({ range: 'range', roundrobin: 'round-robin' })],
    'range',
  ),
  'exclude.internal.topics': always(true, boolean, 'it is the option internal of a route', 'true'),
  'rebalance.max.retries': ignored(whole, onceAgain, '4'),
  'rebalance.backoff': ignored(duration, onceAgain, '5s'),
  'deployment.timeout': part('ownership.startup', duration, '0s'),
  'barrier.timeout': part('ownership.rebalanceTimeoutMs', duration, '30s'),
  'blue.green.deployment.enabled': ignored(boolean, 'there is no blue-green deployment yet', 'true'),

  'num.workers': sets('work.perPartition', whole, '10'),
  'max.worker.retries': sets('work.attempts', entry => entry.whole() + 1, '3'),
  'worker.backoff': sets('work.backoff', backoff, '500ms'),
  'worker.task.timeout': sets('work.timeoutMs', duration, '1m'),
  'worker.retry.threshold': sets('work.breaker.failures', whole, '100'),
  'worker.threshold.time.window': sets('work.breaker.windowMs', duration, '1m'),
  'worker.managers.stop.timeout': sets('ownership.drainMs', duration, '1m'),

  'zookeeper.connect': ignored(any, zookeeper),
  'zookeeper.kafka.root': ignored(any, zookeeper),
  'zookeeper.connection.timeout': ignored(duration, zookeeper),
  'zookeeper.max.request.retries': ignored(whole, zookeeper),
  'zookeeper.request.backoff': ignored(duration, zookeeper),
}

function backoff(entry: Entry): ReturnType<typeof constant> {
  return constant(entry.duration())
}

/** What only several keys together say; answers the limits of `batch()`. */
export function finishGo(draft: Draft): Partial<BatchLimits> {
  // Each has a default.
  const entry = (key: string) => draft.parts.get(key) as Entry
  const chunks = entry('queued.max.message.chunks')
  const size = entry('fetch.batch.size')
  draft.set('fetch.reservoir.messages', Math.max(1, chunks.whole()) * size.whole(), size)

  const deployment = entry('deployment.timeout')
  if (deployment.duration() > 0) {
    // It waits for the time, however many come.
    draft.set('ownership.startup.minMembers', Number.MAX_SAFE_INTEGER, deployment)
    draft.set('ownership.startup.waitMs', deployment.duration(), deployment)
  }
  const barrier = entry('barrier.timeout')
  draft.set('ownership.rebalanceTimeoutMs', barrier.duration(), barrier)
  draft.set('work.concurrency', goConcurrency, draft.setBy.get('work.perPartition') as Entry)
  return { messages: size.whole(), lingerMs: entry('fetch.batch.timeout').duration() }
}
