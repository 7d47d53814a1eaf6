import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { SaslOptions } from '../client/security.ts'
import { CommandError, exitCodes } from './failure.ts'

/** What is said about connections and who this is, by options or the environment. Files are paths. */
export interface ConnectionFields {
  readonly brokers?: readonly string[]
  readonly clientId?: string
  readonly tls?: boolean
  readonly tlsCa?: string
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly tlsServerName?: string
  readonly tlsInsecure?: boolean
  readonly saslMechanism?: SaslOptions['mechanism']
  readonly saslUsername?: string
  readonly saslPassword?: string
  readonly saslPasswordFile?: string
  readonly saslTokenFile?: string
}

/** All that was given to a command. Plain data: a process that is started has it sent, and makes of it what its parent did. */
export interface Given {
  readonly options: ConnectionFields
  readonly environment: ConnectionFields
  /** By `-X`. */
  readonly properties: Readonly<Record<string, string>>
  /** Absolute path of the file that `--config` names. */
  readonly config: string | null
  readonly dialect: 'kafka' | 'go'
}

const fields = [
  'brokers',
  'clientId',
  'tlsCa',
  'tlsCert',
  'tlsKey',
  'tlsServerName',
  'saslMechanism',
  'saslUsername',
  'saslPassword',
  'saslPasswordFile',
  'saslTokenFile',
]
const switches = { tls: 'MILLRACE_TLS', tlsInsecure: 'MILLRACE_TLS_INSECURE' } as const

/**
 * What a command was given, after its options are read.
 *
 * @throws {CommandError} for a switch of the environment that is neither true nor false
 */
export function givenTo(command: Command): Given {
  const from = (source: string) =>
    Object.fromEntries(
      [...fields, ...Object.keys(switches)]
        .filter(name => command.getOptionValueSource(name) === source)
        .map(name => [name, command.getOptionValue(name)]),
    )
  const { config, dialect, property } = command.opts<{
    config?: string
    dialect: 'kafka' | 'go'
    property?: Readonly<Record<string, string>>
  }>()
  return {
    options: from('cli'),
    environment: { ...from('env'), ...switchesOf() },
    properties: property ?? {},
    config: config === undefined ? null : resolve(config),
    dialect,
  }
}

function switchesOf(): ConnectionFields {
  const found: Record<string, boolean> = {}
  for (const [name, variable] of Object.entries(switches)) {
    const value = process.env[variable]
    if (value === undefined) continue
    if (value !== 'true' && value !== 'false') {
      throw new CommandError(exitCodes.usage, 'ENVIRONMENT', `${variable} must be true or false, not '${value}'`)
    }
    found[name] = value === 'true'
  }
  return found
}
