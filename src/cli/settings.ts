import type { SaslOptions, TlsOptions } from '../client/security.ts'
import type { ConsumerOptions } from '../consumer/options.ts'
import type { ConfigRead, ConfiguredClient, FileOptions } from './config-file.ts'
import type { ConnectionFields, Given } from './given.ts'
import { saslOf, tlsOf } from './security-settings.ts'

/** How to reach a cluster, and as whom. */
export interface Connection extends Pick<ConsumerOptions, 'brokers' | 'reconnect'> {
  readonly clientId: string
  readonly tls?: boolean | TlsOptions
  readonly sasl?: SaslOptions
}

/** What a command works with. */
export interface Settings {
  readonly connection: Connection
  /** What the file says beside it. */
  readonly consumer: Omit<FileOptions, keyof Connection | 'producer'>
  readonly producer: NonNullable<FileOptions['producer']>
  /** What the user should know of the file, a line each. */
  readonly notes: readonly string[]
}

/** What a key of a property says something about. */
const saidBy: readonly [key: RegExp, field: RegExp][] = [
  [/^(bootstrap\.servers|metadata\.broker\.list)$/, /^brokers$/],
  [/^client\.id$/, /^clientId$/],
  [/^(security\.protocol$|ssl\.)/, /^tls/],
  [/^(security\.protocol$|sasl\.)/, /^sasl/],
]

/**
 * Makes one of what was given: options go before `-X`, that before the environment, and all of them before the file.
 *
 * @throws {OptionError}
 */
export async function settingsOf(given: Given, client: ConfiguredClient = 'consumer'): Promise<Settings> {
  const fields = over(unlessSaid(given.environment, given.properties), given.options)
  const { options, notes } = await read(given, fields, client)
  const { brokers, clientId, reconnect, ...rest } = options
  const { tls: tlsOfFile, sasl: saslOfFile, producer = {}, ...consumer } = rest
  const tls = tlsOf(tlsOfFile, fields)
  const sasl = saslOf(saslOfFile, fields)
  return {
    connection: {
      brokers: fields.brokers ?? brokers ?? ['localhost:9092'],
      clientId: fields.clientId ?? clientId ?? 'millrace',
      ...(reconnect !== undefined && { reconnect }),
      ...(tls !== undefined && { tls }),
      ...(sasl !== undefined && { sasl }),
    },
    consumer,
    producer,
    notes,
  }
}

/** Of a file whose keys do not all mean something here. */
export function tellNotes({ notes }: Settings): void {
  for (const note of notes) process.stderr.write(`millrace: ${note}\n`)
}

/** What reads files is loaded when there is something to read. */
async function read(given: Given, fields: ConnectionFields, client: ConfiguredClient): Promise<ConfigRead> {
  if (given.config === null && Object.keys(given.properties).length === 0) return { options: {}, notes: [] }
  const { readConfigFile } = await import('./config-file.ts')
  return readConfigFile(given, fields, client)
}

function unlessSaid(fields: ConnectionFields, properties: Readonly<Record<string, string>>): ConnectionFields {
  const said = saidBy.filter(([key]) => Object.keys(properties).some(name => key.test(name)))
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !said.some(([, field]) => field.test(name))))
}

/** The upper ones, and what they leave open of the lower ones. */
function over(lower: ConnectionFields, upper: ConnectionFields): ConnectionFields {
  const { saslPassword, saslPasswordFile, ...rest } = lower
  const hasPassword = upper.saslPassword !== undefined || upper.saslPasswordFile !== undefined
  const wantsTls = Object.keys(upper).some(name => name.startsWith('tls'))
  return { ...(hasPassword ? rest : lower), ...(wantsTls && { tls: true }), ...upper }
}
