import assert from 'node:assert/strict'
import {
  type Clock,
  type CloseOptions,
  Consumer,
  type ConsumerOptions,
  type HandlerContext,
  type Match,
  type Message,
  systemClock,
  type TopicPartition,
} from '../../src/index.ts'
import { until } from '../until.ts'
import { type Running, running } from './running.ts'

type Bytes = Message<Buffer | null, Buffer | null>

export interface MemberOptions extends Partial<Omit<ConsumerOptions, 'brokers' | 'group'>> {
  /** What its handler does; default: it takes a millisecond or two. */
  readonly handle?: (message: Bytes, context: HandlerContext) => unknown
  /** Time as it knows it. */
  readonly clock?: Clock
}

/** Quick to notice things, so that tests are. */
const quick = {
  heartbeatIntervalMs: 50,
  sessionTimeoutMs: 6_000,
  rebalanceTimeoutMs: 10_000,
  drainMs: 3_000,
  refreshMs: 100,
}

/** One group whose members are in this process, and what they handle together. */
export class Members implements AsyncDisposable {
  /** Names of messages in the order in which they were handled, as `topic-partition@offset`. */
  readonly handled: string[] = []
  /** Partitions that one member began to handle while another one did. */
  readonly overlaps: string[] = []
  readonly #connection: Pick<ConsumerOptions, 'brokers' | 'tls' | 'sasl'>
  readonly group: string
  readonly #members: Member[] = []
  /** Handlers that run, by partition. */
  readonly #busy = new Map<string, Set<{ readonly by: string }>>()

  constructor(connection: Pick<ConsumerOptions, 'brokers' | 'tls' | 'sasl'>, group: string) {
    this.#connection = connection
    this.group = group
  }

  /** A member that runs; `name` is its client id. */
  join(name: string, match: Match, options: MemberOptions = {}): Member {
    const { handle = () => new Promise(resolve => setTimeout(resolve, 1)), clock = systemClock, ...rest } = options
    const all = {
      ...this.#connection,
      group: this.group,
      clientId: name,
      logLevel: 'silent',
      ...rest,
      ownership: { ...quick, ...rest.ownership },
      fetch: { maxWaitMs: 50, ...rest.fetch },
      work: { abandonMs: 200, ...rest.work },
      offsets: { commitIntervalMs: 50, ...rest.offsets },
    } as const
    const consumer = new Consumer(all, { clock })
    consumer.topic(match, (message, context) => this.#handle(name, message, () => handle(message, context)))
    const member = new Member(name, consumer)
    this.#members.push(member)
    return member
  }

  /** Waits until so many messages are handled; then none was twice, and no two members were at one partition at once. */
  async handledOnce(count: number): Promise<void> {
    await until(`${count} messages are handled`, () => new Set(this.handled).size >= count)
    assert.equal(new Set(this.handled).size, count)
    assert.deepEqual(this.again, [])
    assert.deepEqual(this.overlaps, [])
  }

  /** What was handled more than once. */
  get again(): string[] {
    const seen = new Set<string>()
    return this.handled.filter(name => seen.size === seen.add(name).size)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.map(member => member[Symbol.asyncDispose]()))
  }

  async #handle(by: string, { topic, partition, offset }: Bytes, handle: () => unknown): Promise<void> {
    const name = `${topic}-${partition}`
    const busy = this.#busy.get(name) ?? new Set()
    this.#busy.set(name, busy)
    const others = [...busy].filter(other => other.by !== by)
    if (others.length > 0) this.overlaps.push(`${name}@${offset}: ${by} while ${others.map(other => other.by)}`)
    const running = { by }
    busy.add(running)
    try {
      await handle()
      this.handled.push(`${name}@${offset}`)
    } finally {
      busy.delete(running)
    }
  }
}

/** One member: what it owns, and what it was told. */
export class Member implements AsyncDisposable {
  readonly name: string
  readonly consumer: Consumer
  /** Events as `assigned t-0 t-1`, each list sorted. */
  readonly told: string[] = []
  readonly #run: Running

  constructor(name: string, consumer: Consumer) {
    this.name = name
    this.consumer = consumer
    for (const event of ['assigned', 'revoked', 'lost'] as const) {
      consumer.on(event, partitions => this.told.push([event, ...names(partitions)].join(' ')))
    }
    this.#run = running(consumer)
  }

  /** Partitions by name, sorted. */
  get owned(): string[] {
    return names(this.consumer.state().partitions)
  }

  get membership() {
    return this.consumer.state().ownership?.membership ?? null
  }

  /** What `run` rejected with. */
  get error() {
    return this.#run.error as (Error & { readonly code?: string }) | null
  }

  close(options?: CloseOptions) {
    return this.consumer.close(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run[Symbol.asyncDispose]()
  }
}

/**
 * Waits until these members own so many partitions together, each as many as the others or one more, and are settled in one
 * generation: who gave some up may own its share one generation before the others own theirs.
 */
export async function shared(partitions: number, ...members: readonly Member[]): Promise<void> {
  await until(`${members.map(({ name }) => name)} share ${partitions} partitions`, () => {
    const counts = members.map(({ owned }) => owned.length)
    const all = new Set(members.flatMap(({ owned }) => owned)).size
    const generations = new Set(members.map(({ membership }) => membership?.generation)).size
    const settled = members.every(({ membership }) => membership?.phase === 'stable')
    return all === partitions && Math.max(...counts) - Math.min(...counts) <= 1 && generations === 1 && settled
  })
}

function names(partitions: readonly TopicPartition[]): string[] {
  return partitions.map(({ topic, partition }) => `${topic}-${partition}`).sort()
}
