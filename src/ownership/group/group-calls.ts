import type { JoinGroupResponse, SyncGroupResponse } from '../../protocol/messages.ts'
import { type GroupClient, heartbeatConnection, joinConnection } from './group-client.ts'
import type { MemberIdentity } from './membership.ts'

/** What says that the members of a group are consumers. */
const protocolType = 'consumer'
/** Beyond the time that a rebalance may take. */
const SLACK_MS = 5_000
/** Static members (KIP-345). */
const FIRST_STATIC_JOIN = 5
const FIRST_STATIC = 3

export interface GroupCallParts {
  readonly client: GroupClient
  readonly group: string
  readonly instanceId: string | null
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  /** Ends what is parked. */
  readonly signal: AbortSignal
}

/** The requests of a member, but for its heartbeats. They answer what the broker did, errors included. */
export class GroupCalls {
  readonly #parts: GroupCallParts

  constructor(parts: GroupCallParts) {
    this.#parts = parts
  }

  /**
   * Parked by the broker until all members have joined, or the rebalance timeout is over. Without a member id it is answered with one at
   * once, and is not given up before: nobody else could tell the group that this member is gone.
   */
  join(
    memberId: string,
    protocols: readonly { readonly name: string; readonly metadata: Buffer }[],
    reason: string,
  ): Promise<JoinGroupResponse> {
    const { client, group, instanceId, sessionTimeoutMs, rebalanceTimeoutMs } = this.#parts
    const body = (version: number) => ({
      groupId: group,
      sessionTimeoutMs,
      ...(version >= 1 ? { rebalanceTimeoutMs } : {}),
      memberId,
      ...(instanceId === null ? {} : { groupInstanceId: instanceId }),
      protocolType,
      protocols,
      ...(version >= 8 ? { reason: reason.slice(0, 255) } : {}),
    })
    const options = this.#parked(instanceId === null ? 0 : FIRST_STATIC_JOIN)
    const { signal, ...unsignalled } = options
    const named = memberId !== '' || instanceId !== null
    return client.send({ group, connection: joinConnection }, 'JoinGroup', body, named ? options : unsignalled)
  }

  /** Parked by the broker until the leader has sent its assignments, which are `assignments` if this member is the leader. */
  sync(
    { generation, memberId }: MemberIdentity,
    strategy: string,
    assignments: ReadonlyMap<string, Buffer>,
  ): Promise<SyncGroupResponse> {
    const { client, group, instanceId } = this.#parts
    const body = (version: number) => ({
      groupId: group,
      generationId: generation,
      memberId,
      ...(instanceId === null ? {} : { groupInstanceId: instanceId }),
      ...(version >= 5 ? { protocolType, protocolName: strategy } : {}),
      assignments: [...assignments].map(([memberId, assignment]) => ({ memberId, assignment })),
    })
    const minVersion = instanceId === null ? 0 : FIRST_STATIC
    return client.send({ group, connection: joinConnection }, 'SyncGroup', body, this.#parked(minVersion))
  }

  /** Not behind a join that may be parked: that is on another connection. */
  async leave(memberId: string, reason: string, timeoutMs: number): Promise<void> {
    const { client, group, instanceId: groupInstanceId } = this.#parts
    const body = (version: number) => {
      if (version < FIRST_STATIC) return { groupId: group, memberId }
      return { groupId: group, members: [{ memberId, groupInstanceId, ...(version >= 5 ? { reason } : {}) }] }
    }
    await client.send({ group, connection: heartbeatConnection }, 'LeaveGroup', body, { timeoutMs })
  }

  #parked(minVersion: number) {
    const { rebalanceTimeoutMs, signal } = this.#parts
    return { timeoutMs: rebalanceTimeoutMs + SLACK_MS, minVersion, signal }
  }
}
