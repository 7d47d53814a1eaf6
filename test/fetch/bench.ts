import type { MillraceError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { FetchClaim } from '../../src/fetch/claim.ts'
import { Fetching } from '../../src/fetch/fetching.ts'
import type { FetchOptions, OutOfRange, StartPosition, Truncated } from '../../src/fetch/options.ts'
import type { Reservoir } from '../../src/fetch/reservoir.ts'
import type { Message } from '../../src/records/message.ts'
import { VirtualClock } from '../virtual-clock.ts'
import type { PartitionLog } from './log.ts'
import { ScriptedClient } from './scripted-client.ts'

const MiB = 1024 * 1024

export const defaults: FetchOptions = {
  reservoir: { messages: 5_000, bytes: 64 * MiB },
  fetchers: 1,
  minBytes: 1,
  maxWaitMs: 500,
  maxBytes: 16 * MiB,
  partitionMaxBytes: MiB,
  isolation: 'read_committed',
  maxInflatedBytes: 64 * MiB,
  onOutOfRange: undefined,
  onCorrupt: 'fail',
}

/** A claim that remembers what it was told. */
export class TestClaim implements FetchClaim {
  readonly topic: string
  readonly partition: number
  readonly committed: number
  readonly reservoir: Reservoir
  readonly log: PartitionLog
  live = true
  paused = false
  fills = 0
  resets: number[] = []
  failures: MillraceError[] = []
  corrupt: MillraceError[] = []
  /** Offsets taken, in order. */
  seen: number[] = []
  open: Message[] = []

  /** Offset and leader epoch. */
  rewinds: [number, number][] = []
  recreations = 0

  constructor(fetching: Fetching, log: PartitionLog, position: number, committed: number, leaderEpoch = -1) {
    this.topic = log.topic
    this.partition = log.partition
    this.log = log
    this.committed = committed
    const events = {
      filled: () => this.filled(),
      fail: (error: MillraceError) => this.fail(error),
      corrupt: (error: MillraceError) => void this.corrupt.push(error),
    }
    this.reservoir = fetching.reservoir(log.topic, log.partition, position, events)
    if (leaderEpoch >= 0) this.reservoir.moveTo(position, leaderEpoch)
  }

  identify(): void {}

  filled(): void {
    this.fills++
  }

  reset(offset: number): void {
    this.resets.push(offset)
  }

  rewind(offset: number, leaderEpoch: number): void {
    this.rewinds.push([offset, leaderEpoch])
  }

  recreated(): void {
    this.recreations++
  }

  fail(error: MillraceError): void {
    this.failures.push(error)
  }

  /** Takes up to `count` messages, and keeps them open. */
  take(count: number): number {
    for (let index = 0; index < count; index++) {
      const message = this.reservoir.take()
      if (message === null) return index
      this.seen.push(message.offset)
      this.open.push(message)
    }
    return count
  }

  release(count: number): void {
    for (const message of this.open.splice(0, count)) this.reservoir.release(message)
  }

  /** Handles all there is. */
  handle(): number {
    let count = 0
    while (this.take(1) > 0) {
      this.release(1)
      count++
    }
    return count
  }
}

export interface Bench {
  readonly clock: VirtualClock
  readonly client: ScriptedClient
  readonly fetching: Fetching
  readonly stalled: MillraceError[]
  readonly outOfRange: OutOfRange[]
  readonly truncated: Truncated[]
  /** A claim of this log, added; `committed` is where it begins, -1: nothing was committed. */
  claim(log: PartitionLog, committed?: number, leaderEpoch?: number): TestClaim
}

/** Fetching over scripted brokers, in virtual time. */
export function benchOf(
  logs: readonly PartitionLog[],
  options: Partial<FetchOptions> = {},
  start: StartPosition = 'earliest',
  rack: string | null = null,
): Bench {
  const clock = new VirtualClock()
  const client = new ScriptedClient(clock, logs)
  const stalled: MillraceError[] = []
  const outOfRange: OutOfRange[] = []
  const truncated: Truncated[] = []
  const silent = () => {}
  const fetching = new Fetching({
    client,
    clock,
    random: seededRandom(1),
    logger: { debug: silent, info: silent, warn: silent, error: silent },
    options: { ...defaults, ...options },
    rack,
    start,
    events: {
      outOfRange: event => outOfRange.push(event),
      truncated: event => truncated.push(event),
      failed: (_partition, error) => stalled.push(error),
      topicMissing: () => {},
    },
  })
  const claim = (log: PartitionLog, committed = 0, leaderEpoch = -1) => {
    const made = new TestClaim(fetching, log, committed, committed, leaderEpoch)
    fetching.add(made)
    return made
  }
  return { clock, client, fetching, stalled, outOfRange, truncated, claim }
}
