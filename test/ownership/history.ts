import type { Random } from '../../src/base/random.ts'
import type { Assignment, GroupMember, GroupTopic } from '../../src/ownership/assignors/assignor.ts'
import { type Group, member } from './groups.ts'

export interface HistoryKind {
  /** Whether all members are subscribed to all topics. */
  readonly alike: boolean
  readonly racks: boolean
}

const racks = ['r1', 'r2', 'r3'] as const

/** What happens to a group: members come, go and change their subscriptions, topics come, grow and are deleted. */
export class History {
  readonly #kind: HistoryKind
  readonly #random: Random
  readonly #topics = new Map<string, GroupTopic>()
  #members: GroupMember[] = []
  #nextMember = 0
  #nextTopic = 0

  constructor(kind: HistoryKind, random: Random) {
    this.#kind = kind
    this.#random = random
    for (let i = this.#below(5); i >= -1; i--) this.#newTopic()
    for (let i = this.#below(6); i >= 0; i--) this.#join()
  }

  /** The group as it is now, each member owning what it was assigned last. */
  group(last: Assignment, generation: number): Group {
    const members = this.#members.map(each => ({ ...each, generation, owned: last.get(each.id) ?? [] }))
    return { members, topics: new Map(this.#topics) }
  }

  step(): void {
    const dice = this.#below(20)
    if (dice < 7) this.#join()
    else if (dice < 12) this.#leave()
    else if (dice < 14) this.#newTopic()
    else if (dice < 16) this.#grow()
    else if (dice < 17) this.#deleteTopic()
    else if (dice < 19) this.#resubscribe()
  }

  #join(): void {
    const id = `m${String(this.#nextMember++).padStart(3, '0')}`
    const rack = this.#kind.racks ? this.#pick(racks) : null
    this.#members.push(member(id, this.#subscription(), { rack }))
  }

  #leave(): void {
    if (this.#members.length > 1) this.#members.splice(this.#below(this.#members.length), 1)
  }

  #newTopic(): void {
    this.#topics.set(`t${this.#nextTopic++}`, this.#topic(1 + this.#below(12), []))
    if (this.#kind.alike) this.#members = this.#members.map(each => ({ ...each, topics: this.#subscription() }))
  }

  #grow(): void {
    const [name, topic] = this.#pick([...this.#topics])
    this.#topics.set(name, this.#topic(topic.partitions + 1 + this.#below(6), topic.racks ?? []))
  }

  /** It stays in the subscriptions: the topic may come again. */
  #deleteTopic(): void {
    if (this.#topics.size > 1) this.#topics.delete(this.#pick([...this.#topics.keys()]))
  }

  #resubscribe(): void {
    const index = this.#below(this.#members.length)
    const old = this.#members[index] as GroupMember
    this.#members[index] = { ...old, topics: this.#subscription() }
  }

  #topic(partitions: number, known: readonly (readonly string[])[]): GroupTopic {
    if (!this.#kind.racks) return { partitions, racks: null }
    const replicas = () => {
      const first = this.#below(racks.length)
      return [racks[first] as string, racks[(first + 1) % racks.length] as string]
    }
    return { partitions, racks: Array.from({ length: partitions }, (_, partition) => known[partition] ?? replicas()) }
  }

  #subscription(): string[] {
    if (this.#kind.alike) return Array.from({ length: this.#nextTopic }, (_, i) => `t${i}`)
    const all = [...this.#topics.keys()]
    const some = all.filter(() => this.#random() < 0.6)
    return some.length === 0 ? all : some
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T
  }
}
