import type { TopicPartition } from '../base/topic-partition.ts'
import type { Circuit, ProbeResult } from '../work/circuit.ts'
import type { HandlerContext } from '../work/context.ts'
import { HandlerTimeout } from '../work/failure.ts'
import { told } from '../work/invocation.ts'
import type { Route } from '../work/route.ts'
import { batchOf, type MessageBatch } from '../work/verdicts.ts'
import type { AnyMessage } from './claim.ts'

type CircuitOf = (place: TopicPartition) => Circuit
type Results = Map<AnyMessage, ProbeResult>

/** The same route, which tells circuits that are half open how their probes end. */
export function probing(route: Route<AnyMessage>, circuitOf: CircuitOf): Route<AnyMessage> {
  const probes = new Probes(circuitOf, route.timeoutMs + route.abandonMs)
  const { decode } = route
  const common = {
    decode:
      decode &&
      ((message: AnyMessage) => {
        probes.decodes(message)
        return decode(message)
      }),
    unentered: (failed: readonly AnyMessage[], others: readonly AnyMessage[]) => probes.unentered(failed, others),
  }
  if (route.batch === null) {
    const { handle } = route
    return {
      ...route,
      ...common,
      handle: (message: AnyMessage, context: HandlerContext) =>
        circuitOf(message).phase === 'closed'
          ? handle(message, context)
          : probes.handled([message], context, () => handle(message, context)),
    }
  }
  const { handle } = route
  return {
    ...route,
    ...common,
    handle: (batch: MessageBatch<AnyMessage>, context: HandlerContext) =>
      probes.handled(batch, context, said => handle(said === null ? batch : heard(batch, said), context)),
  }
}

/** What is started on the chance that it works again. A batch of several partitions may be the probe of several circuits. */
class Probes {
  readonly #circuitOf: CircuitOf
  readonly #withinMs: number
  /** The numbers of those that are being decoded. */
  readonly #decoding = new WeakMap<AnyMessage, number>()

  constructor(circuitOf: CircuitOf, withinMs: number) {
    this.#circuitOf = circuitOf
    this.#withinMs = withinMs
  }

  decodes(message: AnyMessage): void {
    const probe = this.#circuitOf(message).started(this.#withinMs)
    if (probe !== 0) this.#decoding.set(message, probe)
  }

  /** It ended before its handler was entered: these failed, and of the others that says nothing. */
  unentered(failed: readonly AnyMessage[], others: readonly AnyMessage[]): void {
    const messages = [...failed, ...others]
    const probes = this.#probesOf(messages, (_, message) => this.#decoded(message))
    this.#tell(probes, messages, new Map(failed.map(message => [message, 'failed'])), 'unknown')
  }

  /** Calls the handler, with where to write what it says of single messages: null if it probes nothing. */
  handled(
    messages: readonly AnyMessage[],
    { signal }: HandlerContext,
    handle: (said: Results | null) => unknown,
  ): unknown {
    const probes = this.#probesOf(messages, (circuit, message) => {
      return this.#decoded(message) || circuit.started(this.#withinMs)
    })
    if (probes.size === 0) return handle(null)
    const said: Results = new Map()
    const ended = (rest: ProbeResult) => this.#tell(probes, messages, said, rest)
    const rejected = () => ended(signal.aborted && !(signal.reason instanceof HandlerTimeout) ? 'unknown' : 'failed')
    return told(
      () => handle(said),
      () => ended('handled'),
      rejected,
    )
  }

  /** The circuits that these probe, and the numbers of the probes. */
  #probesOf(
    messages: readonly AnyMessage[],
    numberOf: (circuit: Circuit, message: AnyMessage) => number,
  ): ReadonlyMap<Circuit, number> {
    const probes = new Map<Circuit, number>()
    let place: TopicPartition | null = null
    let circuit: Circuit | null = null
    for (const message of messages) {
      // Most are of the partition of the one before.
      if (circuit === null || place?.partition !== message.partition || place.topic !== message.topic) {
        place = message
        circuit = this.#circuitOf(message)
      }
      if (circuit.phase === 'closed') continue
      const probe = numberOf(circuit, message)
      if (probe > (probes.get(circuit) ?? 0)) probes.set(circuit, probe)
    }
    return probes
  }

  /** The number of the probe that this is since it was decoded; 0: it is none. */
  #decoded(message: AnyMessage): number {
    const probe = this.#decoding.get(message) ?? 0
    if (probe !== 0) this.#decoding.delete(message)
    return probe
  }

  /** It works again when one message was handled; it does not when all of them failed. */
  #tell(
    probes: ReadonlyMap<Circuit, number>,
    messages: readonly AnyMessage[],
    said: ReadonlyMap<AnyMessage, ProbeResult>,
    rest: ProbeResult,
  ): void {
    for (const [circuit, probe] of probes) {
      const its = messages.filter(message => this.#circuitOf(message) === circuit)
      const results = its.map(message => said.get(message) ?? rest)
      const result = results.find(each => each === 'handled') ?? results.find(each => each === 'unknown') ?? 'failed'
      circuit.probed(probe, result)
    }
  }
}

/** The same batch, which writes down what its handler says of single messages. */
function heard(batch: MessageBatch<AnyMessage>, said: Results): MessageBatch<AnyMessage> {
  const hear = (message: AnyMessage, counts: boolean, result: ProbeResult) => {
    if (counts) said.set(message, result)
    return counts
  }
  return batchOf([...batch], {
    done: message => hear(message, batch.done(message), 'handled'),
    fail: (message, error) => hear(message, batch.fail(message, error), 'failed'),
  })
}
