import { MillraceError } from '../base/errors.ts'
import { partitionName } from '../base/topic-partition.ts'
import type { MetadataLimit } from '../offsets/gaps.ts'
import { type AnyMessage, Claim, type ClaimParts } from './claim.ts'
import type { Transactions } from './transactions.ts'

/** Above so many offsets a number of the metadata may take more bytes than those it is counted with. */
const SHORT = 2 ** 21

/**
 * A claim whose messages are done together with what was written for them. What is done above its mark must never be forgotten, or it would be
 * written twice: so nothing is taken unless all that is in work then could be remembered, whatever of it is done first.
 */
export class TransactedClaim extends Claim {
  readonly #transactions: Transactions
  readonly #limit: MetadataLimit

  constructor(parts: ClaimParts, transactions: Transactions) {
    super(parts)
    this.#transactions = transactions
    this.#limit = parts.metadataLimit
  }

  override get dispatchable(): boolean {
    return super.dispatchable && this.#transactions.hasRoom
  }

  /**
   * Whether one message more in work might be too many. Each that is not done has at most one stretch of done ones above it, as has each
   * that was recalled. One alone never adds a stretch: it is in front of all.
   */
  override get full(): boolean {
    const { open, last, lowest } = this.progress
    if (open === 0) return false
    const { characters, fewRuns } = this.#limit
    const long = Math.floor((Math.max(last, this.gaps.recalledEnd) - lowest) / SHORT)
    return open + 1 + this.gaps.toCome + long > (characters === 0 ? 0 : fewRuns)
  }

  override settle(slot: number, message: AnyMessage): void {
    super.settle(slot, message)
    this.#transactions.settled(this, message)
  }

  override get metadata(): string {
    const { metadata, whole } = this.gaps.written(this.committable)
    if (!whole) {
      const name = partitionName(this.topic, this.partition)
      const text = `What is done of ${name} fits into no metadata of a commit, so that it would be written twice; this is a bug`
      this.#transactions.fail(new MillraceError('PROGRESS', text, { topic: this.topic, partition: this.partition }))
    }
    return metadata
  }
}
