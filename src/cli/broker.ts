import { MillraceError, toError } from '../base/errors.ts'
import { Broker } from '../broker/index.ts'
import { CommandError, exitCodes } from './failure.ts'
import { writeText } from './output.ts'
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
  if (port > 0 && port + nodes - 1 > 65_535) {
    throw new CommandError(
      exitCodes.usage,
      'PORTS',
      `${nodes} brokers from --port ${port} on would need ports above 65535; use a lower one`,
    )
  }
  try {
    return await Broker.start({
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

/** Where it cannot listen, what to do about it; everything else is about what was asked for. */
function advised(error: Error): Error {
  if (!(error instanceof MillraceError)) return error
  if (error.code !== 'CANNOT_LISTEN') return new CommandError(exitCodes.usage, error.code, error.message, error)
  const why = error.cause instanceof Error && 'code' in error.cause ? String(error.cause.code) : ''
  const advice = addressAdvice[why] ?? 'Check --host and --port'
  return new CommandError(exitCodes.failure, error.code, `${error.message}. ${advice}`, error)
}

function summary({ brokers }: Broker, { topics = new Map() }: BrokerCommandOptions): object {
  return { brokers, topics: Object.fromEntries(topics) }
}

function greeting({ brokers }: Broker, { topics = new Map(), host }: BrokerCommandOptions): string {
  const named = [...topics].map(([name, count]) => (count === null ? name : `${name} (${plural(count, 'partition')})`))
  return [
    `brokers  ${brokers.join()}`,
    `topics   ${named.join(', ') || 'none yet'}`,
    `try it   millrace topics list --brokers ${brokers[0]}`,
    '',
    ...(isLoopback(host) ? [] : ['Whoever can reach this machine can use it: there is no password.']),
    'Everything is in memory. Ctrl-C ends it.',
    '',
  ].join('\n')
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
