import type { OptionError } from '../../base/errors.ts'
import type { StrategyName } from '../../ownership/assignors/strategies.ts'
import { clientKeys } from '../../properties/client-keys.ts'
import type { Draft } from '../../properties/draft.ts'
import type { Entry } from '../../properties/entry.ts'
import {
  always,
  any,
  boolean,
  ignored,
  type Key,
  type Keys,
  ms,
  part,
  sets,
  text,
  whole,
} from '../../properties/key.ts'

const javaStrategies: Readonly<Record<string, StrategyName>> = {
  RangeAssignor: 'range',
  RoundRobinAssignor: 'round-robin',
  StickyAssignor: 'sticky',
  CooperativeStickyAssignor: 'cooperative-sticky',
}
/** As librdkafka, and we, name them. */
const plainStrategies: Readonly<Record<string, StrategyName>> = {
  range: 'range',
  roundrobin: 'round-robin',
  'round-robin': 'round-robin',
  sticky: 'sticky',
  'cooperative-sticky': 'cooperative-sticky',
}

function strategies(entry: Entry): StrategyName[] {
  return entry.list().map(name => {
    const strategy = plainStrategies[name] ?? javaStrategies[name.replace('org.apache.kafka.clients.consumer.', '')]
    if (strategy !== undefined) return strategy
    throw entry.wrong(
      `has '${name}', which is none of Kafka's: ${Object.keys(javaStrategies).join(', ')}. A strategy of your own is given as the ` +
        'option ownership.strategies',
    )
  })
}

const offsetReset: Key = {
  option: 'offsets.start, fetch.onOutOfRange',
  byDefault: null,
  read: (entry, draft) => {
    const value = entry.value.toLowerCase()
    if (value === 'earliest' || value === 'latest') {
      draft.set('offsets.start', value, entry)
      draft.set('fetch.onOutOfRange', value, entry)
    } else if (value === 'none') {
      draft.set('fetch.onOutOfRange', 'fail', entry)
      draft.note('changed', entry, 'is for offsets out of range alone: without a commit, offsets.start decides')
    } else if (value.startsWith('by_duration:')) {
      draft.set('offsets.start', { timestamp: Date.now() - isoDuration(entry) }, entry)
      draft.note('changed', entry, 'is counted from now on, and only where nothing was committed')
    } else throw wrongReset(entry)
  },
}

function wrongReset(entry: Entry): OptionError {
  const hint = { smallest: '; smallest is earliest now', largest: '; largest is latest now' }[entry.value] ?? ''
  return entry.wrong(`must be earliest, latest, none or by_duration:P…, not '${entry.value}'${hint}`)
}

/** `P1DT2H30M`: days and smaller, as Java's durations. */
function isoDuration(entry: Entry): number {
  const [, ...amounts] =
    /^by_duration:P(?=.)(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i.exec(entry.value) ?? []
  if (amounts.length === 0) throw entry.expected('by_duration:PnDTnHnMnS, such as by_duration:P7D')
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = amounts.map(amount => Number(amount ?? 0))
  return Math.round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000)
}

const groupProtocol: Key = {
  option: null,
  byDefault: null,
  read: (entry, draft) => {
    if (entry.oneOf({ classic: false, consumer: true })) {
      draft.note('changed', entry, 'is the classic one here, which the same brokers have: this release speaks no other')
    }
  },
}

const autoCommit: Key = {
  option: null,
  byDefault: null,
  read: (entry, draft) => {
    if (!entry.boolean()) {
      draft.ignore(entry, 'what is done is always committed, and nothing else. Without a group nothing is')
    }
  },
}

const java = 'it is about Java'
const fetched = 'it is asked for with growing waits'

/** Every key of Kafka 4.1's consumer. */
export const kafkaKeys: Keys = {
  ...clientKeys,
  'client.rack': sets('rack', entry => entry.value || undefined),
  'group.id': sets('group', entry => entry.value || undefined),
  'group.instance.id': sets('ownership.instanceId', text),
  'group.protocol': groupProtocol,
  'group.remote.assignor': ignored(text, 'members divide the partitions themselves'),
  'session.timeout.ms': sets('ownership.sessionTimeoutMs', ms),
  'heartbeat.interval.ms': part('ownership.heartbeatIntervalMs', ms),
  'max.poll.interval.ms': part('ownership.rebalanceTimeoutMs', ms),
  'max.poll.records': ignored(whole, 'handlers take single messages, or batches whose size batch() says'),
  'partition.assignment.strategy': sets('ownership.strategies', strategies),
  'metadata.max.age.ms': sets('ownership.refreshMs', ms),
  'exclude.internal.topics': always(true, boolean, 'it is the option internal of a route'),
  'allow.auto.create.topics': always(false, boolean, 'asking for a topic never creates it'),

  'auto.offset.reset': offsetReset,
  'enable.auto.commit': autoCommit,
  'auto.commit.interval.ms': sets('offsets.commitIntervalMs', ms),

  'fetch.min.bytes': sets('fetch.minBytes', whole),
  'fetch.max.bytes': sets('fetch.maxBytes', whole),
  'fetch.max.wait.ms': sets('fetch.maxWaitMs', ms),
  'max.partition.fetch.bytes': sets('fetch.partitionMaxBytes', whole),
  'isolation.level': sets('fetch.isolation', entry =>
    entry.oneOf({ read_committed: 'read_committed', read_uncommitted: 'read_uncommitted' }),
  ),
  'check.crcs': always(true, boolean, 'checksums are always checked'),

  'default.api.timeout.ms': ignored(ms, 'each request has requestTimeoutMs'),
  'retry.backoff.ms': ignored(ms, fetched),
  'retry.backoff.max.ms': ignored(ms, fetched),

  'key.deserializer': ignored(any, 'it is the option key of a route'),
  'value.deserializer': ignored(any, 'it is the option value of a route'),
  'internal.leave.group.on.close': ignored(boolean, 'it is the option leave of close()'),
  'internal.throw.on.fetch.stable.offset.unsupported': ignored(boolean, java),
  'share.acknowledgement.mode': ignored(text, 'share groups are not spoken'),
}

/** Kafka's limit is the session timeout itself. */
export function finishHeartbeat(draft: Draft): void {
  const entry = draft.parts.get('heartbeat.interval.ms')
  if (entry === undefined) return
  const session = draft.setBy.get('ownership.sessionTimeoutMs')?.ms() ?? 45_000
  const most = Math.floor(session / 3)
  if (entry.ms() > most) draft.note('changed', entry, `is ${most} here: at most a third of session.timeout.ms`)
  draft.set('ownership.heartbeatIntervalMs', Math.min(entry.ms(), most), entry)
}
