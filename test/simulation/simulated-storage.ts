import type { Clock } from '../../src/base/clock.ts'
import { MillraceError } from '../../src/base/errors.ts'
import { partitionName, type TopicPartition } from '../../src/base/topic-partition.ts'
import type { CommittedOffset, LoadResult, OffsetStorage, StorageResult } from '../../src/offsets/storage.ts'
import { errorCodes, KafkaError } from '../../src/protocol/error-codes.ts'
import type { Dice } from './dice.ts'

/**
 * Where offsets are remembered: slow, failing, sometimes storing what it then answers an error for, and sometimes storing it only
 * after later requests.
 */
export class SimulatedStorage {
  /** The probability that a request goes wrong. */
  trouble = 0
  /** Requests that may still change something. */
  underWay = 0
  /** More characters of metadata are refused. */
  mostMetadata = Number.POSITIVE_INFINITY
  readonly #clock: Clock
  readonly #dice: Dice
  readonly #offsets = new Map<string, CommittedOffset>()

  /** `clock` is nobody's: a request under way goes on when its process is killed. */
  constructor(clock: Clock, dice: Dice) {
    this.#clock = clock
    this.#dice = dice
  }

  /** Null: nothing was committed. */
  committed(topic: string, partition: number): CommittedOffset | null {
    return this.#offsets.get(partitionName(topic, partition)) ?? null
  }

  commit(offsets: readonly CommittedOffset[]): Promise<readonly StorageResult[]> {
    return new Promise((resolve, reject) => {
      const answer = () => {
        if (this.#dice.chance(this.trouble)) this.#goWrong(offsets, resolve, reject)
        else {
          const fits = offsets.filter(({ metadata }) => metadata.length <= this.mostMetadata)
          this.#store(fits)
          resolve(offsets.map(offset => ({ ...place(offset), error: fits.includes(offset) ? null : tooLarge(offset) })))
        }
      }
      this.#later(this.#dice.int(0, 30), answer)
    })
  }

  #goWrong(
    offsets: readonly CommittedOffset[],
    resolve: (results: readonly StorageResult[]) => void,
    reject: (error: Error) => void,
  ): void {
    switch (this.#dice.pick(['refused', 'broken', 'stored', 'late', 'partly', 'silent'])) {
      case 'refused':
        resolve(offsets.map(offset => ({ ...place(offset), error: this.#error() })))
        return
      case 'stored':
        this.#store(offsets)
        break
      case 'late':
        this.#later(this.#dice.int(100, 3_000), () => this.#store(offsets))
        break
      case 'partly': {
        const stored = offsets.filter(() => this.#dice.chance(0.5))
        this.#store(stored)
        resolve(offsets.map(offset => ({ ...place(offset), error: stored.includes(offset) ? null : this.#error() })))
        return
      }
      case 'silent':
        resolve([])
        return
    }
    reject(this.#error())
  }

  #store(offsets: readonly CommittedOffset[]): void {
    for (const offset of offsets) this.#offsets.set(partitionName(offset.topic, offset.partition), offset)
  }

  #later(ms: number, fn: () => void): void {
    this.underWay++
    this.#clock.after(ms, () => {
      this.underWay--
      fn()
    })
  }

  #error(): MillraceError {
    return new MillraceError('SIMULATED', 'the storage had trouble', { retriable: this.#dice.chance(0.8) })
  }
}

/** One process's connection to it. */
export class StorageConnection implements OffsetStorage {
  readonly #storage: SimulatedStorage
  readonly #sending: (offsets: readonly CommittedOffset[]) => void

  constructor(storage: SimulatedStorage, sending: (offsets: readonly CommittedOffset[]) => void) {
    this.#storage = storage
    this.#sending = sending
  }

  load(partitions: readonly TopicPartition[]): Promise<readonly LoadResult[]> {
    return Promise.resolve(
      partitions.map(({ topic, partition }) => {
        return { topic, partition, error: null, committed: this.#storage.committed(topic, partition) }
      }),
    )
  }

  commit(offsets: readonly CommittedOffset[]): Promise<readonly StorageResult[]> {
    this.#sending(offsets)
    return this.#storage.commit(offsets)
  }
}

function tooLarge(place: TopicPartition): MillraceError {
  return new KafkaError(errorCodes.OFFSET_METADATA_TOO_LARGE, 'committing an offset', place)
}

function place({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition }
}
