/** Who a client turned out to be. */
export interface Identity {
  readonly name: string
  /** When its credentials expire, in ms since 1970; null: never. */
  readonly expiresAt: number | null
}

/** What a message of the client leads to. With an identity the exchange is over. */
export interface Step {
  readonly reply: Buffer
  readonly identity?: Identity
}

/** The server's side of the messages of one mechanism, from the first one to the last. */
export interface Exchange {
  /** @throws {Refused} which ends the exchange, as anything else does that it throws */
  next(message: Buffer): Step | Promise<Step>
}

/** Why a client is not let in, in the words that it is told. */
export class Refused extends Error {}

/** What Kafka says when it must not say more: that there is no such user, for one. */
export function invalidCredentials(mechanism: string, again: boolean): string {
  const when = again ? 're-authentication' : 'authentication'
  return `Authentication failed during ${when} due to invalid credentials with SASL mechanism ${mechanism}`
}

const wrongAuthzid = 'Authentication failed: Client requested an authorization id that is different from username'

/** Nobody may act as somebody else. */
export function checkAuthzid(authzid: string, name: string): void {
  if (authzid !== '' && authzid !== name) throw new Refused(wrongAuthzid)
}
