import { type Command, Option } from 'commander'
import { parseCount, parsePartitions, parsePattern, parseText } from './arguments.ts'
import { EXIT_CODES, withCommonOptions } from './common-options.ts'
import type { ConsumeOptions } from './consume.ts'
import { letters, parseFormat } from './format.ts'
import { parseFrom, parseFromOrLast } from './from.ts'

/** `millrace consume`. */
export function addConsume(program: Command): void {
  const consuming = program
    .command('consume [topic...]')
    .summary('print messages')
    .description(
      'Prints messages, each partition in order, until Ctrl-C.\n\n' +
        'Without --group nothing is committed. With --group it joins the group, goes on where that stopped, and commits what was printed. ' +
        'With --group and --partition it does not join: it is refused while the group has members.\n\n' +
        'Topics are named, or are those whose name matches the pattern of --follow, also those that are made meanwhile.',
    )
    .option('-g, --group <name>', 'group that is joined, and whose offsets are committed', parseText)
    .option('-p, --partition <numbers>', 'only these, such as 0 or 0,2 or 0-3; may be repeated', parsePartitions)
    .addOption(
      new Option(
        '-o, --from <position>',
        'earliest, latest, an offset, -10 for the last ten of each partition, or a timestamp: ISO 8601 (UTC if it names no zone) or @ and ' +
          'milliseconds; with --group only for partitions where nothing is committed',
      )
        .argParser(parseFromOrLast)
        .default('earliest'),
    )
    .option('--follow <regex>', 'topics whose name matches, and those to come', parsePattern)
    .option('-n, --max <count>', 'end after so many messages', parseCount)
    .option('-e, --until-end', 'end when all is printed that was there at the start')
    .addOption(
      new Option('--until <position>', 'end before an offset or a timestamp, or where the partitions end now')
        .argParser(parseFrom)
        .conflicts('untilEnd'),
    )
    .addOption(
      new Option('-f, --format <format>', 'how a message is printed; see below')
        .argParser(parseFormat)
        .default('%s\\n', '%s\\n'),
    )
    .option('--null <text>', 'what a format prints for null (default: nothing, and NULL in headers)')
    .addOption(new Option('--json', 'one JSON object per line').conflicts('format'))
    .action(async (topics: string[], options: ConsumeOptions) => {
      const { consume } = await import('./consume.ts')
      await consume(topics, options)
    })
  withCommonOptions(consuming).addHelpText('after', () => {
    const lines = Object.entries(letters).map(([letter, meaning]) => `  %${letter}  ${meaning}\n`)
    return `
Format:
${lines.join('')}  %%  a percent sign; also \\n \\r \\t \\0 \\\\ and \\xHH

Keys and values are printed byte by byte.

Examples:
  millrace consume orders -b kafka:9092
  millrace consume orders --from 2026-01-31T12:00Z --max 10 --json
  millrace consume orders --partition 0-3 --until-end --format '%p/%o %k: %s\\n'
  millrace consume orders payments --group audit > audit.log
  millrace consume --follow '^orders\\.' --from latest
  millrace consume orders --from -10 --until-end
${EXIT_CODES}`
  })
}
