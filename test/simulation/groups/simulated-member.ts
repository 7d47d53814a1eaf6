import { exponential } from '../../../src/base/backoff.ts'
import { MillraceError } from '../../../src/base/errors.ts'
import type { TopicPartition } from '../../../src/base/topic-partition.ts'
import type { AnyMessage } from '../../../src/consumer/claim.ts'
import { Consumer } from '../../../src/consumer/consumer.ts'
import { batch } from '../../../src/consumer/route.ts'
import type { HandlerContext } from '../../../src/work/context.ts'
import type { Decision, FailureReason } from '../../../src/work/failure.ts'
import type { Dice } from '../dice.ts'
import { errorText } from '../event-loop.ts'
import type { Journal } from '../journal.ts'
import type { LogMessage, PartitionLog } from '../partition-log.ts'
import { SimulatedBrokers } from '../simulated-brokers.ts'
import type { SimulatedClock } from '../simulated-clock.ts'
import type { Fate, GroupScenario } from './group-scenario.ts'
import { GroupWire } from './group-wire.ts'
import { Host, type HostClock } from './host.ts'
import type { Owner, OwnershipWatch, Run } from './ownership-watch.ts'
import { GROUP, type SimulatedCoordinator } from './simulated-coordinator.ts'

export const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

export interface MemberParts {
  readonly name: string
  readonly instanceId: string | null
  readonly scenario: GroupScenario
  readonly world: SimulatedClock
  readonly dice: Dice
  readonly journal: Journal
  readonly watch: OwnershipWatch
  readonly coordinator: SimulatedCoordinator
  readonly logs: readonly PartitionLog[]
  readonly logOf: (topic: string, partition: number) => PartitionLog
  /** Nothing goes wrong any more. */
  readonly calm: () => boolean
  readonly lookedUp: (log: PartitionLog, at: 'earliest' | 'latest') => void
  readonly ended: (member: SimulatedMember) => void
  /** Whether another process was given its instance id. */
  readonly usurped: () => boolean
}

/** One process with a whole consumer in it, of which only time, the network and the handlers are simulated. */
export class SimulatedMember implements Owner {
  readonly name: string
  readonly instanceId: string | null
  readonly abandonMs: number
  readonly consumer: Consumer
  readonly host: Host
  readonly wire: GroupWire
  /** It was told to close, or is closed. */
  closing = false
  ended = false
  readonly #parts: MemberParts
  readonly #clock: HostClock
  /** The clock of the handlers, whose timers may be left over. */
  readonly #hands: HostClock

  constructor(parts: MemberParts) {
    const { name, instanceId, scenario, world, dice, coordinator, watch, logs } = parts
    this.#parts = parts
    this.name = name
    this.instanceId = instanceId
    this.abandonMs = scenario.abandonMs
    this.host = new Host(world)
    this.#clock = this.host.clock()
    this.#hands = this.host.clock()
    const network = this.host.clock()
    this.wire = new GroupWire({
      clientId: name,
      host: this.host,
      clock: network,
      world,
      dice,
      coordinator,
      newest: scenario.newest,
      trouble: () => (parts.calm() ? 0 : scenario.groupTrouble),
      answered: (name, body, answer) => watch.answered(this, name, body, answer),
      received: (name, body, answer) => watch.received(this, name, body, answer),
    })
    const brokers = new SimulatedBrokers({
      clock: network,
      dice,
      logs,
      trouble: () => (parts.calm() ? 0 : scenario.brokerTrouble),
      pollMs: 100,
      lookedUp: parts.lookedUp,
    })
    this.consumer = this.#consumer(brokers)
  }

  get running(): boolean {
    return !this.ended && this.host.alive && (this.host.running || this.host.ahead > 0)
  }

  get ahead(): number {
    return this.host.ahead
  }

  get wokeAt(): number {
    return this.host.wokeAt
  }

  /** Begins to consume. */
  start(): void {
    this.#say('starts', this.instanceId ?? '')
    this.consumer.run().then(
      () => this.#end(null),
      error => this.#end(error),
    )
  }

  close(leave: boolean | undefined): void {
    if (this.closing) return
    this.closing = true
    this.#say('closes', leave === undefined ? '' : `leave: ${leave}`)
    this.host.run(() => void this.consumer.close(leave === undefined ? {} : { leave }))
  }

  kill(): void {
    this.#say('is killed')
    this.closing = this.ended = true
    this.host.kill()
    this.#parts.watch.gone(this)
    this.#parts.ended(this)
  }

  #end(error: unknown): void {
    this.#say('has ended', error === null ? '' : String(error))
    this.closing = this.ended = true
    const { journal, watch, ended } = this.#parts
    watch.gone(this)
    const fenced = error instanceof MillraceError && error.code === 'FENCED_INSTANCE_ID' && this.#parts.usurped()
    if (error !== null && !fenced) journal.violated('exception', `${this.name} ended: ${errorText(error)}`)
    const { timers } = this.#clock
    if (timers > 0) journal.violated('4', `${this.name}: ${timers} timers are left after the end`)
    // What still runs in it is nobody's concern.
    this.host.kill()
    ended(this)
  }

  // ── the consumer ────────────────────────────────────────────────────────────────────────────────────────────────────

  #consumer(client: SimulatedBrokers): Consumer {
    const { name, instanceId, scenario, dice, watch } = this.#parts
    const { drainMs, sessionTimeoutMs, heartbeatIntervalMs, rebalanceTimeoutMs, refreshMs } = scenario
    const told = (what: 'assigned' | 'revoked' | 'lost') => (partitions: readonly TopicPartition[]) => {
      const told = watch.told(this, what, partitions)
      if (dice.chance(0.5)) {
        told()
        return
      }
      const end = (resolve: () => void) => () => {
        told()
        resolve()
      }
      return new Promise<void>(
        resolve => void this.#hands.after(dice.int(0, Math.min(drainMs / 5, 1_000)), end(resolve)),
      )
    }
    const consumer = new Consumer(
      {
        brokers: ['simulated:9092'],
        group: GROUP,
        clientId: name,
        client,
        logger: quiet,
        ownership: {
          strategies: [...dice.pick(scenario.strategies)],
          ...(instanceId === null ? {} : { instanceId }),
          ...{ drainMs, sessionTimeoutMs, heartbeatIntervalMs, rebalanceTimeoutMs, refreshMs },
          onAssigned: told('assigned'),
          onRevoked: told('revoked'),
          onLost: told('lost'),
        },
        fetch: { reservoir: { messages: 50 } },
        work: {
          order: scenario.order,
          concurrency: scenario.concurrency,
          timeoutMs: scenario.timeoutMs,
          abandonMs: scenario.abandonMs,
          maxAbandoned: 10_000,
          attempts: 3,
          backoff: exponential(100, 1_000),
          redeliverMs: 1_000,
          onFailure: ({ reason }) => this.#decide(reason),
        },
        offsets: {
          start: scenario.start,
          commitIntervalMs: scenario.commitIntervalMs,
          metadataLimit: scenario.metadataLimit,
        },
      },
      { clock: this.#clock, random: dice.random, groupClient: this.wire },
    )
    for (const match of dice.pick(scenario.routes)) {
      if (scenario.batches) {
        const limits = { messages: 5, lingerMs: dice.int(0, 100) }
        consumer.topic(
          match,
          batch(limits, (messages, context) => this.#handle(messages, context)),
        )
      } else {
        consumer.topic(match, (message, context) => this.#handle([message], context))
      }
    }
    consumer.on('failed', ({ message }, decision) => {
      if (decision === 'skip') this.#parts.journal.handled(this.#logOf(message), this.#place(message))
    })
    return consumer
  }

  #logOf({ topic, partition }: AnyMessage): PartitionLog {
    return this.#parts.logOf(topic, partition)
  }

  #place(message: AnyMessage): LogMessage {
    const log = this.#logOf(message)
    const place = log.messages[log.indexOf(message.offset)]
    if (place?.offset !== message.offset) throw new Error(`${log.topic} has no message at ${message.offset}`)
    return place
  }

  // ── handlers ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #handle(messages: readonly AnyMessage[], { signal }: HandlerContext): unknown {
    const { dice, watch, calm, scenario } = this.#parts
    const log = this.#logOf(messages[0] as AnyMessage)
    const places = messages.map(message => this.#place(message))
    const run = watch.entered(this, log, places, signal)
    const fate = calm() ? dice.pick(['sync', 'async'] as const) : dice.weighted(scenario.fates)
    if (fate === 'never') return new Promise(() => {})
    if (fate === 'sync' || fate === 'block') {
      if (fate === 'block') this.host.block(dice.int(100, 1.5 * scenario.sessionTimeoutMs))
      watch.left(run, true)
      return undefined
    }
    return this.#settleLater(run, fate, signal)
  }

  #settleLater(run: Run, fate: Exclude<Fate, 'sync' | 'block' | 'never'>, signal: AbortSignal): Promise<void> {
    const { dice, watch, scenario } = this.#parts
    const { drainMs, slowMs, timeoutMs } = scenario
    const longest = {
      slow: slowMs,
      long: drainMs * 3,
      obey: timeoutMs,
      async: 50,
      fail: 50,
    }[fate]
    return new Promise((resolve, reject) => {
      const timer = this.#hands.after(dice.int(fate === 'long' ? drainMs : 0, longest), () => {
        watch.left(run, fate !== 'fail')
        if (fate === 'fail') reject(new Error('failed'))
        else resolve()
      })
      if (fate !== 'obey') return
      signal.addEventListener('abort', () => {
        timer.cancel()
        if (run.ended) return
        watch.left(run, false)
        reject(signal.reason)
      })
    })
  }

  /** What is left comes again, but not in this process if its handler was abandoned. */
  #decide(reason: FailureReason): Decision {
    const { dice, scenario, calm } = this.#parts
    return scenario.orderly || calm() || reason === 'abandoned' || dice.chance(0.5) ? 'skip' : 'leave'
  }

  #say(...what: (string | number)[]): void {
    this.#parts.journal.say(this.name, ...what)
  }
}
