import { Admin, NativeClient } from '../../src/index.ts'
import type { Ledger } from './ledger.ts'
import { type Place, quiet } from './shop.ts'

const LATEST = -1

interface PartitionProof {
  readonly partition: number
  /** Offset of the next message that would be written; the broker says so. */
  readonly end: number
  /** Offset of the next message that a new consumer of the group would begin with; the broker says so. */
  readonly committed: number
  readonly handled: number
  readonly twice: number
  /** Committed, and yet never handled. */
  readonly lost: number
}

/** What became of the orders: what this process noted, beside what the broker answers to a client that was not there before. */
export class Proof {
  readonly #partitions: readonly PartitionProof[]
  readonly #produced: number
  readonly #ledger: Ledger

  private constructor(partitions: readonly PartitionProof[], produced: number, ledger: Ledger) {
    this.#partitions = partitions
    this.#produced = produced
    this.#ledger = ledger
  }

  static async take(ledger: Ledger, { brokers, group, topic, partitions }: Place, produced: number): Promise<Proof> {
    const client = new NativeClient({ brokers, clientId: 'auditor', logger: quiet })
    try {
      const queries = Array.from({ length: partitions }, (_, partition) => ({ topic, partition, timestamp: LATEST }))
      const ends = await client.listOffsets(queries, 'read_uncommitted')
      const offsets = await new Admin(client).groupOffsets(group)
      const rows = ends.map(({ partition, offset: end, error }) => {
        if (error !== null) throw error
        const committed = offsets.find(found => found.partition === partition)?.offset ?? 0
        const { handled, twice } = ledger.below(end, partition)
        return {
          partition,
          end,
          committed,
          handled,
          twice,
          lost: committed - ledger.below(committed, partition).handled,
        }
      })
      return new Proof(rows, produced, ledger)
    } finally {
      await client.close()
    }
  }

  /** Committed and never handled, or acknowledged by the broker and not in it. */
  get lost(): number {
    return this.#sum('lost') + Math.max(0, this.#produced - this.#sum('end'))
  }

  /** What a next run would have to handle. */
  get left(): number {
    return this.#sum('end') - this.#sum('handled') - this.#sum('lost')
  }

  toString(): string {
    const rows = [
      ['partition', 'end', 'committed', 'handled', 'twice', 'lost'],
      ...this.#partitions.map(row => [row.partition, row.end, row.committed, row.handled, row.twice, row.lost]),
    ]
    const width = (column: number) => Math.max(...rows.map(row => String(row[column]).length))
    const line = (row: readonly (string | number)[]) =>
      row.map((cell, at) => `  ${String(cell).padStart(width(at))}`).join('')
    return `
  produced       ${this.#produced}
  handled        ${this.#ledger.handled}
  handled twice  ${this.#sum('twice')}
  out of order   ${this.#ledger.outOfOrder}, within their customer
  lost           ${this.lost}

${rows.map(line).join('\n')}

  ${this.#verdict()}
`
  }

  #verdict(): string {
    if (this.lost > 0) return `${this.lost} orders are LOST.`
    if (this.#sum('committed') < this.#sum('end')) return `${this.left} orders are left in the broker, for a next run.`
    return 'What is committed, as the broker says, is the end of every partition.'
  }

  #sum(column: keyof PartitionProof): number {
    return this.#partitions.reduce((sum, partition) => sum + partition[column], 0)
  }
}
