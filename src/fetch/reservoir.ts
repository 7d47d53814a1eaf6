import { MillraceError, toError } from '../base/errors.ts'
import { partitionName } from '../base/topic-partition.ts'
import type { FetchedPartition } from '../client/low-level-client.ts'
import { AbortedFilter } from '../records/aborted.ts'
import { CorruptBatchError } from '../records/errors.ts'
import type { Message } from '../records/message.ts'
import { type OpenBatch, openBatch } from '../records/open-batch.ts'
import type { RecordBatch } from '../records/record-batch.ts'
import type { Budget } from './budget.ts'
import { Epochs } from './epochs.ts'

/** What a reservoir tells its claim. */
export interface ReservoirEvents {
  /** `take` may answer a message again, after it answered null. */
  filled(): void
  /** A corrupt batch (or the rest of it) was left out: topic, partition and offset are in the error. */
  corrupt(error: MillraceError): void
  /** The batch that comes next cannot be read; nothing is taken any more. */
  fail(error: MillraceError): void
}

export interface ReservoirOptions {
  readonly topic: string
  readonly partition: number
  readonly budget: Budget
  /** First offset wanted, -1: not known yet. */
  readonly position: number
  readonly maxInflatedBytes: number
  readonly onCorrupt: 'fail' | 'skip'
  readonly events: ReservoirEvents
}

/** A batch that nobody has looked into. */
interface StoredBatch {
  readonly batch: RecordBatch
  /** First offset wanted of it: a batch may begin before the one that was asked for. */
  readonly from: number
  /** How many of its messages are wanted, at most: all, or those from there on. */
  readonly messages: number
  /** What it is counted with: its size, or what it is expected to inflate to. */
  readonly bytes: number
}

/** What an opened batch was counted with before, and is now. */
interface Counted {
  readonly expected: number
  readonly bytes: number
}

/** Memory of a compressed batch and its records for each byte of it, until a batch has shown it. */
const EXPECTED_INFLATION = 5

/**
 * What was fetched of one partition and is not handled yet: one per claim, in front of its handlers. Batches come in as they were
 * fetched, with only their headers read; checksum, inflate and records follow when their messages are taken.
 *
 * The batch is the unit of memory: its bytes return to the budget once it is exhausted and its last message was released.
 */
export class Reservoir {
  readonly topic: string
  readonly partition: number
  /** Broker's end of the partition, -1 until known. */
  highWatermark = -1
  /** First offset that belongs to an open transaction, or the high watermark; -1 until known. */
  lastStableOffset = -1
  /** First offset the broker still has, -1 until known. */
  logStartOffset = -1
  /** Told when no more messages are left than `tellRoom` named. */
  onRoom: (() => void) | null = null

  readonly #budget: Budget
  readonly #maxInflatedBytes: number
  readonly #onCorrupt: 'fail' | 'skip'
  readonly #events: ReservoirEvents
  readonly #epochs = new Epochs()
  #position: number
  /** The offset that was told last as one that is passed over. */
  #passedOver = -1
  /** Offset behind the message that was last taken. */
  #taken = -1
  #messages = 0
  /** Of these, those in `#stored`. */
  #storedMessages = 0
  #bytes = 0
  #detachedBytes = 0
  #surplus = 0
  #roomAt = -1
  #inflation = 1
  #stored: (StoredBatch | undefined)[] = []
  #head = 0
  #open: OpenBatch | null = null
  readonly #held = new Map<OpenBatch, Counted>()
  #opening = false
  #failed = false
  #cleared = false

  constructor(options: ReservoirOptions) {
    this.topic = options.topic
    this.partition = options.partition
    this.#budget = options.budget
    this.#maxInflatedBytes = options.maxInflatedBytes
    this.#onCorrupt = options.onCorrupt
    this.#events = options.events
    this.#position = options.position
    this.#budget.join()
  }

  /** Next offset to fetch, -1: not known yet. Batches without messages for users move it like any other. */
  get position(): number {
    return this.#position
  }

  /**
   * Next offset to hand out: everything below was taken or holds no message. Equals `position` when nothing is left inside, so
   * that holes (compaction, markers, aborted records) never hold a commit back. -1 when the position is not known.
   */
  get delivered(): number {
    if (this.#open !== null && !this.#open.exhausted) return this.#taken
    return this.#stored[this.#head]?.from ?? this.#position
  }

  /** Leader epoch of the last record before `position`, -1: not known. */
  get leaderEpoch(): number {
    return this.#epochs.latest
  }

  /** Leader epoch of the last record below this offset, -1: not known, as it may be of one below those asked for before. */
  leaderEpochBelow(offset: number): number {
    return this.#epochs.below(offset)
  }

  /** How many can be taken; too many where compaction left some out. */
  get messages(): number {
    return this.#messages
  }

  /** Held, those of messages taken and not yet released included. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many of `bytes` inflated batches take beyond what they were counted for before. */
  get surplus(): number {
    return this.#surplus
  }

  /** Of these, those of messages that were copied out and wait for long. */
  get detachedBytes(): number {
    return this.#detachedBytes
  }

  /** The others, of record batches. */
  get batchBytes(): number {
    return this.#bytes - this.#detachedBytes
  }

  /** Its messages that wait for long take so much that no more are fetched, nor inflated. */
  get heavy(): boolean {
    return this.#budget.isHeavy(this.#detachedBytes)
  }

  /** That keeps what comes next from being taken. */
  get barred(): boolean {
    const next = this.#stored[this.#head]
    const isOpen = this.#open !== null && !this.#open.exhausted
    const more = next === undefined ? this.#position < this.highWatermark : next.batch.compression !== 'none'
    return this.heavy && !isOpen && more
  }

  /** How many bytes of memory a fetched byte becomes: 1, or more where batches are compressed. */
  get inflation(): number {
    return this.#inflation
  }

  /** Calls `onRoom` once no more than `messages` are left. */
  tellRoom(messages: number): void {
    this.#roomAt = messages
  }

  /**
   * Begins, or goes on, at `offset`; `leaderEpoch` is that of the last record before it, -1: not known. What is inside stays and comes
   * first, so it is never lower than what was taken.
   */
  moveTo(offset: number, leaderEpoch: number): void {
    this.#position = offset
    this.#epochs.begin(leaderEpoch, offset - 1)
  }

  /** Takes in what was fetched from `position` on. */
  fill(fetched: FetchedPartition): void {
    this.highWatermark = fetched.highWatermark
    this.lastStableOffset = fetched.lastStableOffset
    this.logStartOffset = fetched.logStartOffset
    if (this.#cleared || fetched.batches.length === 0) return
    const filter = new AbortedFilter(fetched.aborted)
    for (const batch of fetched.batches) {
      const wanted = filter.keeps(batch) && batch.count > 0
      if (batch.lastOffset < this.#position) continue
      // Counts for those without messages too: what is behind them is behind their epoch.
      if (batch.leaderEpoch !== this.#epochs.latest) this.#epochs.begin(batch.leaderEpoch, this.#position)
      if (wanted) this.#store(batch, Math.max(batch.baseOffset, this.#position))
      this.#position = batch.lastOffset + 1
    }
  }

  /**
   * Goes past the offset at the position, if it is known to exist: what lies there cannot be cut into batches, and where it ends is
   * not known. A batch that can be named is told once.
   */
  passOver(error: MillraceError): boolean {
    if (this.#position >= this.highWatermark) return false
    if (this.leaderEpoch !== -1) this.#epochs.begin(-1, this.#position)
    const offset = this.#position++
    const { topic, partition } = this
    const named = error.offset ?? offset
    if (named === this.#passedOver) return true
    this.#passedOver = named
    if (error.offset !== undefined) this.#events.corrupt(error)
    else this.#events.corrupt(new MillraceError(error.code, error.message, { topic, partition, offset, cause: error }))
    return true
  }

  /**
   * The next message, or null: there is none, or its batch is being inflated (`filled` tells when it is ready). Messages come in
   * the order of their offsets, and each is given back by `release` or `detach`.
   */
  take(): Message | null {
    const open = this.#open
    if (open !== null && !this.#failed) {
      const message = this.#next(open)
      if (message !== null) return message
    }
    return this.#enter()
  }

  /** The message has settled; called once for each that was taken. */
  release(message: Message<unknown, unknown>): void {
    const open = message.openBatch
    if (open !== null) this.#let(open)
    else if (!this.#cleared) this.#unhold(message.memory)
  }

  /** Copies the message out of its batch, for messages that wait for long: from now on only its own bytes are counted. */
  detach(message: Message<unknown, unknown>): void {
    const open = message.openBatch
    if (open === null) return
    message.detach()
    this.#let(open)
    if (this.#cleared) return
    this.#bytes += message.memory
    this.#detachedBytes += message.memory
    this.#budget.detach(message.memory)
  }

  /** The claim has ended: everything returns to the budget at once, later releases change nothing. */
  clear(): void {
    if (this.#cleared) return
    this.#cleared = true
    this.onRoom = null
    this.#open = null
    this.#stored = []
    this.#head = 0
    this.#messages = 0
    this.#storedMessages = 0
    for (const open of this.#held.keys()) this.#return(open)
    const detached = this.#detachedBytes
    const rest = this.#bytes - detached
    this.#bytes = this.#detachedBytes = 0
    // First, as each that returns bytes may be told.
    this.#budget.leave()
    this.#budget.return(rest)
    this.#budget.returnDetached(detached)
    this.#budget.repay(this)
  }

  /** One message less needs the batch. */
  #let(open: OpenBatch): void {
    if (--open.unsettled === 0 && (open !== this.#open || open.exhausted)) this.#free(open)
  }

  #unhold(bytes: number): void {
    this.#bytes -= bytes
    this.#detachedBytes -= bytes
    this.#budget.returnDetached(bytes)
  }

  #store(batch: RecordBatch, from: number): void {
    const size = batch.buffer.length
    let bytes = size
    if (batch.compression !== 'none') {
      if (this.#inflation === 1) this.#inflation = EXPECTED_INFLATION
      bytes = Math.min(Math.ceil(size * this.#inflation), size + this.#maxInflatedBytes)
    }
    const messages = Math.min(batch.count, batch.lastOffset - from + 1)
    this.#stored.push({ batch, from, messages, bytes })
    this.#storedMessages += messages
    this.#messages += messages
    this.#bytes += bytes
    this.#budget.hold(bytes)
  }

  #next(open: OpenBatch): Message | null {
    let message: Message | null
    try {
      message = open.next()
    } catch (error) {
      const described = this.#described(error)
      if (!this.#mayPassOver(described)) return null
      this.#leave(open)
      this.#events.corrupt(described)
      return null
    }
    if (message === null) {
      this.#leave(open)
      return null
    }
    open.unsettled++
    this.#taken = message.offset + 1
    if (--this.#messages <= this.#roomAt) this.#hasRoom()
    return message
  }

  /** The first message of the next batch that has one. */
  #enter(): Message | null {
    for (;;) {
      const stored = this.#stored[this.#head]
      if (stored === undefined || this.#opening || this.#failed) return null
      const compressed = stored.batch.compression !== 'none'
      if (compressed && !this.#budget.mayInflate(this, () => this.#filled())) return null
      try {
        const open = openBatch(stored.batch, {
          topic: this.topic,
          partition: this.partition,
          maxInflatedBytes: this.#maxInflatedBytes,
          highWatermark: this.highWatermark,
        })
        if (open instanceof Promise) {
          this.#await(stored, open)
          return null
        }
        this.#opened(stored, open)
      } catch (error) {
        this.#unopened(stored, error)
      }
      const message = this.#open === null ? null : this.#next(this.#open)
      if (message !== null) return message
    }
  }

  #await(stored: StoredBatch, opening: Promise<OpenBatch>): void {
    this.#opening = true
    opening
      .then(
        open => (this.#cleared ? this.#budget.inflated(0, 0) : this.#opened(stored, open)),
        error => (this.#cleared ? this.#budget.inflated(0, 0) : this.#unopened(stored, error)),
      )
      .finally(() => {
        this.#opening = false
        this.#filled()
      })
  }

  #opened(stored: StoredBatch, open: OpenBatch): void {
    const { batch, from, bytes } = stored
    this.#unstore(stored)
    this.#open = open
    this.#taken = from
    if (from > batch.baseOffset) open.skipTo(from)
    const counted = { expected: bytes, bytes: open.memory }
    this.#held.set(open, counted)
    this.#bytes += counted.bytes - bytes
    this.#surplus += counted.bytes - bytes
    if (batch.compression === 'none') return
    this.#inflation = 0.75 * this.#inflation + 0.25 * (counted.bytes / batch.buffer.length)
    this.#budget.inflated(bytes, counted.bytes)
  }

  /** The batch is corrupt, or written in a way that cannot be read. */
  #unopened(stored: StoredBatch, thrown: unknown): void {
    if (stored.batch.compression !== 'none') this.#budget.inflated(stored.bytes, stored.bytes)
    const error = this.#described(thrown)
    if (!this.#mayPassOver(error)) return
    this.#unstore(stored)
    this.#messages = this.#storedMessages
    this.#bytes -= stored.bytes
    this.#budget.return(stored.bytes)
    this.#events.corrupt(error)
  }

  #described(thrown: unknown): MillraceError {
    if (thrown instanceof MillraceError) return thrown
    const { topic, partition, delivered: offset } = this
    return new MillraceError(
      'UNREADABLE_BATCH',
      `A record batch of ${partitionName(topic, partition)} cannot be read`,
      {
        topic,
        partition,
        offset,
        cause: toError(thrown),
      },
    )
  }

  #mayPassOver(error: MillraceError): boolean {
    if (error instanceof CorruptBatchError && this.#onCorrupt === 'skip') return true
    this.#failed = true
    this.#events.fail(error)
    return false
  }

  /** Nothing comes out of this batch any more. */
  #leave(open: OpenBatch): void {
    this.#open = null
    this.#messages = this.#storedMessages
    if (open.unsettled === 0) this.#free(open)
    if (this.#messages <= this.#roomAt) this.#hasRoom()
  }

  #free(open: OpenBatch): void {
    if (open === this.#open) {
      // Nothing may keep its memory, even when no message comes for long.
      this.#open = null
      this.#messages = this.#storedMessages
    }
    this.#return(open)
    if (this.batchBytes === 0) this.#budget.repay(this)
  }

  /** Nothing, when the claim has ended. */
  #return(open: OpenBatch): void {
    const counted = this.#held.get(open)
    if (counted === undefined) return
    this.#held.delete(open)
    this.#bytes -= counted.bytes
    this.#surplus -= counted.bytes - counted.expected
    this.#budget.deflated(counted.expected, counted.bytes)
  }

  #unstore(stored: StoredBatch): void {
    this.#storedMessages -= stored.messages
    this.#stored[this.#head++] = undefined
    if (this.#head === this.#stored.length) {
      this.#stored = []
      this.#head = 0
    } else if (this.#head >= 64) {
      this.#stored.splice(0, this.#head)
      this.#head = 0
    }
  }

  #filled(): void {
    if (!this.#cleared) this.#events.filled()
  }

  #hasRoom(): void {
    this.#roomAt = -1
    this.onRoom?.()
  }
}
