import { exponential } from '../../src/base/backoff.ts'
import type { AnyMessage, Claim, ClaimHost } from '../../src/consumer/claim.ts'
import { dueAt } from '../../src/consumer/failure-headers.ts'
import { Sinks } from '../../src/consumer/sinks.ts'
import { WorkLog } from '../../src/consumer/work-log.ts'
import type { Fetching } from '../../src/fetch/fetching.ts'
import { CommitLoop } from '../../src/offsets/commit-loop.ts'
import { MetadataLimit } from '../../src/offsets/gaps.ts'
import { Progress } from '../../src/offsets/progress.ts'
import type { CommittedOffset } from '../../src/offsets/storage.ts'
import { Dispatcher } from '../../src/work/dispatcher.ts'
import type { WorkEvents } from '../../src/work/events.ts'
import { ClaimModel } from './claim-model.ts'
import type { Dice } from './dice.ts'
import type { Journal } from './journal.ts'
import { PaceModel } from './pace-model.ts'
import type { PartitionLog } from './partition-log.ts'
import { type Missing, ProcessModel } from './process-model.ts'
import { GROUP, type Scenario, type TopicScenario } from './scenario.ts'
import { SimulatedBreaker } from './simulated-breaker.ts'
import { SimulatedBrokers } from './simulated-brokers.ts'
import { SimulatedClaim } from './simulated-claim.ts'
import { ProcessClock, type SimulatedClock } from './simulated-clock.ts'
import { simulatedFetching } from './simulated-fetching.ts'
import { type SimulatedRoute, simulatedRoutes } from './simulated-routes.ts'
import { type SimulatedStorage, StorageConnection } from './simulated-storage.ts'
import type { SinkModel } from './sink-model.ts'
import { startable } from './startable.ts'

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

export interface ProcessParts {
  readonly name: string
  readonly clock: SimulatedClock
  readonly dice: Dice
  readonly journal: Journal
  readonly storage: SimulatedStorage
  readonly scenario: Scenario
  readonly topics: readonly TopicScenario[]
  /** All partitions there are. */
  readonly logs: readonly PartitionLog[]
  readonly sinks: SinkModel
  readonly calm: () => boolean
  /** It stops because of an error, and must be closed. */
  readonly fatal: () => void
}

/** One consumer: the real dispatcher, commit loop, reservoirs and progress, wired as a consumer does it. */
export class SimulatedProcess implements ClaimHost {
  readonly claims = new Map<PartitionLog, SimulatedClaim>()
  readonly name: string
  /** Nothing is started any more. */
  stopping = false
  /** Killed, or closed. */
  gone = false
  readonly #parts: ProcessParts
  readonly #clock: ProcessClock
  /** The clock of the handlers, whose timers may be left over. */
  readonly #hands: ProcessClock
  readonly #dispatcher: Dispatcher<AnyMessage>
  readonly #loop: CommitLoop
  readonly #routes: readonly SimulatedRoute[]
  readonly #sinks: Sinks
  readonly #breaker: SimulatedBreaker | null
  readonly #workLog: WorkLog
  /** Nothing is asked again. */
  readonly #ended = new AbortController()
  readonly #owners = new WeakMap<AnyMessage, SimulatedClaim>()
  readonly #client: SimulatedBrokers
  readonly #fetching: Fetching
  readonly #revoking = new Set<Promise<void>>()
  #closed: Promise<void> | null = null
  #claimed = 0
  #overdue = false
  readonly #limit: MetadataLimit
  readonly #model: ProcessModel

  constructor(parts: ProcessParts) {
    const { clock, dice, storage, scenario } = parts
    this.#parts = parts
    this.name = parts.name
    this.#limit = new MetadataLimit(scenario.metadataLimit)
    this.#clock = new ProcessClock(clock)
    this.#hands = new ProcessClock(clock)
    this.#client = this.#brokers()
    const common = { clock: this.#clock, random: dice.random, logger: quiet }
    const client = this.#client
    const parties = { claimOf: (message: AnyMessage) => this.#owners.get(message) as SimulatedClaim, calm: parts.calm }
    this.#fetching = simulatedFetching(scenario, { ...common, client, fetchers: dice.int(1, 2) })
    this.#breaker =
      scenario.breaker === null
        ? null
        : new SimulatedBreaker(scenario.breaker, {
            ...{ ...common, dice, hands: this.#hands, calm: parts.calm },
            say: ({ topic, partition, phase }) => this.#say('circuit', topic ?? '', partition ?? '', phase),
            violated: what => this.#violated('breaker', what),
            changed: () => this.#wakeAll(),
            fatal: () => parts.fatal(),
          })
    const fatal = (error: Error) => this.#fatal(error)
    this.#workLog = new WorkLog({ logger: quiet, tell: () => {}, fatal, breaker: this.#breaker?.breaker ?? null })
    this.#dispatcher = new Dispatcher({ ...common, options: scenario.work, events: this.#workEvents() })
    const connection = new StorageConnection(storage, offsets => {
      for (const offset of offsets) this.#sent(offset)
    })
    this.#loop = new CommitLoop({
      ...common,
      storage: connection,
      options: {
        commitIntervalMs: scenario.commitIntervalMs,
        maxCommitAgeMs: scenario.maxCommitAgeMs,
        recommitMs: 86_400_000,
        backoff: exponential(10, 1_000),
      },
      events: {
        committed: () => {},
        failing: () => {},
        metadataTooLarge: characters => {
          this.#model.refused(characters)
          this.#limit.refused(characters)
        },
        overdue: overdue => this.#setOverdue(overdue),
        fatal: error => this.#violated('progress', `the commit loop stopped: ${error.message}`),
      },
    })
    this.#model = new ProcessModel({
      ...{ scenario, clock: this.#clock, claims: this.claims, limit: this.#limit, loop: this.#loop },
      dispatcher: this.#dispatcher,
      budget: this.#fetching.budget,
      violated: (invariant, what) => this.#violated(invariant, what),
    })
    const { routes, sinks } = simulatedRoutes(scenario, parts.topics, {
      ...{ ...parties, dice, clock: this.#hands, workClock: this.#clock },
      block: ms => clock.skip(ms),
      violated: (invariant, what) => this.#violated(invariant, what),
      pace: new PaceModel({
        clock: this.#clock,
        routes: scenario.routes,
        startable: route => startable(route, scenario, this.#dispatcher, [...this.claims.values()]),
        violated: what => this.#violated('pace', what),
      }),
      watched: route => this.#breaker?.breaker.watched(route) ?? route,
      sinks: retries =>
        new Sinks({
          ...{ ...common, brokers: ['simulated:9092'], client, group: GROUP, retries },
          outputs: null,
          signal: this.#ended.signal,
        }),
    })
    this.#sinks = sinks
    this.#routes = routes
  }

  // ── partitions come and go ──────────────────────────────────────────────────────────────────────────────────────────

  /** Begins at what is committed, or where the user seeks to. */
  assign(log: PartitionLog, start?: number): void {
    const { journal, storage, scenario, sinks } = this.#parts
    const { topic, partition } = log
    const stored = storage.committed(topic, partition)
    const committed = stored?.offset ?? -1
    const at = this.#routes.findIndex(each => each.topic.name === topic)
    const { route, work, ...how } = this.#routes[at] as SimulatedRoute
    const from = start ?? Math.max(committed, log.start)
    const name = `${this.name}/${topic}[${partition}]#${++this.#claimed}`
    const circuit = this.#breaker?.model(log) ?? null
    const claim = new SimulatedClaim({
      topic,
      partition,
      route: at,
      committed,
      host: this,
      paused: false,
      metadataLimit: this.#limit,
      sieve: route.sieve,
      circuit: this.#breaker?.breaker.circuit(log) ?? null,
      due: route.retries === null ? null : { at: dueAt, clock: this.#clock },
      reservoir: events => this.#fetching.reservoir(topic, partition, from, events),
      model: new ClaimModel({
        ...{ journal, name, log, start: from, sinks, circuit },
        topic: how.topic,
        route: how.scenario,
      }),
      progress: new Progress(scenario.ringLimit),
      took: (message, taker) => this.#took(message, taker),
    })
    this.claims.set(log, claim)
    if (stored !== null && start === undefined) {
      claim.gaps.recall(stored)
      claim.model.recalls(stored)
    }
    this.#loop.add(claim, committed)
    this.#dispatcher.add(claim, work)
    this.#fetching.add(claim)
  }

  /** Drains, commits what is done, and gives it up. */
  revoke(claims: readonly SimulatedClaim[], reason: 'revoked' | 'closing'): Promise<void> {
    const revoking = this.#revoke(claims, reason).finally(() => this.#revoking.delete(revoking))
    this.#revoking.add(revoking)
    return revoking
  }

  async #revoke(claims: readonly SimulatedClaim[], reason: 'revoked' | 'closing'): Promise<void> {
    for (const claim of claims) {
      claim.draining = true
      claim.model.drain()
      this.#say('drain', claim.partition)
    }
    await this.#drain(claims, reason)
    for (const claim of claims) claim.model.stopped = true
    for (let attempt = 0; attempt < 5 && !this.gone; attempt++) {
      const results = await this.#loop.commit(claims)
      if (results.every(result => result.error === null)) break
    }
    for (const claim of claims) this.#end(claim)
  }

  /** It is another one's: nothing may be done for it any more. */
  lose(claim: SimulatedClaim): void {
    this.#say('lose', claim.partition)
    this.#end(claim)
    this.#dispatcher.abandon([claim])
  }

  seek(claim: SimulatedClaim, offset: number): void {
    const { log } = claim.model
    this.lose(claim)
    this.#say('seek', claim.partition, offset)
    this.#parts.journal.waive(log, offset)
    this.assign(log, offset)
  }

  pause(claim: SimulatedClaim, paused: boolean): void {
    claim.paused = paused
    if (paused) return
    this.#dispatcher.wake(claim)
    this.#fetching.wake(claim)
  }

  // ── ending ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  close(): Promise<void> {
    if (this.gone) return Promise.resolve()
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.stopping = true
    void this.revoke([...this.claims.values()], 'closing')
    await Promise.all(this.#revoking)
    this.#dispatcher.close()
    this.#breaker?.breaker.close()
    this.#ended.abort()
    await this.#sinks.close()
    await this.#client.close()
    await this.#fetching.close()
    await this.#loop.close()
    // It was killed meanwhile.
    if (this.gone) return
    this.gone = true
    this.#model.checkEmpty()
  }

  kill(): void {
    this.#say('killed')
    this.stopping = this.gone = true
    this.#clock.kill()
    this.#hands.kill()
    for (const claim of this.claims.values()) claim.model.ended = true
    this.claims.clear()
  }

  /** What must hold after each step. */
  check(mostBytes: number): void {
    this.#model.check(mostBytes, this.stopping)
  }

  /** Why not everything is done and committed, or null. */
  get missing(): Missing | null {
    return this.#model.missing
  }

  // ── what it is told ─────────────────────────────────────────────────────────────────────────────────────────────────

  get gateOpen(): boolean {
    return !this.#overdue
  }

  filled(claim: Claim): void {
    this.#dispatcher.wake(claim)
  }

  reset(claim: Claim, offset: number): void {
    this.#violated('1', `partition ${claim.partition} was set to ${offset}`)
  }

  rewind(claim: Claim, offset: number): void {
    this.#violated('1', `partition ${claim.partition} was set back to ${offset}`)
  }

  recreated(claim: Claim): void {
    this.#violated('1', `partition ${claim.partition} was taken for one of another topic`)
  }

  corrupt(claim: Claim, error: Error): void {
    this.fail(claim, error)
  }

  fail(claim: Claim, error: Error): void {
    this.#violated('1', `partition ${claim.partition} failed: ${error.message}`)
  }

  #took(message: AnyMessage, claim: SimulatedClaim): void {
    this.#owners.set(message, claim)
    const { hashes } = this.#parts.scenario
    this.#model.took(message, claim)
    const hash = message.keyHash
    message.keyHash = seed => {
      const wide = hash.call(message, seed)
      return wide < 0 ? wide : wide % hashes
    }
  }

  #brokers(): SimulatedBrokers {
    const { scenario, logs, dice, sinks } = this.#parts
    return new SimulatedBrokers({
      clock: this.#clock,
      dice,
      logs,
      trouble: () => (this.#parts.calm() ? 0 : scenario.brokerTrouble),
      pollMs: 5,
      fetches: place => this.#model.fetches(place),
      lookedUp: log => this.#violated('1', `the position of ${log.partition} was looked up although it is known`),
      written: (log, messages) => sinks.written(log, messages),
    })
  }

  #workEvents(): WorkEvents<AnyMessage> {
    const modelOf = (message: AnyMessage) => this.#owners.get(message)?.model
    const log = this.#workLog
    return {
      retrying: (failure, inMs) => {
        this.#say('retrying', failure.message.offset, inMs)
        log.retrying(failure, inMs)
      },
      failed: (failure, decision) => {
        modelOf(failure.message)?.decided(failure.message.offset, decision, failure)
        log.failed(failure, decision)
        this.#breaker?.model(failure.message).counted()
      },
      timedOut: ({ offset }) => this.#say('timed out', offset),
      stuck: message => modelOf(message)?.stuck(message.offset),
      blocked: (message, ms) => this.#say('blocked', message.offset, ms),
      fatal: error => this.#fatal(error),
    }
  }

  #fatal(error: Error): void {
    this.#say('fatal', error.message)
    this.stopping = true
    for (const claim of this.claims.values()) claim.model.stopped = true
    this.#parts.fatal()
  }

  #wakeAll(): void {
    for (const claim of this.claims.values()) this.#dispatcher.wake(claim)
  }

  #sent(offset: CommittedOffset): void {
    if (this.gone) return
    const { topic, partition } = offset
    this.#model.sent(offset)
    for (const claim of this.claims.values()) {
      if (claim.topic !== topic || claim.partition !== partition) continue
      claim.model.sent(offset, this.#limit.characters)
      return
    }
    this.#violated('3', `${offset.offset} was committed for ${topic}[${partition}], which is not owned`)
  }

  #setOverdue(overdue: boolean): void {
    this.#overdue = overdue
    if (!overdue) this.#wakeAll()
  }

  async #drain(claims: readonly SimulatedClaim[], reason: 'revoked' | 'closing'): Promise<void> {
    const { dice } = this.#parts
    const hurry = new AbortController()
    if (dice.chance(0.2)) this.#hands.after(dice.int(0, 300), () => hurry.abort())
    const times = { drainMs: dice.int(0, 500), abandonMs: dice.int(0, 500), reason, hurry: hurry.signal }
    // Those whose drain is over and has told what still runs are not known any more.
    const known = claims.filter(claim => this.#dispatcher.state(claim) !== undefined)
    const running = await this.#dispatcher.drain(claims, times)
    const really = known.reduce((sum, claim) => sum + (claim.live ? claim.model.running : 0), 0)
    if (really > running) this.#violated('3', `${running} handlers were left running, and ${really} really run`)
  }

  #end(claim: SimulatedClaim): void {
    if (claim.model.ended) return
    this.#say('end', claim.partition)
    claim.end()
    this.#loop.remove(claim)
    this.#fetching.remove(claim)
    if (this.claims.get(claim.model.log) === claim) this.claims.delete(claim.model.log)
  }

  #say(...what: (string | number)[]): void {
    this.#parts.journal.say(this.name, ...what)
  }

  #violated(invariant: string, what: string): void {
    this.#parts.journal.violated(invariant, `${this.name}: ${what}`)
  }
}
