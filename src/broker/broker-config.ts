import { OptionError } from '../base/errors.ts'
import { type Config, configSources, type Origin } from './config.ts'
import { orRefusal, Refusal } from './refusal.ts'
import { checkedValue, type Setting } from './setting.ts'

export interface BrokerSetting extends Setting {
  /** Whether it can be changed while brokers run. */
  readonly dynamic: boolean
}

type More = Partial<Pick<Setting, 'min' | 'max' | 'values' | 'pattern'>>
type Row = readonly [name: string, type: Setting['type'], default_: string | null, more?: More]

const longest = '9223372036854775807'
const positive = { min: 1 }
const notNegative = { min: 0 }
const compressionTypes = ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer']
/** Reads from the nearest replica in sync (KIP-392). */
export const rackAwareSelector = 'org.apache.kafka.common.replica.RackAwareReplicaSelector'
const replicaSelectors = ['org.apache.kafka.common.replica.LeaderSelector', rackAwareSelector]

/** What topics inherit, for the most part. */
const dynamic: readonly Row[] = [
  ['compression.gzip.level', 'int', '-1', { pattern: /^(-1|[1-9])$/ }],
  ['compression.lz4.level', 'int', '9', { min: 1, max: 17 }],
  ['compression.type', 'string', 'producer', { values: compressionTypes }],
  ['compression.zstd.level', 'int', '3', { min: -131_072, max: 22 }],
  ['log.cleaner.delete.retention.ms', 'long', '86400000', notNegative],
  ['log.cleaner.max.compaction.lag.ms', 'long', longest, positive],
  ['log.cleaner.min.cleanable.ratio', 'double', '0.5', { min: 0, max: 1 }],
  ['log.cleaner.min.compaction.lag.ms', 'long', '0', notNegative],
  ['log.cleanup.policy', 'list', 'delete', { values: ['compact', 'delete'] }],
  ['log.flush.interval.messages', 'long', longest, positive],
  ['log.flush.interval.ms', 'long', null],
  ['log.index.interval.bytes', 'int', '4096', notNegative],
  ['log.index.size.max.bytes', 'int', '10485760', { min: 4 }],
  ['log.local.retention.bytes', 'long', '-2', { min: -2 }],
  ['log.local.retention.ms', 'long', '-2', { min: -2 }],
  ['log.message.timestamp.after.max.ms', 'long', '3600000', notNegative],
  ['log.message.timestamp.before.max.ms', 'long', longest, notNegative],
  ['log.message.timestamp.type', 'string', 'CreateTime', { values: ['CreateTime', 'LogAppendTime'] }],
  ['log.preallocate', 'boolean', 'false'],
  ['log.retention.bytes', 'long', '-1'],
  ['log.retention.ms', 'long', null],
  ['log.roll.jitter.ms', 'long', null],
  ['log.roll.ms', 'long', null],
  ['log.segment.bytes', 'int', '1073741824', { min: 1024 * 1024 }],
  ['log.segment.delete.delay.ms', 'long', '60000', notNegative],
  ['message.max.bytes', 'int', '1048588', notNegative],
  ['min.insync.replicas', 'int', '1', positive],
  ['producer.id.expiration.ms', 'int', '86400000', positive],
  ['unclean.leader.election.enable', 'boolean', 'false'],
]

const fixed: readonly Row[] = [
  ['auto.create.topics.enable', 'boolean', 'true'],
  ['default.replication.factor', 'int', '1', positive],
  ['delete.topic.enable', 'boolean', 'true'],
  ['group.initial.rebalance.delay.ms', 'int', '3000'],
  ['group.max.session.timeout.ms', 'int', '1800000'],
  ['group.max.size', 'int', '2147483647', positive],
  ['group.min.session.timeout.ms', 'int', '6000'],
  ['log.flush.scheduler.interval.ms', 'long', longest],
  ['log.retention.check.interval.ms', 'long', '300000', positive],
  ['log.retention.hours', 'int', '168'],
  ['log.retention.minutes', 'int', null],
  ['log.roll.hours', 'int', '168', positive],
  ['log.roll.jitter.hours', 'int', '0', notNegative],
  ['max.incremental.fetch.session.cache.slots', 'int', '1000', notNegative],
  ['max.request.partition.size.limit', 'int', '2000', positive],
  ['num.partitions', 'int', '1', positive],
  ['offset.metadata.max.bytes', 'int', '4096'],
  ['offsets.retention.check.interval.ms', 'long', '600000', positive],
  ['offsets.retention.minutes', 'int', '10080', positive],
  ['offsets.topic.num.partitions', 'int', '50', positive],
  ['offsets.topic.replication.factor', 'short', '3', positive],
  ['replica.selector.class', 'string', null, { values: replicaSelectors }],
  ['transaction.max.timeout.ms', 'int', '900000', positive],
  ['transaction.remove.expired.transaction.cleanup.interval.ms', 'int', '3600000', positive],
  ['transaction.state.log.min.isr', 'int', '2', positive],
  ['transaction.state.log.num.partitions', 'int', '50', positive],
  ['transaction.state.log.replication.factor', 'short', '3', positive],
  ['transactional.id.expiration.ms', 'int', '604800000', positive],
]

/** The settings of brokers that have an effect here, or that clients look at. */
export const brokerSettings: ReadonlyMap<string, BrokerSetting> = new Map([
  ...dynamic.map(row => settingOf(row, true)),
  ...fixed.map(row => settingOf(row, false)),
])

/** What each node has of its own. */
export const nodeSettings: readonly Setting[] = [
  { name: 'broker.id', type: 'int', default: '-1' },
  { name: 'node.id', type: 'int', default: null },
  { name: 'broker.rack', type: 'string', default: null },
  { name: 'listeners', type: 'string', default: 'PLAINTEXT://:9092' },
  { name: 'advertised.listeners', type: 'string', default: null },
  { name: 'process.roles', type: 'list', default: null },
]

/** Set from the start. Members in production come one by one and are waited for; a test's are all there, and wait. */
const preset: readonly (readonly [name: string, value: string])[] = [['group.initial.rebalance.delay.ms', '0']]

function settingOf([name, type, default_, more]: Row, dynamic: boolean): [string, BrokerSetting] {
  return [name, { name, type, default: default_, dynamic, ...more }]
}

/** Where leaders are elected among eligible replicas (KIP-966), this setting is the cluster's and no single broker's. */
const replicasOfCluster = 'min.insync.replicas'

/** Settings that all brokers have alike, and what was changed while they ran. */
export class BrokerConfig implements Config {
  readonly #static = new Map(preset)
  /** By node number; those for all brokers are under the empty name. */
  readonly #changed = new Map<string, ReadonlyMap<string, string>>()

  /** @throws {OptionError} that names the first wrong setting */
  constructor(given: ReadonlyMap<string, string>) {
    for (const [name, value] of given) this.#static.set(name, checkedOption(name, value))
    this.change('', new Map([[replicasOfCluster, this.#static.get(replicasOfCluster) ?? '1']]))
  }

  get(name: string): string {
    const value = this.find(name)
    if (value === null) throw new Error(`the setting ${name} has no value`)
    return value
  }

  number(name: string): number {
    return Number(this.get(name))
  }

  /** Null: it has no value. Nodes share their logs, so what was set for one of them counts for all. */
  find(name: string): string | null {
    for (const [node, values] of this.#changed) {
      const value = node === '' ? undefined : values.get(name)
      if (value !== undefined) return value
    }
    return this.#changed.get('')?.get(name) ?? this.#static.get(name) ?? settingNamed(name).default
  }

  /** Where a node has the value from, and where it would have one from. */
  origins(name: string, node: string): Origin[] {
    const { oneBroker, allBrokers, static: fixed, default: default_ } = configSources
    return [
      { source: oneBroker, value: node === '' ? undefined : this.#changed.get(node)?.get(name) },
      { source: allBrokers, value: this.#changed.get('')?.get(name) },
      { source: fixed, value: this.#static.get(name) },
      { source: default_, value: settingNamed(name).default },
    ].flatMap(({ source, value }) => (typeof value === 'string' ? { name, value, source } : []))
  }

  /** What was changed for this node, or with the empty name for all. */
  changed(node: string): ReadonlyMap<string, string> {
    return this.#changed.get(node) ?? new Map()
  }

  /** Puts other values in the place of what was changed for this node, or for all; they were checked. */
  change(node: string, values: ReadonlyMap<string, string>): void {
    this.#changed.set(node, values)
  }
}

/**
 * What is to be changed for one node, or with the empty name for all.
 * @throws {Refusal} INVALID_REQUEST, INVALID_CONFIG
 */
export function checkedBrokerChange(node: string, values: ReadonlyMap<string, string>): Map<string, string> {
  const checked = new Map<string, string>()
  for (const [name, value] of values) {
    const setting = brokerSettings.get(name)
    if (setting?.dynamic === false || nodeSettings.some(each => each.name === name)) {
      throw new Refusal('INVALID_REQUEST', `Cannot update these configs dynamically: ${name}`)
    }
    if (setting === undefined) throw new Refusal('INVALID_CONFIG', `Unknown broker config name: ${name}`)
    const known = orRefusal(() => checkedValue(setting, value))
    if (known instanceof Refusal) throw new Refusal('INVALID_REQUEST', known.message)
    checked.set(name, known)
  }
  if ((node === '') !== checked.has(replicasOfCluster)) {
    const why = `${replicasOfCluster} is set for all brokers alike, and always.`
    throw new Refusal('INVALID_CONFIG', why)
  }
  return checked
}

function settingNamed(name: string): BrokerSetting {
  const setting = brokerSettings.get(name)
  if (setting === undefined) throw new Error(`there is no broker setting ${name}`)
  return setting
}

function checkedOption(name: string, value: string): string {
  const setting = brokerSettings.get(name)
  if (setting === undefined) {
    throw new OptionError(
      `config: this broker has no setting ${name}; known here: ${[...brokerSettings.keys()].join(', ')}`,
    )
  }
  const checked = orRefusal(() => checkedValue(setting, value))
  if (checked instanceof Refusal) throw new OptionError(`config: ${checked.message}`)
  return checked
}
