import { readFile, writeFile } from 'node:fs/promises'
import { MillraceError, toError } from '../base/errors.ts'
import { Broker, type BrokerOptions, type BrokerSaslMechanism } from '../broker/index.ts'
import { CommandError, exitCodes } from './failure.ts'
import { writeText } from './output.ts'
import { plural } from './plural.ts'
import { describeRequest, RequestPrinter } from './request-printer.ts'

export interface BrokerCommandOptions {
  readonly port: number
  readonly nodes: number
  /** Partitions by topic; null: as many as `num.partitions` says. */
  readonly topics?: ReadonlyMap<string, number | null>
  readonly autoCreate: boolean
  /** Under Kafka's names. */
  readonly config?: Readonly<Record<string, string>>
  readonly host: string
  readonly advertisedHost?: string
  readonly tls?: boolean
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly caFile?: string
  /** Passwords by the names of users. */
  readonly user?: Readonly<Record<string, string>>
  readonly sasl?: readonly string[]
  readonly logRequests?: boolean
  readonly json?: boolean
}

const addressAdvice: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Use another --port, or --port 0 for any that is free',
  EACCES: 'Use a --port above 1023',
  EADDRNOTAVAIL: 'Use a --host that is an address of this machine',
  ENOTFOUND: 'Use a --host that is an address of this machine',
}

/** `millrace broker`: runs the embedded broker until the first SIGINT or SIGTERM; a second one ends the process at once. */
export async function runBroker(options: BrokerCommandOptions): Promise<void> {
  const stop = stopSignal()
  await using broker = await start(options)
  if (options.caFile !== undefined) await writeCa(options.caFile, broker.ca ?? '')
  await writeText(options.json ? `${JSON.stringify(summary(broker, options))}\n` : greeting(broker, options))
  if (options.logRequests) {
    const printer = new RequestPrinter(process.stdout, options.json ? JSON.stringify : describeRequest)
    broker.onRequest(request => printer.print(request))
  }
  await stop
}

/** Resolves with the first signal; the next one does what the system does with it by default. */
function stopSignal(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const stop = () => {
    process.off('SIGINT', stop).off('SIGTERM', stop)
    resolve()
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  return promise
}

async function start(options: BrokerCommandOptions): Promise<Broker> {
  const { port, nodes, host, advertisedHost, topics = new Map(), config = {}, autoCreate } = options
  const security = await securityOf(options)
  if (port > 0 && port + nodes - 1 > 65_535) {
    throw new CommandError(
      exitCodes.usage,
      'PORTS',
      `${nodes} brokers from --port ${port} on would need ports above 65535; use a lower one`,
    )
  }
  try {
    return await Broker.start({
      ...security,
      nodes,
      host,
      config: autoCreate ? config : { ...config, 'auto.create.topics.enable': 'false' },
      topics: Object.fromEntries([...topics].map(([name, count]) => [name, count ?? {}])),
      ...(port > 0 && { ports: Array.from({ length: nodes }, (_, index) => port + index) }),
      ...(advertisedHost !== undefined && { advertisedHost }),
    })
  } catch (thrown) {
    throw advised(toError(thrown))
  }
}

async function securityOf(options: BrokerCommandOptions): Promise<Pick<BrokerOptions, 'tls' | 'sasl'>> {
  const { tls, tlsCert, tlsKey, caFile, user, sasl } = options
  if (caFile !== undefined && !tls) {
    throw new CommandError(exitCodes.usage, 'NO_TLS', '--ca-file needs --tls: there is nothing to trust otherwise')
  }
  return {
    ...(tls && { tls: true }),
    ...((tlsCert !== undefined || tlsKey !== undefined) && {
      tls: { ...(await pem('cert', tlsCert)), ...(await pem('key', tlsKey)) },
    }),
    // What they may be is checked where the broker is made.
    ...((user || sasl) && {
      sasl: { ...(user && { users: user }), ...(sasl && { mechanisms: sasl as readonly BrokerSaslMechanism[] }) },
    }),
  }
}

async function writeCa(file: string, ca: string): Promise<void> {
  try {
    await writeFile(file, ca)
  } catch (thrown) {
    throw new CommandError(exitCodes.failure, 'NO_FILE', `--ca-file cannot be written: ${toError(thrown).message}`)
  }
}

async function pem(name: 'cert' | 'key', file: string | undefined): Promise<{ [name: string]: string }> {
  if (file === undefined) return {}
  try {
    return { [name]: await readFile(file, 'utf8') }
  } catch (thrown) {
    throw new CommandError(exitCodes.usage, 'NO_FILE', `--tls-${name} cannot be read: ${toError(thrown).message}`)
  }
}

/** Where it cannot listen, what to do about it; everything else is about what was asked for. */
function advised(error: Error): Error {
  if (!(error instanceof MillraceError)) return error
  if (error.code !== 'CANNOT_LISTEN') return new CommandError(exitCodes.usage, error.code, error.message, error)
  const why = error.cause instanceof Error && 'code' in error.cause ? String(error.cause.code) : ''
  const advice = addressAdvice[why] ?? 'Check --host and --port'
  return new CommandError(exitCodes.failure, error.code, `${error.message}. ${advice}`, error)
}

function summary({ brokers, ca }: Broker, { topics = new Map() }: BrokerCommandOptions): object {
  return { brokers, topics: Object.fromEntries(topics), ...(ca !== null && { ca }) }
}

function greeting({ brokers }: Broker, options: BrokerCommandOptions): string {
  const { topics = new Map(), host, user } = options
  const named = [...topics].map(([name, count]) => (count === null ? name : `${name} (${plural(count, 'partition')})`))
  return [
    `brokers  ${brokers.join()}`,
    `topics   ${named.join(', ') || 'none yet'}`,
    `try it   millrace topics list --brokers ${brokers[0]}${flags(options)}`,
    '',
    ...(isLoopback(host) || user ? [] : ['Whoever can reach this machine can use it: there is no password.']),
    'Everything is in memory. Ctrl-C ends it.',
    '',
  ].join('\n')
}

/** What a client needs to get in; its password is asked for elsewhere. */
function flags({ tls, tlsCert, caFile, user, sasl }: BrokerCommandOptions): string {
  const [name] = Object.keys(user ?? {})
  return [
    caFile !== undefined ? ` --tls-ca ${caFile}` : tls || tlsCert ? ' --tls' : '',
    name === undefined ? '' : ` --sasl-mechanism ${sasl?.[0] ?? 'SCRAM-SHA-512'} --sasl-username ${name}`,
  ].join('')
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
