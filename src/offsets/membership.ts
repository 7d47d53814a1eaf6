import { errorCodes } from '../protocol/error-codes.ts'

/** As whom offsets are committed. A new object for each membership: the same object means the same one. */
export interface MemberIdentity {
  readonly generation: number
  readonly memberId: string
  readonly instanceId: string | null
}

/** How a member of a group stands with it; implemented by ownership. */
export interface GroupMembership {
  /** Null: nothing may be committed at this moment. */
  readonly current: MemberIdentity | null
  /** A commit was refused with this error code. */
  refused(identity: MemberIdentity, errorCode: number): void
}

/** What a broker answers to a commit from outside once the group has members, and to a member that is not what it says to be. */
const fromMembersOnly: ReadonlySet<number> = new Set([
  errorCodes.ILLEGAL_GENERATION,
  errorCodes.UNKNOWN_MEMBER_ID,
  errorCodes.REBALANCE_IN_PROGRESS,
  errorCodes.FENCED_INSTANCE_ID,
  errorCodes.FENCED_MEMBER_EPOCH,
  errorCodes.STALE_MEMBER_EPOCH,
])

export function isAboutMembership(errorCode: number): boolean {
  return fromMembersOnly.has(errorCode)
}
