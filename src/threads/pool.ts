import type { Piscina } from 'piscina'
import { type Clock, systemClock } from '../base/clock.ts'
import { ClosedError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Message, PackedMessage } from '../records/message.ts'
import type { HandlerContext } from '../work/context.ts'
import { Undecoded } from '../work/failure.ts'
import { Seats } from '../work/seats.ts'
import { type Introduction, type Outcome, type Report, type Task, type ThreadData, unpackError } from './crossing.ts'
import { HandlerModuleError, HandlerTerminated, NotCloneable, ThreadEnded } from './errors.ts'
import { loadLibrary } from './library.ts'
import { Line, type LineEvents } from './line.ts'
import { SignalRelay } from './signal-relay.ts'

type AnyMessage = Message<unknown, unknown>

/** How long a thread that is ended may go on before its handler is left to itself: one that is in native code cannot be ended before that returns. */
export const END_MS = 5_000
/** How long the end of all threads is waited for: those that would take long were waited for before, as their handlers were. */
const CLOSE_MS = 1_000
/** Loading that takes longer is told: it may never end. */
const LOAD_MS = 10_000
const source = import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js'

export interface ThreadPoolParts {
  readonly size: number
  readonly clock: Clock
  readonly logger: Logger
  /** Its threads cannot do what they are for. */
  readonly fatal: (error: Error) => void
}

/** A route whose handler runs in threads. */
export interface ThreadedRoute {
  readonly name: string
  readonly module: URL
  /** Whether the route has serdes of its own. */
  readonly key: boolean
  readonly value: boolean
  readonly timeoutMs: number
  readonly abandonMs: number
}

/** The threads of a consumer. */
export interface ThreadPoolState {
  /** Threads that are wanted: `work.threads`. */
  readonly size: number
  /** Threads that have loaded their handler modules. */
  readonly ready: number
  /** Of these, those that run a handler. */
  readonly busy: number
  /** Threads that ended before the consumer did, and whose place others took: they were ended because a handler would not stop, or died. */
  readonly replaced: number
}

/**
 * Runs handlers in threads, one at a time in each. Which thread a message goes to is decided here, as its signal must reach it; the library
 * makes the threads, gives them their tasks, notices when one dies, and makes another.
 */
export class ThreadPool implements LineEvents {
  /** One for each thread that is ready. */
  readonly seats = new Seats<AnyMessage>()
  readonly #parts: ThreadPoolParts
  readonly #modules: string[] = []
  readonly #routes: ThreadedRoute[] = []
  /** Until they are gone. */
  readonly #lines = new Map<number, Line>()
  /** Threads that the library can give tasks to before they have introduced themselves. */
  readonly #served = new Set<number>()
  readonly #started = Promise.withResolvers<void>()
  #pool: Piscina | null = null
  /** Whom the next task is for. */
  #chosen: Line | null = null
  /** Who waits for a thread that is ready. */
  readonly #waiting = new Set<() => void>()
  #tasks = 0
  #replaced = 0
  /** Some thread has been ready. */
  #working = false
  #closed = false

  constructor(parts: ThreadPoolParts) {
    this.#parts = parts
    // It may fail before anybody waits for it.
    this.#started.promise.catch(() => {})
  }

  get state(): ThreadPoolState {
    const lines = [...this.#lines.values()].filter(({ ready }) => ready)
    const busy = lines.filter(line => line.busy).length
    return { size: this.#parts.size, ready: lines.length, busy, replaced: this.#replaced }
  }

  /** A handler that handles in a thread. Only before the start. */
  handler(route: ThreadedRoute): (message: AnyMessage, context: HandlerContext) => Promise<void> {
    this.#routes.push(route)
    const { href } = route.module
    if (!this.#modules.includes(href)) this.#modules.push(href)
    const module = this.#modules.indexOf(href)
    return (message, context) => this.#handle(module, route, message, context)
  }

  /**
   * Resolves once a thread is ready.
   *
   * @throws {MillraceError} `MISSING_PACKAGE`
   * @throws {HandlerModuleError}
   */
  start(): Promise<void> {
    const { size } = this.#parts
    const workerData: ThreadData = { modules: this.#modules }
    const { Piscina } = loadLibrary()
    this.#pool = new Piscina({
      filename: new URL(source, import.meta.url).href,
      name: 'handle',
      minThreads: size,
      maxThreads: size,
      maxQueue: size,
      // Threads must not stand still while they have nothing to do: what handlers keep open needs its event loop.
      atomics: 'disabled',
      recordTiming: false,
      workerData,
      loadBalancer: (_task, workers) => workers.find(({ id }) => id === this.#chosen?.thread) ?? null,
    })
    this.#pool.on('workerCreate', ({ id }: { id: number }) => this.#serve(id))
    this.#pool.on('message', (introduction: Introduction) => this.#introduced(introduction))
    this.#pool.on('error', (error: Error) => this.#died(error))
    const slow = this.#parts.clock.after(LOAD_MS, () => {
      const text = `no thread has loaded its handler modules for ${LOAD_MS} ms: they may await what never comes as they are loaded`
      this.#parts.logger.warn({ modules: this.#modules }, text)
    })
    return this.#started.promise.finally(() => slow.cancel())
  }

  /** Ends all threads. What runs in them ends where it is. */
  async close(): Promise<void> {
    this.#closed = true
    this.#started.reject(new ClosedError('The consumer'))
    this.#wake()
    if (this.#pool === null) return
    const late = Promise.withResolvers<void>()
    // Threads end in real time, whatever a test does with the clock.
    const timer = systemClock.after(CLOSE_MS, () => late.resolve())
    await Promise.race([this.#pool.destroy(), late.promise])
    timer.cancel()
    for (const line of this.#lines.values()) line.close()
  }

  // ── threads ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #introduced(introduction: Introduction): void {
    const line = new Line(introduction, this)
    this.#lines.set(line.thread, line)
    line.served = this.#served.delete(line.thread)
    void line.gone.then(() => this.#lines.delete(line.thread))
    if (this.#closed) line.close()
  }

  #serve(thread: number): void {
    const line = this.#lines.get(thread)
    if (line === undefined) {
      this.#served.add(thread)
      return
    }
    line.served = true
    if (line.ready) this.#isReady()
  }

  reported(line: Line, report: Report): void {
    if ('log' in report) this.#parts.logger[report.log](report.fields, report.text)
    else if ('unloadable' in report) {
      const cause = unpackError(report.unloadable)
      this.#fail(new HandlerModuleError(report.module, `does not load: ${cause.name}: ${cause.message}`, cause))
    } else {
      const twice = this.#serdeTwice(report.ready)
      if (twice !== null) this.#fail(twice)
      line.loaded = true
      if (line.ready) this.#isReady()
    }
  }

  lost(line: Line): void {
    if (this.#closed) return
    if (line.loaded && line.served) {
      this.#replaced++
      this.seats.resize(-1)
    } else this.#fail(new HandlerModuleError(this.#modules.join(' or '), 'ended its thread while it was loaded'))
  }

  /** A thread that ran no handler. */
  #died(error: Error): void {
    if (this.#closed) return
    if (this.#working)
      this.#parts.logger.warn({ err: error }, `a thread ended while it ran no handler: ${error.message}`)
    else this.#fail(new HandlerModuleError(this.#modules.join(' or '), `ended its thread: ${error.message}`, error))
  }

  #isReady(): void {
    this.#working = true
    this.#started.resolve()
    this.#wake()
    this.seats.resize(1)
  }

  #fail(error: Error): void {
    this.#started.reject(error)
    this.#parts.fatal(error)
  }

  #serdeTwice(modules: readonly { readonly key: boolean; readonly value: boolean }[]): Error | null {
    for (const { name, module, ...own } of this.#routes) {
      const brought = modules[this.#modules.indexOf(module.href)]
      const both = (['key', 'value'] as const).find(part => own[part] && brought?.[part])
      if (both === undefined) continue
      return new HandlerModuleError(module.href, `has a serde for the ${both}, and ${name} has one too: remove one`)
    }
    return null
  }

  // ── handling ────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #handle(module: number, route: ThreadedRoute, message: AnyMessage, context: HandlerContext): Promise<void> {
    const { attempt, deadline, signal } = context
    const line = this.#take() ?? (await this.#nextFree(signal))
    const task: Task = { number: ++this.#tasks, module, message: message.packed(), attempt, deadline }
    const relay = new SignalRelay({ signal, line, number: task.number, route, clock: this.#parts.clock })
    let outcome: Outcome
    try {
      outcome = await this.#run(line, task, relay.end)
    } catch (thrown) {
      const error = toError(thrown)
      if ((route.key || route.value) && error.name === 'DataCloneError')
        throw new Undecoded(new NotCloneable(message, error))
      const ended = relay.end.aborted
        ? new HandlerTerminated(message, route.abandonMs)
        : new ThreadEnded(message, error)
      line.lose()
      // Its thread may still be at work, and the message's key has to wait for that.
      await line.gone
      throw ended
    } finally {
      relay.close()
      line.busy = false
      this.#wake()
    }
    if (outcome === null) return
    const error = unpackError(outcome.error)
    throw outcome.undecoded ? new Undecoded(error) : error
  }

  #run(line: Line, task: Task, signal: AbortSignal): Promise<Outcome> {
    const pool = this.#pool as Piscina
    // The library asks at once whom it is for.
    this.#chosen = line
    try {
      return pool.run(task, { signal, transferList: movable(task.message) })
    } finally {
      this.#chosen = null
    }
  }

  #take(): Line | null {
    // The library may know that a thread died before its line does.
    const alive = new Set(this.#pool?.threads.map(({ threadId }) => threadId))
    for (const line of this.#lines.values()) {
      if (!line.ready || line.busy || !alive.has(line.thread)) continue
      line.busy = true
      return line
    }
    return null
  }

  /** There was one when the message was started, and it has died since. */
  async #nextFree(signal: AbortSignal): Promise<Line> {
    for (;;) {
      signal.throwIfAborted()
      if (this.#closed) throw new ClosedError('The consumer')
      const line = this.#take()
      if (line !== null) return line
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiting.add(resolve)
      signal.addEventListener('abort', () => resolve(), { once: true })
      await promise
      this.#waiting.delete(resolve)
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
  }
}

/** Moved, and not copied once more. */
function movable({ bytes, key, value }: PackedMessage): ArrayBuffer[] {
  const fields = [key, value].flatMap(field => (field !== null && 'bytes' in field ? [field.bytes.buffer] : []))
  return [bytes.buffer, ...fields]
}
