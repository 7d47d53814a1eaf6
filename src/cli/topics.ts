import { partitionName } from '../base/topic-partition.ts'
import type { TopicMetadata } from '../client/low-level-client.ts'
import { type CommonOptions, withClient } from './connect.ts'
import { writeText } from './output.ts'
import { type Edges, edgesOf, findTopics } from './partitions.ts'
import { table } from './table.ts'

export interface TopicsOptions extends CommonOptions {
  readonly json?: boolean
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
  readonly internal: boolean
  /** Offsets between both ends; null when a partition did not tell. Compaction and transactions make it more than there are. */
  readonly messages: number | null
  readonly partitions: readonly PartitionRow[]
}

/** `millrace topics`: all topics, a line each, or the named ones with a line per partition. */
export async function listTopics(names: readonly string[], options: TopicsOptions): Promise<void> {
  const rows = await withClient(options, async client => {
    const found =
      names.length > 0
        ? await findTopics(client, names, options.timeout)
        : [...(await client.metadata('all')).topics.values()]
            .filter(({ internal }) => options.internal || !internal)
            .sort((a, b) => (a.topic < b.topic ? -1 : 1))
    // One without a leader is not waited for.
    const led = found.flatMap(({ topic, partitions }) =>
      partitions.filter(({ leader }) => leader >= 0).map(({ partition }) => ({ topic, partition })),
    )
    const offsets = await edgesOf(client, led)
    return found.map(topic => topicRow(topic, offsets))
  })
  if (options.json) await writeText(rows.map(row => `${JSON.stringify(row)}\n`).join(''))
  else await writeText(names.length > 0 ? partitionTable(rows) : topicTable(rows))
}

function topicRow({ topic, internal, partitions }: TopicMetadata, offsets: ReadonlyMap<string, Edges>): TopicRow {
  const rows = partitions.map(({ partition, leader, replicas, inSyncReplicas }): PartitionRow => {
    const { earliest = null, latest = null } = offsets.get(partitionName(topic, partition)) ?? {}
    return { partition, leader: leader < 0 ? null : leader, replicas, inSync: inSyncReplicas, earliest, latest }
  })
  let messages: number | null = 0
  for (const { earliest, latest } of rows) {
    messages = messages === null || earliest === null || latest === null ? null : messages + latest - earliest
  }
  return { topic, internal, messages, partitions: rows }
}

function topicTable(rows: readonly TopicRow[]): string {
  const cells = rows.map(({ topic, partitions, messages }) => {
    const replicas = Math.max(0, ...partitions.map(partition => partition.replicas.length))
    return [topic, partitions.length, replicas, messages ?? '-']
  })
  return table([['TOPIC', 'PARTITIONS', 'REPLICAS', 'MESSAGES'], ...cells])
}

function partitionTable(rows: readonly TopicRow[]): string {
  const cells = rows.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, leader, replicas, inSync, earliest, latest }) => {
      const nodes = [leader ?? 'none', replicas.join(), inSync.join() || 'none']
      return [topic, partition, ...nodes, earliest ?? '-', latest ?? '-']
    }),
  )
  return table([['TOPIC', 'PARTITION', 'LEADER', 'REPLICAS', 'IN-SYNC', 'EARLIEST', 'LATEST'], ...cells])
}
