import type { Draft } from './draft.ts'
import type { Entry } from './entry.ts'

/** A key that is known. */
export interface Key {
  /** The option that it sets, such as `fetch.minBytes`; null: none. */
  readonly option: string | null
  /** What the dialect takes when the key is left out; null: what the option has by itself. */
  readonly byDefault: string | null
  /** @throws {OptionError} that says where */
  read(entry: Entry, draft: Draft): void
}

export type Keys = Readonly<Record<string, Key>>

/** How a value is read, and checked where it has no meaning. */
export type Read<T> = (entry: Entry) => T

export const text: Read<string> = entry => entry.text()
export const whole: Read<number> = entry => entry.whole()
export const decimal: Read<number> = entry => entry.decimal()
export const boolean: Read<boolean> = entry => entry.boolean()
export const ms: Read<number> = entry => entry.ms()
export const duration: Read<number> = entry => entry.duration()
export const list: Read<string[]> = entry => entry.list()
/** Whatever it is. */
export const any: Read<string> = entry => entry.value

/** A key that sets an option; what reads as undefined leaves it alone. */
export function sets(option: string, read: Read<unknown>, byDefault: string | null = null): Key {
  return { option, byDefault, read: (entry, draft) => draft.set(option, read(entry), entry) }
}

/** A key that means something together with others: the dialect's `finish` reads it. */
export function part(option: string | null, read: Read<unknown>, byDefault: string | null = null): Key {
  return {
    option,
    byDefault,
    read: (entry, draft) => {
      read(entry)
      draft.parts.set(entry.key, entry)
    },
  }
}

/** A key without meaning here; its value is checked all the same. */
export function ignored(read: Read<unknown>, why: string, byDefault: string | null = null): Key {
  return {
    option: null,
    byDefault,
    read: (entry, draft) => {
      read(entry)
      draft.ignore(entry, why)
    },
  }
}

/** A key of which one value is how it always is here; others have no meaning. */
export function always<T>(value: T, read: Read<T>, why: string, byDefault: string | null = null): Key {
  return {
    option: null,
    byDefault,
    read: (entry, draft) => {
      if (read(entry) !== value) draft.ignore(entry, why)
    },
  }
}
