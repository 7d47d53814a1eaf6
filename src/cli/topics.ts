import { MillraceError } from '../base/errors.ts'
import { partitionName } from '../base/topic-partition.ts'
import { Admin } from '../client/admin.ts'
import type { TopicMetadata } from '../client/low-level-client.ts'
import type { NativeClient } from '../client/native-client.ts'
import { type CommonOptions, withClient } from './connect.ts'
import { writeObjects, writeText } from './output.ts'
import { type Edges, edgesOf, findTopics } from './partitions.ts'
import { plural } from './plural.ts'
import { printable } from './printable.ts'
import { table } from './table.ts'

export interface TopicsOptions extends CommonOptions {
  readonly json?: boolean
}

export interface ListTopicsOptions extends TopicsOptions {
  readonly internal?: boolean
}

interface PartitionRow extends Edges {
  readonly partition: number
  /** Node id; null while there is none. */
  readonly leader: number | null
  readonly replicas: readonly number[]
  readonly inSync: readonly number[]
}

interface TopicRow {
  readonly topic: string
  readonly topicId: string | null
  readonly internal: boolean
  /** Offsets between both ends; null when a partition did not tell. Compaction and transactions make it more than there are. */
  readonly messages: number | null
  readonly partitions: readonly PartitionRow[]
}

/** A topic with what is set for itself; null: this client may not see that. */
interface DescribedTopic extends TopicRow {
  readonly configs: Configs | null
}

type Configs = Readonly<Record<string, string | null>>

/** `millrace topics list`: a line for each. */
export async function listTopics({ internal, json, ...common }: ListTopicsOptions): Promise<void> {
  const rows = await withClient(common, async client => {
    const topics = [...(await client.metadata('all')).topics.values()]
    const shown = topics.filter(topic => internal || !topic.internal)
    return topicRows(
      client,
      shown.sort((a, b) => (a.topic < b.topic ? -1 : 1)),
    )
  })
  if (json) await writeObjects(rows)
  else await writeText(topicTable(rows))
}

/** `millrace topics describe`: their settings, and a line for each partition. */
export async function describeTopics(names: readonly string[], { json, ...common }: TopicsOptions): Promise<void> {
  const topics = await withClient(common, async client => {
    const found = await findTopics(client, names, common.timeout)
    const admin = new Admin(client)
    const configs = await Promise.all(found.map(({ topic }) => ownConfigs(admin, topic)))
    const rows = await topicRows(client, found)
    return rows.map((row, at): DescribedTopic => ({ ...row, configs: configs[at] ?? null }))
  })
  if (json) await writeObjects(topics)
  else await writeText(topics.map(describeTopic).join('\n'))
}

async function topicRows(client: NativeClient, topics: readonly TopicMetadata[]): Promise<readonly TopicRow[]> {
  // One without a leader is not waited for.
  const led = topics.flatMap(({ topic, partitions }) =>
    partitions.filter(({ leader }) => leader >= 0).map(({ partition }) => ({ topic, partition })),
  )
  const offsets = await edgesOf(client, led)
  return topics.map(topic => topicRow(topic, offsets))
}

function topicRow(metadata: TopicMetadata, offsets: ReadonlyMap<string, Edges>): TopicRow {
  const { topic, topicId, internal, partitions } = metadata
  const rows = partitions.map(({ partition, leader, replicas, inSyncReplicas }): PartitionRow => {
    const { earliest = null, latest = null } = offsets.get(partitionName(topic, partition)) ?? {}
    return { partition, leader: leader < 0 ? null : leader, replicas, inSync: inSyncReplicas, earliest, latest }
  })
  let messages: number | null = 0
  for (const { earliest, latest } of rows) {
    messages = messages === null || earliest === null || latest === null ? null : messages + latest - earliest
  }
  return { topic, topicId, internal, messages, partitions: rows }
}

/** Who may see a topic need not be allowed to see its settings. */
async function ownConfigs(admin: Admin, topic: string): Promise<Configs | null> {
  try {
    const own = (await admin.describeConfigs({ topic })).filter(({ inherited }) => !inherited)
    return Object.fromEntries(own.map(({ name, value }) => [name, value]))
  } catch (thrown) {
    if (thrown instanceof MillraceError && thrown.code === 'TOPIC_AUTHORIZATION_FAILED') return null
    throw thrown
  }
}

function replicasOf({ partitions }: TopicRow): number {
  return Math.max(0, ...partitions.map(({ replicas }) => replicas.length))
}

function topicTable(rows: readonly TopicRow[]): string {
  const cells = rows.map(row => [row.topic, row.partitions.length, replicasOf(row), row.messages ?? '-'])
  return table([['TOPIC', 'PARTITIONS', 'REPLICAS', 'MESSAGES'], ...cells])
}

function describeTopic(row: DescribedTopic): string {
  const { topic, topicId, messages, partitions, configs } = row
  const facts = [
    plural(partitions.length, 'partition'),
    plural(replicasOf(row), 'replica'),
    messages === null ? '' : plural(messages, 'message'),
    topicId === null ? '' : `id ${topicId}`,
    ...(configs === null
      ? ['settings may not be seen']
      : Object.entries(configs).map(([name, value]) => `${name}=${value ?? ''}`)),
  ]
  const cells = partitions.map(({ partition, leader, replicas, inSync, earliest, latest }) => {
    const nodes = [leader ?? 'none', replicas.join(), inSync.join() || 'none']
    return [partition, ...nodes, earliest ?? '-', latest ?? '-']
  })
  const rows = table([['PARTITION', 'LEADER', 'REPLICAS', 'IN-SYNC', 'EARLIEST', 'LATEST'], ...cells])
  return `${printable(`${topic}: ${facts.filter(Boolean).join(', ')}`)}\n${rows}`
}
