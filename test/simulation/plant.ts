import { Violation } from './journal.ts'

/** A bug that was made, or could have been, put into the product while simulations run, to see that they find it. */
export interface PlantedBug {
  readonly name: string
  /** The promises of which one must be named. */
  readonly breaks: readonly string[]
  /** Where to begin to look: not every seed meets what it needs. Default 1. */
  readonly from?: number
  /** Answers how to undo it. */
  readonly install: () => () => void
}

/** What the first of so many seeds finds; null: none does. */
export async function firstViolation(
  { install, from = 1 }: PlantedBug,
  seeds: number,
  run: (seed: number) => Promise<void>,
): Promise<Violation | null> {
  const undo = install()
  try {
    for (let seed = from; seed < from + seeds; seed++) {
      try {
        await run(seed)
      } catch (error) {
        if (error instanceof Violation) return error
        throw error
      }
    }
    return null
  } finally {
    undo()
  }
}
