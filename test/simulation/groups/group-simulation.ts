import { MillraceError } from '../../../src/base/errors.ts'
import { partitionName } from '../../../src/base/topic-partition.ts'
import { Dice } from '../dice.ts'
import { drained, errorText, turned, watchErrors } from '../event-loop.ts'
import { Journal } from '../journal.ts'
import { PartitionLog } from '../partition-log.ts'
import { SimulatedClock } from '../simulated-clock.ts'
import { type Chance, type GroupScenario, groupScenario } from './group-scenario.ts'
import { OwnershipWatch } from './ownership-watch.ts'
import { SimulatedCoordinator } from './simulated-coordinator.ts'
import { SimulatedMember } from './simulated-member.ts'

/** Virtual time in which everything must be done once nothing goes wrong any more. */
const CALM_MS = 180_000
/** The event loop has a turn of its own after this many steps. */
const STRIDE = 1_000
const MOST_PARTITIONS = 10
/** How often something is written, ms. */
const WRITE_MS = 400

/**
 * A world of consumers of one group, their coordinator, topics and trouble, all of it decided by one seed. Throws a `Violation` as soon as
 * a promise of Millrace is broken.
 */
export class GroupSimulation {
  steps = 0
  readonly scenario: GroupScenario
  readonly #dice: Dice
  readonly #clock: SimulatedClock
  readonly #journal: Journal
  readonly #coordinator: SimulatedCoordinator
  readonly #watch: OwnershipWatch
  readonly #logs: PartitionLog[] = []
  /** Partitions that came to a topic that the group read already. */
  readonly #grown = new Set<PartitionLog>()
  #members: SimulatedMember[] = []
  /** Instance ids that several processes had at the same time. */
  readonly #usurped = new Set<string>()
  /** The group had another coordinator before. */
  #moved = false
  #started = 0
  #calm = false

  constructor(seed: number) {
    this.#dice = new Dice(seed)
    this.#clock = new SimulatedClock(this.#dice)
    this.#journal = new Journal(this.#clock, seed, Number(process.env.SHOWN ?? 150))
    this.scenario = groupScenario(this.#dice)
    this.#coordinator = new SimulatedCoordinator(this.#clock, this.#dice)
    this.#watch = new OwnershipWatch({
      journal: this.#journal,
      clock: this.#clock,
      group: () => this.#coordinator.group,
      log: (topic, partition) => this.#log(topic, partition),
      order: this.scenario.order,
      exactlyOnce: this.scenario.orderly,
    })
    for (let count = this.#dice.int(1, 4); count > 0; count--) this.#addPartition('orders')
  }

  /** What happened last. */
  get history(): string {
    return this.#journal.history
  }

  async run(): Promise<void> {
    const release = watchErrors(error => this.#journal.violated('exception', `unhandled: ${errorText(error)}`))
    const { chaosMs, members } = this.scenario
    try {
      for (let count = 0; count < members; count++) this.#clock.after(this.#dice.int(0, 500), () => this.#start())
      this.#clock.after(0, () => this.#somethingHappens())
      this.#clock.after(0, () => this.#somethingIsWritten())
      while (this.#clock.now() < chaosMs) await this.#step()
      await this.#calmDown()
    } finally {
      await turned()
      release()
      for (const member of this.#members) member.host.kill()
      this.#coordinator.close()
    }
    this.#check()
  }

  async #step(): Promise<void> {
    this.steps++
    try {
      this.#clock.step()
    } catch (error) {
      this.#journal.violated('exception', `thrown: ${errorText(error)}`)
    }
    await drained()
    if (this.steps % STRIDE === 0) await turned()
    this.#check()
  }

  #check(): void {
    if (this.#journal.violation !== null) throw this.#journal.violation
  }

  // ── what happens ────────────────────────────────────────────────────────────────────────────────────────────────────

  #somethingHappens(): void {
    if (this.#calm) return
    const dice = this.#dice
    this.#do(dice.weighted(this.scenario.chances))
    this.#clock.after(dice.int(0, this.scenario.pauseMs), () => this.#somethingHappens())
  }

  #do(what: Chance): void {
    const dice = this.#dice
    const member = this.#members.length === 0 ? null : dice.pick(this.#members)
    if (what === 'start') {
      if (this.#members.length < this.scenario.members) this.#start()
    } else if (what === 'topic' || what === 'grow') {
      this.#addPartition(what === 'grow' ? 'orders' : dice.pick(['orders.late', 'audit', 'audit.late']))
    } else if (what === 'refuse') this.#coordinator.refuse(dice.int(100, 5_000))
    else if (what === 'move') {
      this.#moved = true
      this.#coordinator.move()
    } else if (member !== null) this.#disturb(member, what)
  }

  #disturb(member: SimulatedMember, what: Exclude<Chance, 'start' | 'topic' | 'grow' | 'refuse' | 'move'>): void {
    const dice = this.#dice
    const { sessionTimeoutMs } = this.scenario
    this.#journal.say(member.name, what)
    // One that goes without a word may be the one that the others wait for.
    if (what === 'close') member.close(this.scenario.orderly || dice.pick([undefined, undefined, true, false]))
    else if (what === 'kill') member.kill()
    else if (what === 'usurp') this.#usurp(member)
    else if (what === 'stop' || what === 'sleep') member.host.stop(dice.int(10, 2 * sessionTimeoutMs), what === 'sleep')
    else if (what === 'set-clock') member.host.setWallClock(dice.int(-3_600_000, 3_600_000))
    else if (what === 'cut') {
      member.wire.cut(dice.pick(['refused', 'silent', 'deaf']), dice.int(100, 2 * sessionTimeoutMs))
    } else if (member.host.running && !member.closing) this.#use(member, what)
  }

  /** What its user does with a consumer. */
  #use(member: SimulatedMember, what: 'seek' | 'pause' | 'resume'): void {
    const dice = this.#dice
    const { consumer } = member
    const { partitions } = consumer.state()
    if (what === 'resume') consumer.resume()
    else if (partitions.length === 0) return
    else if (what === 'pause') consumer.pause(dice.chance(0.3) ? undefined : [dice.pick(partitions)])
    else {
      const { topic, partition } = dice.pick(partitions)
      const log = this.#log(topic, partition)
      const offset = dice.int(Math.max(log.start, log.end - 50), log.end)
      try {
        consumer.seek({ topic, partition }, offset)
      } catch (error) {
        // It is being given up just now.
        if (error instanceof MillraceError && error.code === 'NOT_OWNED') return
        throw error
      }
      this.#journal.say('seeks', partitionName(topic, partition), offset)
      this.#watch.sought(member, log, offset)
    }
  }

  #usurp(member: SimulatedMember): void {
    if (member.instanceId === null || member.closing) return
    this.#usurped.add(member.instanceId)
    this.#start(member.instanceId)
  }

  #somethingIsWritten(): void {
    if (this.#calm) return
    this.#dice.pick(this.#logs).append(this.#dice.int(1, 3))
    this.#clock.after(this.#dice.int(0, WRITE_MS), () => this.#somethingIsWritten())
  }

  #addPartition(topic: string): void {
    if (this.#logs.length >= MOST_PARTITIONS) return
    const partition = this.#logs.filter(log => log.topic === topic).length
    const log = new PartitionLog(topic, partition, this.#dice, this.scenario.log)
    this.#journal.say('there is', partitionName(topic, partition))
    log.append(this.#dice.int(0, 3))
    if (this.#logs.some(other => other.topic === topic && this.#committed(other) >= 0)) this.#grown.add(log)
    this.#logs.push(log)
    this.#coordinator.added(log)
  }

  #log(topic: string, partition: number): PartitionLog {
    const log = this.#logs.find(other => other.topic === topic && other.partition === partition)
    if (log === undefined) throw new Error(`there is no ${topic}[${partition}]`)
    return log
  }

  // ── members ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #start(instanceId: string | null = this.#instanceId()): void {
    const member: SimulatedMember = new SimulatedMember({
      name: `p${++this.#started}`,
      instanceId,
      scenario: this.scenario,
      world: this.#clock,
      dice: this.#dice,
      journal: this.#journal,
      watch: this.#watch,
      coordinator: this.#coordinator,
      logs: this.#logs,
      logOf: (topic, partition) => this.#log(topic, partition),
      calm: () => this.#calm,
      lookedUp: (log, at) => this.#lookedUp(log, at),
      // A new coordinator does not know who came again under an old name while the group was rebalanced.
      usurped: () => instanceId !== null && (this.#moved || this.#usurped.has(instanceId)),
      ended: ended => {
        this.#members = this.#members.filter(other => other !== ended)
      },
    })
    this.#members.push(member)
    member.start()
  }

  /** A name that no other process has. */
  #instanceId(): string | null {
    if (!this.#dice.chance(this.scenario.statics)) return null
    const taken = this.#members.map(({ instanceId }) => instanceId)
    const free = ['a', 'b', 'c'].filter(id => !taken.includes(id))
    return free.length === 0 ? null : this.#dice.pick(free)
  }

  /** A partition for which nothing is committed begins behind what is there, if it was there before its topic was read. */
  #lookedUp(log: PartitionLog, at: 'earliest' | 'latest'): void {
    this.#journal.say('looked up', partitionName(log.topic, log.partition), at)
    if (at === 'latest' && !this.#grown.has(log) && this.#committed(log) < 0) this.#journal.waive(log, log.end)
  }

  /** -1: nothing. */
  #committed({ topic, partition }: PartitionLog): number {
    return this.#coordinator.committed(topic, partition)
  }

  // ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Nothing goes wrong any more: the group settles, everything is done, and all can be closed. */
  async #calmDown(): Promise<void> {
    this.#calm = true
    this.#journal.say('all is calm')
    if (this.#members.every(member => member.closing)) this.#start()
    for (const member of this.#members) {
      member.host.run(() => {
        if (!member.closing) member.consumer.resume()
      })
    }
    await this.#until('everything is done', () => this.#missing())
    for (const member of this.#members) member.close(true)
    await this.#until('all is closed', () => (this.#members.length > 0 ? 'some are not' : null))
    await this.#until('the group is empty', () => (this.#coordinator.group.members.length > 0 ? 'it is not' : null))
  }

  /** Why the group is not at rest, or null. */
  #missing(): string | null {
    const members = this.#members.filter(member => !member.closing)
    const { group } = this.#coordinator
    if (group.state !== 'Stable') return `the group is ${group.state}`
    const known = group.members.map(({ memberId }) => memberId).sort()
    const live = members.map(({ consumer }) => consumer.state().ownership?.membership?.memberId ?? '').sort()
    if (known.join() !== live.join()) return `its members are ${known.join()}, and ${live.join()} live`
    const owned = members.flatMap(({ consumer }) => consumer.state().partitions)
    for (const log of this.#logs) {
      if (log.topic !== 'orders' && !owned.some(({ topic }) => topic === log.topic)) continue
      if (this.#mayBeOverlooked && !owned.some(each => each.topic === log.topic && each.partition === log.partition))
        continue
      const name = partitionName(log.topic, log.partition)
      const unhandled = this.#journal.firstUnhandled(log)
      if (unhandled !== undefined) return `${unhandled.offset} of ${name} was never handled nor given up`
      const committed = this.#committed(log)
      if (committed !== log.end) return `${committed} is committed of ${name}, which ends at ${log.end}`
    }
    return null
  }

  /** Before Kafka 3.2 a static member that comes again is not told that it leads, and so has to look for new partitions (KIP-814). */
  get #mayBeOverlooked(): boolean {
    const { statics, newest } = this.scenario
    return statics > 0 && (newest.JoinGroup ?? 9) < 9
  }

  /** Goes on until nothing is missing, or for too long. */
  async #until(what: string, missing: () => string | null): Promise<void> {
    const end = this.#clock.now() + CALM_MS
    for (let why = missing(); why !== null; why = missing()) {
      if (this.#clock.now() > end) this.#journal.violated('progress', `not in time: ${what}; ${why}`)
      for (let count = 0; count < 20; count++) await this.#step()
    }
  }
}
