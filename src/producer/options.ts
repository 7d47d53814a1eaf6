import { type Backoff, exponential } from '../base/backoff.ts'
import type { Logger, LogLevel } from '../base/logger.ts'
import type { Metrics } from '../base/metrics.ts'
import { SectionCheck } from '../base/option-check.ts'
import {
  type AccessOptions,
  accessNames,
  type ResolvedAccess,
  resolveAccess,
  resolveWaits,
} from '../client/access-options.ts'
import type { LowLevelClient } from '../client/low-level-client.ts'
import { notSsl } from '../client/tls.ts'
import { type MetricsOptions, type ResolvedMetrics, resolveMetrics } from '../metrics/metrics-option.ts'
import type { Bytes } from '../records/batch-builder.ts'
import { levelsOf, requireCodec } from '../records/compression.ts'
import { COMPRESSIONS, type Compression } from '../records/record-batch.ts'
import type { Serializer } from '../serde/serde.ts'
import { resolvePartitioner } from './partitioners/by-name.ts'
import type { MakePartitioner, PartitionerOption } from './partitioners/partitioner.ts'
import {
  type NoTopicSerdes,
  type ResolvedSerdes,
  resolveSerdes,
  resolveTopicSerdes,
  type TopicSerdes,
} from './serdes.ts'

const KiB = 1024
const MiB = 1024 * KiB

/** Options of a producer. Sizes in bytes, times in ms. */
export interface ProducerOptions<K = Bytes, V = Bytes, S extends TopicSerdes = NoTopicSerdes> extends AccessOptions {
  /** What keys are made bytes by. Default: bytes, or strings as UTF-8. */
  key?: Serializer<K>
  /** What values are made bytes by. Default: bytes, or strings as UTF-8. */
  value?: Serializer<V>
  /** Serdes of single topics, which go before the two above: `{ orders: { value: json(Order) } }`. */
  topics?: S
  /**
   * Who has a message when its sending resolves: all replicas in sync (`'all'`, default), the leader (1: lost with it), or nobody (0: no
   * answer is waited for, and no offset is known).
   */
  acks?: 'all' | 1 | 0
  /** Each message is in the log once and in order, whatever is sent again (KIP-98). Default: true with `acks: 'all'`. */
  idempotent?: boolean
  /** How long a message may wait for others of its partition. Default 0: what is sent at the same time goes together. */
  lingerMs?: number
  /** A batch of this size is sent at once. Default 64 KiB. */
  batchBytes?: number
  /** And one of so many messages. Default: any number. */
  batchMessages?: number
  /** Most that a request may hold, and so a message. Default 1 MiB. */
  maxRequestBytes?: number
  /** Of all messages that are being sent. When it is full, `send` waits for room. Default 64 MiB. */
  bufferBytes?: number
  /** Requests to one broker that have no answer yet, from 1 to 5. Default 5. */
  maxInFlight?: number
  /** From `send` to its end, everything included. Default 120,000; in transactions at most `transactionTimeoutMs`. */
  deliveryTimeoutMs?: number
  /** Waits before a batch is sent again; they double. Default 100 and 1,000. */
  retryBackoff?: { minMs?: number; maxMs?: number }
  /** How old what is known of a topic may get, such as how many partitions it has. Default 300,000. */
  metadataMaxAgeMs?: number
  /** Default `'none'`. */
  compression?: Compression
  /** Of gzip (1 to 9, or -1) and zstd (-131072 to 22); lz4 and snappy have none here. Default: the codec's own. */
  compressionLevel?: number
  /** Which partition a message goes to. Default `'murmur2'`, as Java's. */
  partitioner?: PartitionerOption
  /** pino, or anything with its methods. Default: warnings and errors to stderr, a line each. */
  logger?: Logger
  /** For the default logger. Default `'warn'`. */
  logLevel?: LogLevel
  /**
   * Makes transactions possible: `transaction()` then is the only way to send. One living producer at a time may have this id; a new one
   * ends what the one before left open, and fences it (KIP-98).
   */
  transactionalId?: string
  /**
   * After this the coordinator aborts a transaction by itself; the function of one that takes nine tenths of it is not waited for any
   * longer. Default 60,000.
   */
  transactionTimeoutMs?: number
  /** True keeps metrics, for `metrics()` and `prometheusText()`; an adapter sends them elsewhere too. Default: none are kept. */
  metrics?: boolean | Metrics | MetricsOptions
  /**
   * The first SIGINT or SIGTERM closes the producer, which takes at most `drainMs` (default 20,000); a second one at once. Then the signal ends
   * the process, unless somebody else listens to it too. Default false.
   */
  handleSignals?: boolean | { drainMs?: number }
  /** Another client, or one that is shared; whoever made it closes it. */
  client?: LowLevelClient
}

/** All options with their defaults, checked. */
export interface ResolvedProducer extends ResolvedAccess {
  readonly serdes: ResolvedSerdes
  readonly topics: ReadonlyMap<string, ResolvedSerdes>
  readonly acks: -1 | 0 | 1
  readonly idempotent: boolean
  readonly lingerMs: number
  readonly batchBytes: number
  readonly batchMessages: number
  readonly maxRequestBytes: number
  readonly bufferBytes: number
  readonly maxInFlight: number
  readonly deliveryTimeoutMs: number
  readonly retryBackoff: Backoff
  readonly metadataMaxAgeMs: number
  readonly compression: Compression
  readonly level: number | undefined
  readonly partitioner: MakePartitioner
  readonly logger: Logger | null
  readonly logLevel: LogLevel
  readonly transactionalId: string | null
  readonly transactionTimeoutMs: number
  readonly metrics: ResolvedMetrics | null
  readonly handleSignals: { readonly drainMs: number } | null
  readonly client: LowLevelClient | null
}

const NAMES: readonly (keyof ProducerOptions<never, never>)[] = [
  ...accessNames,
  'key',
  'value',
  'topics',
  'acks',
  'idempotent',
  'lingerMs',
  'batchBytes',
  'batchMessages',
  'maxRequestBytes',
  'bufferBytes',
  'maxInFlight',
  'deliveryTimeoutMs',
  'retryBackoff',
  'metadataMaxAgeMs',
  'compression',
  'compressionLevel',
  'partitioner',
  'logger',
  'logLevel',
  'transactionalId',
  'transactionTimeoutMs',
  'metrics',
  'handleSignals',
  'client',
]
export const TRANSACTION_TIMEOUT_MS = 60_000
const LONGEST_MS = 2 ** 31 - 1
const LARGEST = 2 ** 30

/** @throws {OptionError} that names the first wrong option */
export function resolveProducer<K, V>(options: ProducerOptions<K, V, TopicSerdes>): ResolvedProducer {
  const top = new SectionCheck('', options, NAMES, { ssl: notSsl })
  const access = resolveAccess(top, options)
  const acks = top.oneOf('acks', 'all', ['all', 1, 0])
  const idempotent = top.oneOf('idempotent', acks === 'all', [true, false])
  if (idempotent && acks !== 'all') throw top.wrong('acks', "'all' with idempotent: true")
  const transactionalId = top.string('transactionalId') ?? null
  if (transactionalId !== null && !idempotent) throw top.wrong('idempotent', 'true with a transactionalId')
  const retry = resolveWaits('retryBackoff', options.retryBackoff, { minMs: 100, maxMs: 1_000 })
  const transactionTimeoutMs = top.number('transactionTimeoutMs', TRANSACTION_TIMEOUT_MS, { min: 1, max: LONGEST_MS })
  const longestMs = transactionalId === null ? LONGEST_MS : transactionTimeoutMs
  const deliveryTimeoutMs = top.number('deliveryTimeoutMs', Math.min(120_000, longestMs), { min: 1, max: LONGEST_MS })
  if (deliveryTimeoutMs > longestMs) throw top.wrong('deliveryTimeoutMs', `at most transactionTimeoutMs, ${longestMs}`)
  return {
    ...access,
    serdes: resolveSerdes(options),
    topics: resolveTopicSerdes(options.topics),
    acks: acks === 'all' ? -1 : acks,
    idempotent,
    lingerMs: top.number('lingerMs', 0, { min: 0, max: LONGEST_MS }),
    batchMessages: top.number('batchMessages', Number.POSITIVE_INFINITY, { min: 1 }),
    batchBytes: top.number('batchBytes', 64 * KiB, { min: 1, max: LARGEST }),
    maxRequestBytes: top.number('maxRequestBytes', MiB, { min: 1, max: LARGEST }),
    bufferBytes: top.number('bufferBytes', 64 * MiB, { min: 1 }),
    maxInFlight: top.number('maxInFlight', 5, { min: 1, max: 5 }),
    deliveryTimeoutMs,
    retryBackoff: exponential(retry.minMs, retry.maxMs),
    metadataMaxAgeMs: top.number('metadataMaxAgeMs', 300_000, { min: 1, max: LONGEST_MS }),
    ...compression(top),
    partitioner: resolvePartitioner(options.partitioner ?? 'murmur2'),
    logger: options.logger ?? null,
    logLevel: top.oneOf('logLevel', 'warn', ['debug', 'info', 'warn', 'error', 'silent']),
    transactionalId,
    transactionTimeoutMs,
    metrics: resolveMetrics(options.metrics),
    handleSignals: signals(options.handleSignals),
    client: options.client ?? null,
  }
}

/** What a log may have of them: no secrets. */
export function shownOptions({ brokers, clientId, transactionalId, tls, sasl, acks, idempotent }: ResolvedProducer) {
  const secret = '***'
  const who =
    sasl === null
      ? null
      : sasl.mechanism === 'OAUTHBEARER'
        ? { mechanism: sasl.mechanism, token: secret }
        : { mechanism: sasl.mechanism, username: sasl.username, password: secret }
  return { brokers, clientId, transactionalId, tls: tls !== false, sasl: who, acks, idempotent }
}

function compression(top: SectionCheck): Pick<ResolvedProducer, 'compression' | 'level'> {
  const compression = top.oneOf('compression', 'none', COMPRESSIONS)
  requireCodec(compression)
  const levels = levelsOf(compression)
  const level = top.get('compressionLevel')
  if (level === undefined) return { compression, level }
  if (levels === null)
    throw top.wrong('compressionLevel', `left out with compression: '${compression}', which has none`)
  return { compression, level: top.number('compressionLevel', levels.default ?? Number.NaN, levels) }
}

function signals(option: unknown): { readonly drainMs: number } | null {
  if (option === undefined || option === false) return null
  const section = new SectionCheck('handleSignals', option === true ? {} : option, ['drainMs'])
  return { drainMs: section.number('drainMs', 20_000, { min: 0, max: LONGEST_MS }) }
}
