import type { Clock } from '../../src/base/clock.ts'
import type { MillraceError } from '../../src/base/errors.ts'
import { partitionName } from '../../src/base/topic-partition.ts'
import type { AnyMessage } from '../../src/consumer/claim.ts'
import { type Decision, type Failure, Poison } from '../../src/work/failure.ts'
import type { Journal } from './journal.ts'
import type { LogMessage, PartitionLog } from './partition-log.ts'
import { deadLetterTopic, PARKED, retryTopicName, type Scenario, sourceTopic, type TopicScenario } from './scenario.ts'

/** A message that is to be kept elsewhere, and what became of that. */
export interface Keeping {
  readonly message: LogMessage
  /** Where it was read first: topic, partition and offset. */
  readonly origin: string
  /** Null: nothing is written, `otherwise` is decided. */
  readonly topic: string | null
  readonly otherwise: Decision
  readonly attempts: number
  readonly reason: string
  /** Ms since 1970: when it was asked for. */
  readonly askedAt: number
  /** How much later it is to be handled again; null: never. */
  readonly delayMs: number | null
  acknowledged: boolean
}

/** What is written to dead-letter and retry topics: what failed and nothing else, as it was, to where it belongs. */
export class SinkModel {
  readonly #scenario: Scenario
  readonly #journal: Journal
  readonly #clock: Clock
  /** By where they were read first. A message that was written twice may fail twice at the same time. */
  readonly #keeping = new Map<string, Set<Keeping>>()

  constructor(scenario: Scenario, journal: Journal, clock: Clock) {
    this.#scenario = scenario
    this.#journal = journal
    this.#clock = clock
  }

  /** A message of this topic failed, and is to be kept; `deadLetter`: in the topic of dead letters whatever its route says. */
  asked(
    { tier, route }: TopicScenario,
    log: PartitionLog,
    message: LogMessage,
    { error, reason, attempts }: Failure<AnyMessage>,
    deadLetter: boolean,
  ): Keeping {
    const { onFailure, tiers, afterTiers } = this.#scenario.routes[route] as Scenario['routes'][number]
    const hopeless = error instanceof Poison || (reason === 'decode' && !(error as MillraceError).retriable)
    const delayMs = deadLetter || onFailure !== 'retry-topic' || hopeless ? null : (tiers[tier] ?? null)
    const parks = onFailure === 'park' && !deadLetter
    const dead = !parks && (deadLetter || onFailure === 'dead-letter' || afterTiers === 'dead-letter')
    const last = parks ? PARKED : dead ? deadLetterTopic(route) : null
    const keeping: Keeping = {
      ...{ message, reason, delayMs },
      origin: originOf(log, message),
      topic: delayMs === null ? last : retryTopicName(sourceTopic(route), tier + 1),
      otherwise: dead || parks ? 'hold' : (afterTiers as Decision),
      attempts: attempts + Number(message.headers.get('millrace.attempts') ?? 0),
      askedAt: this.#clock.wallTime(),
      acknowledged: false,
    }
    const others = this.#keeping.get(keeping.origin) ?? new Set()
    this.#keeping.set(keeping.origin, others.add(keeping))
    return keeping
  }

  /** It was decided; what is still under way of it may be written later. */
  decided(keeping: Keeping): Decision {
    if (keeping.acknowledged) return 'skip'
    return keeping.topic === null ? keeping.otherwise : 'hold'
  }

  /** A message is in a file. */
  parked(log: PartitionLog, message: LogMessage): void {
    for (const keeping of this.#keeping.get(originOf(log, message)) ?? []) {
      if (keeping.topic === PARKED) keeping.acknowledged = true
    }
  }

  /** A batch is in the log; answers what is to be done when its producer hears of it. */
  written(log: PartitionLog, messages: readonly LogMessage[]): () => void {
    const kept = messages.flatMap(message => this.#keepingOf(log, message))
    return () => {
      for (const keeping of kept) keeping.acknowledged = true
    }
  }

  #keepingOf(log: PartitionLog, message: LogMessage): Keeping[] {
    const said = (name: string) => message.headers.get(`millrace.${name}`)
    const origin = `${partitionName(String(said('topic')), Number(said('partition')))} ${said('offset')}`
    const asked = [...(this.#keeping.get(origin) ?? [])]
    const fitting = asked.filter(({ topic, attempts, reason, delayMs, askedAt, message: before }) => {
      const inMs = delayMs === null ? null : Number(said('due')) - askedAt - delayMs
      const due = inMs === null ? said('due') === undefined : inMs >= 0 && inMs <= this.#clock.wallTime() - askedAt
      const same = before.key === message.key && before.value.equals(message.value)
      return same && due && topic === log.topic && said('attempts') === String(attempts) && said('reason') === reason
    })
    if (fitting.length === 0) {
      const headers = [...message.headers].map(([name, value]) => `${name}=${value}`).join()
      this.#journal.violated(
        'sinks',
        `${origin} was written to ${log.topic} with ${headers}, and nobody asked for that`,
      )
    }
    return fitting
  }
}

function originOf(log: PartitionLog, { offset, headers }: LogMessage): string {
  const said = (name: string) => headers.get(`millrace.${name}`)
  const topic = said('topic')
  if (topic === undefined) return `${partitionName(log.topic, log.partition)} ${offset}`
  return `${partitionName(topic, Number(said('partition')))} ${said('offset')}`
}
