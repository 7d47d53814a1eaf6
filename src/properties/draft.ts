import type { Entry } from './entry.ts'

/** What a user of a file should know. */
export interface PropertyNote {
  /** `'ignored'`: the key is known and has no meaning here. `'changed'`: it means something else here, or its value was not taken as it is. */
  readonly kind: 'ignored' | 'changed'
  readonly key: string
  /** In the file, the first being 1; null without a file. */
  readonly line: number | null
  /** Where, what and why. */
  readonly message: string
}

/** Options by section, as they are found. */
type Options = Record<string, unknown>

/** What is being made of a file: options, notes, and the entries that only together mean something. */
export class Draft {
  readonly options: Options = {}
  readonly notes: PropertyNote[] = []
  /** By the option that they set, so that what is wrong with an option can be said of its line. */
  readonly setBy = new Map<string, Entry>()
  /** Entries that are read together, by key. */
  readonly parts = new Map<string, Entry>()

  /** `option` is a path such as `fetch.minBytes`. What is undefined stays unset. */
  set(option: string, value: unknown, entry: Entry): void {
    if (value === undefined) return
    const before = this.setBy.get(option)
    if (before !== undefined && before.key !== entry.key) {
      this.note('changed', before, `and ${entry.key} set the same option, ${option}: the latter is taken`)
    }
    this.setBy.set(option, entry)
    const path = option.split('.')
    const last = path.pop() as string
    let section = this.options
    for (const name of path) {
      section[name] ??= {}
      section = section[name] as Options
    }
    section[last] = value
  }

  /** Nothing is told of defaults. */
  note(kind: PropertyNote['kind'], entry: Entry, what: string): void {
    if (entry.isDefault) return
    this.notes.push({ kind, key: entry.key, line: entry.line, message: `${entry.prefix}${entry.key} ${what}` })
  }

  /** In the order of the file. */
  get told(): readonly PropertyNote[] {
    return this.notes.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
  }

  ignore(entry: Entry, why: string): void {
    this.note('ignored', entry, `has no meaning here: ${why}`)
  }
}
