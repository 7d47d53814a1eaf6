import { apiTable } from '../../src/broker/api/table.ts'
import type { Call } from '../../src/broker/call.ts'
import type { Cluster } from '../../src/broker/cluster.ts'
import type { ApiName } from '../../src/protocol/apis.ts'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '../../src/protocol/frame.ts'
import type { Requests, Responses } from '../../src/protocol/messages.ts'
import { settled, VirtualClock } from '../virtual-clock.ts'
import { startCluster } from './start-cluster.ts'

/** What a member says when it joins, where that differs from what all say. */
export interface Joining {
  group?: string
  version?: number
  clientId?: string | null
  memberId?: string
  instanceId?: string | null
  sessionTimeoutMs?: number
  rebalanceTimeoutMs?: number
  protocolType?: string
  /** Names with texts that stand for the metadata. Default: `{ range: '' }`. */
  protocols?: Readonly<Record<string, string | Uint8Array>>
}

/** Who asks, in its generation. */
export interface Membership {
  group?: string
  memberId: string
  instanceId?: string | null
  generation: number
}

/** An answer that may have to be waited for. */
export class Held<T> {
  readonly promise: Promise<T>
  #answer: T | null = null

  constructor(promise: Promise<T>) {
    this.promise = promise
    promise.then(
      answer => {
        this.#answer = answer
      },
      () => {},
    )
  }

  /** Whether it is still not there when everything that can happen now has happened. */
  async waits(): Promise<boolean> {
    await settled()
    return this.#answer === null
  }

  /** The answer, which has to be there by now. */
  async came(): Promise<T> {
    await settled()
    if (this.#answer === null) throw new Error('there is no answer')
    return this.#answer
  }
}

/**
 * The group coordinator without sockets. Requests and answers go through the codec, with which they have to agree; time stands
 * still unless it is turned.
 */
export class GroupBench {
  readonly clock = new VirtualClock()
  readonly cluster: Cluster
  /** The node that is asked. */
  node = 1
  /** Timers that run without any group. */
  readonly #idle: number

  constructor(config: Readonly<Record<string, string>> = {}, nodes = 1) {
    this.cluster = startCluster(this.clock, config, nodes)
    this.#idle = this.clock.timers
  }

  async ask<N extends ApiName>(
    name: N,
    version: number,
    body: Requests[N],
    clientId: string | null = 'app',
  ): Promise<Responses[N]> {
    const request = decodeRequest(encodeRequest(name, version, 1, clientId, body).subarray(4))
    const { signal: gone } = new AbortController()
    const call = { ...request, host: '127.0.0.1', node: this.node, gone } as unknown as Call<N>
    const answer = await apiTable[name]?.(this.cluster, call)
    if (!answer) throw new Error('the broker was closed')
    return decodeResponse(name, version, encodeResponse(name, version, 1, answer).subarray(4))
  }

  join(joining: Joining = {}): Held<Responses['JoinGroup']> {
    const { version = 9, instanceId = null } = joining
    const body: Requests['JoinGroup'] = {
      groupId: joining.group ?? 'g',
      sessionTimeoutMs: joining.sessionTimeoutMs ?? 10_000,
      ...(version >= 1 && { rebalanceTimeoutMs: joining.rebalanceTimeoutMs ?? 60_000 }),
      memberId: joining.memberId ?? '',
      ...(version >= 5 && { groupInstanceId: instanceId }),
      protocolType: joining.protocolType ?? 'consumer',
      protocols: Object.entries(joining.protocols ?? { range: '' }).map(([name, metadata]) => ({
        name,
        metadata: Buffer.from(metadata),
      })),
    }
    return new Held(this.ask('JoinGroup', version, body, joining.clientId))
  }

  /** Asks for an id, and joins with it. */
  async enter(joining: Joining = {}): Promise<{ memberId: string; joined: Held<Responses['JoinGroup']> }> {
    const { memberId } = await this.join(joining).came()
    return { memberId, joined: this.join({ ...joining, memberId }) }
  }

  /** `assignments`: texts by member id, from the leader. */
  sync(who: Membership, assignments: Readonly<Record<string, string>> = {}): Held<Responses['SyncGroup']> {
    return new Held(
      this.ask('SyncGroup', 5, {
        groupId: who.group ?? 'g',
        generationId: who.generation,
        memberId: who.memberId,
        groupInstanceId: who.instanceId ?? null,
        protocolType: 'consumer',
        protocolName: 'range',
        assignments: Object.entries(assignments).map(([memberId, text]) => ({
          memberId,
          assignment: Buffer.from(text),
        })),
      }),
    )
  }

  /** Answers the error code. */
  async heartbeat(who: Membership): Promise<number> {
    const { group: groupId = 'g', generation: generationId, memberId, instanceId: groupInstanceId = null } = who
    return (await this.ask('Heartbeat', 4, { groupId, generationId, memberId, groupInstanceId })).errorCode
  }

  /** Answers the error codes of the members, in their order. */
  async leave(...members: readonly Partial<Membership>[]): Promise<number[]> {
    const leaving = members.map(({ memberId = '', instanceId }) => ({ memberId, groupInstanceId: instanceId ?? null }))
    const answer = await this.ask('LeaveGroup', 5, { groupId: 'g', members: leaving })
    return answer.members.map(({ errorCode }) => errorCode)
  }

  /** A stable group of so many members, the leader first. Each has its number as its assignment. */
  async stable(size: number, joining: Joining = {}): Promise<Membership[]> {
    const ids: string[] = []
    for (let at = 0; at < size; at++) ids.push((await this.join(joining).came()).memberId)
    // Alone at first: an empty group waits for nobody.
    let answers = [this.join({ ...joining, memberId: ids[0] as string })]
    if (size > 1) {
      const order = [...ids.slice(1), ids[0] as string]
      answers = order.map(memberId => this.join({ ...joining, memberId }))
    }
    const joined = await Promise.all(answers.map(answer => answer.came()))
    const generation = joined[0]?.generationId ?? -1
    const members = ids.map(memberId => ({ memberId, generation }))
    const assignments = Object.fromEntries(ids.map((id, at) => [id, String(at)]))
    const synced = members.map((member, at) => this.sync(member, at === 0 ? assignments : {}))
    await Promise.all(synced.map(answer => answer.came()))
    return members
  }

  /** Commits an offset of `t`, partition 0, and answers its error code. */
  async commit(
    who: Partial<Membership>,
    offset: number,
    more: Partial<Requests['OffsetCommit']> = {},
  ): Promise<number> {
    const answer = await this.ask('OffsetCommit', 9, {
      groupId: who.group ?? 'g',
      generationIdOrMemberEpoch: who.generation ?? -1,
      memberId: who.memberId ?? '',
      groupInstanceId: who.instanceId ?? null,
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: offset, committedMetadata: null }] }],
      ...more,
    })
    return answer.topics[0]?.partitions[0]?.errorCode ?? -1
  }

  /** Timers that groups have set. */
  get timers(): number {
    return this.clock.timers - this.#idle
  }

  get state(): string {
    return this.cluster.groups.snapshot('g').state
  }
}
