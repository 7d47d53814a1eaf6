import type { TopicPartition } from '../base/topic-partition.ts'
import type { MembershipState } from './group/membership.ts'

/** A partition that this process is to own, and which route handles it. */
export interface AssignedPartition extends TopicPartition {
  /** Place of the route in the subscription. */
  readonly route: number
  /** It was added to its topic after this process began to follow the topic: nobody has read it yet. */
  readonly added: boolean
}

/** What a coordinator tells the consumer. Each of the first two calls is awaited before the next call is made. */
export interface OwnershipListener {
  assigned(partitions: readonly AssignedPartition[]): Promise<void>
  /** They go to another member: drain, commit, and only then answer. */
  revoked(partitions: readonly TopicPartition[]): Promise<void>
  /** They are not owned any more: nothing may be committed for them. May come while they are being revoked. */
  lost(partitions: readonly TopicPartition[]): Promise<void>
  /** Whether handlers may be started has changed: see `ConsumerCoordinator.lease`. */
  leaseChanged(open: boolean): void
  /** Ownership cannot go on; the consumer stops with this error. */
  fatal(error: Error): void
}

/** Something that lasts and keeps topics from being read, for people to see. */
export interface OwnershipState {
  readonly coordinator: 'static' | 'group'
  /** Topics, or partitions, that are waited for, and why. */
  readonly waiting: readonly { readonly topic: string; readonly cause: string }[]
  /** Null without one: partitions are named, or there is no group. */
  readonly membership: MembershipState | null
}

/** Until when this process may be sure of what it owns. */
export interface DispatchLease {
  readonly open: boolean
  /** Time was looked at, by the monotonic clock: called at the latest when handlers are about to be started again. */
  look(now: number): void
}

/**
 * Decides which partitions this process owns. Implementations: `StaticCoordinator` and `GroupCoordinator`.
 *
 * There is room for acknowledging single records (share groups, KIP-932): such a coordinator would take over what the offset
 * storage does now.
 */
export interface ConsumerCoordinator {
  /** Handlers are started only while it is open. Null: ownership never ends by itself. */
  readonly lease: DispatchLease | null
  /** Begins to own partitions. Resolves once the first look was taken; network trouble is retried inside and never rejects. */
  start(listener: OwnershipListener): Promise<void>
  state(): OwnershipState
  /** A topic does not exist any more, as it seems: it is looked for soon. */
  topicMissing(): void
  /** Assigns nothing more. What is owned stays so, and may be committed, until `close`. */
  stop(): void
  /** Owns nothing more; `stop` came before. `leave`: tell the group at once. */
  close(options: { leave: boolean }): Promise<void>
}
