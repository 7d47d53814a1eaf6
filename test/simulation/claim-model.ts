import { decodeGaps } from '../../src/offsets/gap-codec.ts'
import type { CommittedOffset } from '../../src/offsets/storage.ts'
import type { Decision, FailureReason } from '../../src/work/failure.ts'
import type { Journal } from './journal.ts'
import type { LogMessage, PartitionLog } from './partition-log.ts'
import type { RouteScenario } from './scenario.ts'

/** A message that was taken and is not done, as the model sees it. */
interface Entry {
  readonly message: LogMessage
  /** What it must not run together with. Null: nothing. */
  readonly lane: string | null
  /** The handlers that run for it; one, unless something is wrong. */
  readonly running: Set<Run>
  attempts: number
  /** A decision let later ones of its key pass. */
  passed: boolean
  /** By which decision it is not done; one that was left counts until it is handled again. */
  undone: 'leave' | 'hold' | null
  /** Not tried again by this claim: left or held after it was abandoned. */
  shelved: 'leave' | 'hold' | null
}

/** A handler from when it was entered until it settles. */
export interface Run {
  readonly entries: readonly Entry[]
  /** The dispatcher told that it gave up on it. */
  stuck: boolean
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
  readonly #journal: Journal
  readonly #name: string
  readonly #route: Pick<RouteScenario, 'order' | 'batch'>
  /** Place in the log of what is taken next. */
  #next: number
  /** Place in the log of the first message that is not done. */
  #mark: number
  readonly #done = new Set<number>()
  readonly #settled = new Set<number>()
  /** Not to be handled, and not come by yet. */
  readonly #recalls = new Set<number>()
  readonly #lanes = new Map<string, Entry[]>()
  #running = 0

  constructor(journal: Journal, name: string, log: PartitionLog, start: number, route: RouteScenario) {
    this.#journal = journal
    this.#name = name
    this.#route = route
    this.log = log
    this.start = start
    this.#next = this.#mark = log.indexOf(start)
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

  /** Open, but not to come again by itself. */
  get shelved(): number {
    return this.#count(entry => entry.shelved !== null)
  }

  /** Left or held. */
  get undone(): number {
    return this.#count(entry => entry.undone !== null)
  }

  /** The highest offset that may be committed. */
  get limit(): number {
    return this.log.messages[this.#mark]?.offset ?? this.log.end
  }

  /** Why this claim is not done with its log, or null. What waits for a new process is not counted. */
  get missing(): string | null {
    const holds = this.#count(entry => entry.shelved === 'hold') > 0
    for (let index = this.#mark; index < this.log.messages.length; index++) {
      const message = this.log.messages[index] as LogMessage
      if (this.#done.has(message.offset)) continue
      const entry = this.open.get(message.offset)
      if (entry?.shelved != null) continue
      // Those that wait behind it keep their batches in memory, so that there may be no room for more.
      if (entry === undefined && holds) return null
      const lane = this.#laneOf(message)
      const held = lane !== null && this.#lanes.get(lane)?.some(other => other.shelved === 'hold' && other !== entry)
      if (held) continue
      return `${message.offset} was ${entry === undefined ? 'never taken' : 'taken, and is not done'}`
    }
    return null
  }

  drain(): void {
    this.drainsBelow ??= this.#highest
  }

  taken(offset: number): void {
    if (this.stopped || this.drainsBelow !== null)
      this.#violated('3', `${offset} was taken after its claim was stopped`)
    const message = this.log.messages[this.#next++]
    if (message?.offset !== offset) {
      this.#violated('1', `${offset} was taken where ${message?.offset ?? 'nothing'} comes next`)
    }
    if (message === undefined) return
    if (this.#recalls.has(offset)) this.#violated('gaps', `${offset} is handled again, and is remembered to be done`)
    const lane = this.#laneOf(message)
    const entry: Entry = {
      message,
      lane,
      running: new Set(),
      attempts: 0,
      passed: false,
      undone: null,
      shelved: null,
    }
    this.open.set(offset, entry)
    if (lane === null) return
    const others = this.#lanes.get(lane)
    if (others === undefined) this.#lanes.set(lane, [entry])
    else others.push(entry)
  }

  /** A handler is entered. `started`: it may have been started (and was decoding) before its claim was stopped. */
  entered(offsets: readonly number[], attempt: number, started: boolean): Run {
    this.#say('entered', offsets.join(), `attempt ${attempt}`)
    const entries = offsets.map(offset => this.open.get(offset)).filter(entry => entry !== undefined)
    const run: Run = { entries, stuck: false }
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
    for (const entry of entries) this.#enter(entry, run, attempt)
    this.#running++
    return run
  }

  /** A message waited for its next attempt, and kept its record batch meanwhile. */
  keepsMemory(offsets: readonly number[]): void {
    this.#violated('4', `${offsets.join()} waited without being copied out of their batches`)
  }

  returned(run: Run, resolved: boolean): void {
    const offsets = run.entries.map(entry => entry.message.offset)
    this.#say(resolved ? 'resolved' : 'rejected', offsets.join(), run.stuck ? 'stuck' : '')
    for (const entry of run.entries) entry.running.delete(run)
    if (!run.stuck) this.#running--
    if (!resolved) return
    for (const { message } of run.entries) this.#journal.handled(this.log, message)
    if (run.stuck || this.ended) return
    for (const entry of run.entries) this.#close(entry)
  }

  stuck(offset: number): void {
    this.#say('stuck', offset)
    const entry = this.open.get(offset)
    for (const run of entry?.running ?? []) {
      if (!run.stuck) this.#running--
      run.stuck = true
    }
  }

  decided(offset: number, decision: Decision, reason: FailureReason): void {
    this.#say('decided', offset, decision, reason)
    const entry = this.open.get(offset)
    if (this.ended) return
    if (entry === undefined) {
      this.#violated('1', `it was decided to ${decision} ${offset}, which is done`)
      return
    }
    if (decision === 'skip' || decision === 'skip-and-stop') {
      this.#journal.handled(this.log, entry.message)
      this.#close(entry)
      return
    }
    if (decision === 'stop' || this.stopped || this.drainsBelow !== null) return
    entry.undone = decision
    if (decision === 'leave') {
      entry.passed = true
      entry.attempts = 0
    }
    if (reason === 'abandoned') entry.shelved = decision
  }

  /** It begins at this commit: what that remembers must not be handled again. */
  recalls({ offset, metadata }: CommittedOffset): void {
    const record = decodeGaps(metadata)
    if (record === null || record.offset !== offset) return
    for (const { from, to } of record.done) {
      for (let at = this.log.indexOf(from); at < this.log.indexOf(to); at++) {
        this.#recalls.add((this.log.messages[at] as LogMessage).offset)
      }
    }
  }

  /** An owner before had done it. */
  recalled(offset: number): void {
    this.#say('recalled', offset)
    const message = this.log.messages[this.#next++]
    if (message?.offset !== offset) {
      this.#violated('1', `${offset} was passed over where ${message?.offset ?? 'nothing'} comes next`)
    } else if (!this.#journal.wasHandled(this.log, message)) {
      this.#violated('1', `${offset} was passed over, and was never handled nor given up`)
    }
    this.#recalls.delete(offset)
    this.#done.add(offset)
    this.#settled.add(offset)
    this.#moveMark()
  }

  settled(offset: number): void {
    this.#say('settled', offset)
    if (this.ended) this.#violated('3', `${offset} was settled after its claim ended`)
    if (!this.#done.has(offset)) this.#violated('1', `${offset} was settled and is not done`)
    if (this.#settled.has(offset)) this.#violated('1', `${offset} was settled twice`)
    this.#settled.add(offset)
  }

  /** `limit`: of the metadata. */
  sent({ offset, metadata }: CommittedOffset, limit: number): void {
    this.#say('commit', offset, metadata)
    this.#checkGaps(offset, metadata, limit)
    if (this.ended) this.#violated('3', `${offset} was committed after its claim ended`)
    else if (offset > this.limit) {
      this.#violated('1', `${offset} was committed, although ${this.limit} is not done`)
    } else if (offset < this.start) {
      this.#violated('1', `${offset} was committed, which is before its start at ${this.start}`)
    }
  }

  /** All that is said to be done is, and all that is done above the mark is said to be, as far as there is room. */
  #checkGaps(offset: number, metadata: string, limit: number): void {
    if (metadata.length > limit)
      this.#violated('gaps', `${metadata.length} characters of metadata, ${limit} are allowed`)
    const done = decodeGaps(metadata)?.done ?? []
    const { messages } = this.log
    const said = new Set<number>()
    for (const { from, to } of done) {
      for (let at = this.log.indexOf(from); at < this.log.indexOf(to); at++)
        said.add((messages[at] as LogMessage).offset)
    }
    for (const each of said) {
      if (!this.#done.has(each) && !this.#recalls.has(each))
        this.#violated('1', `${each} is remembered to be done above ${offset}, and is not`)
    }
    // The last range may be all that there was room for.
    const room = limit - metadata.length > 20
    const known = room ? messages.length : this.log.indexOf(done.at(-1)?.to ?? 0)
    for (let at = this.log.indexOf(offset); at < known; at++) {
      const message = messages[at] as LogMessage
      const done = this.#settled.has(message.offset) || this.#recalls.has(message.offset)
      if (done && message.offset > this.limit && !said.has(message.offset))
        this.#violated('gaps', `${message.offset} is done above ${offset}, and not remembered`)
    }
  }

  #enter(entry: Entry, run: Run, attempt: number): void {
    const { message, lane } = entry
    if (entry.shelved !== null) this.#violated('2', `${message.offset} is tried again although it was abandoned`)
    if (attempt <= entry.attempts && this.#route.batch === null) {
      this.#violated('2', `${message.offset} has its attempt ${attempt} after ${entry.attempts}`)
    }
    entry.attempts = attempt
    if (entry.undone === 'leave') entry.undone = null
    if ([...entry.running].some(other => !other.stuck)) {
      this.#violated('2', `${message.offset} is handled twice at the same time`)
    }
    entry.running.add(run)
    if (lane === null) return
    for (const other of this.#lanes.get(lane) ?? []) {
      if (run.entries.includes(other)) continue
      const { offset } = other.message
      if ([...other.running].some(running => !running.stuck)) {
        this.#violated('2', `${message.offset} is handled together with ${offset}, which has the same key`)
      } else if (offset < message.offset && !other.passed) {
        this.#violated('2', `${message.offset} is handled before ${offset}, which has the same key`)
      }
    }
    const before = run.entries[run.entries.indexOf(entry) - 1]
    if (before !== undefined && before.lane === lane && before.message.offset > message.offset && !entry.passed) {
      this.#violated('2', `${message.offset} is behind ${before.message.offset} in its batch, and has the same key`)
    }
  }

  #close(entry: Entry): void {
    const { offset } = entry.message
    this.open.delete(offset)
    this.#done.add(offset)
    if (entry.lane !== null) {
      const lane = this.#lanes.get(entry.lane) as Entry[]
      lane.splice(lane.indexOf(entry), 1)
      if (lane.length === 0) this.#lanes.delete(entry.lane)
    }
    this.#moveMark()
  }

  #moveMark(): void {
    const { messages } = this.log
    for (let next = messages[this.#mark]; next !== undefined && this.#done.has(next.offset); ) {
      next = messages[++this.#mark]
    }
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
    this.#journal.say(this.#name, ...what)
  }

  #violated(invariant: string, what: string): void {
    this.#journal.violated(invariant, `${this.#name}: ${what}`)
  }
}
