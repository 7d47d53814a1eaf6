import { constant, exponential } from '../../src/base/backoff.ts'
import { type Clock, sleep } from '../../src/base/clock.ts'
import type { AnyMessage } from '../../src/consumer/claim.ts'
import { deadLetter } from '../../src/consumer/dead-letter.ts'
import type { FailureSink, OnFailureOption, RetryPlace } from '../../src/consumer/failure-sink.ts'
import { resolveOptions } from '../../src/consumer/options.ts'
import { retryTopic } from '../../src/consumer/retry-topic.ts'
import { batch, type ConsumerRoute, consumerRoute, type RouteSpec, retryRoute } from '../../src/consumer/route.ts'
import type { Sinks } from '../../src/consumer/sinks.ts'
import type { Failure, OnFailure } from '../../src/work/failure.ts'
import type { Route } from '../../src/work/route.ts'
import type { ClaimModel } from './claim-model.ts'
import type { PaceModel } from './pace-model.ts'
import {
  deadLetterTopic,
  GROUP,
  isFiltered,
  PARKED,
  type RouteScenario,
  type Scenario,
  sourceTopic,
  type TopicScenario,
} from './scenario.ts'
import { type HandlerParts, SimulatedHandler } from './simulated-handler.ts'

/** A topic that is read, and how its messages are handled: made as a consumer makes it. */
export interface SimulatedRoute {
  readonly topic: TopicScenario
  readonly scenario: RouteScenario
  readonly route: ConsumerRoute
  /** As the dispatcher has it. */
  readonly work: Route<AnyMessage>
}

export interface RouteParts extends Omit<HandlerParts, 'deadLetter' | 'started'> {
  readonly pace: PaceModel
  /** What the process measures time with. */
  readonly workClock: Clock
  /** Where failures go, once it is known which topics are read. */
  readonly sinks: (retries: ReadonlyMap<string, RetryPlace>) => Sinks
  /** The route as it is watched by others. */
  readonly watched: (route: Route<AnyMessage>) => Route<AnyMessage>
}

/** Of all topics that a process reads. */
export function simulatedRoutes(
  { routes }: Scenario,
  topics: readonly TopicScenario[],
  parts: RouteParts,
): { readonly routes: readonly SimulatedRoute[]; readonly sinks: Sinks } {
  const { work } = resolveOptions({ brokers: ['simulated:9092'], group: GROUP })
  const sources = routes.map((scenario, route) => ({ scenario, ...written(route, scenario, parts) }))
  const specs = topics.map(topic => {
    const source = sources[topic.route] as (typeof sources)[number]
    // What waits there is handled by the same route.
    const retries = topic.tier === 0 ? null : retryRoute(source.spec, work, GROUP)
    return { topic, ...source, spec: retries ?? source.spec }
  })
  const retries = new Map(specs.flatMap(({ spec }) => [...(spec.retries ?? [])]))
  const sinks = parts.sinks(retries)
  return {
    sinks,
    routes: specs.map(({ topic, scenario, spec, handler }) => {
      const failed = () => {
        throw new Error('the filter failed')
      }
      const route = consumerRoute(spec, work, { clock: parts.workClock, failed })
      const onFailure = watched(sinks.onFailure(route.onFailure), scenario, message => parts.claimOf(message).model)
      const decode = scenario.decodes ? (message: AnyMessage) => handler.decode(message) : null
      const seats = handler.seats === null ? {} : { seats: handler.seats }
      return {
        topic,
        scenario,
        route,
        work: route.work(onFailure, work => parts.watched({ ...work, decode, ...seats }), null),
      }
    }),
  }
}

interface Written {
  readonly spec: RouteSpec
  readonly handler: SimulatedHandler
}

/** As its user wrote it. */
function written(route: number, scenario: RouteScenario, parts: RouteParts): Written {
  const { pace } = parts
  const dead = deadLetter(deadLetterTopic(route))
  const started = (messages: readonly AnyMessage[]) => pace.started(route, messages)
  const handler = new SimulatedHandler(scenario, { ...parts, deadLetter: dead, started })
  const files = simulatedFiles(parts)
  const { order, timeoutMs, abandonMs, attempts, backoff, redeliverMs, priority } = scenario
  const { expireAfterMs, rate, keyRate } = scenario
  const { minMs, maxMs } = backoff
  const spec: RouteSpec = {
    match: sourceTopic(route),
    options: {
      work: {
        ...{ order, timeoutMs, abandonMs, attempts, redeliverMs, priority },
        ...(rate && { rate }),
        ...(keyRate && { keyRate }),
        ...(expireAfterMs === null ? {} : { expireAfterMs }),
        backoff: minMs === maxMs ? constant(maxMs) : exponential(minMs, maxMs),
        filter: ({ offset }) => !isFiltered(scenario, offset),
        onFailure: onFailureOf(scenario, handler, { dead, files }),
      },
    },
    handler:
      scenario.batch === null
        ? (message, context) => handler.handle([message], context, null)
        : batch(scenario.batch, (messages, context) => handler.handle(messages, context, messages)),
  }
  return { handler, spec }
}

function onFailureOf(
  { onFailure, tiers, afterTiers }: RouteScenario,
  handler: SimulatedHandler,
  { dead, files }: { readonly dead: FailureSink; readonly files: FailureSink },
): OnFailureOption {
  if (onFailure === 'by-chance') return failure => handler.decide(failure)
  if (onFailure === 'dead-letter') return dead
  if (onFailure === 'park') return files
  if (onFailure !== 'retry-topic') return onFailure
  return retryTopic(
    tiers.map(delayMs => ({ delayMs })),
    afterTiers === 'dead-letter' ? dead : afterTiers,
  )
}

/** As `park()` makes them: slow, and sometimes impossible to write. */
function simulatedFiles({ dice, clock, calm, claimOf }: RouteParts): FailureSink {
  return {
    name: PARKED,
    create: false,
    topicsFor: () => [],
    keep: async ({ message }) => {
      await sleep(clock, dice.int(0, 20))
      if (!calm() && dice.chance(0.3)) throw new Error('no space left on device')
      claimOf(message).model.parked(message.offset)
      return 'skip'
    },
  }
}

/** Tells the model of what is to be kept elsewhere by the route itself. */
function watched(
  asked: OnFailure<AnyMessage>,
  { onFailure }: RouteScenario,
  modelOf: (message: AnyMessage) => ClaimModel,
): OnFailure<AnyMessage> {
  if (typeof asked !== 'function' || onFailure === 'by-chance') return asked
  return (failure: Failure<AnyMessage>) => {
    modelOf(failure.message).keeps(failure, false)
    return asked(failure)
  }
}
