import type { Clock, Timer } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { partitionName } from '../base/topic-partition.ts'
import type { ProducerPartitionState, ProducerState, WaitingState } from './state.ts'

export interface WaitWatchParts {
  readonly clock: Clock
  readonly logger: Logger
  /** A wait of messages that lasts longer is told of. */
  readonly longMs: number
  readonly state: () => Pick<ProducerState, 'waiting' | 'partitions' | 'buffer'>
}

interface Wait {
  readonly since: number
  readonly topic: string
  readonly partition?: number
  readonly why: string
}

/** How often it is looked, and so told. */
const LOOK_MS = 10_000

/** Tells in the log which messages have waited for long, and for what: the oldest, as often as it looks. */
export class WaitWatch {
  readonly #parts: WaitWatchParts
  readonly #timer: Timer
  #told = false

  constructor(parts: WaitWatchParts) {
    this.#parts = parts
    this.#timer = parts.clock.every(LOOK_MS, () => this.#look())
  }

  close(): void {
    this.#timer.cancel()
  }

  #look(): void {
    const { clock, logger, longMs, state } = this.#parts
    const { waiting, partitions, buffer } = state()
    const now = clock.wallTime()
    const waits = [...waiting.map(each => forBatch(each, buffer.limit)), ...partitions.map(underWay)]
    const long = waits.filter(({ since }) => now - since > longMs)
    const [first] = long.toSorted((a, b) => a.since - b.since)
    if (first !== undefined) {
      const { topic, partition, since, why } = first
      const where = partition === undefined ? topic : partitionName(topic, partition)
      const text = `messages to ${where} have waited for ${Math.round((now - since) / 1_000)} s: ${why}`
      logger.warn({ topic, partition, others: long.length - 1 }, text)
    } else if (this.#told) logger.info({}, 'messages do not wait for long any more')
    this.#told = first !== undefined
  }
}

function forBatch({ topic, since, for: reason, cause }: WaitingState, limit: number): Wait {
  const reasons = {
    topic: `the topic is not known${cause === null ? '' : `: ${cause}`}`,
    room: `the buffer of ${limit} bytes is full`,
    serde: 'its serde is not through',
  }
  return { topic, since, why: reasons[reason] }
}

function underWay({ topic, partition, since, cause, leader, underWay }: ProducerPartitionState): Wait {
  const now =
    leader < 0 ? 'it has no leader' : underWay > 0 ? `node ${leader} has not answered` : 'its turn has not come'
  return { topic, partition, since, why: cause === null ? now : `the last attempt failed: ${cause}` }
}
