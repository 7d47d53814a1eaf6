import type { ApiName } from '../protocol/apis.ts'
import type { FaultOptions } from './fault.ts'
import type { Fault } from './faults.ts'
import type { GroupState } from './groups/group.ts'
import type { GroupSnapshot } from './groups/groups.ts'
import { LocalBroker } from './local-broker.ts'
import type { CoordinatorType } from './nodes.ts'
import { type BrokerOptions, resolveOptions, type TopicOptions } from './options.ts'
import type { LoggedRequest } from './request-log.ts'
import type { AclOptions } from './security/acl.ts'
import type { Certificate } from './security/authority.ts'
import { ThreadBroker } from './thread-broker.ts'

/** What a group committed for one partition. */
export interface CommittedOffset {
  readonly topic: string
  readonly partition: number
  /** Of the next message to read. */
  readonly offset: number
  readonly metadata: string
}

/** A group by its name, whether it exists or not: of one that does not, the state is `'Dead'`. */
export interface GroupView {
  now(): Promise<GroupSnapshot>
  /** Resolves once the group is in this state, with so many members if told; rejects when the broker is closed before. */
  until(state: GroupState, members?: number): Promise<GroupSnapshot>
}

/**
 * A Kafka cluster of one or more nodes. What cannot be done rejects with a `MillraceError` whose `code` is Kafka's name of the error,
 * such as `UNKNOWN_TOPIC_OR_PARTITION`.
 */
export interface Broker extends AsyncDisposable {
  /** `host:port` of every node, in the order of their numbers. They stay the same while nodes are stopped and started. */
  readonly brokers: readonly string[]
  /** Who issued the certificate of the broker, as PEM, when it was made at the start: what clients are to trust. Else null. */
  readonly ca: string | null
  /** A certificate of the same authority for a client: with `tls.clientAuth` it is `User:CN=name`. */
  issueCertificate(name: string): Promise<Certificate>
  /** The last requests, in the order in which they came; how many is an option. */
  readonly requests: readonly LoggedRequest[]
  /** Calls `listener` with each request once it was answered or its connection closed; answers how to end that. */
  onRequest(listener: (request: LoggedRequest) => void): () => void
  /** A number stands for so many partitions. */
  createTopic(topic: string, options?: number | TopicOptions): Promise<void>
  deleteTopic(topic: string): Promise<void>
  /** Access rules instead of those that there were, from the next request on; null: everything is allowed. */
  setAcls(acls: readonly AclOptions[] | null): Promise<void>
  /** Number of the node that leads this partition, -1 while there is none. */
  leader(topic: string, partition: number): Promise<number>
  /** Makes another in-sync replica the leader (`to`, or the next one), under a new epoch, and answers its number. Where `to` leads already nothing happens. */
  moveLeader(topic: string, partition: number, to?: number): Promise<number>
  /**
   * Keeps a follower so many messages behind the leader from now on (whole batches, or more); 0: no more. In sync, it has what it does not
   * serve yet; with `inSync: false` it has not got it, may not lead, and an offset beyond what it has is out of range there.
   */
  lagFollower(
    topic: string,
    partition: number,
    node: number,
    messages: number,
    options?: { readonly inSync?: boolean },
  ): Promise<void>
  /** Deletes what lies before this offset, as retention does. */
  deleteRecords(topic: string, partition: number, before: number): Promise<void>
  /** Leaves only the last message of each key, as Kafka does in time where `cleanup.policy` is `compact`. */
  compact(topic: string): Promise<void>
  /** What is committed for this group. */
  committed(group: string): Promise<readonly CommittedOffset[]>
  group(name: string): GroupView
  /** Makes this node the coordinator of a group, or of a transactional id, as long as it runs. */
  setCoordinator(type: CoordinatorType, key: string, node: number): Promise<void>
  /** Ends a node at once, as a crash does; what it led others lead. A stopped one stays so. */
  stopNode(node: number): Promise<void>
  /** Starts a stopped node again on its port. */
  startNode(node: number): Promise<void>
  /**
   * Sets a fault, from the next request on; see `FaultOptions`.
   * @throws {OptionError}
   */
  fault<const N extends ApiName = ApiName>(options: FaultOptions<N>): Fault
  /** Ends all connections and timers. Whoever still waits for something is rejected. */
  close(): Promise<void>
}

export const Broker = {
  /**
   * Starts a cluster; it listens when this resolves.
   * @throws {OptionError} that names the first wrong option
   */
  async start(options: BrokerOptions = {}): Promise<Broker> {
    const settings = resolveOptions(options)
    return settings.thread ? ThreadBroker.start(options) : LocalBroker.start(settings)
  },
}
