/** A difference that stays, with what both sides answer and why. */
export interface Listed {
  /** Of `Difference.where`. */
  readonly where: RegExp
  /** What Kafka answers, and what we do: all differences that `where` matches are so. Left out where they are many things. */
  readonly kafka?: string
  readonly ours?: string
  readonly why: string
}

/** All differences that are known between Kafka 4.1.1 and the embedded broker. */
export const listed: readonly Listed[] = []
