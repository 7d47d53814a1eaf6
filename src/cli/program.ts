import { readFileSync } from 'node:fs'
import { Command, CommanderError, Option } from 'commander'
import { toError } from '../base/errors.ts'
import {
  parseCount,
  parsePartitions,
  parsePort,
  parseSeconds,
  parseSettings,
  parseText,
  parseTopics,
} from './arguments.ts'
import type { BrokerCommandOptions } from './broker.ts'
import { EXIT_CODES, withCommonOptions } from './common-options.ts'
import type { ConsumeOptions } from './consume.ts'
import { describeFailure, exitCodeOf, exitCodes } from './failure.ts'
import { compileFormat, letters } from './format.ts'
import { parseFrom } from './from.ts'
import { addGroups } from './groups-command.ts'
import type { PerfOptions } from './perf.ts'
import { addRun } from './run-command.ts'
import type { TopicsOptions } from './topics.ts'

/** Runs `millrace` with these arguments; answers the exit code. Never rejects. */
export async function runCommand(args: readonly string[]): Promise<number> {
  const program = makeProgram()
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCodes.ok
  } catch (thrown) {
    // It has written its message by itself.
    if (thrown instanceof CommanderError) return usageExitCode(thrown)
    const error = toError(thrown)
    process.stderr.write(
      describeFailure(
        error,
        args.some(arg => /^(--verbose|-v+)$/.test(arg)),
      ),
    )
    return exitCodeOf(error)
  }
}

function usageExitCode({ code }: CommanderError): number {
  return code === 'commander.helpDisplayed' || code === 'commander.version' ? exitCodes.ok : exitCodes.usage
}

/** Each command is loaded when it is the one that runs: a broker is up before a consumer would be loaded. */
function makeProgram(): Command {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  const program = new Command('millrace')
    .description('Looks into Apache Kafka, consumes from it, and stands in for it in tests.')
    .version(version)
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => {
        const line = text
          .replace(/^error: /, '')
          .trim()
          .replaceAll(/\s*\n\s*/g, ' ')
        write(`millrace: ${line}${/[.)?]$/.test(line) ? '' : '.'} Add --help to see what is possible.\n`)
      },
    })
    .helpCommand(false)
  addConsume(program)
  addRun(program)
  addTopics(program)
  addGroups(program)
  addPerf(program)
  addBroker(program)
  return program.addHelpText('after', EXIT_CODES)
}

function addConsume(program: Command): void {
  const consuming = program
    .command('consume <topic...>')
    .summary('print messages')
    .description(
      'Prints messages, each partition in order, until Ctrl-C.\n\n' +
        'Without --group nothing is committed. With --group it joins the group, goes on where that stopped, and commits what was printed. ' +
        'With --group and --partition it does not join: it is refused while the group has members.',
    )
    .option('-g, --group <name>', 'group that is joined, and whose offsets are committed', parseText)
    .option('-p, --partition <numbers>', 'only these, such as 0 or 0,2 or 0-3; may be repeated', parsePartitions)
    .addOption(
      new Option(
        '--from <position>',
        'earliest, latest, an offset, or a timestamp: ISO 8601 (UTC if it names no zone) or @ and milliseconds; with --group only for ' +
          'partitions where nothing is committed',
      )
        .argParser(parseFrom)
        .default('earliest'),
    )
    .option('-n, --max <count>', 'end after so many messages', parseCount)
    .option('-e, --until-end', 'end when all is printed that was there at the start')
    .addOption(
      new Option('-f, --format <format>', 'how a message is printed; see below')
        .argParser(compileFormat)
        .default(compileFormat('%s\\n'), '%s\\n'),
    )
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
${EXIT_CODES}`
  })
}

function addTopics(program: Command): void {
  const topics = program
    .command('topics [topic...]')
    .summary('list topics, or the partitions of some')
    .description(
      'Lists all topics with the number of their partitions, replicas and messages (offsets between start and end), or for named topics ' +
        'each partition with its leader, replicas, those in sync, and its first and next offset.',
    )
    .option('--internal', "Kafka's own topics too")
    .option('--json', 'one JSON object per topic and line')
    .action(async (names: string[], options: TopicsOptions) => {
      const { listTopics } = await import('./topics.ts')
      await listTopics(names, options)
    })
  withCommonOptions(topics).addHelpText(
    'after',
    `
Examples:
  millrace topics -b kafka:9092
  millrace topics orders payments
  millrace topics --json | jq -r .topic
${EXIT_CODES}`,
  )
}

function addPerf(program: Command): void {
  const perf = program
    .command('perf')
    .description('Measures how fast this machine and cluster are together.')
    .helpCommand(false)
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
    `
Examples:
  millrace perf consume orders -b kafka:9092
  millrace perf consume orders --messages 1000000 --batch 500
  millrace perf consume orders --seconds 30 --concurrency 1000 --json
${EXIT_CODES}`,
  )
}

function addBroker(program: Command): void {
  program
    .command('broker')
    .summary('run a Kafka in memory, for tests and development')
    .description(
      "Runs brokers that speak Kafka's protocol in this process, and says where, until Ctrl-C. Everything is kept in memory and gone " +
        'afterwards. There is no password and no encryption: it listens to this machine only, unless --host says otherwise.',
    )
    .option(
      '-p, --port <number>',
      'of the first broker, the others have the next ones; 0 for any free',
      parsePort,
      9092,
    )
    .option('-t, --topics <names>', 'such as orders:6,payments:3 (partitions); may be repeated', parseTopics)
    .option('--nodes <count>', 'brokers of the cluster', parseCount, 1)
    .option('--no-auto-create', 'refuse topics that do not exist, instead of making them')
    .option('--config <name=value>', "a broker setting under Kafka's name; may be repeated", parseSettings)
    .option('--host <address>', 'where to listen; 0.0.0.0 for the whole network', parseText, '127.0.0.1')
    .option('--advertised-host <name>', 'where clients are told to connect, if not to --host', parseText)
    .option('--log-requests', 'print a line for each request')
    .option('--json', 'print one JSON object per line')
    .action(async (options: BrokerCommandOptions) => {
      const { runBroker } = await import('./broker.ts')
      await runBroker(options)
    })
    .addHelpText(
      'after',
      `
Examples:
  millrace broker
  millrace broker --topics orders:6,payments:3 --nodes 3
  millrace broker --port 0 --json
  millrace broker --log-requests | grep JoinGroup
${EXIT_CODES}`,
    )
}
