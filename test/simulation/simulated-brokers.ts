import { type Clock, sleep } from '../../src/base/clock.ts'
import { MillraceError } from '../../src/base/errors.ts'
import type {
  ClusterMetadata,
  FetchAnswer,
  FetchedPartition,
  FetchQuery,
  LowLevelClient,
} from '../../src/client/low-level-client.ts'
import type { Dice } from './dice.ts'
import type { PartitionLog } from './partition-log.ts'

const LEADER = 1
/** How often a long poll looks whether something was written. */
const POLL_MS = 5

/** Brokers that answer late, too early, with errors, or not as much as they could. */
export class SimulatedBrokers implements LowLevelClient {
  readonly #clock: Clock
  readonly #dice: Dice
  readonly #logs: readonly PartitionLog[]
  readonly #trouble: () => number

  /** `trouble`: the probability that something is an error. */
  constructor(clock: Clock, dice: Dice, logs: readonly PartitionLog[], trouble: () => number) {
    this.#clock = clock
    this.#dice = dice
    this.#logs = logs
    this.#trouble = trouble
  }

  async metadata(): Promise<ClusterMetadata> {
    await this.#pass(10)
    const partitions = this.#logs.map(({ partition }) => {
      return { partition, leader: LEADER, leaderEpoch: 0, replicas: [LEADER], inSyncReplicas: [LEADER], error: null }
    })
    const orders = { topic: 'orders', topicId: null, internal: false, partitions, error: null }
    return { clusterId: null, controller: LEADER, brokers: [], topics: new Map([['orders', orders]]) }
  }

  async fetch(query: FetchQuery, signal?: AbortSignal): Promise<FetchAnswer> {
    await this.#pass(10, signal)
    const until = this.#clock.now() + this.#dice.int(0, query.maxWaitMs)
    let answered = this.#read(query)
    while (answered.every(({ bytes, error }) => bytes === 0 && error === null) && this.#clock.now() < until) {
      await sleep(this.#clock, POLL_MS, signal)
      answered = this.#read(query)
    }
    return { throttleMs: 0, partitions: answered }
  }

  async listOffsets(): Promise<never> {
    throw new Error('every position is known')
  }

  async produce(): Promise<never> {
    throw new Error('nothing is produced')
  }

  async close(): Promise<void> {}

  #read({ partitions, maxBytes }: FetchQuery): FetchedPartition[] {
    let left = maxBytes
    return partitions.map(({ partition, offset, maxBytes: atMost }) => {
      const log = this.#logs[partition] as PartitionLog
      if (this.#dice.chance(this.#trouble())) return { ...log.read(log.end, 0), error: this.#error() }
      // The first batch of an answer comes however large it is, and later ones while there is room.
      const first = left === maxBytes
      const fetched = log.read(offset, Math.min(atMost, left), first)
      left -= fetched.bytes
      return fetched
    })
  }

  async #pass(ms: number, signal?: AbortSignal): Promise<void> {
    await sleep(this.#clock, this.#dice.int(0, ms), signal)
    if (this.#dice.chance(this.#trouble())) throw this.#error()
  }

  #error(): MillraceError {
    return new MillraceError('SIMULATED', 'the broker had trouble', { retriable: true })
  }
}
