import { decodeGaps, LEAST_CHARACTERS, type TriedRange } from '../../src/offsets/gap-codec.ts'
import type { CommittedOffset } from '../../src/offsets/storage.ts'
import type { LogMessage, PartitionLog } from './partition-log.ts'

type Violated = (invariant: string, what: string) => void

/** What of a partition is done, as far as one claim knows, and what it may say of that when it commits. */
export class MarkModel {
  readonly #log: PartitionLog
  readonly #violated: Violated
  /** Place in the log of what comes by next. */
  #next: number
  /** Place in the log of the first message that is not done. */
  #mark: number
  readonly #done = new Set<number>()
  readonly #settled = new Set<number>()
  /** Not to be handled, and not come by yet. */
  readonly #recalls = new Set<number>()
  readonly #tried = new Map<number, number>()

  constructor(log: PartitionLog, start: number, violated: Violated) {
    this.#log = log
    this.#violated = violated
    this.#next = this.#mark = log.indexOf(start)
  }

  /** The highest offset that may be committed. */
  get limit(): number {
    return this.#log.messages[this.#mark]?.offset ?? this.#log.end
  }

  /** Messages that are not done, in their order. */
  get undone(): readonly LogMessage[] {
    return this.#log.messages.slice(this.#mark).filter(({ offset }) => !this.#done.has(offset))
  }

  /** It begins at this commit: what that remembers must not be handled again, and goes on with the attempts that were made. */
  recalls({ offset, metadata }: CommittedOffset): void {
    const record = decodeGaps(metadata)
    if (record === null || record.offset !== offset) return
    for (const each of this.#offsetsIn(record.done)) this.#recalls.add(each)
    for (const range of record.tried) for (const each of this.#offsetsIn([range])) this.#tried.set(each, range.attempts)
  }

  /** Attempts that owners before made on a message. */
  triedBefore(offset: number): number {
    return this.#tried.get(offset) ?? 0
  }

  /** The message that comes by, which must be the next one of the log; undefined: there is no other. */
  comesBy(offset: number, how: string): LogMessage | undefined {
    const message = this.#log.messages[this.#next++]
    if (message?.offset !== offset) {
      this.#violated('1', `${offset} was ${how} where ${message?.offset ?? 'nothing'} comes next`)
    }
    return message
  }

  taken(offset: number): LogMessage | undefined {
    const message = this.comesBy(offset, 'taken')
    if (this.#recalls.has(offset)) this.#violated('gaps', `${offset} is handled again, and is remembered to be done`)
    return message
  }

  /** It came by, and an owner before had done it. */
  recalled(offset: number): void {
    this.#recalls.delete(offset)
    this.#settled.add(offset)
    this.done(offset)
  }

  done(offset: number): void {
    this.#done.add(offset)
    const { messages } = this.#log
    for (let next = messages[this.#mark]; next !== undefined && this.#done.has(next.offset); ) {
      next = messages[++this.#mark]
    }
  }

  settled(offset: number): void {
    if (!this.#done.has(offset)) this.#violated('1', `${offset} was settled and is not done`)
    if (this.#settled.has(offset)) this.#violated('1', `${offset} was settled twice`)
    this.#settled.add(offset)
  }

  /**
   * All that a commit says to be done is, and all that is done above the mark is said to be, as far as there is room. What it says to be
   * tried was, and the first message that was is said to be.
   */
  sent({ offset, metadata }: CommittedOffset, limit: number, failed: ReadonlyMap<number, number | null>): void {
    if (metadata.length > limit)
      this.#violated('gaps', `${metadata.length} characters of metadata, ${limit} are allowed`)
    const record = decodeGaps(metadata)
    const ranges = record?.done ?? []
    this.#checkTried(offset, record?.tried ?? [], failed, limit)
    const said = new Set(this.#offsetsIn(ranges))
    for (const each of said) {
      if (!this.#done.has(each) && !this.#recalls.has(each))
        this.#violated('1', `${each} is remembered to be done above ${offset}, and is not`)
    }
    // The last range may be all that there was room for.
    const { messages } = this.#log
    const room = limit - metadata.length > 20
    const known = room ? messages.length : this.#log.indexOf(ranges.at(-1)?.to ?? 0)
    for (const message of messages.slice(this.#log.indexOf(offset), known)) {
      const done = this.#settled.has(message.offset) || this.#recalls.has(message.offset)
      if (done && message.offset > this.limit && !said.has(message.offset))
        this.#violated('gaps', `${message.offset} is done above ${offset}, and not remembered`)
    }
  }

  /** `failed`: attempts of what is open; null: they are not seen. */
  #checkTried(
    offset: number,
    tried: readonly TriedRange[],
    failed: ReadonlyMap<number, number | null>,
    limit: number,
  ): void {
    for (const range of tried) {
      for (const each of this.#offsetsIn([range])) {
        const attempts = failed.has(each) ? failed.get(each) : this.triedBefore(each)
        if (attempts === null) continue
        if (this.#done.has(each) || range.attempts !== attempts)
          this.#violated('attempts', `${each} is remembered to be tried ${range.attempts} times, and was ${attempts}`)
      }
    }
    const first = [...failed].find(([each, attempts]) => each >= offset && attempts !== null && attempts > 0)?.[0]
    if (first === undefined || limit < LEAST_CHARACTERS) return
    if (!tried.some(({ from, to }) => from <= first && first < to))
      this.#violated('attempts', `${first} was tried, and is not remembered to be`)
  }

  #offsetsIn(ranges: readonly { readonly from: number; readonly to: number }[]): number[] {
    const { messages } = this.#log
    return ranges.flatMap(({ from, to }) =>
      messages.slice(this.#log.indexOf(from), this.#log.indexOf(to)).map(({ offset }) => offset),
    )
  }
}
