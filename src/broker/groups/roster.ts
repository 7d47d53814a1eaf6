import { errorCodes } from '../../protocol/error-codes.ts'
import { Member } from './member.ts'

/** How a member calls itself in its requests. */
export interface Asker {
  /** Empty for one that has no id yet. */
  readonly memberId: string
  readonly groupInstanceId: string | null
}

/** The members of a group in the order they came: by id and, the static ones, by instance id. One of them leads. */
export class Roster {
  readonly #byId = new Map<string, Member>()
  readonly #byInstance = new Map<string, Member>()
  #leader: Member | null = null

  get size(): number {
    return this.#byId.size
  }

  get leader(): Member | null {
    return this.#leader
  }

  [Symbol.iterator](): Iterator<Member> {
    return this.#byId.values()
  }

  get(id: string): Member | undefined {
    return this.#byId.get(id)
  }

  ofInstance(instanceId: string): Member | undefined {
    return this.#byInstance.get(instanceId)
  }

  /** The member that asks, else an error code. */
  find({ memberId, groupInstanceId }: Asker): Member | number {
    if (groupInstanceId !== null) {
      const known = this.#byInstance.get(groupInstanceId)
      if (known === undefined) return errorCodes.UNKNOWN_MEMBER_ID
      if (known.id !== memberId) return errorCodes.FENCED_INSTANCE_ID
    }
    return this.#byId.get(memberId) ?? errorCodes.UNKNOWN_MEMBER_ID
  }

  /** The first one leads. */
  add(member: Member): void {
    this.#byId.set(member.id, member)
    const { instanceId } = member.identity
    if (instanceId !== null) this.#byInstance.set(instanceId, member)
    this.#leader ??= member
  }

  /** When it led, any other does. */
  remove(member: Member): void {
    this.#byId.delete(member.id)
    const { instanceId } = member.identity
    if (instanceId !== null) this.#byInstance.delete(instanceId)
    if (this.#leader === member) this.#leader = this.#byId.values().next().value ?? null
  }

  /** A static member comes again: what it is and has, its place as the leader too, goes to a new id, and the old one is fenced. */
  replace(member: Member, id: string): Member {
    const leads = this.#leader === member
    const successor = new Member({ ...member.identity, id }, member.terms, false)
    successor.assignment = member.assignment
    this.remove(member)
    member.end(errorCodes.FENCED_INSTANCE_ID)
    this.add(successor)
    if (leads) this.#leader = successor
    return successor
  }

  /** Lets one that has rejoined lead; false when none has. */
  electJoined(): boolean {
    if (this.#leader?.joining) return true
    for (const member of this) {
      if (!member.joining) continue
      this.#leader = member
      return true
    }
    return false
  }

  /** How many have rejoined. */
  get joined(): number {
    let count = 0
    for (const member of this) if (member.joining) count += 1
    return count
  }

  /** The longest that one of them may take to rejoin. */
  get rebalanceTimeoutMs(): number {
    let longest = 0
    for (const { terms } of this) longest = Math.max(longest, terms.rebalanceTimeoutMs)
    return longest
  }

  /** Whether all of them speak this protocol. */
  allSpeak(protocol: string): boolean {
    for (const { terms } of this) {
      if (!terms.protocols.some(({ name }) => name === protocol)) return false
    }
    return true
  }

  /** Each has one vote, for the first in its list that all speak; null without members. */
  electProtocol(): string | null {
    const common = new Set(this.#leader?.terms.protocols.map(({ name }) => name).filter(name => this.allSpeak(name)))
    const votes = new Map<string, number>()
    for (const { terms } of this) {
      const choice = terms.protocols.find(({ name }) => common.has(name))
      if (choice !== undefined) votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1)
    }
    const [first] = [...votes].sort(([, some], [, others]) => others - some)
    return first?.[0] ?? null
  }

  /** Nobody is left; those who wait are not answered. */
  clear(): void {
    this.#byId.clear()
    this.#byInstance.clear()
    this.#leader = null
  }
}
