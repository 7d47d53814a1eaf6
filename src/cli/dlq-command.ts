import { type Command, InvalidArgumentError, Option } from 'commander'
import type { TopicPartition } from '../base/topic-partition.ts'
import { parseCount, parsePartitions, parsePattern, parseRate, parseText } from './arguments.ts'
import { EXIT_CODES, withCommonOptions } from './common-options.ts'
import type { DeadLetterOptions } from './dead-letter-reader.ts'
import type { ListDeadLettersOptions } from './dlq.ts'
import type { ReplayOptions } from './dlq-replay.ts'
import { parseFrom, parseFromOrLast } from './from.ts'
import { examples } from './help.ts'
import { withProducerFlags } from './producer-flags.ts'

/** `millrace dlq …`. */
export function addDlq(program: Command): void {
  const dlq = program
    .command('dlq')
    .summary('look at dead letters, and write them back')
    .description(
      'Shows the messages of a dead-letter topic with where they came from and why they failed, and writes them back.',
    )
    .helpCommand(false)
    .addHelpText('after', EXIT_CODES)
  addList(dlq)
  addShow(dlq)
  addReplay(dlq)
}

function addList(dlq: Command): void {
  const list = dlq
    .command('list <topic>')
    .summary('list dead letters')
    .description(
      'Prints a line for each letter that is there now: where it is, when it failed, where it came from, after how many attempts, and why. ' +
        'With --summary it counts them instead, by origin, reason and class of error.',
    )
  withFilter(list)
    .option('--summary', 'count them by where they came from and why they failed')
    .option('--json', 'one JSON object per line')
    .action(async (topic: string, options: ListDeadLettersOptions) => {
      const { listDeadLetters } = await import('./dlq.ts')
      await listDeadLetters(topic, filtered(options))
    })
  withCommonOptions(list).addHelpText(
    'after',
    examples(
      'dlq list orders.dlq --summary',
      'dlq list orders.dlq --from -10',
      "dlq list orders.dlq --error 'TypeError' --json",
    ),
  )
}

function addShow(dlq: Command): void {
  const show = dlq
    .command('show')
    .argument('<place>', 'TOPIC:PARTITION:OFFSET', parsePlace)
    .summary('show one dead letter')
    .description(
      'Shows one letter with all that it has. Its place is TOPIC:PARTITION:OFFSET; "dlq list" prints partition and offset.',
    )
    .option('--json', 'as one JSON object')
    .action(async (place: Place, options: DeadLetterOptions & { json?: boolean }) => {
      const { showDeadLetter } = await import('./dlq.ts')
      await showDeadLetter(place, options)
    })
  withCommonOptions(show).addHelpText('after', examples('dlq show orders.dlq:0:17', 'dlq show orders.dlq:0:17 --json'))
}

function addReplay(dlq: Command): void {
  const replay = dlq
    .command('replay <topic>')
    .summary('write dead letters back to where they came from')
    .description(
      'Shows how many letters would be written to which topics, and with --execute writes them: key, value and headers as they were, without ' +
        'what says why they failed, into the partition that they came from. The dead-letter topic keeps them; with --group what was written ' +
        'is remembered, so that the next replay goes on behind it.',
    )
  withFilter(replay)
    .option('-g, --group <name>', 'group whose offsets are committed; it must have no members', parseText)
    .option('--to <topic>', 'write them to this topic instead', parseText)
    .option('--rate <messages>', 'so many per second at most, evenly', parseRate)
    .option('--execute', 'write them')
    .option('--json', 'one JSON object per topic and line')
    .action(async (topic: string, options: ReplayOptions) => {
      const { replayDeadLetters } = await import('./dlq-replay.ts')
      await replayDeadLetters(topic, filtered(options))
    })
  withProducerFlags(replay)
  withCommonOptions(replay).addHelpText(
    'after',
    examples(
      'dlq replay orders.dlq --origin orders',
      "dlq replay orders.dlq --error 'ECONNREFUSED' --rate 100 --execute",
      'dlq replay orders.dlq --group orders-replay --execute',
    ),
  )
}

function withFilter(command: Command): Command {
  return command
    .optionsGroup('Which letters:')
    .option('-p, --partition <numbers>', 'only of these, such as 0 or 0,2 or 0-3; may be repeated', parsePartitions)
    .addOption(
      new Option(
        '-o, --from <position>',
        'earliest, an offset, -10 for the last ten of each partition, or a timestamp: ISO 8601 (UTC if it names no zone) or @ and milliseconds',
      )
        .argParser(parseFromOrLast)
        .default('earliest'),
    )
    .addOption(new Option('--until <position>', 'only before an offset or a timestamp').argParser(parseFrom))
    .option('-n, --max <count>', 'so many at most', parseCount)
    .option('--origin <topic>', 'only those that came from this topic', parseText)
    .option(
      '--reason <reason>',
      'only those that failed for this reason: error, timeout, decode or abandoned',
      parseText,
    )
    .option('--error <regex>', 'only those whose error, CLASS: MESSAGE, matches', parseError)
    .optionsGroup('Options:')
}

function parseError(text: string): RegExp {
  return new RegExp(parsePattern(text))
}

/** Letters are read until where they end now. */
function filtered<T extends DeadLetterOptions>(options: T): T {
  return options.until === undefined ? { ...options, untilEnd: true } : options
}

type Place = TopicPartition & { readonly offset: number }

function parsePlace(text: string): Place {
  const [, topic, partition, offset] = /^([\w.-]{1,249}):(\d{1,9}):(\d{1,15})$/.exec(text) ?? []
  if (topic === undefined)
    throw new InvalidArgumentError(
      `"${text}" is no place of a letter: expected TOPIC:PARTITION:OFFSET, such as orders.dlq:0:17.`,
    )
  return { topic, partition: Number(partition), offset: Number(offset) }
}
