import { MillraceError } from '../base/errors.ts'
import { DeliveryError } from './delivery.ts'

/**
 * A transaction failed. Codes: `TRANSACTION_ABORTED`, nothing of it counts; `retriable` says whether all of it may succeed when it is done
 * again. `TRANSACTION_UNKNOWN`, nobody knows whether it was committed: all of it, or nothing. `PRODUCER_FENCED`, nothing of it counts, and
 * this producer is over: another one has the transactional id now.
 */
export class TransactionError extends MillraceError {}

/** Errors of a broker that are about this transaction, or this epoch, only: the next one begins afresh. */
const passing: ReadonlySet<string> = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
  'INVALID_TXN_STATE',
  'PRODUCER_FENCED',
  'TRANSACTION_ABORTABLE',
])

export function abortedBecause(cause: Error): TransactionError {
  if (cause instanceof TransactionError) return cause
  const text = `The transaction was aborted, and nothing of it counts: ${cause.message}`
  const retriable = cause instanceof MillraceError && (cause.retriable || passing.has(cause.code))
  return new TransactionError('TRANSACTION_ABORTED', text, { retriable, cause })
}

export function outsideOfTransaction(topic: string): DeliveryError {
  const text = `A message to ${topic} was sent outside of a transaction: with the option transactionalId all is sent in transaction()`
  return new DeliveryError('NO_TRANSACTION', text, 'no', { topic })
}
