import { type AnyMessage, Claim, type ClaimParts } from '../../src/consumer/claim.ts'
import type { ClaimModel } from './claim-model.ts'

export interface SimulatedClaimParts extends ClaimParts {
  readonly model: ClaimModel
  readonly took: (message: AnyMessage, claim: SimulatedClaim) => void
}

/** The real claim, and the model that watches it. */
export class SimulatedClaim extends Claim {
  readonly model: ClaimModel
  /** What is settled while it is taken was left out. */
  #taking = false
  readonly #took: (message: AnyMessage, claim: SimulatedClaim) => void

  constructor(parts: SimulatedClaimParts) {
    super(parts)
    this.model = parts.model
    this.#took = parts.took
  }

  override take(): AnyMessage | null {
    this.#taking = true
    const message = super.take()
    this.#taking = false
    if (message !== null) {
      this.model.taken(message.offset)
      this.#took(message, this)
    }
    return message
  }

  override pass(message: AnyMessage): void {
    this.model.recalled(message.offset)
    super.pass(message)
  }

  override settle(slot: number, message: AnyMessage): void {
    if (this.#taking) this.model.leftOut(message.offset)
    this.model.settled(message.offset)
    super.settle(slot, message)
  }

  override end(): void {
    super.end()
    this.model.end()
  }
}
