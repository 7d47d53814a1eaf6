import { partitionName, type TopicPartition } from '../../../src/base/topic-partition.ts'
import type { GroupSnapshot } from '../../../src/broker/groups/groups.ts'
import { decodeGaps } from '../../../src/offsets/gap-codec.ts'
import { decodeAssignment } from '../../../src/ownership/consumer-protocol.ts'
import type { ApiName } from '../../../src/protocol/apis.ts'
import { errorCodes } from '../../../src/protocol/error-codes.ts'
import type { Requests, Responses } from '../../../src/protocol/messages.ts'
import type { Order } from '../../../src/work/route.ts'
import type { Journal } from '../journal.ts'
import type { LogMessage, PartitionLog } from '../partition-log.ts'
import type { SimulatedClock } from '../simulated-clock.ts'

/** One process, as far as its place in the group matters. */
export interface Owner {
  readonly name: string
  readonly instanceId: string | null
  readonly abandonMs: number
  /** It lives, and is not stopped. */
  readonly running: boolean
  /** How much later than the present what it does happens. */
  readonly ahead: number
  /** When it last went on after a gap in its time. */
  readonly wokeAt: number
}

/** A handler from when it was entered until it settles. */
export interface Run {
  readonly owner: Owner
  readonly log: PartitionLog
  readonly messages: readonly LogMessage[]
  /** When its signal was aborted; null: not yet. */
  abortedAt: number | null
  /** What it answers is of no interest: its partition was lost, or its user went elsewhere in it. */
  dropped: boolean
  /** The group had given its partition away when this process learned of it. */
  excused: boolean
  ended: boolean
}

/** What the coordinator last told a process, and what the process told its user. */
interface Standing {
  /** Of the last answer to JoinGroup. */
  generation: number
  memberId: string
  /** It left by itself. */
  left: boolean
  /** It has heard that it is no member any more. */
  out: boolean
  /** What its user was told to own. */
  readonly owned: Set<string>
  /** What its user has been told to give up, and is dealing with. */
  readonly leaving: Set<string>
  /** Handlers that it entered just after a gap in its time, and when that was over. */
  unaware: { readonly since: number; count: number }
}

/** Whom the coordinator gave a partition last, and in which generation. */
interface Grant {
  readonly owner: Owner
  readonly generation: number
}

export interface OwnershipWatchParts {
  readonly journal: Journal
  readonly clock: SimulatedClock
  /** The group as its coordinator knows it. */
  readonly group: () => GroupSnapshot
  readonly log: (topic: string, partition: number) => PartitionLog
  readonly order: Order
  /** Nothing goes wrong, so that nothing may be handled twice. */
  readonly exactlyOnce: boolean
}

/** Virtual time is counted in parts of milliseconds. */
const TOLERANCE_MS = 1
/** The clock is read once for a group of handlers: so many of one may be entered before a gap in time is seen. */
const MOST_UNAWARE = 15

/**
 * Watches from the outside who may handle what: it sees the answers of the coordinator as they leave it, the handlers of all processes as
 * they are entered and as they end, and each offset that is committed.
 */
export class OwnershipWatch {
  readonly #parts: OwnershipWatchParts
  readonly #journal: Journal
  readonly #standings = new Map<Owner, Standing>()
  readonly #grants = new Map<string, Grant>()
  readonly #running = new Map<PartitionLog, Set<Run>>()
  readonly #committed = new Map<string, number>()
  /** Up to which place messages may come again although nothing went wrong. */
  readonly #cutShort = new Map<PartitionLog, number>()
  /** Offsets to which users went, which may be committed although they are lower. */
  readonly #sought = new Map<string, number[]>()

  constructor(parts: OwnershipWatchParts) {
    this.#parts = parts
    this.#journal = parts.journal
  }

  // ── what the coordinator answers ────────────────────────────────────────────────────────────────────────────────────

  answered<N extends ApiName>(owner: Owner, name: N, body: Requests[N], answer: Responses[N]): void {
    const errorCode = 'errorCode' in answer ? answer.errorCode : errorCodes.NONE
    const standing = this.#standing(owner)
    if (name !== 'Heartbeat' || errorCode !== errorCodes.NONE) this.#say(owner, name, errorCode)
    if (name === 'LeaveGroup') {
      standing.left = true
    } else if (name === 'OffsetCommit') {
      this.#commits(owner, body as Requests['OffsetCommit'], answer as Responses['OffsetCommit'])
    } else if (errorCode === errorCodes.NONE && name === 'JoinGroup') {
      const { generationId, memberId } = answer as Responses['JoinGroup']
      this.#noGhost(owner, memberId)
      Object.assign(standing, { generation: generationId, memberId, left: false, out: false })
      this.#say(owner, 'joins generation', generationId)
    } else if (errorCode === errorCodes.NONE && name === 'SyncGroup') {
      this.#synced(owner, body as Requests['SyncGroup'], answer as Responses['SyncGroup'])
    }
  }

  /** An answer reaches the process. */
  received<N extends ApiName>(owner: Owner, name: N, body: Requests[N], answer: Responses[N]): void {
    const standing = this.#standing(owner)
    if ((name !== 'Heartbeat' && name !== 'SyncGroup') || !('errorCode' in answer) || !('generationId' in body)) return
    const { memberId, generationId } = body
    if (answer.errorCode !== errorCodes.UNKNOWN_MEMBER_ID) return
    if (memberId === standing.memberId && generationId === standing.generation) standing.out = true
  }

  /** Where every answer arrives, nobody becomes a second member beside the one that he was. */
  #noGhost(owner: Owner, memberId: string): void {
    const { memberId: before } = this.#standing(owner)
    const known = this.#parts.group().members.some(member => member.memberId === before)
    if (this.#parts.exactlyOnce && before !== memberId && known) {
      this.#violated('ghosts', owner, `${before} is still a member, although it has come again as ${memberId}`)
    }
  }

  #synced(owner: Owner, { generationId }: Requests['SyncGroup'], { assignment }: Responses['SyncGroup']): void {
    const names = decodeAssignment(assignment).partitions.map(nameOf)
    this.#say(owner, 'is assigned', names.join(), `in generation ${generationId}`)
    for (const name of names) this.#grants.set(name, { owner, generation: generationId })
  }

  #commits(owner: Owner, { topics }: Requests['OffsetCommit'], answer: Responses['OffsetCommit']): void {
    for (const { name = '', partitions } of topics) {
      const codes = answer.topics.find(topic => topic.name === name)?.partitions ?? []
      for (const { partitionIndex, committedOffset, committedMetadata } of partitions) {
        const code = codes.find(answered => answered.partitionIndex === partitionIndex)?.errorCode
        this.#say(owner, 'commits', partitionName(name, partitionIndex), committedOffset, `code ${code}`)
        if (code !== errorCodes.NONE) continue
        const log = this.#parts.log(name, partitionIndex)
        this.#commit(owner, log, committedOffset)
        this.#remembers(owner, log, committedMetadata ?? '')
      }
    }
  }

  #commit(owner: Owner, log: PartitionLog, offset: number): void {
    const name = nameOf(log)
    const limit = this.#journal.firstUnhandled(log)?.offset ?? log.end
    if (offset > limit) this.#violated('1', owner, `${offset} was committed for ${name}, although ${limit} is not done`)
    const grant = this.#grants.get(name)
    if (grant?.owner !== owner) {
      this.#violated('3', owner, `${name} was committed, which is owned by ${grant?.owner.name ?? 'nobody'}`)
    }
    const before = this.#committed.get(name) ?? -1
    if (offset < before) {
      const sought = this.#sought.get(name) ?? []
      if (!sought.some(target => target <= offset)) {
        this.#violated('1', owner, `the offset of ${name} went back from ${before} to ${offset}`)
      }
      this.#sought.delete(name)
    }
    this.#committed.set(name, offset)
  }

  /** What is said to be done above a committed offset is. */
  #remembers(owner: Owner, log: PartitionLog, metadata: string): void {
    for (const { from, to } of decodeGaps(metadata)?.done ?? []) {
      const messages = log.messages.slice(log.indexOf(from), log.indexOf(to))
      const undone = messages.find(message => !this.#journal.wasHandled(log, message))
      if (undone === undefined) continue
      this.#violated('1', owner, `${undone.offset} of ${nameOf(log)} is remembered to be done, and is not`)
    }
  }

  // ── what users see and do ───────────────────────────────────────────────────────────────────────────────────────────

  sought(owner: Owner, log: PartitionLog, offset: number): void {
    const name = nameOf(log)
    for (const run of this.#running.get(log) ?? []) if (run.owner === owner) run.dropped = true
    this.#sought.set(name, [...(this.#sought.get(name) ?? []), offset])
    this.#journal.waive(log, offset)
  }

  /** A callback of the user is called; the answer is called when it has ended. */
  told(owner: Owner, what: 'assigned' | 'revoked' | 'lost', partitions: readonly TopicPartition[]): () => void {
    const { owned, leaving, memberId, generation, out } = this.#standing(owner)
    const names = partitions.map(nameOf)
    this.#say(owner, 'tells', what, names.join())
    const { members, generation: present } = this.#parts.group()
    const excluded = generation !== present || !members.some(member => member.memberId === memberId)
    for (const name of names) {
      if (owned.has(name) !== (what !== 'assigned')) {
        const before = owned.has(name) ? 'was owned already' : 'was not owned'
        this.#violated('callbacks', owner, `${name} was told to be ${what}, and ${before}`)
      }
      if (what === 'assigned') owned.add(name)
      else owned.delete(name)
      if (what === 'revoked') leaving.add(name)
    }
    if (what === 'revoked' && out) {
      this.#violated('callbacks', owner, `${names.join()} was told to be revoked, and the group had put the member out`)
    }
    for (const run of what === 'lost' ? this.#runs() : []) {
      if (run.owner !== owner || !names.includes(nameOf(run.log))) continue
      run.dropped = true
      run.excused ||= excluded
    }
    return () => {
      for (const name of names) leaving.delete(name)
    }
  }

  entered(owner: Owner, log: PartitionLog, messages: readonly LogMessage[], signal: AbortSignal): Run {
    const run: Run = { owner, log, messages, abortedAt: null, dropped: false, excused: false, ended: false }
    this.#say(owner, 'enters', describe(run), owner.ahead > 0 ? `in ${owner.ahead} ms` : '')
    signal.addEventListener('abort', () => {
      run.abortedAt = this.#parts.clock.now() + owner.ahead
      // The drain was over before the handlers were: what is done behind them comes again.
      this.#cutShort.set(log, log.messages.length)
      this.#say(owner, 'aborts', describe(run), signal.reason instanceof Error ? signal.reason.name : '')
    })
    const cutShort = this.#cutShort.get(log) ?? 0
    const again = messages.some(message => message.index >= cutShort && this.#journal.wasHandled(log, message))
    if (this.#parts.exactlyOnce && again) {
      this.#violated('exactly once', owner, `${describe(run)} is handled again`)
    }
    if (owner.ahead > 0) this.#parts.clock.after(owner.ahead, () => this.#begins(run))
    else this.#begins(run)
    return run
  }

  #begins(run: Run): void {
    const others = this.#running.get(run.log) ?? new Set()
    this.#running.set(run.log, others)
    if (!this.#isUnaware(run.owner)) {
      this.#mayEnter(run)
      // What it did at once is over, if that is looked at later.
      for (const other of others) if (!run.ended || other.owner !== run.owner) this.#mayRunBeside(run, other)
    }
    if (!run.ended) others.add(run)
  }

  left(run: Run, resolved: boolean): void {
    this.#say(run.owner, resolved ? 'resolves' : 'rejects', describe(run))
    run.ended = true
    this.#running.get(run.log)?.delete(run)
    if (resolved) for (const message of run.messages) this.#journal.handled(run.log, message)
  }

  /** The process is gone, and its handlers with it. */
  gone(owner: Owner): void {
    for (const run of this.#runs()) if (run.owner === owner) this.#running.get(run.log)?.delete(run)
  }

  // ── what must hold ──────────────────────────────────────────────────────────────────────────────────────────────────

  #isUnaware(owner: Owner): boolean {
    const standing = this.#standing(owner)
    if (this.#parts.clock.now() - owner.wokeAt > TOLERANCE_MS) return false
    if (standing.unaware.since !== owner.wokeAt) standing.unaware = { since: owner.wokeAt, count: 0 }
    return ++standing.unaware.count <= MOST_UNAWARE
  }

  /** Its user knows, and nobody else was given the partition since. */
  #mayEnter(run: Run): void {
    const { owner, log } = run
    const name = nameOf(log)
    const grant = this.#grants.get(name)
    const what = `the handler of ${describe(run)} was entered`
    if (grant === undefined) this.#violated('3', owner, `${what}, and nobody was assigned it`)
    else if (grant.owner !== owner && !isUsurped(owner, grant.owner)) {
      this.#violated('3', owner, `${what}, and it was assigned to ${grant.owner.name} since`)
    } else if (!this.#standing(owner).owned.has(name)) {
      this.#violated('callbacks', owner, `${what}, and its user was not told to own it`)
    }
    for (const [other, { leaving }] of this.#standings) {
      if (other === owner || !leaving.has(name) || !other.running || this.#isExcluded(other, log)) continue
      this.#violated('callbacks', owner, `${what}, and the user of ${other.name} still deals with its revocation`)
    }
  }

  #mayRunBeside(run: Run, other: Run): void {
    const { owner, log } = run
    const { abortedAt } = other
    const now = this.#parts.clock.now()
    if (abortedAt !== null && now - abortedAt >= other.owner.abandonMs - TOLERANCE_MS) return
    if (other.owner !== owner) {
      if (!other.owner.running || other.excused || isUsurped(other.owner, owner) || this.#isExcluded(other.owner, log))
        return
      this.#violated('3', owner, `enters ${describe(run)} while ${other.owner.name} still handles ${describe(other)}`)
    } else if (!other.dropped && this.#mustWait(run, other)) {
      this.#violated('2', owner, `handles ${describe(run)} beside ${describe(other)}, behind which it must wait`)
    }
  }

  #mustWait(run: Run, other: Run): boolean {
    const { order } = this.#parts
    if (order !== 'key') return order === 'partition'
    const keys = new Set(other.messages.map(({ key }) => key))
    return run.messages.some(({ key }) => key !== null && keys.has(key))
  }

  /** It had no part in the generation in which the partition was given to another: the group did not wait for it. */
  #isExcluded(owner: Owner, log: PartitionLog): boolean {
    const { generation, left } = this.#standing(owner)
    return !left && generation !== this.#grants.get(nameOf(log))?.generation
  }

  *#runs(): Generator<Run, void, void> {
    for (const runs of this.#running.values()) yield* runs
  }

  #standing(owner: Owner): Standing {
    const known = this.#standings.get(owner)
    if (known !== undefined) return known
    const made: Standing = {
      generation: -1,
      memberId: '',
      left: false,
      out: false,
      owned: new Set(),
      leaving: new Set(),
      unaware: { since: 0, count: 0 },
    }
    this.#standings.set(owner, made)
    return made
  }

  #say(owner: Owner, ...what: (string | number)[]): void {
    this.#journal.say(owner.name, ...what)
  }

  #violated(invariant: string, owner: Owner, what: string): void {
    this.#journal.violated(invariant, `${owner.name}: ${what}`)
  }
}

function nameOf({ topic, partition }: TopicPartition): string {
  return partitionName(topic, partition)
}

/** Another process was started with the same instance id, and this one may not know yet. */
function isUsurped(owner: Owner, by: Owner): boolean {
  return owner.instanceId !== null && owner.instanceId === by.instanceId
}

function describe({ log, messages }: Run): string {
  return `${nameOf(log)} ${messages.map(({ offset }) => offset).join()}`
}
