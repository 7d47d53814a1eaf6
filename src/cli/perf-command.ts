import { type Command, Option } from 'commander'
import { parseCount, parseSeconds, parseText } from './arguments.ts'
import { EXIT_CODES, withCommonOptions } from './common-options.ts'
import { examples } from './help.ts'
import type { PerfOptions } from './perf.ts'

/** `millrace perf …`. */
export function addPerf(program: Command): void {
  const perf = program
    .command('perf')
    .summary('measure how fast messages are read')
    .description('Measures how fast this machine and cluster are together.')
    .helpCommand(false)
    .addHelpText('after', EXIT_CODES)
  const consuming = perf
    .command('consume <topic...>')
    .summary('measure consuming')
    .description(
      'Consumes from the beginning with a handler that only counts, and tells messages/s, MB/s, CPU time per message, and how late a ' +
        'timer of 10 ms was (what the event loop costs everything else). Without --messages and --seconds it ends when all that was ' +
        'there at the start is consumed.',
    )
    .option('--messages <count>', 'end after so many', parseCount)
    .option('--seconds <seconds>', 'end after so long', parseSeconds)
    .option('--concurrency <count>', 'handlers at the same time', parseCount, 16)
    .addOption(
      new Option('--order <order>', 'what may run at the same time')
        .choices(['key', 'partition', 'none'])
        .default('key'),
    )
    .option('--batch <count>', 'hand over up to so many messages at once', parseCount)
    .option('-g, --group <name>', 'commit under this group, and begin where it stopped', parseText)
    .option('--json', 'the summary as one JSON object')
    .action(async (topics: string[], options: PerfOptions) => {
      const { perfConsume } = await import('./perf.ts')
      await perfConsume(topics, options)
    })
  withCommonOptions(consuming).addHelpText(
    'after',
    examples(
      'perf consume orders -b kafka:9092',
      'perf consume orders --messages 1000000 --batch 500',
      'perf consume orders --seconds 30 --concurrency 1000 --json',
    ),
  )
}
