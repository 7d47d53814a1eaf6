import { brokerSettings, nodeSettings } from '../broker-config.ts'
import type { Cluster } from '../cluster.ts'
import { configSources, type Origin } from '../config.ts'
import { type Setting, typeNumber } from '../setting.ts'
import { type TopicConfig, topicSettings } from '../topic-config.ts'

/** One setting as answers tell of it, under their own names for everything. */
export interface ConfigEntry {
  readonly name: string
  readonly value: string | null
  readonly readOnly: boolean
  readonly configSource: number
  readonly configType: number
  /** Where the value is from, and where it would be from if it were not set there. */
  readonly synonyms: readonly Origin[]
}

/** All settings of a topic, as this node tells them. */
export function topicEntries(config: TopicConfig, node: number): ConfigEntry[] {
  return [...topicSettings.values()].map(setting => {
    const origins = config.origins(setting.name, String(node))
    return entry(setting, origins, { fallback: config.get(setting.name), readOnly: false })
  })
}

/** All settings of a node. */
export function brokerEntries(
  { config, nodes, settings: { protocol = 'PLAINTEXT' } }: Cluster,
  node: number,
): ConfigEntry[] {
  const settings = [...brokerSettings.values()].map(setting => {
    const origins = config.origins(setting.name, String(node))
    return entry(setting, origins, { fallback: null, readOnly: !setting.dynamic })
  })
  const { host, port, rack = null } = nodes.get(node) ?? {}
  const listeners = `${protocol}://${host}:${port}`
  const values: Readonly<Record<string, string | null>> = {
    'broker.id': String(node),
    'node.id': String(node),
    'broker.rack': rack,
    listeners,
    'advertised.listeners': listeners,
    'process.roles': 'broker,controller',
  }
  return [...settings, ...nodeSettings.map(setting => own(setting, values[setting.name] ?? null))]
}

/** What was set for all nodes while they run. */
export function commonEntries({ config }: Cluster): ConfigEntry[] {
  return [...config.changed('')].flatMap(([name, value]) => {
    const setting = brokerSettings.get(name)
    const origins = [{ name, value, source: configSources.allBrokers }]
    return setting === undefined ? [] : entry(setting, origins, { fallback: null, readOnly: !setting.dynamic })
  })
}

function entry(
  setting: Setting,
  synonyms: readonly Origin[],
  { fallback, readOnly }: { fallback: string | null; readOnly: boolean },
): ConfigEntry {
  const { value = fallback, source = configSources.default } = synonyms[0] ?? {}
  return { name: setting.name, value, readOnly, configSource: source, configType: typeNumber(setting), synonyms }
}

/** What a node has of its own, from its start on. */
function own(setting: Setting, value: string | null): ConfigEntry {
  const { name, default: default_ } = setting
  const origin = (value: string | null, source: number) => (value === null ? [] : [{ name, value, source }])
  const origins = [...origin(value, configSources.static), ...origin(default_, configSources.default)]
  return entry(setting, origins, { fallback: null, readOnly: true })
}
