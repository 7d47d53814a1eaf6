import type { MillraceError } from '../base/errors.ts'
import type { TopicPartition } from '../base/topic-partition.ts'

/** A partition that this process is to own, and which route handles it. */
export interface AssignedPartition extends TopicPartition {
  /** Place of the route in the subscription. */
  readonly route: number
}

/** What a coordinator tells the consumer. Each call is awaited before the next one is made. */
export interface OwnershipListener {
  assigned(partitions: readonly AssignedPartition[]): Promise<void>
  /** They go to another member: drain, commit, and only then answer. */
  revoked(partitions: readonly TopicPartition[]): Promise<void>
  /** They are not owned any more: nothing may be committed for them. */
  lost(partitions: readonly TopicPartition[]): Promise<void>
  /** Ownership cannot go on; the consumer stops with this error. */
  fatal(error: MillraceError): void
}

/** Something that lasts and keeps topics from being read, for people to see. */
export interface OwnershipState {
  readonly coordinator: string
  /** Topics, or partitions, that are waited for, and why. */
  readonly waiting: readonly { readonly topic: string; readonly cause: string }[]
}

/**
 * Decides which partitions this process owns. Implementations: `StaticCoordinator`; groups join through others.
 *
 * There is room for acknowledging single records (share groups, KIP-932): such a coordinator would take over what the offset
 * storage does now.
 */
export interface ConsumerCoordinator {
  /** Begins to own partitions. Resolves once the first look was taken; network trouble is retried inside and never rejects. */
  start(listener: OwnershipListener): Promise<void>
  state(): OwnershipState
  /** Owns nothing more. `leave`: tell the group at once. */
  close(options: { leave: boolean }): Promise<void>
}
