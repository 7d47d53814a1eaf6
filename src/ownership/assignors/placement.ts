import type { TopicPartition } from '../../base/topic-partition.ts'
import { FAR, NEAR, NOT_SUBSCRIBED, type PartitionKind } from './partition-kinds.ts'

/** What it costs when a partition is not on the rack of its member: more than any two moves can save. */
const FAR_COST = 3

/** How many partitions of one kind each member owned, and is to have. */
class Stock {
  readonly kind: PartitionKind
  /** Its place among all. */
  readonly rank: number
  readonly owned: Int32Array
  readonly held: Int32Array

  constructor(kind: PartitionKind, rank: number, members: number) {
    this.kind = kind
    this.rank = rank
    this.owned = new Int32Array(members)
    for (const owner of kind.owners) if (owner >= 0) this.owned[owner] = (this.owned[owner] as number) + 1
    this.held = this.owned.slice()
  }

  /** What moving one partition from one member to another costs: those that leave their owner, and distance. */
  moveCost(from: number, to: number): number {
    const returns = (this.held[to] as number) < (this.owned[to] as number) ? 1 : 0
    return this.leaveCost(from) - returns + FAR_COST * (NEAR - (this.kind.reach[to] as number))
  }

  /** The part of it that does not depend on where the partition goes. */
  leaveCost(from: number): number {
    const leaves = (this.held[from] as number) > (this.owned[from] as number) ? 0 : 1
    return leaves - FAR_COST * (NEAR - (this.kind.reach[from] as number))
  }

  /** Whether a member lost something that it owned, or has something far away. */
  hurts(member: number): boolean {
    const held = this.held[member] as number
    return held < (this.owned[member] as number) || (held > 0 && this.kind.reach[member] === FAR)
  }
}

/**
 * Places partitions so that the numbers that members have are even: no partition can be moved to a member that has at least two
 * less. Second, on racks near to their members, and third with the owners they had. Partitions of one kind are only counted here; which
 * ones a member gets is decided last, so none changes hands for another of its kind.
 *
 * It ends: each step makes the loads more even or, leaving them as even as they are, the cost less.
 */
export class Placement {
  readonly #stocks: readonly Stock[]
  /** For each member, of what it is to have some, by rank. */
  readonly #hands: readonly Stock[][]
  readonly #load: Int32Array
  /** Members by load, the lightest first. */
  readonly #order: number[]

  constructor(kinds: readonly PartitionKind[], members: number) {
    this.#stocks = kinds.map((kind, rank) => new Stock(kind, rank, members))
    this.#load = new Int32Array(members)
    for (const { owned } of this.#stocks) {
      for (let member = 0; member < members; member++) {
        this.#load[member] = this.#loadOf(member) + (owned[member] as number)
      }
    }
    for (const stock of this.#stocks) this.#fill(stock)
    this.#hands = Array.from(this.#load, (_, member) => this.#stocks.filter(({ held }) => (held[member] as number) > 0))
    this.#order = [...this.#load.keys()].sort((a, b) => this.#loadOf(a) - this.#loadOf(b) || a - b)
    do this.#even()
    while (this.#exchange())
  }

  /** Decides which partitions each member gets, and gives them out. */
  deal(give: (member: number, partition: TopicPartition) => void): void {
    for (const { kind, held } of this.#stocks) {
      const left = held.slice()
      const take = (member: number, index: number) => {
        left[member] = (left[member] as number) - 1
        give(member, kind.partitions[index] as TopicPartition)
      }
      const free = keepOwned(kind, left, take)
      let takers: number[] = []
      let turn = 0
      for (const index of free) {
        if (turn === takers.length) {
          takers = kind.subscribers.filter(member => (left[member] as number) > 0)
          turn = 0
        }
        take(takers[turn++] as number, index)
      }
    }
  }

  /** Gives what nobody owns to the lightest members, on its racks if it can be. */
  #fill({ kind, held }: Stock): void {
    const near = kind.subscribers.filter(member => kind.reach[member] === NEAR)
    const takers = (near.length > 0 ? near : [...kind.subscribers]).sort((a, b) => this.#loadOf(a) - this.#loadOf(b))
    let free = kind.owners.filter(owner => owner < 0).length
    for (let lightest = 1; free > 0; ) {
      const load = this.#loadOf(takers[0] as number)
      while (lightest < takers.length && this.#loadOf(takers[lightest] as number) === load) lightest++
      for (let i = 0; i < lightest && free > 0; i++, free--) {
        const member = takers[i] as number
        held[member] = (held[member] as number) + 1
        this.#load[member] = this.#loadOf(member) + 1
      }
    }
  }

  /** Moves partitions from the heaviest members to lighter ones, until none can be moved so that loads get more even. */
  #even(): void {
    let moved: boolean
    do {
      moved = false
      const stuck = new Set<number>()
      while (stuck.size < this.#order.length) {
        const from = this.#order.findLast(member => !stuck.has(member)) as number
        if (this.#lighten(from)) moved = true
        else stuck.add(from)
      }
    } while (moved)
  }

  /** Makes the cheapest move to a member that has at least two less; among equals, to the lightest. */
  #lighten(from: number): boolean {
    const stocks = this.#hands[from] as Stock[]
    const least = stocks.reduce((cost, stock) => Math.min(cost, stock.leaveCost(from)), Infinity)
    let cheapest = Infinity
    let what: Stock | null = null
    let where = from
    for (const to of this.#order) {
      // Only what comes back to its owner could cost less than the least: the exchange sees to that.
      if (cheapest <= least || this.#loadOf(to) > this.#loadOf(from) - 2) break
      const stock = cheapestOf(stocks, from, to)
      const cost = stock?.moveCost(from, to) ?? Infinity
      if (cost >= cheapest) continue
      cheapest = cost
      what = stock
      where = to
    }
    if (what === null) return false
    this.#move(what, from, where)
    return true
  }

  /** Makes the cost less by moves and swaps that leave loads as even as they are. Answers whether it could. */
  #exchange(): boolean {
    let changed = false
    for (const member of this.#load.keys()) {
      if (!this.#stocks.some(stock => stock.hurts(member))) continue
      for (const other of this.#load.keys()) {
        while (other !== member && this.#exchangeWith(member, other)) changed = true
      }
    }
    return changed
  }

  #exchangeWith(a: number, b: number): boolean {
    const there = cheapestOf(this.#hands[a] as Stock[], a, b)
    const back = cheapestOf(this.#hands[b] as Stock[], b, a)
    const thereCost = there?.moveCost(a, b) ?? Infinity
    const backCost = back?.moveCost(b, a) ?? Infinity
    const difference = this.#loadOf(a) - this.#loadOf(b)
    if (there !== null && thereCost < 0 && difference > 0) this.#move(there, a, b)
    else if (back !== null && backCost < 0 && difference < 0) this.#move(back, b, a)
    else if (there !== null && back !== null && thereCost + backCost < 0) {
      this.#move(there, a, b)
      this.#move(back, b, a)
    } else return false
    return true
  }

  #move(stock: Stock, from: number, to: number): void {
    const { held, rank } = stock
    held[from] = (held[from] as number) - 1
    held[to] = (held[to] as number) + 1
    if (held[from] === 0) this.#hands[from]?.splice(this.#hands[from].indexOf(stock), 1)
    if (held[to] === 1) {
      const hand = this.#hands[to] as Stock[]
      const after = hand.findIndex(other => other.rank > rank)
      hand.splice(after < 0 ? hand.length : after, 0, stock)
    }
    this.#weigh(from, -1)
    this.#weigh(to, 1)
  }

  /** Changes a load by one, and the member's place in the order with it. */
  #weigh(member: number, change: 1 | -1): void {
    const order = this.#order
    const load = this.#loadOf(member) + change
    this.#load[member] = load
    let at = order.indexOf(member)
    for (;;) {
      const next = order[at + change]
      if (next === undefined || (this.#loadOf(next) - load) * change >= 0) break
      order[at] = next
      at += change
    }
    order[at] = member
  }

  #loadOf(member: number): number {
    return this.#load[member] as number
  }
}

/** What costs least to move; among equals, what has the fewest subscribers. */
function cheapestOf(stocks: readonly Stock[], from: number, to: number): Stock | null {
  let cheapest = Infinity
  let found: Stock | null = null
  for (const stock of stocks) {
    if (stock.kind.reach[to] === NOT_SUBSCRIBED) continue
    const cost = stock.moveCost(from, to)
    if (cost >= cheapest) continue
    cheapest = cost
    found = stock
  }
  return found
}

/** Owners keep the lowest numbers of all topics, so that no topic leaves a member as a whole. Answers what is left to be dealt. */
function keepOwned(kind: PartitionKind, left: Int32Array, take: (member: number, index: number) => void): number[] {
  const byNumber = [...kind.partitions.keys()].sort((a, b) => numberOf(kind, a) - numberOf(kind, b) || a - b)
  const free: number[] = []
  for (const index of byNumber) {
    const owner = kind.owners[index] as number
    if (owner >= 0 && (left[owner] as number) > 0) take(owner, index)
    else free.push(index)
  }
  return free.sort((a, b) => a - b)
}

function numberOf(kind: PartitionKind, index: number): number {
  return kind.partitions[index]?.partition ?? 0
}
