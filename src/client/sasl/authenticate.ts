import type { Clock } from '../../base/clock.ts'
import { toError } from '../../base/errors.ts'
import { errorCodes, kafkaError } from '../../protocol/error-codes.ts'
import type { Responses } from '../../protocol/messages.ts'
import type { Connection } from '../connection.ts'
import { within } from '../deadline.ts'
import { AuthenticationError } from '../security-errors.ts'
import type { Credentials } from './credentials.ts'
import { type Exchange, maxChallengeBytes, quotable } from './exchange.ts'

export interface Authentication {
  readonly credentials: Credentials
  /** How errors call the broker. */
  readonly broker: string
  readonly clock: Clock
  /** By the clock's `now`: when all of it must be done. */
  readonly deadline: number
  /** Ends the wait for a token; requests end with their connection. */
  readonly signal: AbortSignal
  /** Told what is waited for, in words that go on "no connection within …". */
  readonly waitsFor?: (what: string) => void
}

/** More rounds than any mechanism has. */
const maxRounds = 4

/**
 * Tells a broker who this client is (KIP-43, KIP-152, KIP-368), over a connection that knows the broker's versions. Answers for how many
 * ms that holds, 0: as long as the connection.
 *
 * Rejects with an `AuthenticationError`, or with what ended the connection.
 */
export async function authenticate(connection: Connection, authentication: Authentication): Promise<number> {
  const { credentials, clock, deadline, waitsFor } = authentication
  const left = () => Math.max(1, deadline - clock.now())
  waitsFor?.('it does not answer SaslHandshake')
  const { mechanism } = credentials
  const offered = await connection.ask({
    name: 'SaslHandshake',
    body: () => ({ mechanism }),
    read: answer => answer,
    timeoutMs: left(),
    minVersion: 1,
  })
  checkMechanism(offered, authentication)
  const exchange = await begin(authentication, left())
  waitsFor?.('it does not answer SaslAuthenticate')
  let message: Buffer | null = exchange.start()
  for (let round = 1; round <= maxRounds; round++) {
    const authBytes: Buffer = message
    const answer: Responses['SaslAuthenticate'] = await connection.ask({
      name: 'SaslAuthenticate',
      body: () => ({ authBytes }),
      read: read => read,
      keepsFrame: true,
      timeoutMs: left(),
    })
    if (answer.errorCode !== errorCodes.NONE) throw refused(answer, exchange, authentication)
    message = await next(exchange, answer.authBytes, authentication)
    if (message === null) return Math.max(0, answer.sessionLifetimeMs)
  }
  throw trouble(authentication, `it asks for more than ${maxRounds} messages`, true)
}

/**
 * Trouble in words that go on a name of the broker, which whoever tries again puts before it; what is final stands for itself.
 */
function trouble({ broker }: Authentication, why: string, retriable: boolean, cause?: unknown): AuthenticationError {
  return new AuthenticationError(retriable ? why : `${broker}: ${why}`, { broker, retriable, cause })
}

function checkMechanism(answer: Responses['SaslHandshake'], authentication: Authentication): void {
  const { broker } = authentication
  const { mechanism } = authentication.credentials
  const cause = kafkaError(answer.errorCode, `agreeing on ${mechanism} with ${broker}`, { broker })
  if (cause === null) return
  if (answer.errorCode === errorCodes.UNSUPPORTED_SASL_MECHANISM) {
    const offered = answer.mechanisms.slice(0, 20).map(name => quotable(name, []))
    const why = `this listener does not offer ${mechanism}: set sasl.mechanism to one that it does offer (${offered.join(', ') || 'none'})`
    throw trouble(authentication, why, false, cause)
  }
  if (answer.errorCode === errorCodes.ILLEGAL_SASL_STATE) {
    const why = 'this listener (PLAINTEXT or SSL) has no SASL: leave sasl out, or use the port of one with SASL'
    throw trouble(authentication, why, false, cause)
  }
  throw trouble(authentication, cause.message, true, cause)
}

async function begin(authentication: Authentication, timeoutMs: number): Promise<Exchange> {
  const { credentials, clock, signal, waitsFor } = authentication
  const name = credentials.mechanism === 'OAUTHBEARER' ? 'sasl.token()' : 'sasl.password()'
  waitsFor?.(`${name} does not answer`)
  try {
    const late = () => new Error(`${name} gave no answer in time (connectTimeoutMs)`)
    return await within(clock, timeoutMs, credentials.begin(), late, signal)
  } catch (thrown) {
    signal.throwIfAborted()
    const { message, cause } = toError(thrown)
    throw trouble(authentication, message, true, cause)
  }
}

/** What the broker does against the rules may be its own trouble: another, or the next attempt, may fare better. */
async function next(exchange: Exchange, challenge: Buffer, authentication: Authentication): Promise<Buffer | null> {
  if (challenge.length > maxChallengeBytes)
    throw trouble(authentication, `it sent ${challenge.length} bytes to answer`, true)
  try {
    return await exchange.answer(challenge)
  } catch (thrown) {
    const why = `it did not authenticate ${authentication.credentials.name}: ${toError(thrown).message}`
    throw trouble(authentication, why, true)
  }
}

function refused(
  { errorCode, errorMessage }: Responses['SaslAuthenticate'],
  exchange: Exchange,
  authentication: Authentication,
): AuthenticationError {
  const { broker, credentials } = authentication
  const said = [quotable(errorMessage ?? '', exchange.secrets), exchange.refusal].filter(text => text !== '').join('; ')
  const cause = kafkaError(errorCode, `authenticating with ${broker}`, { broker })
  if (errorCode !== errorCodes.SASL_AUTHENTICATION_FAILED) {
    return trouble(authentication, `it could not authenticate ${credentials.name}: ${said || cause?.code}`, true, cause)
  }
  const why = `it refuses ${credentials.name}: ${said || 'it does not say why'}. ${whatToCheck(credentials)}`
  return trouble(authentication, why, credentials.renewable, cause)
}

function whatToCheck({ mechanism, renewable }: Credentials): string {
  if (mechanism === 'OAUTHBEARER') {
    return (
      "Check what sasl.token gives (whether it has expired, its issuer, audience and scope) and both machines' clocks; it is asked anew " +
      'for the next attempt'
    )
  }
  const where =
    mechanism === 'PLAIN'
      ? 'that the broker has this user'
      : `that the broker has this user with credentials for ${mechanism}`
  return `Check sasl.username, sasl.password and ${where}${renewable ? '; sasl.password is asked anew for the next attempt' : ''}`
}
