import type { Clock } from '../../src/base/clock.ts'
import { MillraceError } from '../../src/base/errors.ts'
import type { AnyMessage } from '../../src/consumer/claim.ts'
import type { FailureDecision } from '../../src/consumer/failure-sink.ts'
import type { HandlerContext } from '../../src/work/context.ts'
import { type Decision, type Failure, HandlerTimeout, Poison, Retry } from '../../src/work/failure.ts'
import type { Seats } from '../../src/work/seats.ts'
import type { MessageBatch } from '../../src/work/verdicts.ts'
import { wrongBatch } from './batch-check.ts'
import type { ClaimModel } from './claim-model.ts'
import type { Dice } from './dice.ts'
import type { Run } from './run.ts'
import type { Fate, RouteScenario } from './scenario.ts'
import type { SimulatedClaim } from './simulated-claim.ts'
import { SimulatedThreads } from './simulated-threads.ts'
import type { Failing } from './tries.ts'

export interface HandlerParts {
  readonly dice: Dice
  readonly clock: Clock
  /** A sync handler that takes long. */
  readonly block: (ms: number) => void
  readonly claimOf: (message: AnyMessage) => SimulatedClaim
  /** An attempt is made on these, together. */
  readonly started: (messages: readonly AnyMessage[]) => void
  /** What keeps dead letters. */
  readonly deadLetter: FailureDecision
  /** From now on everything succeeds soon. */
  readonly calm: () => boolean
  readonly violated: (invariant: string, what: string) => void
}

/** What a user writes for a route: its handler, serdes and decisions do whatever the dice say, and tell the model. */
export class SimulatedHandler {
  readonly #scenario: RouteScenario
  readonly #parts: HandlerParts
  /** Null: handlers run where the consumer does. */
  readonly #threads: SimulatedThreads | null
  /** Messages whose handler was entered by this process. */
  readonly #entered = new WeakSet<AnyMessage>()

  constructor(scenario: RouteScenario, parts: HandlerParts) {
    this.#scenario = scenario
    this.#parts = parts
    const { dice, clock, violated } = parts
    const { threads: count, batch } = scenario
    // Batches do not run in threads.
    const threaded = count > 0 && batch === null
    this.#threads = threaded
      ? new SimulatedThreads({ count, dice, clock, violated: what => violated('threads', what) })
      : null
  }

  /** Of its threads; null: it has none. */
  get seats(): Seats<AnyMessage> | null {
    return this.#threads?.seats ?? null
  }

  /** `batch`: what may be said of single messages; null: there is one. */
  handle(messages: readonly AnyMessage[], context: HandlerContext, batch: MessageBatch<AnyMessage> | null): unknown {
    // What is decoded was started with that, and not all of a batch at once.
    if (!this.#scenario.decodes) this.#parts.started(messages)
    const runs = this.#enter(messages, context)
    const fate = this.#fate()
    if (batch !== null && this.#scenario.verdicts && !this.#parts.calm()) this.#say(batch, runs)
    const end = (failing: Failing | null) => {
      const { signal } = context
      const left = messages.length - runs.reduce((sum, { said }) => sum + said.size, 0)
      const gaveUp = failing !== null && signal.aborted && !(signal.reason instanceof HandlerTimeout)
      for (const run of runs) run.model.returned(run, { failing, alone: left === 1, gaveUp })
    }
    switch (fate) {
      case 'block':
        this.#parts.block(this.#parts.dice.int(50, 1_500))
        end(null)
        return 'done'
      case 'sync':
        end(null)
        return undefined
      case 'throw':
        end('error')
        throw 'thrown'
      case 'never':
        return new Promise(() => {})
      default:
        return this.#settleLater(fate, context, runs[0] as Run, end)
    }
  }

  /** A run for each partition that there are messages of. */
  #enter(messages: readonly AnyMessage[], { attempt }: HandlerContext): readonly Run[] {
    const { batch, decodes } = this.#scenario
    const wrong = batch === null ? null : wrongBatch(batch, messages)
    if (wrong !== null) this.#parts.violated('batches', wrong)
    const runs = [...Map.groupBy(messages, message => this.#modelOf(message))].map(([model, those]) => {
      const offsets = those.map(({ offset }) => offset)
      const waited = (message: AnyMessage) => this.#entered.has(message) && !model.isBack(message.offset)
      if (attempt > 1 && those.some(message => waited(message) && !message.detached)) model.keepsMemory(offsets)
      return model.entered(offsets, attempt, decodes || messages.length > 1)
    })
    for (const run of runs) run.companions = runs
    for (const message of messages) this.#entered.add(message)
    return runs
  }

  /** Says of some messages what became of them, now or later, whether or not it is still listened to. */
  #say(batch: MessageBatch<AnyMessage>, runs: readonly Run[]): void {
    const { dice, clock } = this.#parts
    if (dice.chance(0.5)) return
    for (const message of batch) {
      if (dice.chance(0.6)) continue
      const failing = dice.pick([null, null, 'error', 'poison'] as const)
      const say = () => {
        const model = this.#modelOf(message)
        const run = runs.find(each => each.model === model) as Run
        const counts = model.says(run, message.offset, failing)
        const error = failing === 'poison' ? new Poison('poison') : new Error('failed alone')
        const heard = failing === null ? batch.done(message) : batch.fail(message, error)
        if (heard !== counts) this.#parts.violated('batches', `${message.offset}: what was said of it counts: ${heard}`)
      }
      if (dice.chance(0.5)) say()
      else clock.after(dice.int(0, 30), say)
    }
  }

  decode(message: AnyMessage): void | Promise<void> {
    const { dice, clock, calm } = this.#parts
    const model = this.#modelOf(message)
    if (this.#scenario.batch === null) this.#parts.started([message])
    model.decoding(message.offset)
    const fate = calm() ? dice.pick(['sync', 'late'] as const) : dice.weighted(this.#scenario.decodeFates)
    const error = new MillraceError('DECODE', 'cannot be decoded', { retriable: fate === 'retriable' })
    if (fate === 'sync') return
    if (fate === 'fail' || (fate === 'retriable' && dice.chance(0.5))) {
      model.undecoded(message.offset)
      throw error
    }
    return new Promise((resolve, reject) => {
      if (fate === 'never') return
      clock.after(dice.int(0, 10), () => {
        if (fate === 'late') resolve()
        else {
          model.undecoded(message.offset)
          reject(error)
        }
      })
    })
  }

  decide(failure: Failure<AnyMessage>): FailureDecision | Promise<FailureDecision> {
    const { dice, clock, calm, deadLetter } = this.#parts
    const { message } = failure
    const model = this.#modelOf(message)
    const what = calm()
      ? 'skip'
      : dice.weighted<Decision | 'keep' | 'nonsense' | 'throw'>({
          ...{ skip: 5, leave: 5, hold: 5, keep: 5, 'skip-and-stop': 0.1, stop: 0.1 },
          ...{ nonsense: 0.04, throw: 0.04 },
        })
    const answer = (): FailureDecision => {
      if (what === 'keep') {
        model.keeps(failure, true)
        return deadLetter
      }
      // What is no decision stops the consumer.
      model.answered(message.offset, what === 'nonsense' || what === 'throw' ? 'stop' : what)
      if (what === 'throw') throw new Error('onFailure failed')
      return what as Decision
    }
    if (dice.chance(0.5)) return answer()
    return new Promise((resolve, reject) => {
      clock.after(dice.int(0, 30), () => {
        try {
          resolve(answer())
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  #modelOf(message: AnyMessage): ClaimModel {
    return this.#parts.claimOf(message).model
  }

  #fate(): Fate {
    const { calm, dice } = this.#parts
    const fate = calm() ? dice.pick(['sync', 'async'] as const) : dice.weighted(this.#scenario.fates)
    return this.#threads === null ? fate : (IN_THREADS[fate] ?? fate)
  }

  #settleLater(fate: Fate, { signal }: HandlerContext, run: Run, end: (failing: Failing | null) => void): unknown {
    const { dice, clock } = this.#parts
    const { timeoutMs, abandonMs } = this.#scenario
    const result = new Promise<void>((resolve, reject) => {
      let open = true
      const settle = (error: Error | null) => {
        if (!open) return
        open = false
        thread?.end()
        end(failingOf(error))
        if (error === null) resolve()
        else reject(error)
      }
      const thread = this.#threads?.run(() => run.stuck, settle)
      const after = (ms: number, error: Error | null) => void clock.after(ms, () => settle(error))
      const soon = dice.int(0, 20)
      const late = timeoutMs + dice.int(0, 2 * abandonMs)
      if (fate === 'fail') after(soon, new Error('failed'))
      else if (fate === 'retry') after(soon, new Retry({ afterMs: dice.int(0, 300) }))
      else if (fate === 'poison') after(soon, new Poison('poison'))
      else if (fate === 'die') clock.after(soon, thread?.die ?? (() => settle(new Error('died'))))
      else if (fate === 'late') after(late, null)
      else if (fate === 'late-failure') after(late, new Error('failed late'))
      else if (fate === 'obey') signal.addEventListener('abort', () => settle(signal.reason))
      else after(dice.pick([0, 0, soon]), null)
    })
    // biome-ignore lint/suspicious/noThenProperty: a handler may answer a promise of another kind
    return fate === 'thenable' ? { then: result.then.bind(result) } : result
  }
}

/** Nothing in a thread is over at once, and one that does not end is ended with its thread. */
const IN_THREADS: Partial<Record<Fate, Fate>> = {
  ...{ sync: 'async', block: 'async', throw: 'fail', thenable: 'async' },
  ...{ never: 'late-failure' },
}

function failingOf(error: Error | null): Failing | null {
  if (error instanceof Retry) return { afterMs: error.afterMs }
  if (error instanceof Poison) return 'poison'
  return error === null ? null : 'error'
}
