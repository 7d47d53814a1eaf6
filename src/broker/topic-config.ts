import { type BrokerConfig, brokerSettings } from './broker-config.ts'
import { type Config, configSources, type Origin } from './config.ts'
import { Refusal } from './refusal.ts'
import { checkedValue, type Setting } from './setting.ts'

export interface TopicSetting extends Setting {
  /** The broker's setting that it inherits; null: none. */
  readonly inherits: string | null
}

const throttled = { type: 'list', default: '', pattern: /^(\*|\d+:\d+)$/ } as const
const remote = { type: 'boolean', default: 'false', values: ['false'] } as const

/** Topic settings as Kafka 4.1 has them; the types and bounds of those that brokers have too are theirs. */
const settings: readonly TopicSetting[] = [
  inherited('cleanup.policy', 'log.cleanup.policy'),
  inherited('compression.gzip.level', 'compression.gzip.level'),
  inherited('compression.lz4.level', 'compression.lz4.level'),
  inherited('compression.type', 'compression.type'),
  inherited('compression.zstd.level', 'compression.zstd.level'),
  inherited('delete.retention.ms', 'log.cleaner.delete.retention.ms'),
  inherited('file.delete.delay.ms', 'log.segment.delete.delay.ms'),
  inherited('flush.messages', 'log.flush.interval.messages'),
  inherited('flush.ms', 'log.flush.interval.ms', { min: 0 }),
  { name: 'follower.replication.throttled.replicas', inherits: null, ...throttled },
  inherited('index.interval.bytes', 'log.index.interval.bytes'),
  { name: 'leader.replication.throttled.replicas', inherits: null, ...throttled },
  inherited('local.retention.bytes', 'log.local.retention.bytes'),
  inherited('local.retention.ms', 'log.local.retention.ms'),
  inherited('max.compaction.lag.ms', 'log.cleaner.max.compaction.lag.ms'),
  inherited('max.message.bytes', 'message.max.bytes'),
  inherited('message.timestamp.after.max.ms', 'log.message.timestamp.after.max.ms'),
  inherited('message.timestamp.before.max.ms', 'log.message.timestamp.before.max.ms'),
  inherited('message.timestamp.type', 'log.message.timestamp.type'),
  inherited('min.cleanable.dirty.ratio', 'log.cleaner.min.cleanable.ratio'),
  inherited('min.compaction.lag.ms', 'log.cleaner.min.compaction.lag.ms'),
  inherited('min.insync.replicas', 'min.insync.replicas'),
  inherited('preallocate', 'log.preallocate'),
  { name: 'remote.log.copy.disable', inherits: null, type: 'boolean', default: 'false' },
  { name: 'remote.log.delete.on.disable', inherits: null, type: 'boolean', default: 'false' },
  { name: 'remote.storage.enable', inherits: null, ...remote },
  inherited('retention.bytes', 'log.retention.bytes'),
  inherited('retention.ms', 'log.retention.ms', { min: -1 }),
  inherited('segment.bytes', 'log.segment.bytes'),
  inherited('segment.index.bytes', 'log.index.size.max.bytes'),
  inherited('segment.jitter.ms', 'log.roll.jitter.ms', { min: 0 }),
  inherited('segment.ms', 'log.roll.ms', { min: 1 }),
  inherited('unclean.leader.election.enable', 'unclean.leader.election.enable'),
]

export const topicSettings: ReadonlyMap<string, TopicSetting> = new Map(settings.map(each => [each.name, each]))

/** Where the broker's setting has no value, another one has it, in other units. */
const elsewhere: Readonly<Record<string, readonly (readonly [name: string, ms: number])[]>> = {
  'log.retention.ms': [
    ['log.retention.minutes', 60_000],
    ['log.retention.hours', 3_600_000],
  ],
  'log.roll.ms': [['log.roll.hours', 3_600_000]],
  'log.roll.jitter.ms': [['log.roll.jitter.hours', 3_600_000]],
  'log.flush.interval.ms': [['log.flush.scheduler.interval.ms', 1]],
}

function inherited(name: string, inherits: string, more: { min?: number } = {}): TopicSetting {
  const setting = brokerSettings.get(inherits)
  if (setting === undefined) throw new Error(`${name} inherits ${inherits}, which does not exist`)
  const { dynamic: _, ...same } = setting
  return { ...same, ...more, name, inherits }
}

/** The settings of one topic: what was set for it, over those of the brokers. */
export class TopicConfig implements Config {
  readonly #brokers: BrokerConfig
  readonly #own: Map<string, string>

  /** The values were checked. */
  constructor(brokers: BrokerConfig, own: ReadonlyMap<string, string>) {
    this.#brokers = brokers
    this.#own = new Map(own)
  }

  /** What was set for the topic itself. */
  get own(): ReadonlyMap<string, string> {
    return this.#own
  }

  get(name: string): string {
    const own = this.#own.get(name)
    if (own !== undefined) return own
    const setting = topicSettings.get(name)
    if (setting === undefined) throw new Error(`there is no topic setting ${name}`)
    return setting.inherits === null ? String(setting.default) : this.#inherited(setting.inherits)
  }

  number(name: string): number {
    return Number(this.get(name))
  }

  /** Where the topic has the value from, on this node, and where it would have one from. */
  origins(name: string, node: string): Origin[] {
    const own = this.#own.get(name)
    const inherits = topicSettings.get(name)?.inherits ?? null
    return [
      ...(own === undefined ? [] : [{ name, value: own, source: configSources.topic }]),
      ...(inherits === null ? [] : this.#brokers.origins(inherits, node)),
    ]
  }

  /** Puts other values in the place of what was set; they were checked. */
  replace(own: ReadonlyMap<string, string>): void {
    this.#own.clear()
    for (const [name, value] of own) this.#own.set(name, value)
  }

  #inherited(name: string): string {
    const value = this.#brokers.find(name)
    if (value !== null) return value
    for (const [other, ms] of elsewhere[name] ?? []) {
      const number = this.#brokers.find(other)
      if (number !== null) return inMilliseconds(number, ms)
    }
    return this.#brokers.get(name)
  }
}

/** Exact for the largest long, and -1 stays what it is: no limit. */
function inMilliseconds(number: string, ms: number): string {
  return number === '-1' || ms === 1 ? number : String(Number(number) * ms)
}

/**
 * What a topic is to set for itself.
 * @throws {Refusal} INVALID_CONFIG
 */
export function checkedTopicConfig(given: ReadonlyMap<string, string | null>): Map<string, string> {
  const checked = new Map<string, string>()
  for (const [name, value] of given) {
    const setting = topicSettings.get(name)
    if (setting === undefined) throw new Refusal('INVALID_CONFIG', `Unknown topic config name: ${name}`)
    if (value === null) throw new Refusal('INVALID_CONFIG', `Null value not supported for topic configs: ${name}`)
    checked.set(name, checkedValue(setting, value))
  }
  const [min, max] = [checked.get('min.compaction.lag.ms'), checked.get('max.compaction.lag.ms')]
  if (min !== undefined && max !== undefined && Number(min) > Number(max)) {
    throw new Refusal('INVALID_CONFIG', `min.compaction.lag.ms (${min}) is above max.compaction.lag.ms (${max})`)
  }
  return checked
}
