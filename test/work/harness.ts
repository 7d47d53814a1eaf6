import { constant } from '../../src/base/backoff.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { HandlerContext } from '../../src/work/context.ts'
import { Dispatcher, type DispatcherOptions } from '../../src/work/dispatcher.ts'
import type { Decision, Failure } from '../../src/work/failure.ts'
import type { BatchLimits, BatchRoute, SingleRoute } from '../../src/work/route.ts'
import type { MessageBatch } from '../../src/work/verdicts.ts'
import { settled, VirtualClock } from '../virtual-clock.ts'
import type { FakeMessage } from './fake-claim.ts'

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

/** A dispatcher on a virtual clock, and all that it told. */
export class Harness {
  readonly clock = new VirtualClock(1_000)
  readonly dispatcher: Dispatcher<FakeMessage>
  readonly retries: { offset: number; attempts: number; inMs: number }[] = []
  readonly failures: (Failure<FakeMessage> & { decision: Decision })[] = []
  readonly timeouts: number[] = []
  readonly stuck: { offset: number; afterMs: number }[] = []
  readonly blocked: { offset: number; ms: number; among: number }[] = []
  readonly fatal: Error[] = []

  constructor(options: Partial<DispatcherOptions> = {}) {
    this.dispatcher = new Dispatcher({
      options: {
        concurrency: 16,
        perPartition: Number.POSITIVE_INFINITY,
        maxAbandoned: 64,
        maxUndone: 1_000,
        ...options,
      },
      clock: this.clock,
      random: seededRandom(1),
      logger: quiet,
      events: {
        retrying: ({ message, attempts }, inMs) => this.retries.push({ offset: message.offset, attempts, inMs }),
        failed: (failure, decision) => this.failures.push({ ...failure, decision }),
        timedOut: message => this.timeouts.push(message.offset),
        stuck: (message, afterMs) => this.stuck.push({ offset: message.offset, afterMs }),
        blocked: (message, ms, among) => this.blocked.push({ offset: message.offset, ms, among }),
        fatal: error => this.fatal.push(error),
      },
    })
  }

  /** Lets everything happen that needs no time. */
  async turn(): Promise<void> {
    await this.clock.advance(0)
    await settled()
  }
}

const policy = {
  order: 'key',
  timeoutMs: 60_000,
  abandonMs: 5_000,
  attempts: 3,
  backoff: constant(100),
  onFailure: 'skip',
  redeliverMs: 30_000,
  rate: null,
  keyRate: null,
  priority: 0,
  decode: null,
  once: false,
} as const

type Handle = (message: FakeMessage, context: HandlerContext) => unknown
type HandleBatch = (batch: MessageBatch<FakeMessage>, context: HandlerContext) => unknown

export function route(handle: Handle, overrides: Partial<SingleRoute<FakeMessage>> = {}): SingleRoute<FakeMessage> {
  return { ...policy, family: {}, ...overrides, batch: null, handle }
}

export function batchRoute(
  handle: HandleBatch,
  limits: Partial<BatchLimits> = {},
  overrides: Partial<Omit<BatchRoute<FakeMessage>, 'batch' | 'handle'>> = {},
): BatchRoute<FakeMessage> {
  return {
    ...policy,
    family: {},
    ...overrides,
    batch: { by: 'partition', messages: 100, bytes: 1_000_000, lingerMs: 50, ...limits },
    handle,
  }
}

/** A handler call that a test ends. */
export interface Call {
  readonly offsets: readonly number[]
  readonly context: HandlerContext
  resolve(): void
  reject(error: unknown): void
}

/** Handlers that run until a test ends them. */
export class Calls {
  /** Every call there was. */
  readonly all: Call[] = []
  readonly #running = new Set<Call>()

  readonly handle: Handle = (message, context) => this.#call([message], context)
  readonly handleBatch: HandleBatch = (messages, context) => this.#call(messages, context)

  /** Offsets of what runs now; those of a batch are joined by `+`. */
  get running(): string[] {
    return [...this.#running].map(call => call.offsets.join('+'))
  }

  /** The one that runs for this offset. */
  of(offset: number): Call {
    const call = [...this.#running].find(({ offsets }) => offsets.includes(offset))
    if (call === undefined) throw new Error(`nothing runs for ${offset}, but for ${this.running}`)
    return call
  }

  #call(messages: readonly FakeMessage[], context: HandlerContext): Promise<void> {
    return new Promise((resolve, reject) => {
      const call: Call = {
        offsets: messages.map(message => message.offset),
        context,
        resolve: () => {
          this.#running.delete(call)
          resolve()
        },
        reject: error => {
          this.#running.delete(call)
          reject(error)
        },
      }
      this.all.push(call)
      this.#running.add(call)
    })
  }
}
