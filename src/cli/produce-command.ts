import { type Command, Option } from 'commander'
import { parseCount, parseHeaders, parsePartition, parseRate, parseText, parseTexts } from './arguments.ts'
import { EXIT_CODES, withCommonOptions } from './common-options.ts'
import { parseDelimiter } from './escapes.ts'
import type { ProduceOptions } from './produce.ts'
import { withProducerFlags } from './producer-flags.ts'

/** `millrace produce`. */
export function addProduce(program: Command): void {
  const producing = program
    .command('produce [topic] [file...]')
    .summary('write messages')
    .description(
      'Writes messages to a topic: each line of the files, or of stdin, is one. They are written in their order, whatever happens to ' +
        'brokers meanwhile, each once. What is read runs only a little ahead of what is written, so the input may be of any size.\n\n' +
        'The first line that cannot be written ends it, once all before it is written. stderr tells which lines were not, and where to go on.',
    )
    .option('-l, --file <file>', 'what to read, as behind the topic; - is stdin; may be repeated', parseTexts)
    .addOption(
      new Option('--input <kind>', 'what a message is: a line, a JSON object of one line, or a whole file')
        .choices(['lines', 'ndjson', 'whole'])
        .default('lines'),
    )
    .option(
      '-D, --delimiter <text>',
      'what ends a line; also \\t \\0 \\xHH (default: a newline, and a carriage return before that)',
      parseDelimiter,
    )
    .option('-K, --key-delimiter <text>', 'what stands between key and value of a line', parseDelimiter)
    .option('-k, --key <key>', 'the key of all that have none')
    .option('-Z, --null-value', 'an empty value is null: a tombstone')
    .option('-H, --header <name=value>', 'a header of all; may be repeated', parseHeaders)
    .option('-p, --partition <number>', 'the partition of all', parsePartition)
    .option('--repartition', 'do not look at the partitions that objects name')
    .option('--rate <messages>', 'so many per second at most, evenly', parseRate)
    .option('-n, --max <count>', 'end after so many messages', parseCount)
    .option('--from-line <number>', 'begin at this line of the first input, the first being 1', parseCount)
    .option('--follow <file>', 'read this file as it grows, as "tail -F" does, instead of others')
    .option('--from-start', 'with --follow: what is in it already, too')
    .option('--keep-going', 'go on behind lines that cannot be written')
    .option('--transactional-id <id>', 'write all or nothing, in one transaction of this id', parseText)
    .option('--json', 'print where each message is, as one JSON object per line')
    .action(async (topic: string | undefined, files: string[], options: ProduceOptions) => {
      const { produce } = await import('./produce.ts')
      await produce(topic, files, options)
    })
  withProducerFlags(producing)
  withCommonOptions(producing, 'producer').addHelpText(
    'after',
    `
Objects of --input ndjson:
  {"key":"k","value":"v","headers":[["name","value"]],"partition":0,"timestamp":1750000000000,"topic":"orders"}
  Only value must be there. Bytes are {"base64":"…"}. "millrace consume --json" prints such objects. The topic of the command goes before
  that of an object.

Examples:
  millrace produce orders orders.txt -b kafka:9092
  echo 'one message' | millrace produce orders --key k --header source=shell
  millrace produce logs --follow app.log --compression zstd --linger 50
  millrace produce users -K '\\t' -Z < users.tsv
  millrace consume orders --until-end --json | millrace produce orders-copy --input ndjson
  jq -c '{key: .id, value: tojson}' orders.json | millrace produce orders --input ndjson
  millrace produce images --input whole *.png
  millrace produce orders orders.txt --rate 500 --json > where.ndjson
${EXIT_CODES}`,
  )
}
