import { type Command, InvalidArgumentError, Option } from 'commander'
import type { PartitionerName } from '../producer/partitioners/partitioner.ts'
import { COMPRESSIONS } from '../records/record-batch.ts'
import { parseCount, parseMilliseconds, parseSeconds } from './arguments.ts'

const partitioners: readonly PartitionerName[] = [
  'murmur2',
  'sticky',
  'round-robin',
  'random',
  'crc32',
  'fnv1a',
  'fixed',
]

/** How messages are written: options of every command that writes some. */
export function withProducerFlags(command: Command): Command {
  return command
    .optionsGroup('How it is written:')
    .addOption(
      new Option(
        '--acks <who>',
        'who must have a message: all replicas in sync, the leader (1), or nobody (0) (default: all)',
      )
        .choices(['all', '1', '0'])
        .argParser(parseAcks),
    )
    .addOption(new Option('-z, --compression <codec>', 'how batches are compressed').choices(COMPRESSIONS))
    .option('--compression-level <level>', 'of gzip and zstd', parseLevel)
    .addOption(
      new Option(
        '--partitioner <name>',
        "how a key chooses its partition (default: murmur2, as Java's clients)",
      ).choices(partitioners),
    )
    .option('--no-idempotent', 'do not number messages, so that one may be written twice or out of order')
    .option('--linger <ms>', 'how long messages wait for others (default: 0)', parseMilliseconds)
    .option('--batch-bytes <bytes>', 'size of a batch (default: 65536)', parseCount)
    .option(
      '--delivery-timeout <seconds>',
      'how long one message is tried, brokers that are gone included (default: 120)',
      parseSeconds,
    )
}

function parseAcks(text: string): 'all' | 1 | 0 {
  if (text === 'all' || text === '-1') return 'all'
  if (text === '1' || text === '0') return Number(text) as 1 | 0
  throw new InvalidArgumentError('Allowed choices are all, 1, 0.')
}

function parseLevel(text: string): number {
  if (/^-?\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Expected a whole number, such as 9.')
}
