import { type Command, Option } from 'commander'
import { parseList, parseProperty, parseSeconds, parseText } from './arguments.ts'
import type { ConfiguredClient } from './config-file.ts'
import { givenTo } from './given.ts'

/** At the end of each command's help. */
export const EXIT_CODES = `
Exit codes:
  0    all was well, or an endless command was ended by Ctrl-C
  1    it failed; stderr says why
  2    wrong usage
  3    no broker was reached within --timeout, or one gave no answer
  4    a topic, partition or group does not exist
  130  interrupted before the end that was asked for was reached`

const saslMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER']

/**
 * What every command has that asks a cluster. Its action has the settings that these, the environment and a file make together; `client` is
 * what that file is for.
 */
export function withCommonOptions(command: Command, client: ConfiguredClient = 'consumer'): Command {
  command
    .optionsGroup('Common options:')
    .addOption(
      withEnvironment(
        new Option('-b, --brokers <addresses>', 'some brokers: host:port,host:port (default: localhost:9092)'),
      ).argParser(parseList),
    )
    .addOption(
      withEnvironment(new Option('--config <file>', 'what is not said here: .properties, .json, .yaml, .js or .ts')),
    )
    .addOption(
      withEnvironment(new Option('--dialect <name>', 'what the keys of a .properties file mean'))
        .choices(['kafka', 'go'])
        .default('kafka'),
    )
    .option('-X, --property <key=value>', 'as a line of a .properties file; may be repeated', parseProperty)
    .addOption(
      withEnvironment(
        new Option(
          '--timeout <seconds>',
          'give up when no broker is reached for so long at the start; later they are waited for',
        ),
      )
        .argParser(parseSeconds)
        .default(10_000, '10'),
    )
    .addOption(
      withEnvironment(
        new Option('--client-id <name>', 'how the brokers name this client (default: millrace)'),
      ).argParser(parseText),
    )
    .option('-v, --verbose', 'log what happens to stderr; -vv for more', (_, before: number) => before + 1, 0)
  addSecurity(command)
  return command.hook('preAction', async (_, action) => {
    const { settingsOf, tellNotes } = await import('./settings.ts')
    const given = givenTo(action)
    const settings = await settingsOf(given, client)
    action.setOptionValue('given', given).setOptionValue('settings', settings)
    if (action.getOptionValue('verbose') > 0) tellNotes(settings)
  })
}

function addSecurity(command: Command): void {
  const option = (flags: string, description: string) =>
    command.addOption(withEnvironment(new Option(flags, description)).argParser(parseText))
  command.optionsGroup('Security:')
  command.option('--tls', 'connect by TLS; each of the next ones means it too (env: MILLRACE_TLS)')
  option('--tls-ca <file>', 'PEM file of the authorities to trust, instead of the usual ones')
  option('--tls-cert <file>', 'PEM file of the certificate of this client')
  option('--tls-key <file>', 'PEM file of its key (default: in the same file)')
  option('--tls-server-name <name>', "what certificates must be for, instead of each broker's host")
  command.option('--tls-insecure', 'trust every certificate (env: MILLRACE_TLS_INSECURE)')
  command.addOption(
    withEnvironment(new Option('--sasl-mechanism <name>', 'how to tell who this is')).choices(saslMechanisms),
  )
  option('--sasl-username <name>', 'who this is')
  option('--sasl-password <password>', 'seen by all who list processes: use one of the next, or the environment')
  option('--sasl-password-file <file>', 'file that has it, read for each connection')
  option('--sasl-token-file <file>', 'the same for the token of OAUTHBEARER')
}

/** `--client-id` is `MILLRACE_CLIENT_ID`. */
function withEnvironment(option: Option): Option {
  return option.env(`MILLRACE_${(option.long as string).slice(2).replaceAll('-', '_').toUpperCase()}`)
}
