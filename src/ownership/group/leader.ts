import { toError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import type { ClusterMetadata, LowLevelClient, TopicMetadata } from '../../client/low-level-client.ts'
import type { JoinGroupResponseMember } from '../../protocol/messages.ts'
import type { Assignor, GroupMember, GroupTopic } from '../assignors/assignor.ts'
import { decodeMember, decodeSubscription, encodeAssignment } from '../consumer-protocol.ts'
import { assignGroup } from '../group-assignment.ts'

/**
 * What the member does that assigns for all: it looks up the topics of every member, those that only others are subscribed to
 * included, and watches them from then on.
 */
export class Leader {
  readonly #client: LowLevelClient
  readonly #logger: Logger
  /** How many partitions the group's topics had when they were last assigned; null for one that did not exist. Empty: not the leader. */
  readonly #counts = new Map<string, number | null>()

  constructor(client: LowLevelClient, logger: Logger) {
    this.#client = client
    this.#logger = logger
  }

  /** Topics that any member is subscribed to, as long as this one leads. */
  get topics(): Iterable<string> {
    return this.#counts.keys()
  }

  /** Another member leads. */
  step(): void {
    this.#counts.clear()
  }

  /**
   * What each member gets, by member id. `keep`: the group has its assignment and wants no other one (KIP-814); the topics are watched
   * all the same.
   *
   * @throws {MillraceError} `BAD_ASSIGNMENT`, and what metadata throws
   */
  async assign(
    assignor: Assignor,
    joined: readonly JoinGroupResponseMember[],
    keep: boolean,
  ): Promise<ReadonlyMap<string, Buffer>> {
    const members = joined.map(member => this.#member(assignor, member))
    const names = new Set(members.flatMap(member => member.topics))
    const metadata = await this.#client.metadata([...names])
    this.#counts.clear()
    for (const name of names) this.#counts.set(name, countOf(metadata, name))
    if (keep) return new Map()
    const racks = new Map(metadata.brokers.map(({ nodeId, rack }) => [nodeId, rack]))
    const topics = new Map<string, GroupTopic>()
    for (const [name, topic] of metadata.topics) if (topic.error === null) topics.set(name, groupTopic(topic, racks))
    const assignment = assignGroup(assignor, members, topics)
    return new Map([...assignment].map(([id, partitions]) => [id, encodeAssignment(partitions)]))
  }

  /** Whether none of them says to own anything: the group begins. */
  begins(joined: readonly JoinGroupResponseMember[]): boolean {
    return joined.every(({ metadata }) => {
      try {
        return decodeSubscription(metadata).owned.length === 0
      } catch {
        return true
      }
    })
  }

  /** One that cannot be understood gets nothing, and spoils nothing for the others. */
  #member(assignor: Assignor, { memberId, groupInstanceId, metadata }: JoinGroupResponseMember): GroupMember {
    const identity = { id: memberId, instanceId: groupInstanceId }
    try {
      return decodeMember(assignor, identity, metadata)
    } catch (thrown) {
      const err = toError(thrown)
      this.#logger.error({ err, memberId }, `the subscription of member ${memberId} cannot be read: ${err.message}`)
      return { ...identity, topics: [], owned: [], generation: -1, rack: null, userData: null }
    }
  }

  /** A topic whose partitions are not as many as when they were assigned; null: there is none. */
  changed(metadata: ClusterMetadata): string | null {
    for (const [name, count] of this.#counts) {
      const topic = metadata.topics.get(name)
      // What could not be told now is no news.
      if (topic !== undefined && topic.error !== null && topic.error.code !== 'UNKNOWN_TOPIC_OR_PARTITION') continue
      if (countOf(metadata, name) !== count) return name
    }
    return null
  }
}

function countOf({ topics }: ClusterMetadata, name: string): number | null {
  const topic = topics.get(name)
  return topic === undefined || topic.error !== null ? null : topic.partitions.length
}

function groupTopic({ partitions }: TopicMetadata, racks: ReadonlyMap<number, string | null>): GroupTopic {
  const byPartition = partitions.map(({ replicas }) => {
    return [...new Set(replicas.flatMap(replica => racks.get(replica) ?? []))]
  })
  return { partitions: partitions.length, racks: byPartition.every(list => list.length === 0) ? null : byPartition }
}
