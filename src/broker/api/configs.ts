import { errorCodes } from '../../protocol/error-codes.ts'
import { brokerSettings, checkedBrokerChange } from '../broker-config.ts'
import type { Answer, Call, Handlers } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import { orRefusal, Refusal } from '../refusal.ts'
import { elements, type Setting } from '../setting.ts'
import { checkedTopicConfig, topicSettings } from '../topic-config.ts'
import { checkTopicName } from '../topic-name.ts'
import type { Topic } from '../topics.ts'
import { brokerEntries, type ConfigEntry, commonEntries, topicEntries } from './config-entries.ts'

/** Kafka's numbers for what has settings. */
const topicType = 2
const brokerType = 4

interface Resource {
  readonly resourceType: number
  readonly resourceName: string
}

/** @throws {Refusal} */
function topicNamed({ topics }: Cluster, name: string): Topic {
  if (!topics.get(name)) checkTopicName(name)
  const topic = topics.get(name)
  if (topic === undefined) throw new Refusal('UNKNOWN_TOPIC_OR_PARTITION', `The topic '${name}' does not exist.`)
  return topic
}

/**
 * The name of a broker is its number, and it answers for itself only; the empty name stands for all.
 * @throws {Refusal} INVALID_REQUEST
 */
function checkBrokerName(name: string, asked: number): void {
  if (name === '' || name === String(asked)) return
  const expected = /^\d+$/.test(name) ? `expected ${asked} or empty string` : 'it must be an integer'
  throw new Refusal('INVALID_REQUEST', `Unexpected broker id ${name}: ${expected}`)
}

function unknownType({ resourceType }: Resource): Refusal {
  return new Refusal('INVALID_REQUEST', `Unknown resource type ${resourceType}`)
}

// ── DescribeConfigs ───────────────────────────────────────────────────────────────────────────────────────────────────

/** An answer is a thousand times as long as its question. */
const mostDescribed = 10_000

function describeConfigs(cluster: Cluster, { node, body }: Call<'DescribeConfigs'>): Answer<'DescribeConfigs'> {
  const results = body.resources.map(({ resourceType, resourceName, configurationKeys }) => {
    const resource = { resourceType, resourceName }
    const found = orRefusal(() => {
      if (body.resources.length <= mostDescribed) return entries(cluster, resource, node)
      throw new Refusal('INVALID_REQUEST', `One request can ask for ${mostDescribed} resources at most.`)
    })
    if (found instanceof Refusal) {
      // Of a topic that is not there, Kafka says no more than that.
      const errorMessage = found.code === 'UNKNOWN_TOPIC_OR_PARTITION' ? '' : found.message
      return { ...resource, errorCode: found.errorCode, errorMessage }
    }
    const wanted = configurationKeys?.length ? new Set(configurationKeys) : null
    const configs = wanted ? found.filter(({ name }) => wanted.has(name)) : found
    const more = { documentation: null, ...(!body.includeSynonyms && { synonyms: [] }) }
    return { ...resource, configs: configs.map(entry => ({ ...entry, ...more })) }
  })
  return { results }
}

function entries(cluster: Cluster, resource: Resource, node: number): ConfigEntry[] {
  const { resourceType, resourceName } = resource
  if (resourceType === topicType) return topicEntries(topicNamed(cluster, resourceName).config, node)
  if (resourceType !== brokerType) throw unknownType(resource)
  checkBrokerName(resourceName, node)
  return resourceName === '' ? commonEntries(cluster) : brokerEntries(cluster, node)
}

// ── IncrementalAlterConfigs, AlterConfigs ─────────────────────────────────────────────────────────────────────────────

type Values = ReadonlyMap<string, string>

/** What has settings that can be altered. */
interface Target {
  /** What is set now. */
  readonly values: Values
  setting(name: string): Setting | undefined
  /** The value that counts now, set or inherited. */
  effective(name: string): string
  /** @throws {Refusal} */
  checked(values: Values): Values
  replace(values: Values): void
}

/** @throws {Refusal} */
function target(cluster: Cluster, resource: Resource, node: number): Target {
  const { resourceType, resourceName } = resource
  if (resourceType === topicType) {
    const { config } = topicNamed(cluster, resourceName)
    return {
      values: config.own,
      setting: name => topicSettings.get(name),
      effective: name => config.get(name),
      checked: checkedTopicConfig,
      replace: values => config.replace(values),
    }
  }
  if (resourceType !== brokerType) throw unknownType(resource)
  checkBrokerName(resourceName, node)
  const { config } = cluster
  return {
    values: config.changed(resourceName),
    setting: name => brokerSettings.get(name),
    effective: name => config.get(name),
    checked: values => checkedBrokerChange(resourceName, values),
    replace: values => config.change(resourceName, values),
  }
}

interface Change {
  readonly name: string
  readonly value: string | null
  /** Its place among the operations. */
  readonly configOperation: number
}

const operations = ['set', 'delete', 'append', 'subtract'] as const

function altered({ values, setting, effective }: Target, changes: readonly Change[]): Values {
  const next = new Map(values)
  for (const { name, value, configOperation } of changes) {
    const operation = operations[configOperation]
    if (operation === undefined) throw new Refusal('INVALID_REQUEST', `Unknown operation ${configOperation}`)
    if (operation === 'delete') next.delete(name)
    else if (value === null) throw new Refusal('INVALID_REQUEST', `Null value not supported for ${name}`)
    else if (operation === 'set') next.set(name, value)
    else {
      if (setting(name)?.type !== 'list') {
        throw new Refusal('INVALID_CONFIG', `Can't ${operation} to key ${name} because its type is not a list.`)
      }
      const old = elements(next.get(name) ?? effective(name))
      const given = elements(value)
      const list = operation === 'append' ? [...old, ...given] : old.filter(each => !given.includes(each))
      next.set(name, [...new Set(list)].join(','))
    }
  }
  return next
}

type AlteredResource = Resource & { readonly configs: readonly Omit<Change, 'configOperation'>[] }

/** Has the values of each resource computed, checked and, unless it was only asked whether that is possible, put in place. */
function alterEach<R extends AlteredResource>(
  cluster: Cluster,
  { node, body }: { readonly node: number; readonly body: { validateOnly: boolean; resources: readonly R[] } },
  values: (target: Target, resource: R) => Values,
) {
  const counts = Map.groupBy(body.resources, ({ resourceType, resourceName }) => `${resourceType} ${resourceName}`)
  const responses = body.resources.map(resource => {
    const { resourceType, resourceName, configs } = resource
    const refusal = orRefusal(() => {
      if (counts.get(`${resourceType} ${resourceName}`)?.length !== 1) {
        throw new Refusal('INVALID_REQUEST', 'Each resource must appear at most once.')
      }
      if (new Set(configs.map(({ name }) => name)).size < configs.length) {
        throw new Refusal('INVALID_REQUEST', 'Error due to duplicate config keys')
      }
      const found = target(cluster, resource, node)
      const checked = found.checked(values(found, resource))
      if (!body.validateOnly) found.replace(checked)
    })
    const named = { resourceType, resourceName }
    if (refusal === undefined) return { ...named, errorCode: errorCodes.NONE, errorMessage: null }
    return { ...named, errorCode: refusal.errorCode, errorMessage: refusal.message }
  })
  return { responses }
}

function incrementalAlterConfigs(
  cluster: Cluster,
  call: Call<'IncrementalAlterConfigs'>,
): Answer<'IncrementalAlterConfigs'> {
  return alterEach(cluster, call, (target, { configs }) => altered(target, configs))
}

/** What is not named any more is as if it had never been set. */
function alterConfigs(cluster: Cluster, call: Call<'AlterConfigs'>): Answer<'AlterConfigs'> {
  const set = { configOperation: operations.indexOf('set') }
  return alterEach(cluster, call, (target, { configs }) => {
    return altered(
      { ...target, values: new Map() },
      configs.map(config => ({ ...config, ...set })),
    )
  })
}

export const configHandlers: Handlers<'DescribeConfigs' | 'IncrementalAlterConfigs' | 'AlterConfigs'> = {
  DescribeConfigs: describeConfigs,
  IncrementalAlterConfigs: incrementalAlterConfigs,
  AlterConfigs: alterConfigs,
}
