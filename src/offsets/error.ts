import { type ErrorDetails, MillraceError } from '../base/errors.ts'

/** What Kafka answers, and other storages may, to more metadata than they take. */
export const METADATA_TOO_LARGE = 'OFFSET_METADATA_TOO_LARGE'

export interface OffsetErrorDetails extends ErrorDetails {
  /** Nothing can be committed any more: the consumer stops with this error. Default false. */
  fatal?: boolean | undefined
  /** The group is being rebalanced: what is still owned is to be committed again. Default false. */
  rebalancing?: boolean | undefined
}

/**
 * Offsets could not be loaded or committed. Codes: `GROUP_HAS_MEMBERS` (the group is consumed by members that joined it),
 * `GROUP_NOT_AUTHORIZED`, `GROUP_REFUSED`, `REBALANCE_IN_PROGRESS`, `OFFSET_COMMIT` (the storage failed), `BAD_ANSWER`.
 */
export class OffsetError extends MillraceError {
  readonly fatal: boolean
  readonly rebalancing: boolean

  constructor(code: string, message: string, details: OffsetErrorDetails = {}) {
    super(code, message, details)
    this.fatal = details.fatal ?? false
    this.rebalancing = details.rebalancing ?? false
  }
}
