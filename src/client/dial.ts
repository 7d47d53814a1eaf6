import { isIP } from 'node:net'
import { ConnectionError, toError } from '../base/errors.ts'
import { errorCodes, kafkaError } from '../protocol/error-codes.ts'
import type { Responses } from '../protocol/messages.ts'
import type { Address } from './address.ts'
import type { Question } from './call.ts'
import { Connection } from './connection.ts'
import { within } from './deadline.ts'
import { dialFailure, isFinal, type Progress, wantsSasl } from './dial-failure.ts'
import type { Settings } from './options.ts'
import { authenticate } from './sasl/authenticate.ts'
import { Session } from './sasl/session.ts'
import { TlsError } from './security-errors.ts'
import { Versions } from './versions.ts'

/** How Millrace names itself to brokers (KIP-511). */
export const software = { name: 'millrace', version: '0.1.0' }

export interface Dial {
  readonly address: Address
  /** How errors call the broker. */
  readonly broker: string
  readonly large: boolean
  /** Also called for connections that ended before they were ready. */
  readonly onEnd: (cause: Error, unanswered: number) => void
  readonly onThrottle: (ms: number) => void
  /** Requests are welcome again, after the connection was `held`. */
  readonly onRelease: () => void
}

/**
 * Makes a connection that is ready for requests: resolves the host anew and tries each of its addresses in turn, each within
 * `connectTimeoutMs`: TCP, TLS, what the broker speaks, and who this client is. Rejects with one `ConnectionError` that names every
 * address and its cause; or with an `UnsupportedVersionError`, `AuthenticationError` or `TlsError` when trying again is of no use.
 */
export async function dial(settings: Settings, target: Dial, signal: AbortSignal): Promise<Connection> {
  const causes: Error[] = []
  for (const ip of await resolve(settings, target, signal)) {
    try {
      return await open(settings, target, ip, signal)
    } catch (thrown) {
      signal.throwIfAborted()
      const error = toError(thrown)
      // Credentials that one address refuses are not shown to the next: some brokers lock a user out.
      if (isFinal(error) && !(error instanceof TlsError)) throw error
      causes.push(error)
    }
  }
  const [first] = causes
  if (first !== undefined && causes.every(isFinal)) throw first
  const why = causes.map(cause => cause.message).join('; ')
  throw new ConnectionError(`No connection to ${target.broker}: ${why}`, {
    broker: target.broker,
    cause: first instanceof ConnectionError ? first.cause : first,
  })
}

async function resolve(settings: Settings, { address, broker }: Dial, signal: AbortSignal): Promise<readonly string[]> {
  const { host } = address
  const { clock, connectTimeoutMs } = settings
  if (isIP(host.replace(/%.*$/, '')) !== 0) return [host]
  try {
    // A name server that is silent must not hold up more than one attempt.
    const late = () => new Error(`no answer within ${connectTimeoutMs} ms`)
    const found = await within(clock, connectTimeoutMs, settings.lookup(host), late, signal)
    if (found.length > 0) return found
  } catch (thrown) {
    signal.throwIfAborted()
    const cause = toError(thrown)
    throw new ConnectionError(`No connection to ${broker}: the name ${host} cannot be resolved (${cause.message})`, {
      broker,
      cause,
    })
  }
  throw new ConnectionError(`No connection to ${broker}: the name ${host} has no address`, { broker })
}

async function open(settings: Settings, target: Dial, ip: string, signal: AbortSignal): Promise<Connection> {
  const { clock, connectTimeoutMs, tls } = settings
  const progress: Progress = { stage: 'tcp', waitsFor: 'it does not answer' }
  const session = new Session(settings, target.broker)
  const onEnd = (cause: Error, unanswered: number) => {
    session.end()
    target.onEnd(cause, unanswered)
  }
  const connection = connect(settings, { ...target, onEnd }, ip)
  const aborted = () => connection.close(toError(signal.reason))
  const timer = clock.after(connectTimeoutMs, () => {
    connection.end(`no connection within ${connectTimeoutMs} ms: ${progress.waitsFor}`)
  })
  signal.addEventListener('abort', aborted, { once: true })
  try {
    signal.throwIfAborted()
    const lifetimeMs = await introduce(settings, target, connection, progress, signal)
    if (connection.ended !== null) throw connection.ended
    session.begin(connection, lifetimeMs)
    tls?.hasWorked()
    return connection
  } catch (thrown) {
    const error = toError(thrown)
    connection.close(error)
    await connection.closed
    if (isFinal(error)) throw error
    const { address, broker } = target
    const { stage } = progress
    throw dialFailure({ place: { host: ip, port: address.port }, broker, tls, why: connection.why, error, stage })
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', aborted)
  }
}

function connect(settings: Settings, target: Dial, ip: string): Connection {
  const { clock, clientId, maxFrameBytes, requestTimeoutMs: patienceMs, tls } = settings
  const { broker, large, onEnd, onThrottle, onRelease } = target
  const { host, port } = target.address
  return new Connection({
    ...{ ip, port, host, tls, broker, clientId, maxFrameBytes, large, patienceMs, clock },
    ...{ onEnd, onThrottle, onRelease },
  })
}

/** All that comes before the first request that somebody asked for. Answers for how many ms that holds, 0 for ever. */
async function introduce(
  settings: Settings,
  { broker }: Dial,
  connection: Connection,
  progress: Progress,
  signal: AbortSignal,
): Promise<number> {
  const { clock, connectTimeoutMs, credentials, tls } = settings
  const deadline = clock.now() + connectTimeoutMs
  const enter = (stage: Progress['stage'], waitsFor: string) => Object.assign(progress, { stage, waitsFor })
  await connection.reached
  if (tls !== null) enter('tls', 'the TLS handshake does not end')
  await connection.opened
  enter('versions', 'it does not answer ApiVersions')
  connection.versions = await handshake(settings, broker, connection)
  if (credentials === null) {
    connection.hint = wantsSasl
    return 0
  }
  const waitsFor = (what: string) => enter('sasl', what)
  return authenticate(connection, { credentials, broker, clock, deadline, signal, waitsFor })
}

/** Begins with version 3, which says who asks; a broker that does not know it answers in version 0 with what it does know. */
async function handshake(settings: Settings, broker: string, connection: Connection): Promise<Versions> {
  const question: Question<'ApiVersions', Responses['ApiVersions']> = {
    name: 'ApiVersions',
    body: version =>
      version < 3 ? {} : { clientSoftwareName: software.name, clientSoftwareVersion: software.version },
    read: answer => answer,
    timeoutMs: settings.connectTimeoutMs,
  }
  let answer = await connection.ask(question, 3)
  if (answer.errorCode === errorCodes.UNSUPPORTED_VERSION) answer = await connection.ask(question, 0)
  const error = kafkaError(answer.errorCode, `asking ${broker} for its versions`, { broker })
  if (error !== null) throw error
  const versions = new Versions(broker, answer.apiKeys)
  versions.check()
  return versions
}
