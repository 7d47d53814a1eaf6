import { closeSync, openSync, readSync } from 'node:fs'

/** A line of a member's log: `programs/member.ts` says what they are. */
export interface Witnessed {
  readonly kind: string
  readonly partition: number
  readonly offset: number
  /** Ns of the machine's monotonic clock. */
  readonly at: number
}

/** What one process wrote down. */
export class Witness {
  readonly name: string
  readonly events: Witnessed[] = []
  /** When it was killed, ns; null: it was not. */
  killedAt: number | null = null
  readonly #file: string
  #read = 0
  #rest = ''

  constructor(name: string, file: string) {
    this.name = name
    this.#file = file
  }

  /** Reads, and answers, what was written since the last time. */
  read(): readonly Witnessed[] {
    const before = this.events.length
    const file = openSync(this.#file, 'a+')
    const chunk = Buffer.alloc(1 << 20)
    try {
      for (let bytes = -1; bytes !== 0; ) {
        bytes = readSync(file, chunk, 0, chunk.length, this.#read)
        this.#read += bytes
        const lines = (this.#rest + chunk.toString('latin1', 0, bytes)).split('\n')
        // What follows the last line break may be half a line.
        this.#rest = lines.pop() ?? ''
        for (const line of lines) {
          const [kind = '', partition, offset, at] = line.split(' ')
          this.events.push({ kind, partition: Number(partition), offset: Number(offset), at: Number(at) })
        }
      }
    } finally {
      closeSync(file)
    }
    return this.events.slice(before)
  }
}

export interface Testimony {
  /** Messages that were handled. */
  readonly handled: number
  /** Times that a message was handled again: its first handler was killed, or had lost its partition, before that was committed. */
  readonly again: number
  /** Times that a message was begun again because its handler was killed in the midst of it, or aborted. */
  readonly interrupted: number
  /** Partitions that somebody lost. */
  readonly lost: number
  /** What must not be, in words. */
  readonly violations: readonly string[]
}

interface Line extends Witnessed {
  readonly by: Witness
}

/**
 * What the logs of all members say together; `ends`: how many messages each partition has. No two processes are at a partition at the
 * same time, as far as neither was killed nor told to give up; everything is handled; what was committed was handled before, and is not
 * handled afterwards; and nothing is handled again unless its first handler was killed or had lost its partition.
 */
export function hear(witnesses: readonly Witness[], ends: readonly number[]): Testimony {
  const all: Line[] = witnesses.flatMap(by => by.events.map(event => ({ ...event, by })))
  for (const by of witnesses) {
    const at = by.killedAt
    if (at !== null) all.push(...ends.map((_, partition) => ({ kind: 'killed', partition, offset: -1, at, by })))
  }
  all.sort((a, b) => a.at - b.at)
  const judges = ends.map(() => new Judge())
  for (const line of all) judges[line.partition]?.hear(line)
  const sum = (count: (judge: Judge) => number) => judges.reduce((sum, judge) => sum + count(judge), 0)
  return {
    handled: sum(({ handled }) => handled),
    again: sum(({ again }) => again),
    interrupted: sum(({ interrupted }) => interrupted),
    lost: sum(({ lost }) => lost),
    violations: judges.flatMap((judge, partition) =>
      judge.conclude(ends[partition] ?? 0).map(what => `${partition}: ${what}`),
    ),
  }
}

/** Hears what happened to one partition, in the order in which it did. */
class Judge {
  again = 0
  interrupted = 0
  lost = 0
  readonly #violations: string[] = []
  /** Who handles what now. */
  readonly #busy = new Map<Witness, Set<number>>()
  /** Who handled what, and has neither been killed nor lost the partition since. */
  readonly #by = new Map<number, Witness>()
  readonly #done = new Set<number>()
  #committed = 0
  #firstUndone = 0

  get handled(): number {
    return this.#done.size
  }

  hear({ kind, offset, by, at }: Line): void {
    if (kind === 'begin') this.#begin(offset, by)
    else if (kind === 'done') this.#end(offset, by)
    else if (kind === 'aborted') this.#give(offset, by)
    else if (kind === 'committed') this.#commit(offset, by)
    else if (kind === 'killed' || kind === 'lost') {
      if (kind === 'lost') this.lost++
      this.interrupted += this.#busy.get(by)?.size ?? 0
      this.#busy.delete(by)
      for (const [done, witness] of this.#by) if (witness === by) this.#by.delete(done)
    } else if (kind !== 'owns' && kind !== 'gone') this.#wrong(`${by.name} wrote ${kind} at ${at}`)
  }

  conclude(end: number): readonly string[] {
    for (let offset = 0; offset < end; offset++) if (!this.#done.has(offset)) this.#wrong(`${offset} was never handled`)
    if (this.#committed !== end) this.#wrong(`it ends at ${end} and was committed to ${this.#committed}`)
    for (const [by, offsets] of this.#busy) if (offsets.size > 0) this.#wrong(`${by.name} left ${[...offsets]} undone`)
    return this.#violations
  }

  #begin(offset: number, by: Witness): void {
    for (const [other, offsets] of this.#busy) {
      if (other !== by && offsets.size > 0)
        this.#wrong(`${by.name} began ${offset} while ${other.name} was at ${[...offsets]}`)
    }
    if (offset < this.#committed) this.#wrong(`${by.name} began ${offset}, and ${this.#committed} was committed`)
    const first = this.#by.get(offset)
    if (first !== undefined) this.#wrong(`${by.name} began ${offset}, which ${first.name} had handled`)
    const mine = this.#busy.get(by) ?? new Set()
    this.#busy.set(by, mine.add(offset))
  }

  #end(offset: number, by: Witness): void {
    this.#busy.get(by)?.delete(offset)
    if (this.#done.has(offset)) this.again++
    this.#done.add(offset)
    this.#by.set(offset, by)
  }

  #give(offset: number, by: Witness): void {
    if (this.#busy.get(by)?.delete(offset)) this.interrupted++
  }

  #commit(offset: number, by: Witness): void {
    while (this.#done.has(this.#firstUndone)) this.#firstUndone++
    if (offset > this.#firstUndone)
      this.#wrong(`${by.name} committed ${offset}, and ${this.#firstUndone} was not handled`)
    for (let at = this.#committed; at < offset; at++) this.#by.delete(at)
    this.#committed = Math.max(this.#committed, offset)
  }

  #wrong(what: string): void {
    if (this.#violations.length < 5) this.#violations.push(what)
  }
}
