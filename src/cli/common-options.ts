import { type Command, Option } from 'commander'
import { parseList, parseSeconds, parseText } from './arguments.ts'

/** At the end of each command's help. */
export const EXIT_CODES = `
Exit codes:
  0    all was well, or an endless command was ended by Ctrl-C
  1    it failed; stderr says why
  2    wrong usage
  3    no broker was reached within --timeout
  4    a topic, partition or group does not exist
  130  interrupted before --max, --until-end, --messages or --seconds was reached`

/** What every command has that asks a cluster. */
export function withCommonOptions(command: Command): Command {
  return command
    .optionsGroup('Common options:')
    .addOption(
      new Option('-b, --brokers <addresses>', 'some brokers of the cluster: host:port,host:port')
        .argParser(parseList)
        .env('MILLRACE_BROKERS')
        .default(['localhost:9092'], 'localhost:9092'),
    )
    .addOption(
      new Option(
        '--timeout <seconds>',
        'give up when no broker is reached for so long at the start; later they are waited for',
      )
        .argParser(parseSeconds)
        .default(10_000, '10'),
    )
    .option('--client-id <name>', 'how the brokers name this client', parseText, 'millrace')
    .option('-v, --verbose', 'log what happens to stderr; -vv for more', (_, before: number) => before + 1, 0)
}
