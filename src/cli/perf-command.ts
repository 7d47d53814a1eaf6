import { type Command, Option } from 'commander'
import { parseCount, parseRate, parseSeconds, parseText, parseWhole } from './arguments.ts'
import { EXIT_CODES, withCommonOptions } from './common-options.ts'
import { examples } from './help.ts'
import type { PerfOptions } from './perf.ts'
import type { PerfLatencyOptions } from './perf-latency.ts'
import type { PerfProduceOptions } from './perf-produce.ts'
import { withProducerFlags } from './producer-flags.ts'

/** `millrace perf …`. */
export function addPerf(program: Command): void {
  const perf = program
    .command('perf')
    .summary('measure how fast messages are written and read')
    .description('Measures how fast this machine and cluster are together.')
    .helpCommand(false)
    .addHelpText('after', EXIT_CODES)
  addConsuming(perf)
  addProducing(perf)
  addLatency(perf)
}

function addConsuming(perf: Command): void {
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

function addProducing(perf: Command): void {
  const producing = perf
    .command('produce <topic>')
    .summary('measure producing')
    .description(
      'Writes messages of random letters, and tells messages/s, MB/s, CPU time per message, how late a timer of 10 ms was, and how long ' +
        'messages took from sending to their acknowledgement. As fast as it goes, most of that time is spent waiting for those before it; ' +
        'with --rate it counts from when a message was due.',
    )
    .option('--messages <count>', 'end after so many', parseCount)
    .option('--seconds <seconds>', 'end after so long (default: 10, unless --messages says when)', parseSeconds)
    .option('--size <bytes>', 'of a value', parseCount, 100)
    .option('--keys <count>', 'so many different keys in turn (default: no keys)', parseCount)
    .option('--rate <messages>', 'so many per second, evenly (default: as fast as it goes)', parseRate)
    .option('--json', 'the summary as one JSON object')
    .action(async (topic: string, options: PerfProduceOptions) => {
      const { perfProduce } = await import('./perf-produce.ts')
      await perfProduce(topic, options)
    })
  withProducerFlags(producing)
  withCommonOptions(producing, 'producer').addHelpText(
    'after',
    examples(
      'perf produce load -b kafka:9092',
      'perf produce load --messages 1000000 --size 1000 --acks 1 --compression zstd',
      'perf produce load --rate 10000 --seconds 60 --json',
    ),
  )
}

function addLatency(perf: Command): void {
  const latency = perf
    .command('latency <topic>')
    .summary('measure how long messages take')
    .description(
      'Writes messages at a rate and consumes them in the same process, and tells how long they took until they were acknowledged, fetched ' +
        'and handed to a handler. With --hops the handler writes each of them to the next topic: TOPIC, TOPIC-2, TOPIC-3, … All times count ' +
        'from when a message was due, so that what is sent late has waited.',
    )
    .option('--rate <messages>', 'so many per second, evenly', parseRate, 1_000)
    .option('--messages <count>', 'so many are counted', parseCount, 10_000)
    .option('--warmup <count>', 'so many before them are not', parseWhole, 1_000)
    .option('--hops <count>', 'topics that each goes through', parseCount, 1)
    .option('--size <bytes>', 'of a value', parseCount, 100)
    .option('--create', 'make the topics, and delete them at the end')
    .option('--partitions <count>', 'with --create: how many each has', parseCount, 1)
    .option('--replication-factor <count>', 'with --create (default: as the brokers are set)', parseCount)
    .option('--json', 'the figures as one JSON object')
    .action(async (topic: string, options: PerfLatencyOptions) => {
      const { perfLatency } = await import('./perf-latency.ts')
      await perfLatency(topic, options)
    })
  withProducerFlags(latency)
  withCommonOptions(latency, 'producer').addHelpText(
    'after',
    examples(
      'perf latency latency-test --create -b kafka:9092',
      'perf latency latency-test --create --hops 3 --rate 10000 --messages 100000 --partitions 6',
      'perf latency existing --acks 1 --json',
    ),
  )
}
