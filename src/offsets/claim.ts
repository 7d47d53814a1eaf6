/** One owned partition as the commit loop sees it. Implemented by the consumer's claim. */
export interface OffsetClaim {
  readonly topic: string
  readonly partition: number
  /** False once released or lost: nothing may be committed for it any more. */
  readonly live: boolean
  /**
   * The offset that may be committed now: the lowest that is not done, or the position when all is done; where messages are handled at most
   * once, what is to be handed out is below it. -1: not known yet.
   */
  readonly committable: number
  readonly leaderEpoch: number
  /** What goes into the commit's metadata; made when it is asked for. */
  readonly metadata: string
  /** Changes whenever `metadata` may at the same offset. */
  readonly metadataVersion: number
}
