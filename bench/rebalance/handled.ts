/** One message that a handler has done. */
interface Handled {
  readonly offset: number
  readonly member: string
  /** In µs of the clock that all processes share. */
  readonly at: number
}

/** A stretch of time, in µs. */
export interface Span {
  readonly from: number
  readonly until: number
}

const MS = 1_000
/** A partition flows while its messages are never further apart than this. */
const FLOW_MS = 250

/** Everything that the members of a group have handled, by partition. */
export class HandledMessages {
  readonly #partitions: readonly Handled[][]

  constructor(partitions: number) {
    this.#partitions = Array.from({ length: partitions }, () => [])
  }

  add(member: string, partition: number, offset: number, at: number): void {
    this.#partitions[partition]?.push({ offset, member, at })
  }

  /** Who handled the last message of each partition before that time. */
  owners(at: number): (string | null)[] {
    return this.#partitions.map(all => before(all, at).at(-1)?.member ?? null)
  }

  /** Whether in all of this span each partition flowed at one of these members, and none of them had more than its share. */
  settled(members: readonly string[], span: Span): boolean {
    const owners = this.#partitions.map(all => soleOwner(all, span))
    const counts = members.map(member => owners.filter(owner => owner === member).length)
    return counts.every(count => count === this.#partitions.length / members.length)
  }

  /**
   * For each partition the longest time, reaching into this span, in which a message was there and none was handled, in ms. `written`: when
   * each message was there, by partition and offset.
   */
  pauses({ from, until }: Span, written: readonly (readonly number[])[]): number[] {
    return this.#partitions.map((all, partition) => {
      const done = new Set<number>()
      let oldest = 0
      let last = 0
      let longest = 0
      for (const { offset, at } of [...before(all, until), { offset: -1, at: until }]) {
        const since = Math.max(last, written[partition]?.[oldest] ?? at)
        if (at > from) longest = Math.max(longest, at - since)
        done.add(offset)
        while (done.has(oldest)) oldest += 1
        last = at
      }
      return longest / MS
    })
  }

  /** How many messages were handled in this span that had been handled before. */
  again({ from, until }: Span): number {
    let count = 0
    for (const all of this.#partitions) {
      const seen = new Set<number>()
      for (const { offset, at } of before(all, until)) {
        if (at > from && seen.has(offset)) count += 1
        seen.add(offset)
      }
    }
    return count
  }

  /** When the first message after each one that nobody handled was handled; `Infinity` when there was none. */
  missing(written: readonly (readonly number[])[]): number[] {
    return this.#partitions.flatMap((all, partition) => {
      const first = new Map<number, number>()
      for (const { offset, at } of inTime(all)) if (!first.has(offset)) first.set(offset, at)
      const times: number[] = []
      let next = Infinity
      for (let offset = (written[partition]?.length ?? 0) - 1; offset >= 0; offset -= 1) {
        const at = first.get(offset)
        if (at === undefined) times.push(next)
        else next = at
      }
      return times
    })
  }
}

function inTime(all: readonly Handled[]): Handled[] {
  return all.toSorted((a, b) => a.at - b.at)
}

function before(all: readonly Handled[], time: number): Handled[] {
  return inTime(all.filter(({ at }) => at <= time))
}

function soleOwner(all: readonly Handled[], { from, until }: Span): string | null {
  const within = before(all, until).filter(({ at }) => at > from)
  const owner = within[0]?.member ?? null
  if (within.some(({ member }) => member !== owner)) return null
  return longestStep([from, ...within.map(({ at }) => at), until]) <= FLOW_MS * MS ? owner : null
}

function longestStep(times: readonly number[]): number {
  return times.reduce((longest, at, index) => Math.max(longest, at - (times[index - 1] ?? at)), 0)
}
