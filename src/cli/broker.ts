import { toError } from '../base/errors.ts'
import { Broker } from '../broker/index.ts'
import { CommandError, exitCodes } from './failure.ts'
import { writeText } from './output.ts'

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

/** `millrace broker`: runs the embedded broker until the first SIGINT or SIGTERM; a second one ends the process at once. */
export async function runBroker(options: BrokerCommandOptions): Promise<void> {
  const stop = stopSignal()
  await using broker = await start(options)
  await writeText(options.json ? `${JSON.stringify(summary(broker, options))}\n` : greeting(broker, options))
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

async function start({
  port,
  nodes,
  topics,
  autoCreate,
  config,
  host,
  advertisedHost,
}: BrokerCommandOptions): Promise<Broker> {
  const ports = Array.from({ length: nodes }, (_, index) => (port === 0 ? 0 : port + index))
  if (port + nodes - 1 > 65_535) {
    throw new CommandError(
      exitCodes.usage,
      'PORTS',
      `After port ${port} there are no ${nodes - 1} more; use a lower --port`,
    )
  }
  try {
    return await Broker.start({
      nodes,
      ports,
      host,
      topics: Object.fromEntries([...(topics ?? [])].map(([name, count]) => [name, count ?? {}])),
      autoCreateTopics: autoCreate,
      ...(config !== undefined && { config }),
      ...(advertisedHost !== undefined && { advertisedHost }),
    })
  } catch (thrown) {
    throw explained(toError(thrown), host)
  }
}

/** What the operating system says about an address, in words that help. */
function explained(error: NodeJS.ErrnoException & { port?: number }, host: string): Error {
  const { code, port } = error
  const fail = (text: string) => new CommandError(exitCodes.failure, code ?? '', text, error)
  if (code === 'EADDRINUSE') {
    return fail(
      `Something listens on port ${port} of ${host} already. Use another --port, or --port 0 for one that is free`,
    )
  }
  if (code === 'EACCES') return fail(`This user may not listen on port ${port}. Use a --port above 1023`)
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return fail(`${host} is no address of this machine. Check --host`)
  }
  return error
}

function summary({ brokers }: Broker, { topics = new Map() }: BrokerCommandOptions): object {
  return { brokers, topics: Object.fromEntries(topics) }
}

function greeting({ brokers }: Broker, { topics = new Map(), autoCreate, host }: BrokerCommandOptions): string {
  const named = [...topics].map(([name, count]) => (count === null ? name : `${name} (${plural(count, 'partition')})`))
  const others = autoCreate ? 'any that a client asks for' : 'none but those that clients create'
  return [
    `brokers  ${brokers.join()}`,
    `topics   ${[...named, others].join(', ')}`,
    `try it   millrace topics --brokers ${brokers[0]}`,
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
