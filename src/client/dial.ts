import { isIP } from 'node:net'
import { ConnectionError, toError } from '../base/errors.ts'
import { errorCodes, kafkaError } from '../protocol/error-codes.ts'
import type { Responses } from '../protocol/messages.ts'
import { type Address, addressName } from './address.ts'
import type { Question } from './call.ts'
import { Connection, wasClosed } from './connection.ts'
import { within } from './deadline.ts'
import type { Settings } from './options.ts'
import { UnsupportedVersionError, Versions } from './versions.ts'

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
}

/**
 * Makes a connection that is ready for requests: resolves the host anew and tries each of its addresses in turn, each within
 * `connectTimeoutMs`. Rejects with one error that names every address and its cause.
 */
export async function dial(settings: Settings, target: Dial, signal: AbortSignal): Promise<Connection> {
  const causes: Error[] = []
  for (const ip of await resolve(settings, target, signal)) {
    try {
      return await open(settings, target, ip, signal)
    } catch (thrown) {
      signal.throwIfAborted()
      const error = toError(thrown)
      if (error instanceof UnsupportedVersionError) throw error
      causes.push(error)
    }
  }
  const why = causes.map(cause => cause.message).join('; ')
  throw new ConnectionError(`No connection to ${target.broker}: ${why}`, {
    broker: target.broker,
    cause: causes[0]?.cause,
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
  const { clock, connectTimeoutMs, clientId, maxFrameBytes, requestTimeoutMs } = settings
  const { broker, large, onEnd, onThrottle } = target
  const { port } = target.address
  const connection = new Connection({
    ip,
    port,
    broker,
    clientId,
    maxFrameBytes,
    large,
    patienceMs: requestTimeoutMs,
    clock,
    onEnd,
    onThrottle,
  })
  const aborted = () => connection.close(toError(signal.reason))
  const timer = clock.after(connectTimeoutMs, () => connection.end(`no connection within ${connectTimeoutMs} ms`))
  signal.addEventListener('abort', aborted, { once: true })
  let connected = false
  try {
    signal.throwIfAborted()
    await connection.opened
    connected = true
    // TLS and SASL have their place here: before anything is said that an outsider may not hear.
    connection.versions = await handshake(settings, broker, connection)
    if (connection.ended !== null) throw connection.ended
    return connection
  } catch (thrown) {
    const error = toError(thrown)
    connection.close(error)
    await connection.closed
    if (error instanceof UnsupportedVersionError) throw error
    const dropped = connection.why === wasClosed || connection.why.includes('ECONNRESET')
    const hint = connected && dropped ? atFirstRequest : ''
    const place = addressName({ host: ip, port })
    throw new ConnectionError(`${place}: ${connection.why || error.message}${hint}`, {
      broker,
      cause: error.cause ?? error,
    })
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', aborted)
  }
}

const atFirstRequest =
  ' at the first request (ApiVersions): the broker expects TLS or SASL on this port, or is far older than Kafka 2.1'

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
