import { MillraceError } from '../base/errors.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'

/** What an answer says of one thing that was asked for. */
export interface Outcome {
  readonly errorCode: number
  readonly errorMessage?: string | null
}

/** Throws the error that this outcome stands for, in the broker's own words where it has some. */
export function check(outcome: Outcome | undefined, doing: string): void {
  if (outcome === undefined) {
    throw new MillraceError('BAD_ANSWER', `${doing}: the broker's answer leaves it out`, { retriable: true })
  }
  const { errorCode, errorMessage } = outcome
  if (errorCode !== errorCodes.NONE)
    throw new KafkaError(errorCode, errorMessage ? `${doing} (${errorMessage})` : doing)
}
