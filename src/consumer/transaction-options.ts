import { OptionError } from '../base/errors.ts'
import { SectionCheck } from '../base/option-check.ts'
import { NativeClient } from '../client/native-client.ts'
import { LEAST_CHARACTERS } from '../offsets/gap-codec.ts'
import { type ProducerOptions, resolveProducer } from '../producer/options.ts'

/** What a consumer that writes in transactions may say of its producer. */
export type OutputOptions = Pick<
  ProducerOptions,
  'compression' | 'compressionLevel' | 'partitioner' | 'lingerMs' | 'batchBytes' | 'maxRequestBytes'
>

/** `work.transaction`: what handlers send, and how far the group is, are committed together. */
export interface TransactionOptions {
  /** How often, ms. Readers of committed messages see what was sent so much later. Default 100. */
  intervalMs?: number
  /**
   * After this the coordinator aborts a transaction that is not ended, ms. When this process is killed, others wait for so long before
   * they go on with its partitions, unless `id` is given and it comes back sooner. Default 10,000.
   */
  timeoutMs?: number
  /**
   * The transactional id. A process that comes back with the same one ends at once what it had left open, and fences whoever has it still: each
   * process needs its own. Default: the group's name and random letters.
   */
  id?: string
  producer?: OutputOptions
}

/** As options have it. */
export type TransactionOption = boolean | TransactionOptions

export interface ResolvedTransaction {
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly id: string | null
  readonly producer: OutputOptions
  /** Most that a message may have. */
  readonly maxRequestBytes: number
}

const OUTPUT: readonly (keyof OutputOptions)[] = [
  'compression',
  'compressionLevel',
  'partitioner',
  'lingerMs',
  'batchBytes',
  'maxRequestBytes',
]
const LONGEST_MS = 2 ** 31 - 1

/** Null: handlers do not send. @throws {OptionError} */
export function resolveTransaction(option: TransactionOption | undefined): ResolvedTransaction | null {
  if (option === undefined || option === false) return null
  const options = option === true ? {} : option
  const section = new SectionCheck('work.transaction', options, ['intervalMs', 'timeoutMs', 'id', 'producer'])
  const timeoutMs = section.number('timeoutMs', 10_000, { min: 1_000, max: LONGEST_MS })
  const intervalMs = section.number('intervalMs', Math.min(100, timeoutMs / 4), { min: 1, max: LONGEST_MS })
  if (intervalMs > timeoutMs / 2) throw section.wrong('intervalMs', `at most half of timeoutMs, ${timeoutMs}`)
  const producer = options.producer ?? {}
  new SectionCheck('work.transaction.producer', producer, OUTPUT)
  const { maxRequestBytes } = checkedProducer(producer)
  return { intervalMs, timeoutMs, id: section.string('id') ?? null, producer, maxRequestBytes }
}

function checkedProducer(producer: OutputOptions) {
  try {
    return resolveProducer({ brokers: ['any:1'], ...producer })
  } catch (thrown) {
    throw thrown instanceof OptionError ? new OptionError(`work.transaction.producer.${thrown.message}`) : thrown
  }
}

/** What the other options must be. */
export interface BesideTransaction {
  readonly group: string | null
  readonly client: unknown
  readonly fetch: { readonly isolation: string }
  readonly offsets: { readonly storage: unknown; readonly metadataLimit: number; readonly mode: string }
}

/** @throws {OptionError} */
export function checkBesideTransaction(
  { group, client, fetch, offsets }: BesideTransaction,
  commitIntervalMs: number | undefined,
): void {
  const wrong = (what: string) => {
    throw new OptionError(`${what} with work.transaction`)
  }
  if (group === null) wrong('a group is needed: its offsets are committed in the transactions; give one')
  if (offsets.storage !== null) wrong('offsets.storage must be left out: Kafka keeps the offsets')
  if (offsets.metadataLimit < LEAST_CHARACTERS) {
    wrong(
      `offsets.metadataLimit must be at least ${LEAST_CHARACTERS}, not ${offsets.metadataLimit}: what is done above an offset is remembered there, and what is forgotten would be written twice,`,
    )
  }
  if (commitIntervalMs !== undefined) {
    wrong('offsets.commitIntervalMs must be left out: work.transaction.intervalMs says how often is committed')
  }
  if (offsets.mode !== 'at-least-once') wrong('offsets.mode must be left out: messages are handled exactly once')
  if (fetch.isolation !== 'read_committed') wrong("fetch.isolation must be 'read_committed'")
  if (client !== null && !(client instanceof NativeClient)) wrong('client must be a NativeClient, or left out,')
}
