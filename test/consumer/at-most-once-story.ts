import { setImmediate as turn } from 'node:timers/promises'
import { HeldClock } from '../../src/base/held-clock.ts'
import { type Random, seededRandom } from '../../src/base/random.ts'
import {
  type Batch,
  batch,
  type CommittedOffset,
  Consumer,
  type HandlerContext,
  MemoryOffsetStorage,
  type Message,
  MillraceError,
  type OffsetStorage,
  type Order,
  type StorageResult,
  type TopicPartition,
  writeBatch,
} from '../../src/index.ts'
import { MemoryCluster } from '../../src/testing/memory-cluster.ts'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const PARTITIONS = 2
const MOST_STEPS = 20_000

export interface Story {
  readonly seed: number
  readonly order: Order
  readonly concurrency: number
  /** Messages of a batch; 0: they are handled one by one. */
  readonly batch: number
  readonly messages: number
  readonly keys: number
  /** How many of a hundred handlers hang, fail or end after their timeout. */
  readonly trouble: number
  /** Of how many of a hundred messages of a batch something is said. */
  readonly talk: number
  /** How many of a hundred commits go wrong. */
  readonly storageTrouble: number
  /** How long handlers may go on when a process closes. */
  readonly drainMs: number
  /** Each is a process: how many steps it makes, and how it ends. */
  readonly processes: readonly { readonly steps: number; readonly end: 'crash' | 'close' }[]
}

export interface Told {
  /** What must not be, in words; null: all was well. */
  readonly violation: string | null
  /** Messages whose handler was never entered. */
  readonly missed: number
  readonly entered: number
}

/**
 * Consumers that handle at most once, one after another, with an offset storage between them in which commits are slow, fail, or are made
 * and never answered. All of it is decided by the story.
 */
export async function tell(story: Story): Promise<Told> {
  const random = seededRandom(story.seed)
  const storage = new MemoryOffsetStorage()
  const entered = new Map<string, number>()
  const log = (clock: HeldClock) => {
    const cluster = new MemoryCluster(clock, new Map([['orders', PARTITIONS]]))
    for (let partition = 0; partition < PARTITIONS; partition++) {
      for (let at = 0; at < story.messages; at += 20) {
        const count = Math.min(20, story.messages - at)
        const records = Array.from({ length: count }, (_, n) => ({ key: `k${(at + n) % story.keys}`, value: 'x' }))
        void cluster.produce([{ topic: 'orders', partition, records: writeBatch(records) }])
      }
    }
    return cluster
  }
  const all = PARTITIONS * story.messages
  for (const { steps, end } of [...story.processes, { steps: MOST_STEPS, end: 'close' as const }]) {
    const last = steps === MOST_STEPS
    const process = new Process({ ...story, ...(last ? { storageTrouble: 0 } : {}) }, random, storage, entered, log)
    for (let step = 0; step < steps && process.violation === null; step++) {
      await process.step()
      if (last && process.done === all) break
    }
    if (end === 'crash') process.crash()
    else await process.close()
    if (process.violation !== null) return { violation: process.violation, missed: 0, entered: entered.size }
    if (last && process.committed < all)
      return { violation: 'it never got to the end', missed: 0, entered: entered.size }
  }
  return { violation: null, missed: all - entered.size, entered: entered.size }
}

interface Pending {
  readonly offsets: readonly CommittedOffset[]
}

/** One process, with a clock of its own that stands still once it has crashed. */
class Process implements OffsetStorage {
  violation: string | null = null
  readonly #story: Story
  readonly #random: Random
  readonly #storage: MemoryOffsetStorage
  readonly #entered: Map<string, number>
  readonly #clock = new HeldClock()
  readonly #consumer: Consumer
  readonly #run: Promise<void>
  readonly #pending = new Set<Pending>()
  /** By partition, the highest commit that this process has been told of. */
  readonly #acknowledged = new Map<number, number>()
  #dead = false

  constructor(
    story: Story,
    random: Random,
    storage: MemoryOffsetStorage,
    entered: Map<string, number>,
    log: (clock: HeldClock) => MemoryCluster,
  ) {
    this.#story = story
    this.#random = random
    this.#storage = storage
    this.#entered = entered
    const { order, concurrency } = story
    this.#consumer = new Consumer(
      {
        brokers: ['nowhere:9092'],
        client: log(this.#clock),
        group: 'shop',
        logger: quiet,
        work: { order, concurrency, timeoutMs: 200, abandonMs: 50, maxAbandoned: 1_000_000 },
        offsets: { mode: 'at-most-once', storage: this },
      },
      { clock: this.#clock, random },
    ).topic(
      { topic: 'orders', partitions: [...Array(PARTITIONS).keys()] },
      story.batch === 0
        ? (message, context) => this.#handle([message], context)
        : batch({ messages: story.batch, lingerMs: 20 }, (batch, context) => {
            for (const message of batch) this.#say(batch, message)
            return this.#handle(batch, context)
          }),
    )
    this.#run = this.#consumer.run()
    this.#run.catch(error => {
      this.violation ??= `it ended with ${error}`
    })
  }

  get committed(): number {
    return this.#storage.committed.reduce((sum, { offset }) => sum + offset, 0)
  }

  get done(): number {
    return this.#consumer.state().partitions.reduce((sum, { done }) => sum + done, 0)
  }

  async step(): Promise<void> {
    await turn()
    this.#clock.step()
  }

  /** What was under way is made or not, and nobody hears of it. */
  crash(): void {
    this.#dead = true
    for (const { offsets } of this.#pending) if (this.#random() < 0.5) void this.#storage.commit(offsets)
  }

  async close(): Promise<void> {
    let closed = false
    const closing = this.#consumer.close({ drainMs: this.#story.drainMs }).then(() => {
      closed = true
    })
    while (!closed) await this.step()
    await closing
    this.#dead = true
  }

  #say(batch: Batch, message: Message): void {
    if (this.#random() * 100 >= this.#story.talk) return
    if (this.#random() < 0.5) batch.done(message)
    else batch.fail(message, new Error('bad'))
  }

  #handle(messages: readonly Message[], { signal }: HandlerContext): unknown {
    if (this.#dead) return new Promise(() => {})
    for (const { partition, offset } of messages) {
      const name = `${partition}@${offset}`
      const times = (this.#entered.get(name) ?? 0) + 1
      this.#entered.set(name, times)
      const acknowledged = this.#acknowledged.get(partition) ?? -1
      if (times > 1) this.violation ??= `${name} was handled ${times} times`
      if (acknowledged <= offset) this.violation ??= `${name} was handled, and ${acknowledged} acknowledged`
    }
    const bad = this.#random() * 100 < this.#story.trouble
    const fate = this.#random()
    if (fate < 0.3) {
      if (bad) throw new Error('bad')
      return undefined
    }
    const ms = fate * 40
    return new Promise<void>((resolve, reject) => {
      if (!bad) this.#clock.after(ms, resolve)
      else if (fate < 0.6) this.#clock.after(ms, () => reject(new Error('bad')))
      else if (fate < 0.8) signal.addEventListener('abort', () => reject(signal.reason))
    })
  }

  load(partitions: readonly TopicPartition[]) {
    return this.#storage.load(partitions)
  }

  commit(offsets: readonly CommittedOffset[]): Promise<readonly StorageResult[]> {
    const pending = { offsets }
    this.#pending.add(pending)
    const bad = this.#random() * 100 < this.#story.storageTrouble
    const made = this.#random() < 0.5
    return new Promise((resolve, reject) => {
      this.#clock.after(this.#random() * 30, () => {
        this.#pending.delete(pending)
        if (this.#dead) return
        if (!bad || made) void this.#storage.commit(offsets)
        if (bad) {
          reject(new MillraceError('SIMULATED', 'the storage had trouble', { retriable: true }))
          return
        }
        for (const { partition, offset } of offsets) this.#acknowledged.set(partition, offset)
        resolve(offsets.map(({ topic, partition }) => ({ topic, partition, error: null })))
      })
    })
  }
}
