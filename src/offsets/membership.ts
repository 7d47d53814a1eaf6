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
