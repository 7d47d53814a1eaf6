import { longestTimerMs, type Timer } from '../../base/clock.ts'
import { errorCodes } from '../../protocol/error-codes.ts'
import type { Cluster } from '../cluster.ts'
import { Allowance, entryCost, textCost } from './allowance.ts'
import { expireOffsets } from './expiry.ts'
import { Group, type GroupState } from './group.ts'
import { type JoinRequest, join } from './join.ts'
import type { Reply } from './member.ts'

/** What all groups together may take in memory: a hundred thousand members or offsets. */
const allowedBytes = 128 * 1024 * 1024

/** Whatever `group.max.size` allows: each that joins is compared with all others. */
const mostMembers = 10_000

/** A group as tests look at it; of one that does not exist, the state is Dead. */
export interface GroupSnapshot {
  readonly id: string
  readonly state: GroupState
  /** 0 before the first one. */
  readonly generation: number
  /** `consumer`, say. */
  readonly protocolType: string | null
  /** What the members of this generation agreed on. */
  readonly protocol: string | null
  readonly members: readonly MemberSnapshot[]
}

export interface MemberSnapshot {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly host: string
  readonly leads: boolean
  /** What the leader assigned to it, as it was sent; empty before. */
  readonly assignment: Buffer
}

/** All groups by name: members and generations (KIP-345 static members too), and committed offsets. */
export class Groups {
  readonly #cluster: Cluster
  readonly #allowance = new Allowance(allowedBytes)
  readonly #groups = new Map<string, Group>()
  /** Which node coordinated a group when this was last asked. */
  readonly #nodes = new Map<string, number>()
  readonly #watchers = new Map<string, Set<() => void>>()
  /** Runs as long as there are groups. */
  #expiry: Timer | null = null

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  get(id: string): Group | undefined {
    return this.#groups.get(id)
  }

  [Symbol.iterator](): Iterator<Group> {
    return this.#groups.values()
  }

  /** The group, made if need be; null when there is no room for it. */
  obtain(id: string): Group | null {
    const known = this.#groups.get(id)
    if (known !== undefined) return known
    if (!this.#allowance.fits(cost(id))) return null
    const { clock, config } = this.#cluster
    const made = new Group(id, {
      clock,
      allowance: this.#allowance,
      initialDelayMs: () => config.number('group.initial.rebalance.delay.ms'),
      changed: () => this.#changed(id),
    })
    this.#allowance.charge(cost(id))
    this.#groups.set(id, made)
    this.#nodes.set(id, this.#coordinator(id))
    const intervalMs = Math.min(config.number('offsets.retention.check.interval.ms'), longestTimerMs)
    this.#expiry ??= clock.every(intervalMs, () => this.#expire())
    return made
  }

  /** A new member makes the group if need be; who thinks to be one already is a member of nothing then. */
  join(id: string, request: JoinRequest, reply: Reply<'JoinGroup'>): void {
    const group = request.memberId === '' ? this.obtain(id) : this.#groups.get(id)
    if (group === undefined) reply({ errorCode: errorCodes.UNKNOWN_MEMBER_ID, memberId: request.memberId })
    else if (group === null) reply({ errorCode: errorCodes.GROUP_MAX_SIZE_REACHED })
    else {
      const { random, config } = this.#cluster
      const maxSize = Math.min(config.number('group.max.size'), mostMembers)
      join(group, request, reply, { random, allowance: this.#allowance, maxSize })
    }
  }

  delete(id: string): void {
    const group = this.#groups.get(id)
    if (group === undefined) return
    this.#groups.delete(id)
    this.#nodes.delete(id)
    this.#allowance.charge(-cost(id))
    if (this.#groups.size === 0) this.#stopExpiry()
    group.end()
  }

  /** Offsets that this producer's transaction holds back for the group are committed, or forgotten. */
  endTransaction(group: string, producerId: number, result: 'commit' | 'abort'): void {
    this.#groups.get(group)?.offsets.endTransaction(producerId, result)
  }

  /** Kafka forgets the offsets of a deleted topic. */
  topicDeleted(topic: string): void {
    for (const group of this.#groups.values()) group.offsets.deleteTopic(topic)
  }

  /** To be called after nodes came or went, or a coordinator was set: groups that have another one now move there. */
  coordinatorsChanged(): void {
    for (const group of this.#groups.values()) {
      const node = this.#coordinator(group.id)
      if (node === this.#nodes.get(group.id)) continue
      this.#nodes.set(group.id, node)
      group.move()
    }
  }

  snapshot(id: string): GroupSnapshot {
    const group = this.#groups.get(id)
    if (group === undefined) {
      return { id, state: 'Dead', generation: 0, protocolType: null, protocol: null, members: [] }
    }
    const { state, generation, protocolType, protocol } = group
    const members = [...group.members].map(member => {
      const { id: memberId, instanceId, clientId, host } = member.identity
      const leads = member === group.members.leader
      return { memberId, instanceId, clientId, host, leads, assignment: member.assignment }
    })
    return { id, state, generation, protocolType, protocol, members }
  }

  /** Calls `changed` after each change of this group's state or members, until the answer is called. */
  watch(id: string, changed: () => void): () => void {
    const watchers = this.#watchers.get(id) ?? new Set()
    this.#watchers.set(id, watchers.add(changed))
    return () => {
      watchers.delete(changed)
      if (watchers.size === 0 && this.#watchers.get(id) === watchers) this.#watchers.delete(id)
    }
  }

  close(): void {
    this.#stopExpiry()
    for (const group of this.#groups.values()) group.end()
    this.#groups.clear()
  }

  #changed(id: string): void {
    for (const changed of [...(this.#watchers.get(id) ?? [])]) changed()
  }

  #coordinator(id: string): number {
    return this.#cluster.nodes.coordinator('group', id)
  }

  #expire(): void {
    const { clock, config } = this.#cluster
    const retentionMs = config.number('offsets.retention.minutes') * 60_000
    for (const group of this.#groups.values()) {
      if (expireOffsets(group, clock.now(), retentionMs)) this.delete(group.id)
    }
  }

  #stopExpiry(): void {
    this.#expiry?.cancel()
    this.#expiry = null
  }
}

function cost(id: string): number {
  return entryCost + textCost(id)
}
