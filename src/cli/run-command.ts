import { type Command, Option } from 'commander'
import { parseCount, parseInstancePrefix, parsePattern, parseText, parseTexts } from './arguments.ts'
import { EXIT_CODES, withCommonOptions } from './common-options.ts'
import { parseFrom } from './from.ts'
import type { RunCommandOptions } from './run.ts'

/** `millrace run`. */
export function addRun(program: Command): void {
  const run = program
    .command('run <module>')
    .summary('run a handler in several processes')
    .description(
      'Runs the handler that a module exports, in so many processes as there are cores, each a member of the group. A process that dies ' +
        'is started again. SIGHUP replaces one process after another, without a rebalance; Ctrl-C or SIGTERM lets all finish what they ' +
        'have begun, commit it, and leave the group.',
    )
    .option('-t, --topic <name>', 'what to consume; may be repeated', parseTexts)
    .option('--pattern <regex>', 'topics whose name matches, and those to come', parsePattern)
    .addOption(new Option('-g, --group <name>', 'group that is joined').env('MILLRACE_GROUP').argParser(parseText))
    .option('-n, --processes <count>', 'how many processes (default: one for each core)', parseCount)
    .option('--concurrency <count>', 'handlers at the same time in each process', parseCount)
    .option('--threads <count>', 'run the handler in so many threads of each process', parseCount)
    .addOption(
      new Option(
        '--from <position>',
        'where to begin in partitions where nothing is committed: earliest, latest, or a timestamp',
      ).argParser(parseFrom),
    )
    .option(
      '--instance-prefix <name>',
      'what names the members: NAME-1, NAME-2, … (default: host and group)',
      parseInstancePrefix,
    )
    .option('--json', 'tell what happens to the processes as one JSON object per line')
    .action(async (module: string, options: RunCommandOptions) => {
      const { runHandlers } = await import('./run.ts')
      await runHandlers(module, options)
    })
  withCommonOptions(run).addHelpText(
    'after',
    `
The module:
  export default async (message, { signal }) => { … }      the handler, batch(…) or defineHandler(…)
  export const options = { value: json(Order) }             options of the route: key, value, work
  export const consumer = { fetch: { fetchers: 2 } }        options of the consumer; the command line comes first

Examples:
  millrace run handler.ts --topic orders --group shop
  millrace run handler.ts -t orders -t payments -g shop --processes 4 --concurrency 64
  millrace run dist/handler.js --pattern '^audit\\.' --group audit --from latest
${EXIT_CODES}`,
  )
}
