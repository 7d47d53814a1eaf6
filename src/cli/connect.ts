import { ConnectionError, RequestTimeoutError } from '../base/errors.ts'
import type { LogLevel } from '../base/logger.ts'
import { NativeClient } from '../client/native-client.ts'
import { AuthenticationError, TlsError } from '../client/security-errors.ts'
import type { ConsumerOptions } from '../consumer/options.ts'
import { CommandLogger } from './command-logger.ts'
import { CommandError, exitCodes } from './failure.ts'
import type { Given } from './given.ts'
import type { Settings } from './settings.ts'

/** Options that every command has. */
export interface CommonOptions {
  readonly settings: Settings
  /** What the settings were made of. */
  readonly given: Given
  /** Milliseconds. */
  readonly timeout: number
  /** How often `--verbose` was given. */
  readonly verbose: number
}

const mostConnectMs = 10_000

export function logLevel({ verbose }: CommonOptions, quiet: LogLevel = 'warn'): LogLevel {
  if (verbose === 0) return quiet
  return verbose === 1 ? 'info' : 'debug'
}

/** Of a consumer that reads for a command. What a file says of groups, of work and of offsets is for `millrace run`. */
export function readerOptions({ connection, consumer }: Settings): ConsumerOptions {
  const { group: _, work: __, offsets: ___, fetch = {}, ownership = {}, ...rest } = consumer
  const { onOutOfRange: ____, ...reading } = fetch
  const { instanceId: _____, startup: ______, ...member } = ownership
  return { ...connection, ...rest, fetch: reading, ownership: member }
}

/**
 * Looks at the cluster before the work begins: connects within `--timeout`, and closes the client when `look` is done.
 *
 * @throws {CommandError} when no broker can be reached
 */
export async function withClient<T>(options: CommonOptions, look: (client: NativeClient) => Promise<T>): Promise<T> {
  const { settings, timeout } = options
  const { connection } = settings
  const client = new NativeClient({
    ...connection,
    requestTimeoutMs: timeout,
    // Short enough that one address which never answers leaves time for the others.
    connectTimeoutMs: Math.min(mostConnectMs, Math.ceil(timeout / (connection.brokers.length + 1))),
    // Each failed attempt would be told; the error at the end tells the last one.
    logger: new CommandLogger(logLevel(options, 'silent')),
  })
  try {
    await reach(client, options)
    return await look(client)
  } finally {
    await client.close()
  }
}

/** Waiting does not make a password right or a certificate trusted, even where it may change. */
function throwRefusal(thrown: unknown): void {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if (error instanceof AuthenticationError || error instanceof TlsError) throw error
  }
}

async function reach(client: NativeClient, { settings, timeout }: CommonOptions): Promise<void> {
  const late = AbortSignal.timeout(timeout)
  let cause = 'they did not answer'
  for (;;) {
    try {
      return await client.connect({ signal: late })
    } catch (thrown) {
      if (late.aborted) break
      throwRefusal(thrown)
      if (!(thrown instanceof ConnectionError || thrown instanceof RequestTimeoutError)) throw thrown
      cause = thrown.message
    }
  }
  throw new CommandError(
    exitCodes.unreachable,
    'NO_BROKER',
    `No broker was reached within ${timeout / 1000} s at ${settings.connection.brokers.join(', ')}: ${cause}. ` +
      'Check --brokers (or MILLRACE_BROKERS, or --config), that Kafka runs there, and that nothing between blocks the port',
  )
}
