import { type ErrorPlace, MillraceError } from '../base/errors.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'

/** What an answer says of one thing that was asked for. */
export interface Outcome {
  readonly errorCode: number
  readonly errorMessage?: string | null
}

/** The error that this outcome stands for, in the broker's own words where it has some; null when all was well. */
export function failureOf(outcome: Outcome | undefined, doing: string, place: ErrorPlace = {}): MillraceError | null {
  if (outcome === undefined) {
    const message = `${doing}: the broker's answer leaves it out`
    return new MillraceError('BAD_ANSWER', message, { ...place, retriable: true })
  }
  const { errorCode, errorMessage } = outcome
  if (errorCode === errorCodes.NONE) return null
  return new KafkaError(errorCode, errorMessage ? `${doing} (${errorMessage})` : doing, place)
}

/** Throws the error that this outcome stands for. */
export function check(outcome: Outcome | undefined, doing: string, place?: ErrorPlace): void {
  const error = failureOf(outcome, doing, place)
  if (error !== null) throw error
}

/** Null when it rejects with one of these codes. */
export async function unless<T>(asked: Promise<T>, ...codes: readonly string[]): Promise<T | null> {
  try {
    return await asked
  } catch (thrown) {
    if (thrown instanceof MillraceError && codes.includes(thrown.code)) return null
    throw thrown
  }
}
