import { Admin } from '../client/admin.ts'
import type { BrokerVersions, DescribedBroker, FeatureRange } from '../client/cluster-admin.ts'
import { type CommonOptions, withClient } from './connect.ts'
import { writeObjects, writeText } from './output.ts'
import { printable } from './printable.ts'
import { table } from './table.ts'

export interface ClusterOptions extends CommonOptions {
  readonly json?: boolean
}

interface BrokerRow extends DescribedBroker {
  readonly reachable: boolean
  /** Of Kafka, such as 4.1; null when it does not tell: before 3.3, and with ZooKeeper. */
  readonly release: string | null
}

interface ClusterRow {
  readonly clusterId: string | null
  readonly controller: number
  /** Of the features that are switched on, `metadata.version`; null with ZooKeeper. */
  readonly metadataVersion: number | null
  readonly brokers: readonly BrokerRow[]
}

/** `metadata.version` of the first build of each release, by which a broker's newest one tells what it is (KIP-778). */
const releases: readonly (readonly [level: number, release: string])[] = [
  [7, '3.3'],
  [8, '3.4'],
  [9, '3.5'],
  [12, '3.6'],
  [15, '3.7'],
  [20, '3.8'],
  [21, '3.9'],
  [22, '4.0'],
  [26, '4.1'],
  [28, '4.2'],
]
/** Beyond it are releases that are not known here. */
const lastLevel = 29

/** `millrace cluster`. */
export async function describeCluster(options: ClusterOptions): Promise<void> {
  const cluster = await withClient(options, async client => {
    const admin = new Admin(client)
    const { clusterId, controller, brokers } = await admin.describeCluster()
    const versions = await Promise.all(brokers.map(({ nodeId }) => admin.brokerVersions(nodeId).catch(() => null)))
    const finalized = versions.find(found => found !== null)?.finalizedFeatures ?? []
    return { clusterId, controller, metadataVersion: levelOf(finalized), brokers: brokers.map(brokerRow(versions)) }
  })
  if (options.json) await writeObjects([cluster])
  else await writeText(describe(cluster))
}

function brokerRow(versions: readonly (BrokerVersions | null)[]) {
  return (broker: DescribedBroker, at: number): BrokerRow => {
    const found = versions[at] ?? null
    return { ...broker, reachable: found !== null, release: releaseOf(levelOf(found?.supportedFeatures ?? [])) }
  }
}

function levelOf(features: readonly FeatureRange[]): number | null {
  return features.find(({ name }) => name === 'metadata.version')?.maxVersion ?? null
}

/** Such as `4.1`, or `4.2+` for one that is newer than what is known here. */
export function releaseOf(level: number | null): string | null {
  if (level === null) return null
  const found = releases.findLast(([first]) => first <= level)?.[1] ?? null
  return level > lastLevel ? `${found}+` : found
}

function describe({ clusterId, controller, metadataVersion, brokers }: ClusterRow): string {
  const release = releaseOf(metadataVersion)
  const facts = [
    ['cluster', clusterId ?? '-'],
    ['controller', controller < 0 ? 'none' : String(controller)],
    ...(metadataVersion === null ? [] : [['metadata', `${release ?? '-'} (metadata.version ${metadataVersion})`]]),
  ]
  const rows = brokers
    .toSorted((a, b) => a.nodeId - b.nodeId)
    .map(({ nodeId, host, port, rack, fenced, reachable, release }) => {
      const state = reachable ? (fenced ? 'fenced' : 'up') : 'unreachable'
      return [nodeId, `${host}:${port}`, rack ?? '-', release ?? '-', state]
    })
  const lines = facts.map(([name = '', value]) => `${name.padEnd(10)}  ${value}`)
  return `${lines.map(printable).join('\n')}\n\n${table([['NODE', 'ADDRESS', 'RACK', 'KAFKA', 'STATE'], ...rows])}`
}
