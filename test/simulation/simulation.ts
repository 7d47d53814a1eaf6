import { Dice } from './dice.ts'
import { drained, errorText, turned, watchErrors } from './event-loop.ts'
import { Journal } from './journal.ts'
import { PartitionLog } from './partition-log.ts'
import type { Missing } from './process-model.ts'
import { deadLetterTopic, type Scenario, scenario, type TopicScenario, topicsOf } from './scenario.ts'
import type { SimulatedClaim } from './simulated-claim.ts'
import { SimulatedClock } from './simulated-clock.ts'
import { SimulatedProcess } from './simulated-process.ts'
import { SimulatedStorage } from './simulated-storage.ts'
import { SinkModel } from './sink-model.ts'

/** Virtual time in which everything must be done once nothing goes wrong any more. */
const CALM_MS = 120_000
/** The event loop has a turn of its own after this many steps. */
const STRIDE = 1_000

/**
 * A world of partitions, consumers and trouble, all of it decided by one seed. Throws a `Violation` as soon as a promise of
 * Millrace is broken.
 */
export class Simulation {
  steps = 0
  readonly scenario: Scenario
  readonly #dice: Dice
  readonly #clock: SimulatedClock
  readonly #journal: Journal
  readonly #storage: SimulatedStorage
  readonly #topics: readonly TopicScenario[]
  readonly #sources: readonly PartitionLog[]
  /** The same, and those where failures wait: all that are read. */
  readonly #logs: readonly PartitionLog[]
  readonly #deadLetters: readonly PartitionLog[]
  readonly #sinks: SinkModel
  #processes: SimulatedProcess[] = []
  #started = 0
  #calm = false

  constructor(seed: number) {
    this.#dice = new Dice(seed)
    this.#clock = new SimulatedClock(this.#dice)
    this.#journal = new Journal(this.#clock, seed)
    this.#storage = new SimulatedStorage(this.#clock, this.#dice)
    this.scenario = scenario(this.#dice)
    this.#storage.trouble = this.scenario.storageTrouble
    this.#storage.mostMetadata = this.scenario.storageMetadata
    this.#topics = topicsOf(this.scenario)
    this.#sinks = new SinkModel(this.scenario, this.#journal, this.#clock)
    const { partitions, routes } = this.scenario
    const sources = Array.from({ length: partitions }, (_, at) => {
      const log = this.#log(this.#topics[at % routes.length]?.name ?? '', Math.floor(at / routes.length))
      log.append(this.#dice.int(0, 10))
      return log
    })
    const retries = this.#topics.filter(({ tier }) => tier > 0)
    this.#sources = sources
    this.#logs = [...sources, ...retries.map(({ name }) => this.#log(name, 0))]
    this.#deadLetters = routes.map((_, route) => this.#log(deadLetterTopic(route), 0))
  }

  #log(topic: string, partition: number): PartitionLog {
    return new PartitionLog(topic, partition, this.#dice, this.scenario.log, this.#clock)
  }

  /** What happened last. */
  get history(): string {
    return this.#journal.history
  }

  async run(steps: number): Promise<void> {
    const release = watchErrors(error => this.#journal.violated('exception', `unhandled: ${errorText(error)}`))
    try {
      for (let count = 0; count < this.scenario.processes; count++) this.#start()
      this.#assign()
      const end = this.steps + steps
      while (this.steps < end) await this.#step()
      await this.#calmDown()
    } finally {
      // Rejections that nobody handles are told when the event loop turns.
      await turned()
      release()
    }
    this.#check()
  }

  async #step(): Promise<void> {
    this.steps++
    try {
      if (!this.#calm && this.#dice.chance(this.scenario.chaos)) this.#trouble()
      else if (!this.#calm && this.#dice.chance(0.01)) this.#dice.pick(this.#sources).append(this.#dice.int(1, 4))
      else this.#clock.step()
    } catch (error) {
      this.#journal.violated('exception', `thrown: ${errorText(error)}`)
    }
    await drained()
    if (this.steps % STRIDE === 0) await turned()
    this.#check()
  }

  #check(): void {
    // One batch; and where batches are compressed one fetch, of which nobody knows what it will inflate to.
    const { maxBytes, log } = this.scenario
    const most = Math.max(...this.#logs.map(({ largestBatch }) => largestBatch), log.compressed > 0 ? 5 * maxBytes : 0)
    for (const process of this.#processes) process.check(most)
    if (this.#journal.violation !== null) throw this.#journal.violation
  }

  // ── trouble ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #trouble(): void {
    const dice = this.#dice
    if (this.#processes.length === 0) return
    const process = dice.pick(this.#processes)
    const claims = [...process.claims.values()].filter(claim => claim.live)
    const what = dice.weighted({ kill: 1, close: 1, lose: 2, revoke: 3, seek: 2, pause: 4, resume: 4, sleep: 1 })
    if (what === 'kill') this.#kill(process)
    else if (what === 'close') void this.#close(process)
    else if (what === 'sleep') this.#clock.skip(dice.int(10, 5_000))
    else if (claims.length > 0 && !process.stopping) this.#disturb(what, process, dice.pick(claims))
  }

  #disturb(
    what: 'lose' | 'revoke' | 'seek' | 'pause' | 'resume',
    process: SimulatedProcess,
    claim: SimulatedClaim,
  ): void {
    const dice = this.#dice
    if (what === 'revoke') {
      if (claim.draining) return
      void process.revoke([claim], 'revoked').then(() => this.#assign())
    } else if (what === 'lose') {
      // Also while it drains.
      process.lose(claim)
      this.#clock.after(dice.int(0, 100), () => this.#assign())
    } else if (what === 'seek') {
      const { start, log } = claim.model
      process.seek(claim, dice.int(Math.max(log.start, start - 20), dice.pick([start, log.end])))
    } else {
      process.pause(claim, what === 'pause')
    }
  }

  #kill(process: SimulatedProcess): void {
    process.kill()
    this.#replace(process)
  }

  async #close(process: SimulatedProcess): Promise<void> {
    await process.close()
    this.#replace(process)
  }

  #replace(process: SimulatedProcess): void {
    if (!this.#processes.includes(process)) return
    this.#processes = this.#processes.filter(other => other !== process)
    this.#clock.after(this.#dice.int(0, 200), () => {
      this.#start()
      this.#assign()
    })
  }

  #start(): void {
    const process: SimulatedProcess = new SimulatedProcess({
      name: `p${++this.#started}`,
      clock: this.#clock,
      dice: this.#dice,
      journal: this.#journal,
      storage: this.#storage,
      scenario: this.scenario,
      topics: this.#topics,
      logs: [...this.#logs, ...this.#deadLetters],
      sinks: this.#sinks,
      calm: () => this.#calm,
      fatal: () => void this.#clock.after(this.#dice.int(0, 20), () => void this.#close(process)),
    })
    this.#processes.push(process)
  }

  /** Every partition that nobody owns gets an owner. */
  #assign(): void {
    const able = this.#processes.filter(process => !process.stopping)
    if (able.length === 0) return
    for (const log of this.#logs) {
      if (!this.#processes.some(process => process.claims.has(log))) this.#dice.pick(able).assign(log)
    }
  }

  // ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Nothing goes wrong any more: everything is done, first in the processes there are, then in a new one. */
  async #calmDown(): Promise<void> {
    this.#calm = true
    this.#storage.trouble = 0
    for (const process of this.#processes) {
      for (const claim of process.claims.values()) process.pause(claim, false)
    }
    await this.#until('everything is done', () => this.#missing())
    await this.#until('old commits are over', () => (this.#storage.underWay > 0 ? late('some are under way') : null))
    const old = [...this.#processes]
    for (const process of old) void this.#close(process)
    await this.#until('all is closed', () => (old.every(process => process.gone) ? null : late('some are not')))
    await this.#until('everything is done anew', () => this.#missing())
    for (const log of this.#logs) {
      const unhandled = this.#journal.firstUnhandled(log)
      const committed = this.#storage.committed(log.topic, log.partition)?.offset ?? -1
      if (unhandled !== undefined) this.#journal.violated('1', `${unhandled.offset} was never handled nor given up`)
      if (committed !== log.end) {
        this.#journal.violated('1', `${committed} is committed, and the log ends at ${log.end}`)
      }
    }
  }

  #missing(): Missing | null {
    if (this.#processes.length < this.scenario.processes) return late('a process is missing')
    for (const log of this.#logs) {
      if (!this.#processes.some(process => process.claims.has(log)))
        return late(`${log.topic}[${log.partition}] has no owner`)
    }
    for (const process of this.#processes) {
      const { missing } = process
      if (missing !== null) return missing
    }
    return null
  }

  /** Goes on until nothing is missing, or for too long. */
  async #until(what: string, missing: () => Missing | null): Promise<void> {
    const end = this.#clock.now() + CALM_MS
    for (let why = missing(); why !== null; why = missing()) {
      if (this.#clock.now() > end) {
        this.#journal.violated(why.invariant, `not in time: ${what}; ${why.what}`)
      }
      for (let count = 0; count < 20; count++) await this.#step()
    }
  }
}

function late(what: string): Missing {
  return { invariant: 'progress', what }
}
