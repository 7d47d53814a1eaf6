import { exponential } from '../base/backoff.ts'
import type { Clock, Timer } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { Ending, HandlerProcess, ProcessFailure, ProcessListener, Report } from './handler-process.ts'

/** What a supervisor tells of one of its processes, counted from 1. */
export type ProcessEvent = { readonly process: number; readonly pid: number } & (
  | { readonly event: 'started' | 'running' }
  /** It was told to end, and did not. */
  | { readonly event: 'killed'; readonly afterMs: number }
  | ({ readonly event: 'ended'; readonly failure: ProcessFailure | null } & Ending)
  /** Nobody told it to end. */
  | ({ readonly event: 'died'; readonly failure: ProcessFailure | null; readonly againInMs: number } & Ending)
)

export interface ProcessParts {
  readonly clock: Clock
  readonly random: Random
  readonly start: (number: number, listener: ProcessListener) => HandlerProcess
  readonly tell: (event: ProcessEvent) => void
  /** It is a member of the group. */
  readonly running: () => void
  /** It died, and waits to be started again. */
  readonly died: (process: SupervisedProcess) => void
}

/** Somebody else has its instance id now. */
export const fencedCode = 'FENCED_INSTANCE_ID'
const backoff = exponential(1_000, 30_000)
/** What ran for so long was well: waits begin anew. */
const wellAfterMs = 60_000
/** How long one may take to end that has not told it yet, as its module is being loaded. */
const firstCloseMs = 30_000

/**
 * One place of a supervisor: the process that is there now, and after its death the next one.
 *
 * ```
 *    start()      it is a member
 *   ────────▶ starting ────────▶ running ────┐
 *                │ ▲                │        │ stop(), or replace(): then start() follows
 *           died │ │ backoff        │ died   ▼
 *                ▼ │                │      closing ────▶ ended
 *              waiting ◀────────────┘                      ▲
 *                └──────────────── stop() ─────────────────┘
 * ```
 */
export class SupervisedProcess {
  readonly number: number
  readonly #parts: ProcessParts
  #phase: 'waiting' | 'starting' | 'running' | 'closing' | 'ended' = 'ended'
  #process: HandlerProcess | null = null
  /** Until the next start, or until a process that is told to end is killed. */
  #timer: Timer | null = null
  #closeMs = firstCloseMs
  #leaves = false
  #attempts = 0
  #runningSince: number | null = null
  #failure: ProcessFailure | null = null
  #isMember = false
  #endedWell = true
  #gone = Promise.withResolvers<void>()
  /** Settles when it is a member again, or never will be. */
  #ready = Promise.withResolvers<void>()
  #stopped = false

  constructor(number: number, parts: ProcessParts) {
    this.number = number
    this.#parts = parts
  }

  /** Why the last one died, if it said so. */
  get failure(): ProcessFailure | null {
    return this.#failure
  }

  /** Whether the group still has it for a member, as far as that is known here. */
  get isMember(): boolean {
    return this.#isMember
  }

  /** Whether the last one ended because it was told to, and had committed what it did. */
  get endedWell(): boolean {
    return this.#endedWell
  }

  start(): void {
    this.#timer?.cancel()
    this.#phase = 'starting'
    this.#failure = null
    this.#endedWell = false
    this.#runningSince = null
    this.#closeMs = firstCloseMs
    this.#gone = Promise.withResolvers()
    this.#process = this.#parts.start(this.number, {
      reported: report => this.#reported(report),
      ended: ending => this.#ended(ending),
    })
    this.#tell({ event: 'started' })
  }

  /** The next try is now. */
  startNow(): void {
    if (this.#phase === 'waiting') this.start()
  }

  /** Lets it drain, commit and end, and starts the next one in its place; resolves when that is a member, however often it dies before. */
  async replace(): Promise<void> {
    this.#ready = Promise.withResolvers()
    if (this.#phase !== 'waiting') await this.#close(false)
    if (this.#stopped) return
    this.start()
    await this.#ready.promise
  }

  /** Lets it drain, commit, leave the group and end, for good; resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#ready.resolve()
    await this.#close(true)
  }

  /** Waits for no handler any more, if it is told to end. */
  hurry(): void {
    this.#process?.send({ order: 'hurry' })
  }

  kill(): void {
    this.#process?.kill()
  }

  #close(leave: boolean): Promise<void> {
    if (this.#phase === 'waiting') {
      this.#timer?.cancel()
      this.#phase = 'ended'
      this.#gone.resolve()
    } else if (this.#phase === 'starting' || this.#phase === 'running') {
      this.#phase = 'closing'
      this.#leaves = leave
      this.#process?.send({ order: 'close', leave })
      const afterMs = this.#closeMs
      this.#timer = this.#parts.clock.after(afterMs, () => {
        this.#tell({ event: 'killed', afterMs })
        this.kill()
      })
    }
    return this.#gone.promise
  }

  #reported(report: Report): void {
    if (report.report === 'failed') {
      this.#failure = report.failure
      if (report.failure.code === fencedCode) this.#isMember = false
    } else if (this.#phase === 'starting') {
      this.#phase = 'running'
      this.#isMember = true
      this.#closeMs = report.closeMs
      this.#runningSince = this.#parts.clock.now()
      this.#tell({ event: 'running' })
      this.#parts.running()
      this.#ready.resolve()
    }
  }

  #ended(ending: Ending): void {
    this.#timer?.cancel()
    if (this.#phase !== 'closing') {
      this.#died(ending)
      return
    }
    this.#phase = 'ended'
    this.#endedWell = ending.exitCode === 0
    if (this.#endedWell && this.#leaves) this.#isMember = false
    this.#tell({ event: 'ended', ...ending, failure: this.#failure })
    this.#process = null
    this.#gone.resolve()
  }

  #died(ending: Ending): void {
    const { clock, random, died } = this.#parts
    if (this.#runningSince !== null && clock.now() - this.#runningSince >= wellAfterMs) this.#attempts = 0
    this.#attempts += 1
    this.#phase = 'waiting'
    const againInMs = backoff(this.#attempts, random)
    this.#timer = clock.after(againInMs, () => this.start())
    this.#tell({ event: 'died', ...ending, failure: this.#failure, againInMs })
    this.#process = null
    died(this)
  }

  #tell(event: Event): void {
    this.#parts.tell({ process: this.number, pid: this.#process?.pid ?? -1, ...event })
  }
}

type Event = ProcessEvent extends infer E ? (E extends unknown ? Omit<E, 'process' | 'pid'> : never) : never
