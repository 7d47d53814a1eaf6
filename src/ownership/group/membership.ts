import type { Clock } from '../../base/clock.ts'

/** As whom a member sends a request. A new object for each generation: the same object means the same membership. */
export interface MemberIdentity {
  readonly generation: number
  readonly memberId: string
  readonly instanceId: string | null
}

/**
 * Where a member is.
 *
 *     joining ──answered──▶ syncing ──answered──▶ stable ◀──▶ draining
 *        ▲        │ (leader, at the start) holding  │            │
 *        └────────┴──────── a rebalance ◀───────────┴────────────┘
 *
 * With an eager strategy it drains before it joins. `'waiting'`: an attempt to join failed, another follows; `'left'`: for good.
 */
export type MemberPhase = 'joining' | 'holding' | 'syncing' | 'stable' | 'draining' | 'waiting' | 'left'

/** How this process stands with its group, for people and health checks. */
export interface MembershipState {
  readonly group: string
  /** Empty before the group gave one. */
  readonly memberId: string
  readonly instanceId: string | null
  /** Of the last assignment; -1: none. */
  readonly generation: number
  /** What the members agreed on; null before they did. */
  readonly strategy: string | null
  /** Whether this member assigns for all. */
  readonly leader: boolean
  readonly phase: MemberPhase
  /** Since when, ms since 1970. */
  readonly since: number
  /** Why it is to join again, or why it could not. */
  readonly cause: string | null
  /** When a heartbeat was last acknowledged, ms since 1970; null: not yet. */
  readonly lastHeartbeatAt: number | null
  /** Assignments that were taken over. */
  readonly rebalances: number
  /** How long all rebalances have taken together: time in which `phase` was not `'stable'`. */
  readonly rebalancingMs: number
  /** Whether handlers may be started: the last heartbeat is young enough. */
  readonly leaseOpen: boolean
}

const NO_GENERATION = -1

/** Who this process is in its group: member id, generation, phase. */
export class Membership {
  readonly instanceId: string | null
  readonly #clock: Clock
  #memberId = ''
  #identity: MemberIdentity | null = null
  /** Whether the identity's assignment is known. */
  #synced = false
  /** Of the last assignment that was taken over. */
  #generation = NO_GENERATION
  #phase: MemberPhase = 'joining'
  #since: number
  #rebalances = 0
  #rebalancingMs = 0
  /** Since when it is not stable, by the monotonic clock; null: it is. */
  #unsettledAt: number | null

  constructor(clock: Clock, instanceId: string | null) {
    this.#clock = clock
    this.#unsettledAt = clock.now()
    this.instanceId = instanceId
    this.#since = clock.wallTime()
  }

  /** As whom heartbeats are sent; null while it is no member. */
  get identity(): MemberIdentity | null {
    return this.#identity
  }

  /** As whom offsets are committed; null also between the answers to JoinGroup and SyncGroup. */
  get current(): MemberIdentity | null {
    return this.#synced ? this.#identity : null
  }

  get memberId(): string {
    return this.#memberId
  }

  get generation(): number {
    return this.#generation
  }

  get phase(): MemberPhase {
    return this.#phase
  }

  /** Ms since 1970. */
  get since(): number {
    return this.#since
  }

  /** Times that it became stable. */
  get rebalances(): number {
    return this.#rebalances
  }

  /** Time in which it was not. */
  get rebalancingMs(): number {
    return this.#rebalancingMs + (this.#unsettledAt === null ? 0 : this.#clock.now() - this.#unsettledAt)
  }

  become(phase: MemberPhase): void {
    if (phase === this.#phase) return
    this.#rebalancingMs = this.rebalancingMs
    this.#unsettledAt = phase === 'stable' || phase === 'left' ? null : this.#clock.now()
    if (phase === 'stable') this.#rebalances++
    this.#phase = phase
    this.#since = this.#clock.wallTime()
  }

  /** The group gave it an id, to join with. */
  named(memberId: string): void {
    this.#memberId = memberId
  }

  /** JoinGroup was answered: from now on nothing is sent in the name of the generation before. */
  joined(generation: number, memberId: string): MemberIdentity {
    this.#memberId = memberId
    this.#synced = false
    this.#identity = { generation, memberId, instanceId: this.instanceId }
    return this.#identity
  }

  /** SyncGroup was answered. */
  synced(): void {
    this.#synced = this.#identity !== null
    this.#generation = this.#identity?.generation ?? NO_GENERATION
  }

  /** Not a member any more. `keepId`: the group knows the id, but not the generation. */
  reset(keepId: boolean): void {
    if (!keepId) this.#memberId = ''
    this.#identity = null
    this.#synced = false
    this.#generation = NO_GENERATION
  }
}
