import type { AnyMessage } from '../../src/consumer/claim.ts'
import type { CommittedOffset } from '../../src/offsets/storage.ts'
import { type Decision, type Failure, isDecision } from '../../src/work/failure.ts'
import type { CircuitModel } from './circuit-model.ts'
import type { Journal } from './journal.ts'
import { LaneModels } from './lane-models.ts'
import { MarkModel } from './mark-model.ts'
import { bytesOf, type LogMessage, leastBytesOf, type PartitionLog } from './partition-log.ts'
import { type Ending, type Entry, endings, isRunning, type Run } from './run.ts'
import { isFiltered, type RouteScenario, type TopicScenario } from './scenario.ts'
import type { SinkModel } from './sink-model.ts'
import { type Failing, Tries } from './tries.ts'

export interface ClaimModelParts {
  readonly journal: Journal
  readonly name: string
  readonly log: PartitionLog
  readonly start: number
  readonly topic: TopicScenario
  readonly route: RouteScenario
  readonly sinks: SinkModel
  readonly circuit: CircuitModel | null
}

/**
 * What one claim may do, kept in the plainest way and from the outside only: it sees what is taken, which handlers are entered and
 * how they end, what is decided, and what is sent to the storage.
 */
export class ClaimModel {
  readonly log: PartitionLog
  readonly start: number
  /** Released or lost: nothing that happens afterwards counts. */
  ended = false
  /** Its process stops: nothing is started any more. */
  stopped = false
  /** It drains: only what is in front of this offset is started, as it would hold back what is done behind it. Null: it does not. */
  drainsBelow: number | null = null
  /** The highest offset whose handler was entered. */
  #highest = -1
  /** Taken and not done. */
  readonly open = new Map<number, Entry>()
  readonly #parts: ClaimModelParts
  readonly #journal: Journal
  readonly #route: RouteScenario
  readonly #mark: MarkModel
  readonly #lanes: LaneModels
  /** Being decoded. */
  readonly #decoding = new Set<LogMessage>()
  /** Handlers that have not ended, those that are stuck included. */
  readonly #runs = new Set<Run>()
  #running = 0

  constructor(parts: ClaimModelParts) {
    const { journal, log, start, route } = parts
    this.#parts = parts
    this.#journal = journal
    this.#route = route
    this.log = log
    this.start = start
    this.#lanes = new LaneModels(
      ({ message }) => this.#isExpired(message),
      what => this.#violated('2', what),
    )
    this.#mark = new MarkModel(log, start, (invariant, what) => this.#violated(invariant, what))
    this.#say('claimed from', start)
    const first = journal.firstUnhandled(log)
    if (first !== undefined && first.offset < start) {
      this.#violated('1', `it starts at ${start}, although ${first.offset} was never handled nor given up`)
    }
  }

  /** Handlers that run and were not told to be stuck. */
  get running(): number {
    return this.#running
  }

  /** Done by what a handler said that still runs. */
  get saidDone(): number {
    let count = 0
    for (const { said } of this.#runs) for (const failing of said.values()) if (failing === null) count++
    return count
  }

  /** Open, but not to come again by itself. */
  get shelved(): number {
    return this.#count(entry => entry.shelved !== null)
  }

  /** Left or held. */
  get undone(): number {
    return this.#count(entry => entry.tries.undone !== null)
  }

  /** Of these, those that are not due yet. */
  get resting(): number {
    return this.#count(({ tries }) => tries.rests(this.#journal.now))
  }

  /** What those take that are left or held, at most. */
  get undoneBytes(): number {
    let bytes = 0
    for (const { tries, message } of this.open.values()) if (tries.undone !== null) bytes += bytesOf(message)
    return bytes
  }

  /** And at least. */
  get leastUndoneBytes(): number {
    let bytes = 0
    for (const { tries, message } of this.open.values()) if (tries.undone !== null) bytes += leastBytesOf(message)
    return bytes
  }

  /** The highest offset that may be committed. */
  get limit(): number {
    return this.#mark.limit
  }

  /** Why this claim is not done with its log, or null. What waits for a new process is not counted. */
  get missing(): string | null {
    const holds = this.#count(entry => entry.shelved === 'hold') > 0
    for (const message of this.#mark.undone) {
      const entry = this.open.get(message.offset)
      if (entry?.shelved != null) continue
      // Those that wait behind it keep their batches in memory, so that there may be no room for more.
      if (entry === undefined && holds) return null
      if (this.#lanes.isHeld(this.#laneOf(message), entry)) continue
      return `${message.offset} was ${entry === undefined ? 'never taken' : 'taken, and is not done'}`
    }
    return null
  }

  /** Whether one of these offsets is of a message that is to be handled, and waits for no other. */
  hasFree(from: number, to: number): boolean {
    return this.log.messages.some(message => {
      const { offset } = message
      return (
        offset >= from && offset < to && !isFiltered(this.#route, offset) && this.#lanes.isFree(this.#laneOf(message))
      )
    })
  }

  drain(): void {
    this.drainsBelow ??= this.#highest
    this.#parts.circuit?.leaving([...this.#decoding])
  }

  end(): void {
    this.ended = true
    this.#parts.circuit?.leaving([...this.#decoding])
  }

  // ── taking ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** It begins at this commit. */
  recalls(committed: CommittedOffset): void {
    this.#mark.recalls(committed)
  }

  taken(offset: number): void {
    if (this.stopped || this.drainsBelow !== null)
      this.#violated('3', `${offset} was taken after its claim was stopped`)
    const message = this.#mark.taken(offset)
    if (message === undefined) return
    const earlyMs = Number(message.headers.get('millrace.due') ?? 0) - this.#journal.wallTime
    if (earlyMs > 0) this.#violated('due', `${offset} was taken ${earlyMs} ms before it is due`)
    if (isFiltered(this.#route, offset)) this.#violated('filter', `${offset} was taken, and is to be left out`)
    const lane = this.#laneOf(message)
    const before = this.#mark.triedBefore(offset)
    const tries = new Tries(this.#route, before, what => this.#violated('attempts', `${offset} ${what}`))
    const entry: Entry = {
      ...{ message, lane, tries },
      running: new Set(),
      keeping: null,
      passed: false,
      shelved: null,
    }
    this.open.set(offset, entry)
    this.#lanes.add(entry)
  }

  /** An owner before had done it. */
  recalled(offset: number): void {
    this.#say('recalled', offset)
    const message = this.#mark.comesBy(offset, 'passed over')
    if (message !== undefined && !this.#journal.wasHandled(this.log, message)) {
      this.#violated('1', `${offset} was passed over, and was never handled nor given up`)
    }
    this.#mark.recalled(offset)
  }

  /** It counts as done without a handler. */
  leftOut(offset: number): void {
    this.#say('left out', offset)
    const message = this.#mark.comesBy(offset, 'left out')
    if (message === undefined) return
    if (!isFiltered(this.#route, offset) && !this.#isExpired(message)) {
      this.#violated('filter', `${offset} was left out, and is to be handled`)
    }
    this.#journal.handled(this.log, message)
    this.#mark.done(offset)
  }

  // ── handling ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** It is decoded, and its handler is entered next. */
  decoding(offset: number): void {
    const message = this.open.get(offset)?.message
    if (message !== undefined) this.#decoding.add(message)
    this.#parts.circuit?.started([message], this.#route)
  }

  undecoded(offset: number): void {
    const entry = this.open.get(offset)
    this.#say('undecoded', offset)
    if (entry === undefined) return
    this.#decoding.delete(entry.message)
    entry.tries.undecoded()
    // What else is in its batch is handled without it.
    const alone = this.#route.batch === null
    this.#parts.circuit?.ended([entry.message], alone && !this.#isLeaving ? 'failed' : 'dropped')
  }

  /** A handler is entered. `started`: it may have been started (and was decoding) before its claim was stopped. */
  entered(offsets: readonly number[], attempt: number, started: boolean): Run {
    this.#say('entered', offsets.join(), `attempt ${attempt}`)
    const entries = offsets.map(offset => this.open.get(offset)).filter(entry => entry !== undefined)
    const run: Run = { ...{ model: this, entries, stuck: false, ended: false }, companions: [], said: new Map() }
    if (this.ended || (this.stopped && !started)) {
      this.#violated('3', `a handler of ${offsets.join()} was entered after its claim was stopped`)
    }
    if (this.drainsBelow !== null && !started && offsets.every(offset => offset >= (this.drainsBelow ?? 0))) {
      const limit = `in a drain that finishes what is before ${this.drainsBelow}`
      this.#violated('3', `a handler of ${offsets.join()} was entered ${limit}`)
    }
    this.#highest = Math.max(this.#highest, ...offsets)
    if (entries.length !== offsets.length && !this.ended) {
      this.#violated('2', `a handler of ${offsets.join()} was entered although not all of them are open`)
    }
    if (!this.#route.decodes) {
      this.#parts.circuit?.started(
        entries.map(({ message }) => message),
        this.#route,
      )
    }
    for (const entry of entries) this.#enter(entry, run, attempt)
    for (const { message } of entries) this.#decoding.delete(message)
    this.#running++
    this.#runs.add(run)
    return run
  }

  /** Whether it came back to its lane, as if it was never taken. */
  isBack(offset: number): boolean {
    return this.open.get(offset)?.tries.waits ?? false
  }

  /** A message waited for its next attempt, and kept its record batch meanwhile. */
  keepsMemory(offsets: readonly number[]): void {
    this.#violated('4', `${offsets.join()} waited without being copied out of their batches`)
  }

  /** The handler says of one of its messages how it failed, or that it is done; answers whether it counts. */
  says(run: Run, offset: number, failing: Failing | null): boolean {
    const entry = run.entries.find(({ message }) => message.offset === offset)
    if (entry === undefined || run.ended || run.stuck || this.ended || run.said.has(entry)) return false
    this.#say(failing === null ? 'done' : 'failed alone', offset)
    run.said.set(entry, failing)
    if (failing === null) {
      this.#journal.handled(this.log, entry.message)
      this.#close(entry)
    }
    return true
  }

  returned(run: Run, ending: Ending): void {
    const { failing } = ending
    const offsets = run.entries.map(entry => entry.message.offset)
    this.#say(failing === null ? 'resolved' : 'rejected', offsets.join(), run.stuck ? 'stuck' : '')
    run.ended = true
    this.#runs.delete(run)
    for (const entry of run.entries) entry.running.delete(run)
    if (!run.stuck) this.#running--
    const result = failing === null ? 'handled' : this.#isLeaving ? 'dropped' : 'failed'
    const messages = run.entries.map(entry => entry.message)
    this.#parts.circuit?.ended(messages, result)
    for (const [entry, its] of endings(run, ending)) this.#ended(entry, run, its)
  }

  #ended(entry: Entry, run: Run, { failing, alone, gaveUp }: Ending): void {
    if (failing === null) this.#journal.handled(this.log, entry.message)
    if (run.stuck || this.ended || gaveUp) return
    if (failing === null) this.#close(entry)
    else entry.tries.failed(failing, this.#journal.now, this.#isLeaving, alone)
  }

  stuck(offset: number): void {
    this.#say('stuck', offset)
    // It may be done by what its handler said.
    for (const run of this.#runs) if (run.entries.some(({ message }) => message.offset === offset)) this.#leave(run)
  }

  /** With all of its batch, whatever partitions they are of. */
  #leave({ companions }: Run): void {
    for (const run of companions) run.model.#leaveRun(run)
  }

  #leaveRun(run: Run): void {
    if (run.stuck) return
    run.stuck = true
    this.#running--
    for (const { tries } of run.entries) tries.tried(this.#isLeaving)
  }

  // ── failing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The user was asked, and answered this. */
  answered(offset: number, answer: Decision): void {
    const entry = this.open.get(offset)
    if (entry !== undefined) entry.tries.answer = answer
  }

  /** It is to be kept elsewhere. `deadLetter`: by an answer. */
  keeps(failure: Failure<AnyMessage>, deadLetter: boolean): void {
    const { topic, sinks } = this.#parts
    const { offset } = failure.message
    const entry = this.open.get(offset)
    // What is done is not asked for; `decided` says so.
    const message = entry?.message ?? (this.log.messages[this.log.indexOf(offset)] as LogMessage)
    const keeping = sinks.asked(topic, this.log, message, failure, deadLetter)
    if (entry !== undefined) entry.keeping = keeping
  }

  /** It is in a file. */
  parked(offset: number): void {
    const entry = this.open.get(offset)
    if (entry !== undefined) this.#parts.sinks.parked(this.log, entry.message)
  }

  decided(offset: number, decision: Decision, { reason }: Pick<Failure, 'reason'>): void {
    this.#say('decided', offset, decision, reason)
    const entry = this.open.get(offset)
    this.#parts.circuit?.spent()
    if (this.ended) return
    if (entry === undefined) {
      const { batch, expireAfterMs } = this.#route
      // Of its batch the first was told to be stuck, which was too old, so that this handler resolved without being known to be.
      if (reason === 'abandoned' && batch !== null && expireAfterMs !== null) return
      this.#violated('1', `it was decided to ${decision} ${offset}, which is done`)
      return
    }
    // Of a batch the first message is told to be stuck, which may have been left out as too old.
    if (reason === 'abandoned') for (const run of entry.running) this.#leave(run)
    this.#checkDecision(entry, decision)
    const { tries } = entry
    const leaving = this.#isLeaving
    // One that became too old fails with its batch, which is handled without it.
    if (!leaving && !this.#isExpired(entry.message)) tries.checkEnd(reason)
    tries.decided(decision, this.#journal.now, leaving)
    if (decision === 'skip' || decision === 'skip-and-stop') {
      this.#journal.handled(this.log, entry.message)
      this.#close(entry)
      return
    }
    if (decision === 'stop' || leaving) return
    if (decision === 'leave') entry.passed = true
    else if (this.#route.batch !== null) for (const other of this.open.values()) other.tries.mayWait()
    if (reason === 'abandoned') entry.shelved = decision
  }

  /** What was answered is what is done; what is to be kept elsewhere is done once it is, and held as long as it is not. */
  #checkDecision(entry: Entry, decision: Decision): void {
    const { keeping, tries, message } = entry
    const { onFailure } = this.#route
    const expected =
      keeping !== null ? this.#parts.sinks.decided(keeping) : isDecision(onFailure) ? onFailure : tries.answer
    entry.keeping = tries.answer = null
    if (expected !== null && decision !== expected) {
      const invariant = keeping === null ? 'decisions' : 'sinks'
      this.#violated(invariant, `it was decided to ${decision} ${message.offset}, and ${expected} was asked for`)
    }
  }

  // ── committing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  settled(offset: number): void {
    this.#say('settled', offset)
    if (this.ended) this.#violated('3', `${offset} was settled after its claim ended`)
    const entry = this.open.get(offset)
    // It became too old while it waited.
    if (entry !== undefined && !isRunning(entry) && this.#isExpired(entry.message)) {
      this.#journal.handled(this.log, entry.message)
      this.#close(entry)
    }
    this.#mark.settled(offset)
  }

  /** `limit`: of the metadata. */
  sent(committed: CommittedOffset, limit: number): void {
    const { offset, metadata } = committed
    this.#say('commit', offset, metadata)
    this.#mark.sent(committed, limit, new Map([...this.open].map(([at, { tries }]) => [at, tries.counted])))
    if (this.ended) this.#violated('3', `${offset} was committed after its claim ended`)
    else if (offset > this.limit) {
      this.#violated('1', `${offset} was committed, although ${this.limit} is not done`)
    } else if (offset < this.start) {
      this.#violated('1', `${offset} was committed, which is before its start at ${this.start}`)
    }
  }

  #enter(entry: Entry, run: Run, attempt: number): void {
    const { message } = entry
    if (entry.shelved !== null) this.#violated('2', `${message.offset} is tried again although it was abandoned`)
    if (this.#isExpired(message)) this.#violated('filter', `${message.offset} is handled, and too old`)
    entry.tries.entered(attempt, this.#journal.now)
    if (isRunning(entry)) {
      this.#violated('2', `${message.offset} is handled twice at the same time`)
    }
    entry.running.add(run)
    this.#lanes.enter(entry, run)
  }

  #close(entry: Entry): void {
    const { offset } = entry.message
    this.open.delete(offset)
    this.#lanes.remove(entry)
    this.#mark.done(offset)
  }

  get #isLeaving(): boolean {
    return this.ended || this.stopped || this.drainsBelow !== null
  }

  #isExpired({ timestamp }: LogMessage): boolean {
    const { expireAfterMs } = this.#route
    return expireAfterMs !== null && this.#journal.wallTime - timestamp > expireAfterMs
  }

  #laneOf({ key }: LogMessage): string | null {
    const { order } = this.#route
    if (order === 'key') return key
    return order === 'partition' ? 'partition' : null
  }

  #count(which: (entry: Entry) => boolean): number {
    let count = 0
    for (const entry of this.open.values()) if (which(entry)) count++
    return count
  }

  #say(...what: (string | number)[]): void {
    this.#journal.say(this.#parts.name, ...what)
  }

  #violated(invariant: string, what: string): void {
    this.#journal.violated(invariant, `${this.#parts.name}: ${what}`)
  }
}
