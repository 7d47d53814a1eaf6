import type { Clock } from '../../src/base/clock.ts'
import { MillraceError } from '../../src/base/errors.ts'
import type { AnyMessage } from '../../src/consumer/claim.ts'
import type { HandlerContext } from '../../src/work/context.ts'
import { type Decision, Poison, Retry } from '../../src/work/failure.ts'
import type { Route } from '../../src/work/route.ts'
import type { Dice } from './dice.ts'
import type { Fate, RouteScenario } from './scenario.ts'
import type { SimulatedClaim } from './simulated-claim.ts'

export interface HandlerParts {
  readonly dice: Dice
  readonly clock: Clock
  /** A sync handler that takes long. */
  readonly block: (ms: number) => void
  readonly claimOf: (message: AnyMessage) => SimulatedClaim
  /** From now on everything succeeds soon. */
  readonly calm: () => boolean
}

/** A route whose handler, serdes and decisions do whatever the dice say, and tell the model. */
export function simulatedRoute(scenario: RouteScenario, parts: HandlerParts): Route<AnyMessage> {
  const handler = new SimulatedHandler(scenario, parts)
  const { order, timeoutMs, abandonMs, attempts, backoff, redeliverMs, batch } = scenario
  const policy = {
    ...{ order, timeoutMs, abandonMs, attempts, backoff, redeliverMs },
    onFailure: scenario.onFailure === 'by-chance' ? () => handler.decide() : scenario.onFailure,
    decode: scenario.decodes ? () => handler.decode() : null,
  }
  return batch === null
    ? { ...policy, batch, handle: (message, context) => handler.handle([message], context) }
    : { ...policy, batch, handle: (messages, context) => handler.handle(messages, context) }
}

class SimulatedHandler {
  readonly #scenario: RouteScenario
  readonly #parts: HandlerParts
  /** Messages whose handler was entered by this process. */
  readonly #entered = new WeakSet<AnyMessage>()

  constructor(scenario: RouteScenario, parts: HandlerParts) {
    this.#scenario = scenario
    this.#parts = parts
  }

  handle(messages: readonly AnyMessage[], context: HandlerContext): unknown {
    const { model } = this.#parts.claimOf(messages[0] as AnyMessage)
    const offsets = messages.map(message => message.offset)
    const tried = context.attempt > 1 ? messages.filter(message => this.#entered.has(message)) : []
    if (tried.some(message => !message.detached)) model.keepsMemory(offsets)
    for (const message of messages) this.#entered.add(message)
    const run = model.entered(offsets, context.attempt, this.#scenario.decodes || messages.length > 1)
    const fate = this.#fate()
    const end = (resolved: boolean) => model.returned(run, resolved)
    switch (fate) {
      case 'block':
        this.#parts.block(this.#parts.dice.int(50, 1_500))
        end(true)
        return 'done'
      case 'sync':
        end(true)
        return undefined
      case 'throw':
        end(false)
        throw 'thrown'
      case 'never':
        return new Promise(() => {})
      default:
        return this.#settleLater(fate, context, end)
    }
  }

  #fate(): Fate {
    if (this.#parts.calm()) return this.#parts.dice.pick(['sync', 'async'])
    return this.#parts.dice.weighted(this.#scenario.fates)
  }

  #settleLater(fate: Fate, { signal }: HandlerContext, end: (resolved: boolean) => void): unknown {
    const { dice, clock } = this.#parts
    const { timeoutMs, abandonMs } = this.#scenario
    const late = timeoutMs + dice.int(0, 2 * abandonMs)
    const result = new Promise<void>((resolve, reject) => {
      const after = (ms: number, error: Error | null) => {
        clock.after(ms, () => {
          end(error === null)
          if (error === null) resolve()
          else reject(error)
        })
      }
      if (fate === 'fail') after(dice.int(0, 20), new Error('failed'))
      else if (fate === 'retry') after(dice.int(0, 20), new Retry({ afterMs: dice.int(0, 300) }))
      else if (fate === 'poison') after(dice.int(0, 20), new Poison('poison'))
      else if (fate === 'late') after(late, null)
      else if (fate === 'late-failure') after(late, new Error('failed late'))
      else if (fate === 'obey') {
        signal.addEventListener('abort', () => {
          end(false)
          reject(signal.reason)
        })
      } else after(dice.pick([0, 0, dice.int(0, 20)]), null)
    })
    // biome-ignore lint/suspicious/noThenProperty: a handler may answer a promise of another kind
    return fate === 'thenable' ? { then: result.then.bind(result) } : result
  }

  decode(): void | Promise<void> {
    const { dice, clock, calm } = this.#parts
    const fate = calm() ? dice.pick(['sync', 'late'] as const) : dice.weighted(this.#scenario.decodeFates)
    const error = new MillraceError('DECODE', 'cannot be decoded', { retriable: fate === 'retriable' })
    if (fate === 'sync') return
    if (fate === 'fail' || (fate === 'retriable' && dice.chance(0.5))) throw error
    return new Promise((resolve, reject) => {
      if (fate === 'never') return
      clock.after(dice.int(0, 10), () => (fate === 'late' ? resolve() : reject(error)))
    })
  }

  decide(): Decision | Promise<Decision> {
    const { dice, clock, calm } = this.#parts
    if (calm()) return 'skip'
    const decision = dice.weighted<Decision>({ skip: 5, leave: 5, hold: 5, 'skip-and-stop': 0.1, stop: 0.1 })
    if (dice.chance(0.002)) throw new Error('onFailure failed')
    if (dice.chance(0.002)) return 'nonsense' as Decision
    if (dice.chance(0.5)) return decision
    return new Promise((resolve, reject) => {
      clock.after(dice.int(0, 30), () =>
        dice.chance(0.998) ? resolve(decision) : reject(new Error('onFailure failed')),
      )
    })
  }
}
