import { exponential } from '../../src/base/backoff.ts'
import { partitionName, type TopicPartition } from '../../src/base/topic-partition.ts'
import type { AnyMessage, Claim, ClaimHost } from '../../src/consumer/claim.ts'
import { dueAt } from '../../src/consumer/failure-headers.ts'
import { Sinks } from '../../src/consumer/sinks.ts'
import { WorkLog } from '../../src/consumer/work-log.ts'
import type { Fetching } from '../../src/fetch/fetching.ts'
import { CommitLoop } from '../../src/offsets/commit-loop.ts'
import { gapBytes, gapSize, MOST_ADDED } from '../../src/offsets/gap-codec.ts'
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

/** What should have happened and has not, and what that breaks if it never does. */
export interface Missing {
  readonly invariant: string
  readonly what: string
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
  /** Characters of metadata that were too many for the storage. */
  #refused = Number.POSITIVE_INFINITY

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
          this.#refused = Math.min(this.#refused, characters)
          this.#limit.refused(characters)
        },
        overdue: overdue => this.#setOverdue(overdue),
        fatal: error => this.#violated('progress', `the commit loop stopped: ${error.message}`),
      },
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
    this.#checkEmpty()
  }

  kill(): void {
    this.#say('killed')
    this.stopping = this.gone = true
    this.#clock.kill()
    this.#hands.kill()
    for (const claim of this.claims.values()) claim.model.ended = true
    this.claims.clear()
  }

  // ── checking ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What must hold after each step. */
  check(mostBytes: number): void {
    const { concurrency, maxAbandoned } = this.#parts.scenario.work
    const { held, limit } = this.#fetching.budget
    // What failed of a batch is decided about by partition.
    const parted = this.#routes.some(({ scenario }) => scenario.batch?.by === 'route') ? this.claims.size : 0
    const handlers = this.#sum(model => model.running)
    const running = Math.max(handlers, this.#dispatcher.running)
    if (running > concurrency + parted) this.#violated('4', `${running} run, and ${concurrency} are allowed`)
    // What is left or held is kept in memory, however full that is.
    if (held > limit + mostBytes && held > limit + mostBytes + this.#sum(model => model.undoneBytes)) {
      this.#violated('4', `${held} bytes are held, ${limit} are allowed`)
    }
    if (this.stopping) return
    const { abandoned } = this.#dispatcher
    if (abandoned >= maxAbandoned) this.#violated('4', `it goes on with ${abandoned} handlers that were abandoned`)
    for (const claim of this.claims.values()) if (!claim.draining && !claim.model.stopped) this.#checkClaim(claim)
  }

  /** Over all claims; asked after each step. */
  #sum(of: (model: ClaimModel) => number): number {
    let sum = 0
    for (const { model } of this.claims.values()) sum += of(model)
    return sum
  }

  #checkClaim(claim: SimulatedClaim): void {
    const { model } = claim
    const state = this.#dispatcher.state(claim)
    if (state === undefined) return
    if (model.running > state.inFlight) {
      const given = `its lane and place were given away`
      this.#violated('2', `a handler of partition ${claim.partition} still runs, although ${given}`)
    }
    const { perPartition } = this.#parts.scenario.work
    if (model.running > perPartition) {
      this.#violated('4', `${model.running} run of partition ${claim.partition}, and ${perPartition} are allowed`)
    }
    if (state.waiting > model.open.size || state.undone > model.undone + model.saidDone) {
      const counted = `${state.waiting} wait and ${state.undone} are undone`
      this.#violated('4', `${counted}, of ${model.open.size} that are open and ${model.undone} left or held`)
    }
    if (state.inFlight > 0) return
    if (state.waiting !== model.open.size - model.shelved) {
      const expected = `${model.open.size} are open and ${model.shelved} are put aside`
      this.#violated('4', `${state.waiting} are counted to wait in ${claim.partition}, and ${expected}`)
    }
  }

  /** Why not everything is done and committed, or null. */
  get missing(): Missing | null {
    const { hashes, work } = this.#parts.scenario
    // Keys with the same hash wait for what is held, whatever partition they are in.
    const shelved = [...this.claims.values()].some(claim => claim.model.shelved > 0)
    if (hashes < 100 && shelved) return null
    for (const { model, topic, partition, gaps, reservoir } of this.claims.values()) {
      const { missing, shelved, limit } = model
      if (shelved >= work.maxUndone || (shelved > 0 && (gaps.full || reservoir.heavy))) continue
      if (missing !== null) return { invariant: '1', what: `${partitionName(topic, partition)}: ${missing}` }
      const isIt = (other: TopicPartition) => other.topic === topic && other.partition === partition
      const committed = this.#loop.state().partitions.findLast(isIt)?.committed
      if (committed !== limit) {
        return {
          invariant: '1',
          what: `${partitionName(topic, partition)} is done up to ${limit}, and ${committed} is committed`,
        }
      }
    }
    return null
  }

  #checkEmpty(): void {
    const { held, reserved } = this.#fetching.budget
    if (held !== 0 || reserved !== 0) this.#violated('4', `${held} bytes are held, ${reserved} reserved after the end`)
    const { timers } = this.#clock
    if (timers > 0) this.#violated('4', `${timers} timers are left after the end`)
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
    const { hashes, work } = this.#parts.scenario
    const { resting } = claim.model
    this.#checkGaps(message, claim)
    this.#checkUndone(message, claim)
    if (resting >= work.maxUndone)
      this.#violated('4', `${message.offset} is taken although ${resting} are left or held`)
    const hash = message.keyHash
    message.keyHash = seed => {
      const wide = hash.call(message, seed)
      return wide < 0 ? wide : wide % hashes
    }
  }

  /** It is taken only where what is done above the mark could be remembered, but for what was done by an owner before and just came by. */
  #checkGaps({ offset }: AnyMessage, { progress }: SimulatedClaim): void {
    const { characters } = this.#limit
    const size = gapSize(progress.lowest, progress.doneRanges())
    if (characters > 0 && size > gapBytes(characters) + MOST_ADDED) {
      this.#violated('gaps', `${offset} is taken, and ${size} bytes are to be remembered, of ${gapBytes(characters)}`)
    }
  }

  /** What is left or held takes half of the budget at most before more is taken of who has more than its part of it. */
  #checkUndone({ offset }: AnyMessage, { model }: SimulatedClaim): void {
    const most = this.#parts.scenario.budget / 2
    const live = [...this.claims.values()].filter(claim => claim.live).length
    const own = model.leastUndoneBytes
    if (own * live <= most) return
    const all = this.#sum(each => each.leastUndoneBytes)
    if (all > most)
      this.#violated('4', `${offset} is taken although ${all} bytes are left or held, ${own} of them here`)
  }

  #brokers(): SimulatedBrokers {
    const { scenario, logs, dice, sinks } = this.#parts
    return new SimulatedBrokers({
      clock: this.#clock,
      dice,
      logs,
      trouble: () => (this.#parts.calm() ? 0 : scenario.brokerTrouble),
      pollMs: 5,
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
    const { topic, partition, metadata } = offset
    if (metadata.length >= this.#refused) {
      this.#violated('gaps', `${metadata.length} characters of metadata are sent, and ${this.#refused} were refused`)
    }
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
