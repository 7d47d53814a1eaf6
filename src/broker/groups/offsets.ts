import { type Allowance, entryCost, textCost } from './allowance.ts'

/** What was committed for a partition, as it was said. */
export interface OffsetCommit {
  readonly topic: string
  readonly partition: number
  /** Of the next message to read. */
  readonly offset: number
  /** -1: not told. */
  readonly leaderEpoch: number
  readonly metadata: string
  /** By the clock, ms. */
  readonly committedAt: number
  /** When the client itself said how long it is to be kept (up to version 4); null: as long as the broker's settings say. */
  readonly expiresAt: number | null
}

/** A commit and its place in the order in which all of the group came. */
type Placed = OffsetCommit & { readonly place: number }

class OffsetTable {
  readonly #topics = new Map<string, Map<number, Placed>>()
  readonly #allowance: Allowance

  constructor(allowance: Allowance) {
    this.#allowance = allowance
  }

  get(topic: string, partition: number): Placed | undefined {
    return this.#topics.get(topic)?.get(partition)
  }

  set(commit: Placed): void {
    this.delete(commit.topic, commit.partition)
    const partitions = this.#topics.get(commit.topic) ?? new Map<number, Placed>()
    this.#topics.set(commit.topic, partitions.set(commit.partition, commit))
    this.#allowance.charge(commitCost(commit))
  }

  delete(topic: string, partition: number): void {
    const partitions = this.#topics.get(topic)
    const commit = partitions?.get(partition)
    if (partitions === undefined || commit === undefined) return
    partitions.delete(partition)
    if (partitions.size === 0) this.#topics.delete(topic)
    this.#allowance.charge(-commitCost(commit))
  }

  deleteTopic(topic: string): void {
    for (const partition of [...(this.#topics.get(topic)?.keys() ?? [])]) this.delete(topic, partition)
  }

  topics(): { readonly name: string; readonly partitionIndexes: number[] }[] {
    return [...this.#topics].map(([name, partitions]) => ({ name, partitionIndexes: [...partitions.keys()] }))
  }

  /** What may be deleted while it is walked. */
  all(): Placed[] {
    return [...this.#topics.values()].flatMap(partitions => [...partitions.values()])
  }

  clear(): void {
    for (const { topic, partition } of this.all()) this.delete(topic, partition)
  }
}

/**
 * The committed offsets of one group. Those that belong to a transaction wait by producer id until it ends. Of two commits for a
 * partition the later one holds, whether or not the transaction of the earlier one ends after it.
 */
export class GroupOffsets {
  readonly #allowance: Allowance
  readonly #committed: OffsetTable
  readonly #pending = new Map<number, OffsetTable>()
  #places = 0

  constructor(allowance: Allowance) {
    this.#allowance = allowance
    this.#committed = new OffsetTable(allowance)
  }

  /** Within the transaction of this producer; null: at once. False when there is no room for it. */
  commit(commit: OffsetCommit, producerId: number | null): boolean {
    const table =
      producerId === null ? this.#committed : (this.#pending.get(producerId) ?? new OffsetTable(this.#allowance))
    const known = table.get(commit.topic, commit.partition)
    if (!this.#allowance.fits(commitCost(commit) - (known === undefined ? 0 : commitCost(known)))) return false
    if (producerId !== null) this.#pending.set(producerId, table)
    table.set({ ...commit, place: this.#places++ })
    return true
  }

  endTransaction(producerId: number, result: 'commit' | 'abort'): void {
    const pending = this.#pending.get(producerId)
    if (pending === undefined) return
    const commits = pending.all()
    pending.clear()
    this.#pending.delete(producerId)
    if (result === 'abort') return
    for (const commit of commits) {
      const known = this.#committed.get(commit.topic, commit.partition)
      if (known === undefined || known.place < commit.place) this.#committed.set(commit)
    }
  }

  get(topic: string, partition: number): OffsetCommit | undefined {
    return this.#committed.get(topic, partition)
  }

  /** The partitions that something is committed for; those that only wait in a transaction are not among them. */
  topics(): { readonly name: string; readonly partitionIndexes: number[] }[] {
    return this.#committed.topics()
  }

  /** Whether a transaction that has not ended holds an offset of this partition. */
  isPending(topic: string, partition: number): boolean {
    for (const table of this.#pending.values()) if (table.get(topic, partition) !== undefined) return true
    return false
  }

  get hasTransactions(): boolean {
    return this.#pending.size > 0
  }

  delete(topic: string, partition: number): void {
    for (const table of this.#tables()) table.delete(topic, partition)
  }

  deleteTopic(topic: string): void {
    for (const table of this.#tables()) table.deleteTopic(topic)
  }

  /** Forgets what is expired and not pending; answers whether nothing is left. */
  expire(isExpired: (commit: OffsetCommit) => boolean): boolean {
    let left = 0
    for (const commit of this.#committed.all()) {
      const { topic, partition } = commit
      if (isExpired(commit) && !this.isPending(topic, partition)) this.#committed.delete(topic, partition)
      else left += 1
    }
    return left === 0
  }

  clear(): void {
    for (const table of this.#tables()) table.clear()
    this.#pending.clear()
  }

  #tables(): OffsetTable[] {
    return [this.#committed, ...this.#pending.values()]
  }
}

function commitCost({ topic, metadata }: OffsetCommit): number {
  return entryCost + textCost(topic, metadata)
}
