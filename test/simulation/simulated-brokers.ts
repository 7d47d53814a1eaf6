import { type Clock, sleep } from '../../src/base/clock.ts'
import { ClosedError, MillraceError } from '../../src/base/errors.ts'
import type { TopicPartition } from '../../src/base/topic-partition.ts'
import type {
  ClusterMetadata,
  FetchAnswer,
  FetchedPartition,
  FetchQuery,
  FoundOffset,
  LowLevelClient,
  OffsetQuery,
  PartitionMetadata,
  ProduceBatch,
  ProducedBatch,
  TopicMetadata,
} from '../../src/client/low-level-client.ts'
import { errorCodes, KafkaError, kafkaError } from '../../src/protocol/error-codes.ts'
import type { Dice } from './dice.ts'
import type { LogMessage, PartitionLog } from './partition-log.ts'

const LEADER = 1
const EARLIEST = -2

export interface SimulatedBrokersParts {
  /** Of the process that asks. */
  readonly clock: Clock
  readonly dice: Dice
  /** All partitions there are; more may come. */
  readonly logs: readonly PartitionLog[]
  /** The probability that something is an error. */
  readonly trouble: () => number
  /** How often a long poll looks whether something was written, ms. */
  readonly pollMs: number
  /** A partition is asked for. Default: nobody wants to know. */
  readonly fetches?: (place: TopicPartition) => void
  /** The end of a log, or its beginning, was looked up. */
  readonly lookedUp: (log: PartitionLog, at: 'earliest' | 'latest') => void
  /** A producer wrote these; the answer is to be called when it is told so. Default: nothing is ever written. */
  readonly written?: (log: PartitionLog, messages: readonly LogMessage[]) => () => void
}

/** What a write that goes wrong is answered with: what may be sent again, what may not, and what may be in the log all the same. */
const REFUSALS = [
  errorCodes.NOT_ENOUGH_REPLICAS,
  errorCodes.TOPIC_AUTHORIZATION_FAILED,
  errorCodes.REQUEST_TIMED_OUT,
] as const

/** Brokers that answer late, too early, with errors, or not as much as they could. */
export class SimulatedBrokers implements LowLevelClient {
  readonly #parts: SimulatedBrokersParts
  readonly #dice: Dice
  readonly #closed = new AbortController()

  constructor(parts: SimulatedBrokersParts) {
    this.#parts = parts
    this.#dice = parts.dice
  }

  async metadata(asked: readonly string[] | 'all'): Promise<ClusterMetadata> {
    await this.#pass(10)
    const known = Map.groupBy(this.#parts.logs, ({ topic }) => topic)
    const names = asked === 'all' ? [...known.keys()] : asked
    const topics = new Map(names.map(name => [name, topicMetadata(name, known.get(name) ?? [])]))
    return { clusterId: null, controller: LEADER, brokers: [], topics }
  }

  async fetch(query: FetchQuery, signal?: AbortSignal): Promise<FetchAnswer> {
    const { clock, pollMs, fetches } = this.#parts
    if (fetches !== undefined) for (const place of query.partitions) fetches(place)
    await this.#pass(10, signal)
    const until = clock.now() + this.#dice.int(0, query.maxWaitMs)
    let answered = this.#read(query)
    while (answered.every(({ bytes, error }) => bytes === 0 && error === null) && clock.now() < until) {
      await sleep(clock, pollMs, signal)
      answered = this.#read(query)
    }
    return { throttleMs: 0, partitions: answered }
  }

  async listOffsets(queries: readonly OffsetQuery[]): Promise<readonly FoundOffset[]> {
    await this.#pass(10)
    return queries.map(({ topic, partition, timestamp }) => {
      const log = this.#log(topic, partition)
      const at = timestamp === EARLIEST ? 'earliest' : 'latest'
      this.#parts.lookedUp(log, at)
      const offset = at === 'earliest' ? log.start : log.end
      return { topic, partition, error: null, offset, timestamp: -1, leaderEpoch: 0 }
    })
  }

  async produce(batches: readonly ProduceBatch[]): Promise<readonly ProducedBatch[]> {
    await this.#pass(10)
    const told: (() => void)[] = []
    const produced = batches.map(batch => this.#write(batch, told))
    await this.#pass(10)
    for (const tell of told) tell()
    return produced
  }

  #write({ topic, partition, records }: ProduceBatch, told: (() => void)[]): ProducedBatch {
    const { written, trouble } = this.#parts
    if (written === undefined) throw new Error('nothing is produced')
    const log = this.#log(topic, partition)
    const refusal = this.#dice.chance(trouble()) ? this.#dice.pick(REFUSALS) : null
    const error = refusal === null ? null : new KafkaError(refusal, 'writing', { topic, partition })
    const answer = { topic, partition, error, logAppendTime: -1 }
    if (refusal !== null && (refusal !== errorCodes.REQUEST_TIMED_OUT || this.#dice.chance(0.5)))
      return { ...answer, baseOffset: -1 }
    const baseOffset = log.end
    const tell = written(log, log.write(records))
    if (error === null) told.push(tell)
    return { ...answer, baseOffset: error === null ? baseOffset : -1 }
  }

  async close(): Promise<void> {
    this.#closed.abort(new ClosedError('The client'))
  }

  #read({ partitions, maxBytes }: FetchQuery): FetchedPartition[] {
    let left = maxBytes
    return partitions.map(({ topic, partition, offset, maxBytes: atMost }) => {
      const log = this.#log(topic, partition)
      if (this.#dice.chance(this.#parts.trouble())) return { ...log.read(log.end, 0), error: this.#error() }
      // The first batch of an answer comes however large it is, and later ones while there is room.
      const first = left === maxBytes
      const fetched = log.read(offset, Math.min(atMost, left), first)
      left -= fetched.bytes
      return fetched
    })
  }

  #log(topic: string, partition: number): PartitionLog {
    const log = this.#parts.logs.find(other => other.topic === topic && other.partition === partition)
    if (log === undefined) throw new Error(`there is no ${topic}[${partition}]`)
    return log
  }

  async #pass(ms: number, signal = this.#closed.signal): Promise<void> {
    await sleep(this.#parts.clock, this.#dice.int(0, ms), signal)
    if (this.#dice.chance(this.#parts.trouble())) throw this.#error()
  }

  #error(): MillraceError {
    return new MillraceError('SIMULATED', 'the broker had trouble', { retriable: true })
  }
}

function topicMetadata(topic: string, logs: readonly PartitionLog[]): TopicMetadata {
  const error = logs.length > 0 ? null : kafkaError(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, topic)
  const partitions = logs.map(({ partition }): PartitionMetadata => {
    return { partition, leader: LEADER, leaderEpoch: 0, replicas: [LEADER], inSyncReplicas: [LEADER], error: null }
  })
  return { topic, topicId: null, internal: false, partitions, error }
}
