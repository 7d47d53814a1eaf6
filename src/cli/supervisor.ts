import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import { CommandError, exitCodes } from './failure.ts'
import type { HandlerProcess, ProcessFailure, ProcessListener } from './handler-process.ts'
import { fencedCode, type ProcessEvent, SupervisedProcess } from './supervised-process.ts'

/** What happens, for those who watch. `restarting` and `restarted` are about all, one after another. */
export type SupervisorEvent = ProcessEvent | { readonly event: 'restarting' | 'restarted' | 'stopping' }

export interface SupervisorOptions {
  readonly processes: number
  readonly clock: Clock
  readonly random: Random
  /** Processes are counted from 1. */
  readonly start: (number: number, listener: ProcessListener) => HandlerProcess
  readonly tell: (event: SupervisorEvent) => void
}

/**
 * Keeps processes running: one that dies is started again, with waits that grow. It gives up when all of them die before one was ever
 * running, as they do when the module cannot be loaded, and when somebody else took the place of one in the group: both would go on
 * taking it from each other.
 */
export class Supervisor {
  readonly #tell: (event: SupervisorEvent) => void
  readonly #processes: readonly SupervisedProcess[]
  /** That died before any was running. */
  readonly #stillborn = new Set<SupervisedProcess>()
  readonly #ended = Promise.withResolvers<void>()
  #everRan = false
  #stopping = false
  #restarting = false
  #restartAgain = false
  #failure: ProcessFailure | null = null

  constructor({ processes, tell, ...parts }: SupervisorOptions) {
    this.#tell = tell
    const running = () => {
      this.#everRan = true
    }
    const died = (process: SupervisedProcess) => this.#died(process)
    this.#processes = Array.from({ length: processes }, (_, at) => {
      return new SupervisedProcess(at + 1, { ...parts, tell, running, died })
    })
  }

  /** Numbers of those that the group still has for members, after `run`. */
  get members(): readonly number[] {
    return this.#processes.filter(({ isMember }) => isMember).map(({ number }) => number)
  }

  /**
   * Resolves when all have ended after `stop`.
   *
   * @throws {CommandError} when it gave up, or when one did not end in good order
   */
  async run(): Promise<void> {
    for (const process of this.#processes) process.start()
    await this.#ended.promise
    if (this.#failure !== null) throw failed(this.#failure)
    const bad = this.#processes.filter(({ endedWell }) => !endedWell)
    if (bad.length === 0) return
    const who = this.#processes.length === 1 ? 'The process' : `${bad.length} of ${this.#processes.length} processes`
    const why = bad.find(({ failure }) => failure !== null)?.failure?.message ?? 'see above'
    const message = `${who} did not end in good order: ${why}. What was handled and not committed comes again`
    throw new CommandError(exitCodes.failure, 'ENDED_BADLY', message)
  }

  /** Lets all drain, commit, leave the group and end. */
  stop(): void {
    if (this.#stopping) return
    this.#stopping = true
    this.#tell({ event: 'stopping' })
    void Promise.all(this.#processes.map(process => process.stop())).then(() => this.#ended.resolve())
  }

  /** Waits for no handler any more. */
  hurry(): void {
    for (const process of this.#processes) process.hurry()
  }

  /** Ends all at once. */
  kill(): void {
    for (const process of this.#processes) process.kill()
  }

  /**
   * Replaces one process after another: each has become a member before the next one ends, so one that does not come up leaves the
   * others as they are. Asked again meanwhile, it tries at once what waits, and does it all again afterwards.
   */
  restart(): void {
    if (this.#stopping) return
    this.#restartAgain = true
    if (this.#restarting) for (const process of this.#processes) process.startNow()
    else void this.#restart()
  }

  async #restart(): Promise<void> {
    this.#restarting = true
    this.#tell({ event: 'restarting' })
    while (this.#restartAgain) {
      this.#restartAgain = false
      for (const process of this.#processes) {
        await process.replace()
        if (this.#stopping) return
      }
    }
    this.#restarting = false
    this.#tell({ event: 'restarted' })
  }

  #died(process: SupervisedProcess): void {
    const { failure } = process
    if (!this.#everRan) this.#stillborn.add(process)
    const hopeless = !this.#everRan && this.#stillborn.size === this.#processes.length
    if (!hopeless && failure?.code !== fencedCode) return
    this.#failure ??= failure ?? {
      code: 'STILLBORN',
      message: 'Every process died before it was a member of the group',
      exitCode: exitCodes.failure,
    }
    this.stop()
  }
}

function failed({ code, message, exitCode }: ProcessFailure): CommandError {
  return new CommandError(exitCode, code, message)
}
