import type { Clock, Timer } from '../../base/clock.ts'
import { errorCodes } from '../../protocol/error-codes.ts'
import type { Answer } from '../call.ts'
import type { Allowance } from './allowance.ts'
import { type JoinTerms, Member, type MemberIdentity, noBytes, type Reply } from './member.ts'
import { GroupOffsets } from './offsets.ts'
import { PendingIds } from './pending-ids.ts'
import { type Asker, Roster } from './roster.ts'

export const groupStates = ['Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable', 'Dead'] as const

export type GroupState = (typeof groupStates)[number]

export interface GroupParts {
  readonly clock: Clock
  readonly allowance: Allowance
  /** How long an empty group waits for others when the first member joins, ms. */
  readonly initialDelayMs: () => number
  /** Its state or its members changed. */
  readonly changed: (group: Group) => void
}

export interface SyncRequest extends Asker {
  readonly generationId: number
  /** Null: not told. */
  readonly protocolType: string | null
  readonly protocolName: string | null
  /** From the leader. The bytes are views into the frame. */
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[]
}

/** What is written down of a group for its next coordinator: how it was when it was stable or empty for the last time. */
interface Stored {
  readonly generation: number
  readonly protocolType: string | null
  readonly protocol: string | null
  /** The leader first. */
  readonly members: readonly Pick<Member, 'identity' | 'terms' | 'assignment' | 'cost'>[]
}

/**
 * How long a new member may wait for its first answer: its client has no id to send heartbeats with, and may have gone and come
 * again as another member meanwhile.
 */
const newMemberPatienceMs = 5 * 60_000
/** Members may allow no time at all for rejoining: where nobody did, the next look is no sooner than this. */
const againMs = 100

/**
 * One group whose members share out the work themselves (Kafka's classic protocol).
 *
 * ```
 *          first join              all rejoined, or time is over               the leader synced
 *   Empty ───────────▶ Preparing- ─────────────────────────────▶ Completing- ───────────────────▶ Stable
 *     ▲                Rebalance    joins are answered           Rebalance     syncs are answered    │
 *     │ nobody is left  │    ▲                                       │                              │
 *     └─────────────────┘    └───── a member comes, changes, leaves or is not heard of any more ─────┘
 * ```
 *
 * A connection that goes away while its request waits here changes nothing, as in Kafka, which does not listen to a connection
 * whose request it holds: the member stays until it is missed.
 */
export class Group {
  readonly id: string
  readonly offsets: GroupOffsets
  readonly pending: PendingIds
  readonly #parts: GroupParts
  readonly #members = new Roster()
  /** Members of this generation that have not asked for their assignment. */
  readonly #unsynced = new Set<Member>()
  #state: GroupState = 'Empty'
  /** When it got into this state. */
  #since: number
  /** Whether it was empty before this rebalance. */
  #initial = false
  /** Whether somebody joined while the initial rebalance waited. */
  #grew = false
  #generation = 0
  #protocolType: string | null = null
  #protocol: string | null = null
  #joinTimer: Timer | null = null
  #syncTimer: Timer | null = null
  #stored: Stored = { generation: 0, protocolType: null, protocol: null, members: [] }

  constructor(id: string, parts: GroupParts) {
    this.id = id
    this.#parts = parts
    this.#since = parts.clock.now()
    this.offsets = new GroupOffsets(parts.allowance)
    this.pending = new PendingIds(parts.clock, parts.allowance, () => {
      if (this.#state === 'PreparingRebalance' && this.#allJoined) this.#completeJoin()
    })
  }

  get state(): GroupState {
    return this.#state
  }

  get since(): number {
    return this.#since
  }

  get generation(): number {
    return this.#generation
  }

  /** `consumer`, say; null for one that never had members. */
  get protocolType(): string | null {
    return this.#protocolType
  }

  /** What its members agreed on for this generation. */
  get protocol(): string | null {
    return this.#protocol
  }

  get members(): Omit<Roster, 'add' | 'remove' | 'replace' | 'electJoined' | 'clear'> & Iterable<Member> {
    return this.#members
  }

  // ── members come and go ─────────────────────────────────────────────────────────────────────────────────────────────

  add(identity: MemberIdentity, protocolType: string, terms: JoinTerms, reply: Reply<'JoinGroup'>): void {
    const member = new Member(identity, terms, true)
    this.pending.delete(member.id)
    if (this.#members.size === 0) this.#protocolType = protocolType
    this.#members.add(member)
    this.#parts.allowance.charge(member.cost)
    member.holdJoin(reply)
    if (this.#state === 'PreparingRebalance' && this.#initial) this.#grew = true
    this.#expect(member, newMemberPatienceMs)
    this.#parts.changed(this)
    this.#rebalance()
  }

  /** A member comes again, because it was told to or because it wants a rebalance. */
  rejoin(member: Member, terms: JoinTerms, reply: Reply<'JoinGroup'>): void {
    this.#update(member, terms, reply)
    this.#rebalance()
  }

  /**
   * A static member comes without its id: it was restarted, and takes the place that it had, under a new one. A group that is stable
   * stays so if the elected protocol stays the same; then the answer is up to who calls.
   */
  replace(known: Member, id: string, terms: JoinTerms, reply: Reply<'JoinGroup'>): Member {
    const member = this.#members.replace(known, id)
    this.#unsynced.delete(known)
    this.#expect(member)
    this.#update(member, terms, reply)
    if (this.#state === 'PreparingRebalance') {
      this.#rebalance()
    } else if (this.#state === 'CompletingRebalance' || this.#protocol !== this.#members.electProtocol()) {
      // The leader may be about to assign something to the old id.
      this.#prepareRebalance()
    } else {
      this.#store()
      this.#parts.changed(this)
    }
    return member
  }

  #update(member: Member, terms: JoinTerms, reply: Reply<'JoinGroup'>): void {
    const before = member.cost
    member.terms = terms
    this.#parts.allowance.charge(member.cost - before)
    member.holdJoin(reply)
  }

  /** Answers an error code for each; who manages the group may name static members by their instance ids alone. */
  leave(leavers: readonly Asker[]): number[] {
    const codes = leavers.map(leaver => {
      const { memberId, groupInstanceId } = leaver
      if (this.pending.delete(memberId)) return errorCodes.NONE
      const unnamed = memberId === '' && groupInstanceId !== null
      const found = unnamed ? this.#members.ofInstance(groupInstanceId) : this.#members.find(leaver)
      if (!(found instanceof Member)) return found ?? errorCodes.UNKNOWN_MEMBER_ID
      this.drop(found)
      return errorCodes.NONE
    })
    if (codes.includes(errorCodes.NONE) && this.#state !== 'Empty') this.#rebalance()
    return codes
  }

  /** Without a look at what that means for the others. */
  drop(member: Member): void {
    this.#members.remove(member)
    this.#unsynced.delete(member)
    this.#parts.allowance.charge(-member.cost)
    member.end(errorCodes.UNKNOWN_MEMBER_ID)
    this.#parts.changed(this)
  }

  #expect(member: Member, ms = member.terms.sessionTimeoutMs): void {
    member.expect(this.#parts.clock.after(ms, () => this.#missed(member)))
  }

  /** Who waits for an answer cannot be expected to send heartbeats; a new session begins with the answer. */
  #missed(member: Member): void {
    if (!member.fresh && (member.joining || member.syncing)) return
    this.drop(member)
    if (this.#state !== 'PreparingRebalance') this.#prepareRebalance()
    else if (this.#allJoined) this.#completeJoin()
  }

  // ── the rebalance ───────────────────────────────────────────────────────────────────────────────────────────────────

  get #allJoined(): boolean {
    return this.#members.joined === this.#members.size && this.pending.size === 0
  }

  #rebalance(): void {
    if (this.#state !== 'PreparingRebalance') this.#prepareRebalance()
    else if (!this.#initial && this.#allJoined) this.#completeJoin()
  }

  #prepareRebalance(): void {
    if (this.#state === 'CompletingRebalance') this.#failSync(errorCodes.REBALANCE_IN_PROGRESS)
    this.#unsynced.clear()
    this.#syncTimer?.cancel()
    this.#initial = this.#state === 'Empty'
    this.#become('PreparingRebalance')
    if (this.#initial) this.#beginInitial()
    else if (this.#allJoined) this.#completeJoin()
    else this.#waitForJoins()
  }

  #beginInitial(): void {
    const delayMs = this.#parts.initialDelayMs()
    if (delayMs <= 0) this.#completeJoin()
    else this.#waitForMore(delayMs, Math.max(0, this.#members.rebalanceTimeoutMs - delayMs))
  }

  /** Members of an application that starts come one after another: as long as some do, the first generation waits for more. */
  #waitForMore(ms: number, leftMs: number): void {
    this.#grew = false
    this.#joinTimer = this.#parts.clock.after(ms, () => {
      if (this.#grew && leftMs > 0) {
        this.#waitForMore(Math.min(this.#parts.initialDelayMs(), leftMs), Math.max(0, leftMs - ms))
      } else {
        this.#completeJoin()
      }
    })
  }

  #waitForJoins(leastMs = 0): void {
    this.#joinTimer?.cancel()
    const ms = Math.max(leastMs, this.#members.rebalanceTimeoutMs)
    this.#joinTimer = this.#parts.clock.after(ms, () => this.#completeJoin())
  }

  /** Static members may be late: they keep their place until they are missed. */
  #completeJoin(): void {
    this.#joinTimer?.cancel()
    for (const member of [...this.#members]) {
      if (!member.joining && member.identity.instanceId === null) this.drop(member)
    }
    if (this.#members.size > 0 && !this.#members.electJoined()) {
      this.#waitForJoins(againMs)
      return
    }
    this.#generation += 1
    this.#protocol = this.#members.electProtocol()
    if (this.#members.size === 0) {
      this.#store()
      this.#become('Empty')
      return
    }
    this.#become('CompletingRebalance')
    for (const member of this.#members) {
      member.answerJoin(this.joined(member))
      member.fresh = false
      this.#expect(member)
      this.#unsynced.add(member)
    }
    this.#syncTimer = this.#parts.clock.after(this.#members.rebalanceTimeoutMs, () => this.#syncIsOver())
  }

  /** The present generation, as this member is told of it: the leader learns of everybody. */
  joined(member: Member): Answer<'JoinGroup'> {
    const { leader } = this.#members
    const told = member === leader ? [...this.#members] : []
    return {
      memberId: member.id,
      generationId: this.#generation,
      protocolType: this.#protocolType,
      protocolName: this.#protocol,
      leader: leader?.id ?? '',
      members: told.map(each => ({
        memberId: each.id,
        groupInstanceId: each.identity.instanceId,
        metadata: each.metadata(this.#protocol),
      })),
    }
  }

  // ── sharing out ─────────────────────────────────────────────────────────────────────────────────────────────────────

  sync(request: SyncRequest, reply: Reply<'SyncGroup'>): void {
    const member = this.#members.find(request)
    if (typeof member === 'number') {
      reply({ errorCode: member })
    } else if (request.generationId !== this.#generation) {
      reply({ errorCode: errorCodes.ILLEGAL_GENERATION })
    } else if (differs(request.protocolType, this.#protocolType) || differs(request.protocolName, this.#protocol)) {
      reply({ errorCode: errorCodes.INCONSISTENT_GROUP_PROTOCOL })
    } else if (this.#state === 'PreparingRebalance') {
      reply({ errorCode: errorCodes.REBALANCE_IN_PROGRESS })
    } else {
      this.#unsynced.delete(member)
      if (this.#state === 'Stable') {
        reply(this.#synced(member))
        return
      }
      member.holdSync(reply)
      if (member === this.#members.leader) this.#assign(request.assignments)
    }
  }

  #assign(assignments: SyncRequest['assignments']): void {
    const given = new Map(assignments.map(({ memberId, assignment }) => [memberId, assignment]))
    // Once for the members, and once for what is stored.
    if (!this.#parts.allowance.fits(2 * [...given.values()].reduce((sum, { length }) => sum + length, 0))) {
      this.#failSync(errorCodes.UNKNOWN_SERVER_ERROR)
      this.#prepareRebalance()
      return
    }
    for (const member of this.#members) this.#setAssignment(member, Buffer.from(given.get(member.id) ?? noBytes))
    this.#store()
    this.#become('Stable')
    for (const member of this.#members) {
      if (member.answerSync(this.#synced(member))) this.#expect(member)
    }
  }

  #setAssignment(member: Member, assignment: Buffer): void {
    this.#parts.allowance.charge(assignment.length - member.assignment.length)
    member.assignment = assignment
  }

  #synced({ assignment }: Member): Answer<'SyncGroup'> {
    return { protocolType: this.#protocolType, protocolName: this.#protocol, assignment }
  }

  #failSync(errorCode: number): void {
    for (const member of this.#members) {
      this.#setAssignment(member, noBytes)
      if (member.answerSync({ errorCode })) this.#expect(member)
    }
  }

  /** Members that never asked for their assignment are gone, whatever heartbeats they send. */
  #syncIsOver(): void {
    if (this.#unsynced.size === 0) return
    for (const member of [...this.#unsynced]) this.drop(member)
    this.#prepareRebalance()
  }

  // ── between rebalances ──────────────────────────────────────────────────────────────────────────────────────────────

  heartbeat(asker: Asker, generation: number): number {
    const member = this.#members.find(asker)
    if (typeof member === 'number') return member
    if (generation !== this.#generation) return errorCodes.ILLEGAL_GENERATION
    this.#expect(member)
    return this.#state === 'PreparingRebalance' ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE
  }

  /**
   * Whether this one may commit offsets now: an error code. Without a generation (-1) everybody may as long as the group is empty: who
   * manages it, and consumers that own their partitions without it. In a transaction older clients tell neither who they are nor
   * their generation.
   */
  admitCommit(asker: Asker, generation: number, transactional: boolean): number {
    if (generation < 0 && this.#state === 'Empty') return errorCodes.NONE
    const unnamed = generation < 0 && asker.memberId === '' && asker.groupInstanceId === null
    if (transactional && unnamed) return errorCodes.NONE
    const member = this.#members.find(asker)
    if (typeof member === 'number') return member
    if (generation !== this.#generation) return errorCodes.ILLEGAL_GENERATION
    if (transactional) return errorCodes.NONE
    if (this.#state === 'CompletingRebalance') return errorCodes.REBALANCE_IN_PROGRESS
    this.#expect(member)
    return errorCodes.NONE
  }

  // ── its coordinator ─────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Another node coordinates it from here on, and knows only what was written down: whoever waits is sent there, ids that were given
   * out are forgotten, and a rebalance that was under way never was.
   */
  move(): void {
    this.#letGo(member => member.end(errorCodes.NOT_COORDINATOR))
    const { generation, protocolType, protocol, members } = this.#stored
    this.#generation = generation
    this.#protocolType = protocolType
    this.#protocol = protocol
    for (const { identity, terms, assignment, cost } of members) {
      const member = new Member(identity, terms, false)
      member.assignment = assignment
      this.#members.add(member)
      this.#parts.allowance.charge(cost)
      this.#expect(member)
    }
    this.#become(members.length > 0 ? 'Stable' : 'Empty')
  }

  #store(): void {
    const { leader } = this.#members
    const members = [...this.#members]
      .sort((some, other) => Number(other === leader) - Number(some === leader))
      .map(({ identity, terms, assignment, cost }) => ({ identity, terms, assignment, cost }))
    const sum = (all: Stored['members']) => all.reduce((total, { cost }) => total + cost, 0)
    this.#parts.allowance.charge(sum(members) - sum(this.#stored.members))
    this.#stored = { generation: this.#generation, protocolType: this.#protocolType, protocol: this.#protocol, members }
  }

  /** It is deleted, or the broker closes. */
  end(): void {
    this.#letGo(member => member.close())
    this.#store()
    this.offsets.clear()
    this.#become('Dead')
  }

  #letGo(goodbye: (member: Member) => void): void {
    this.#joinTimer?.cancel()
    this.#syncTimer?.cancel()
    this.pending.clear()
    this.#unsynced.clear()
    const members = [...this.#members]
    this.#members.clear()
    for (const member of members) {
      this.#parts.allowance.charge(-member.cost)
      goodbye(member)
    }
  }

  #become(state: GroupState): void {
    this.#state = state
    this.#since = this.#parts.clock.now()
    this.#parts.changed(this)
  }
}

function differs(told: string | null, known: string | null): boolean {
  return told !== null && known !== null && told !== known
}
