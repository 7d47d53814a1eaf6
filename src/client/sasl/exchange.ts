/** The client's side of one SASL exchange, from its first message on; used once. */
export interface Exchange {
  /** What must not be told: it is struck out of whatever the broker says. */
  readonly secrets: readonly string[]
  /** What is sent first. */
  start(): Buffer
  /** What is sent in answer to this; null when the exchange is over. Throws what is wrong with it, in words about the broker. */
  answer(challenge: Buffer): Promise<Buffer | null>
  /** What the broker said of the reason before it refused; empty when nothing. */
  readonly refusal: string
}

/** More than any challenge of these mechanisms holds. */
export const maxChallengeBytes = 16 * 1024

const maxTextLength = 300

/** What a broker said, as it may stand in an error: short, on one line, and without what is secret. */
export function quotable(text: string, secrets: readonly string[]): string {
  let safe = text
  for (const secret of secrets) safe = safe.replaceAll(secret, '***')
  // Control characters may forge lines of a log.
  safe = safe.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return safe.length > maxTextLength ? `${safe.slice(0, maxTextLength)}…` : safe
}
