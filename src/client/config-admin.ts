import type { TopicPartition } from '../base/topic-partition.ts'
import type { DescribeConfigsResponseDescribeConfigsResourceResult } from '../protocol/messages.ts'
import type { NativeClient, Target } from './native-client.ts'
import { check } from './outcome.ts'

/**
 * Whose settings: a topic's; a broker's by its node id, or `'default'` for what was set for all brokers while they run (KIP-226); those of
 * a group of KIP-848; or the log levels of a broker (KIP-412).
 */
export type ConfigOwner =
  | { readonly topic: TopicPartition['topic'] }
  | { readonly broker: number | 'default' }
  | { readonly group: string }
  | { readonly brokerLogger: number }

/** Where a value was set, under Kafka's names; `UNKNOWN` for what only newer brokers have. */
export type ConfigSource = (typeof sources)[number]

export type ConfigType = (typeof types)[number]

export interface ConfigEntry {
  readonly name: string
  /** Null when it is sensitive, or has none. */
  readonly value: string | null
  readonly source: ConfigSource
  /** Not set for this owner itself. */
  readonly inherited: boolean
  readonly readOnly: boolean
  /** A secret: no broker tells its value. */
  readonly sensitive: boolean
  /** `UNKNOWN` where the broker does not tell (before Kafka 2.6). */
  readonly type: ConfigType
  /** Empty unless asked for: where this value comes from, and what it would be if it were not set there. */
  readonly synonyms: readonly ConfigSynonym[]
  /** Null unless asked for, and where the broker has none (before Kafka 2.6). */
  readonly documentation: string | null
}

export interface ConfigSynonym {
  readonly name: string
  readonly value: string | null
  readonly source: ConfigSource
}

export interface DescribeConfigsOptions {
  /** Only these. Default all. */
  readonly names?: readonly string[]
  /** Default false. */
  readonly synonyms?: boolean
  /** Default false (KIP-569, Kafka 2.6). */
  readonly documentation?: boolean
}

/**
 * A new value; null takes the setting back to what is inherited. Elements are appended to a setting that is a list, or subtracted from it;
 * those that are there already, or not there, are left alone.
 */
export type ConfigChange =
  | string
  | number
  | boolean
  | null
  | { readonly append: Elements }
  | { readonly subtract: Elements }

type Elements = string | readonly string[]

/** By Kafka's numbers. */
const sources = [
  'UNKNOWN',
  'DYNAMIC_TOPIC_CONFIG',
  'DYNAMIC_BROKER_CONFIG',
  'DYNAMIC_DEFAULT_BROKER_CONFIG',
  'STATIC_BROKER_CONFIG',
  'DEFAULT_CONFIG',
  'DYNAMIC_BROKER_LOGGER_CONFIG',
  'DYNAMIC_CLIENT_METRICS_CONFIG',
  'DYNAMIC_GROUP_CONFIG',
] as const
const types = ['UNKNOWN', 'BOOLEAN', 'STRING', 'INT', 'SHORT', 'LONG', 'DOUBLE', 'LIST', 'CLASS', 'PASSWORD'] as const
const operations = { set: 0, delete: 1, append: 2, subtract: 3 }
/** The first version that can ask for documentation. */
const versionWithDocumentation = 3

/** Kafka's numbers of what has settings. */
const topicResource = 2
const brokerResource = 4
const brokerLoggerResource = 8
const groupResource = 32

/** The part of `Admin` that is about settings. Those of a broker are asked of that broker; any broker knows the others. */
export class ConfigAdmin {
  readonly #client: NativeClient

  constructor(client: NativeClient) {
    this.#client = client
  }

  async describe(owner: ConfigOwner, options: DescribeConfigsOptions): Promise<readonly ConfigEntry[]> {
    const { resource, target, name, ownSources } = resourceOf(owner)
    const { names = null, synonyms: includeSynonyms = false, documentation = false } = options
    const body = (version: number) => ({
      resources: [{ ...resource, configurationKeys: names }],
      includeSynonyms,
      ...(version >= versionWithDocumentation && { includeDocumentation: documentation }),
    })
    const [described] = (await this.#client.send(target, 'DescribeConfigs', body)).results
    check(described, `describing the settings of ${name}`, placeOf(owner))
    return (described?.configs ?? []).map(entry => entryOf(entry, ownSources))
  }

  async alter(
    owner: ConfigOwner,
    changes: Readonly<Record<string, ConfigChange>>,
    { validateOnly = false }: { readonly validateOnly?: boolean },
  ): Promise<void> {
    const { resource, target, name } = resourceOf(owner)
    const configs = Object.entries(changes).map(([setting, change]) => ({ name: setting, ...operationOf(change) }))
    const body = { resources: [{ ...resource, configs }], validateOnly }
    const [altered] = (await this.#client.send(target, 'IncrementalAlterConfigs', body)).responses
    check(altered, `changing the settings of ${name}`, placeOf(owner))
  }
}

interface Resource {
  readonly resource: { readonly resourceType: number; readonly resourceName: string }
  readonly target: Target
  /** For errors. */
  readonly name: string
  /** What the owner's own settings have for a source. */
  readonly ownSources: readonly ConfigSource[]
}

function resourceOf(owner: ConfigOwner): Resource {
  const resource = (resourceType: number, name: string | number) => ({ resourceType, resourceName: String(name) })
  if ('topic' in owner) {
    const { topic } = owner
    const ownSources = ['DYNAMIC_TOPIC_CONFIG'] as const
    return { resource: resource(topicResource, topic), target: 'any', name: `topic ${topic}`, ownSources }
  }
  if ('group' in owner) {
    const { group } = owner
    const ownSources = ['DYNAMIC_GROUP_CONFIG'] as const
    return { resource: resource(groupResource, group), target: 'any', name: `group ${group}`, ownSources }
  }
  if ('brokerLogger' in owner) {
    const { brokerLogger: nodeId } = owner
    const ownSources = ['DYNAMIC_BROKER_LOGGER_CONFIG'] as const
    const name = `the loggers of node ${nodeId}`
    return { resource: resource(brokerLoggerResource, nodeId), target: { nodeId }, name, ownSources }
  }
  if (owner.broker === 'default') {
    const ownSources = ['DYNAMIC_DEFAULT_BROKER_CONFIG'] as const
    return { resource: resource(brokerResource, ''), target: 'any', name: 'all brokers', ownSources }
  }
  const { broker: nodeId } = owner
  const ownSources = ['DYNAMIC_BROKER_CONFIG', 'STATIC_BROKER_CONFIG'] as const
  return { resource: resource(brokerResource, nodeId), target: { nodeId }, name: `node ${nodeId}`, ownSources }
}

function placeOf(owner: ConfigOwner): { topic?: string } {
  return 'topic' in owner ? { topic: owner.topic } : {}
}

function entryOf(
  entry: DescribeConfigsResponseDescribeConfigsResourceResult,
  ownSources: readonly ConfigSource[],
): ConfigEntry {
  const { name, value, readOnly, isSensitive: sensitive, documentation } = entry
  const source = sources[entry.configSource] ?? 'UNKNOWN'
  const synonyms = entry.synonyms.map(({ name, value, source }) => {
    return { name, value, source: sources[source] ?? 'UNKNOWN' }
  })
  const type = types[entry.configType] ?? 'UNKNOWN'
  const inherited = !ownSources.includes(source)
  return { name, value, source, inherited, readOnly, sensitive, type, synonyms, documentation }
}

function operationOf(change: ConfigChange): { readonly configOperation: number; readonly value: string | null } {
  if (change === null) return { configOperation: operations.delete, value: null }
  if (typeof change !== 'object') return { configOperation: operations.set, value: String(change) }
  const [operation, elements] =
    'append' in change ? [operations.append, change.append] : [operations.subtract, change.subtract]
  return { configOperation: operation, value: typeof elements === 'string' ? elements : elements.join(',') }
}
