import { Attempts } from './attempts.ts'
import {
  type DoneRange,
  decodeGaps,
  type EncodedGaps,
  encodeGaps,
  gapBytes,
  gapSize,
  LEAST_CHARACTERS,
  MOST_ADDED,
  type TriedRange,
} from './gap-codec.ts'
import type { Progress } from './progress.ts'
import type { CommittedOffset } from './storage.ts'

const FEW_RUN_BYTES = 2 * 3

/** How many characters a commit's metadata may have. Shared by all claims: what one learns holds for all. */
export class MetadataLimit {
  #characters = 0
  #fewRuns = 0

  constructor(characters: number) {
    this.#set(characters)
  }

  /** So many runs fit, each of two numbers of up to three bytes: stretches of up to two million messages. */
  get fewRuns(): number {
    return this.#fewRuns
  }

  /** 0: nothing is remembered. */
  get characters(): number {
    return this.#characters
  }

  /** So many were too many. */
  refused(characters: number): void {
    this.#set(Math.min(this.#characters, Math.floor(characters / 2)))
  }

  #set(characters: number): void {
    this.#characters = characters < LEAST_CHARACTERS ? 0 : characters
    this.#fewRuns = this.#characters === 0 ? Number.POSITIVE_INFINITY : Math.floor(gapBytes(characters) / FEW_RUN_BYTES)
  }
}

/** A text of Kafka's protocol has no more. */
const MOST_CHARACTERS = 32_767

/** A message as far as it matters here. */
interface Delivered {
  readonly offset: number
  /** -1: not known. */
  readonly leaderEpoch: number
}

/**
 * What is done above the mark of one claim, and how often the rest was tried, from one commit to the next owner's start: it is written
 * beside the committed offset, and what was read there to be done is not handled again. Nothing of it is ever needed: without it messages
 * come twice, and none is lost.
 */
export class Gaps {
  readonly #progress: Progress
  readonly #limit: MetadataLimit
  readonly attempts = new Attempts()
  #topicId: string | null = null
  /** What an owner before had done and has not come by yet, rising. */
  #recalled: readonly DoneRange[] = []
  #recalledId: string | null = null
  #recalledEpoch = -1
  /** Ranges that all came by. */
  #passed = 0
  /** Of the messages that came by. */
  #leaderEpoch = -1
  /** Messages that were not handled again. */
  skipped = 0
  #full = false
  /** When the exact size was last looked at, so many characters were allowed, and it is the same verdict until so many messages came or were settled. */
  #lookedFor = -1
  #lookAt = 0

  constructor(progress: Progress, limit: MetadataLimit) {
    this.#progress = progress
    this.#limit = limit
  }

  /** The claim begins at a committed offset. Answers false when its metadata is another's, or damaged: then it is not looked at. */
  recall({ offset, metadata }: CommittedOffset): boolean {
    if (metadata === '') return true
    const record = decodeGaps(metadata)
    if (record === null) return false
    // What was written beside another offset says nothing of this one.
    if (record.offset === offset) {
      this.#recalled = record.done
      this.attempts.recall(record.tried)
      this.#recalledId = record.topicId
      this.#recalledEpoch = record.leaderEpoch
    }
    return true
  }

  /** Which topic it is, before a message of it comes by. What was done of another of the same name says nothing. */
  identify(topicId: string | null): void {
    this.#topicId = topicId
    if (topicId !== this.#recalledId) this.#forgetAll()
  }

  /** Whether a message that comes by was done by an owner before; each is asked about once, in order. */
  passes(message: Delivered): boolean {
    const { leaderEpoch } = message
    if (leaderEpoch > this.#leaderEpoch) this.#leaderEpoch = leaderEpoch
    // Nearly always nothing is recalled, or not any more.
    return (this.#recalled.length > 0 || this.attempts.expects) && this.#passesRecalled(message.offset, leaderEpoch)
  }

  #passesRecalled(offset: number, leaderEpoch: number): boolean {
    // It was written after all that was done, and so is what comes behind it.
    if (this.#recalledEpoch >= 0 && leaderEpoch > this.#recalledEpoch) this.#forgetAll()
    this.attempts.passes(offset)
    for (; this.#passed < this.#recalled.length; this.#passed++) {
      const range = this.#recalled[this.#passed] as DoneRange
      if (offset < range.from) return false
      if (offset >= range.to) continue
      this.skipped++
      return true
    }
    this.#forgetDone()
    return false
  }

  /** Changes whenever `metadata` may. */
  get version(): number {
    const { runs, settled } = this.#progress
    const nothing = runs === 0 && this.#recalled.length === 0 && !this.attempts.any
    return nothing ? 0 : settled + this.attempts.changes
  }

  /** What goes beside `offset`, the claim's mark. */
  metadata(offset: number): string {
    return this.#encode(offset, this.#above(offset), this.attempts.ranges(offset), this.#limit.characters).metadata
  }

  /** The same with all that is done, however long that is; `whole` if it fits into any metadata. */
  written(offset: number): { readonly metadata: string; readonly whole: boolean } {
    const done = this.#above(offset)
    const usual = this.#encode(offset, done, this.attempts.ranges(offset), this.#limit.characters)
    const { metadata, ranges } = usual.ranges === done.length ? usual : this.#encode(offset, done, [], MOST_CHARACTERS)
    return { metadata, whole: ranges === done.length }
  }

  /** Stretches that were recalled and have not come by, and where the last one ends; -1: there is none. */
  get toCome(): number {
    return this.#recalled.length - this.#passed
  }

  get recalledEnd(): number {
    return this.#recalled.at(-1)?.to ?? -1
  }

  #encode(offset: number, done: readonly DoneRange[], tried: readonly TriedRange[], characters: number): EncodedGaps {
    const topicId = this.#topicId ?? this.#recalledId
    const leaderEpoch = Math.max(this.#leaderEpoch, this.#recalledEpoch)
    return encodeGaps({ offset, topicId, leaderEpoch, done, tried }, characters)
  }

  /**
   * Whether what is done above the mark fits no longer: more of it could not be remembered. Asked for each message, and so answered by
   * what so many runs take at most; only where that is too much, the exact size is looked at, from time to time.
   */
  get full(): boolean {
    return this.#progress.runs > this.#limit.fewRuns && this.#lookFull()
  }

  /** Looks when that may have changed, as it takes long. */
  #lookFull(): boolean {
    const { settled, open } = this.#progress
    const { characters } = this.#limit
    // Each that comes, and each that is settled.
    const changes = 2 * settled + open
    if (changes >= this.#lookAt || characters !== this.#lookedFor) {
      const left = gapBytes(characters) - gapSize(this.#progress.lowest, this.#progress.doneRanges())
      this.#full = left < 0
      this.#lookedFor = characters
      this.#lookAt = changes + Math.max(1, Math.floor(left / MOST_ADDED))
    }
    return this.#full
  }

  /** What is done here, and behind that what was recalled and has not come by. */
  #above(offset: number): readonly DoneRange[] {
    // Of a mark that is above what is done, only what lies above it is.
    const done = this.#progress
      .doneRanges()
      .flatMap(({ from, to }) => (to > offset ? { from: Math.max(from, offset), to } : []))
    const last = this.#progress.last
    for (const { from, to } of this.#recalled.slice(this.#passed)) {
      const rest = { from: Math.max(from, last + 1, offset), to }
      if (rest.to <= rest.from) continue
      const before = done.at(-1)
      if (before !== undefined && before.to >= rest.from) done[done.length - 1] = { from: before.from, to: rest.to }
      else done.push(rest)
    }
    return done
  }

  #forgetAll(): void {
    this.attempts.forgetRecalled()
    this.#forgetDone()
  }

  #forgetDone(): void {
    this.#recalled = []
    this.#passed = 0
    if (!this.attempts.expects) this.#recalledEpoch = -1
  }
}
