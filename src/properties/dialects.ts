import { OptionError } from '../base/errors.ts'
import { Draft } from './draft.ts'
import { Entry } from './entry.ts'
import type { Keys } from './key.ts'
import { nearest } from './nearest.ts'

/** What names mean that both have: Kafka's, or those of Go Kafka Client, which also brings its defaults and its own keys. */
export type Dialect = 'kafka' | 'go'

/** The keys of one kind of client. */
export interface Dialects {
  readonly client: 'consumer' | 'producer'
  readonly kafka: Keys
  /** Kafka's as well, where the original had none. */
  readonly go: Keys
  /** Keys of others that are met in its files, and what to do about them. */
  readonly foreign: Readonly<Record<string, string>>
}

/**
 * What entries say one by one, the dialect's defaults first.
 *
 * @throws {OptionError} for an unknown key or a wrong value; the message names the line
 */
export function readKeys(entries: readonly Entry[], dialects: Dialects, dialect: Dialect): Draft {
  const draft = new Draft()
  for (const entry of withDefaults(lastOnes(entries, draft), dialects[dialect])) {
    keyOf(entry, dialects, dialect).read(entry, draft)
  }
  return draft
}

/** Of those with the same key the last one counts, as in Java. */
function lastOnes(entries: readonly Entry[], draft: Draft): Map<string, Entry> {
  const found = new Map<string, Entry>()
  for (const entry of entries) {
    const before = found.get(entry.key)
    if (before !== undefined) draft.note('changed', before, `is given again in line ${entry.line}, which is taken`)
    found.delete(entry.key)
    found.set(entry.key, entry)
  }
  return found
}

/** Defaults first, so that all the rest is said of what was written. */
function withDefaults(given: ReadonlyMap<string, Entry>, keys: Keys): Entry[] {
  const defaults = Object.entries(keys).flatMap(([key, { byDefault }]) =>
    byDefault === null || given.has(key) ? [] : [new Entry(key, byDefault, { isDefault: true })],
  )
  return [...defaults, ...given.values()]
}

function keyOf(entry: Entry, dialects: Dialects, dialect: Dialect): Keys[string] {
  const { key } = entry
  const { client, foreign, go } = dialects
  const keys = dialects[dialect]
  if (Object.hasOwn(keys, key)) return keys[key] as Keys[string]
  if (Object.hasOwn(go, key)) throw entry.wrong("is a key of Go Kafka Client: its files are read with dialect 'go'")
  const hint = Object.hasOwn(foreign, key) ? foreign[key] : undefined
  if (hint !== undefined) throw entry.wrong(`is no key of a ${client}: ${hint}`)
  const near = nearest(key, Object.keys(keys))
  throw entry.wrong(`is no key that is known here${near === null ? '' : `; did you mean ${near}?`}`)
}

/** Options whose objects are one value, and no sections. */
const values = new Set(['tls', 'sasl', 'start', 'key', 'value'])

/** Sections are merged, everything else is replaced. */
export function mergeOptions(options: Record<string, unknown>, overrides: object): Record<string, unknown> {
  const merged = { ...options }
  for (const [name, value] of Object.entries(overrides)) {
    const before = merged[name]
    if (isSection(before) && isSection(value) && !values.has(name)) merged[name] = mergeOptions(before, value)
    else if (value !== undefined) merged[name] = value
  }
  return merged
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

/** What is wrong with an option, as said of the line that set it. */
export function placed(thrown: unknown, draft: Draft): unknown {
  if (!(thrown instanceof OptionError)) return thrown
  const option = /^[\w.]+/.exec(thrown.message)?.[0] ?? ''
  const entry = draft.setBy.get(option)
  if (entry === undefined || entry.isDefault) return thrown
  return new OptionError(`${entry.prefix}${entry.key}: ${thrown.message}`)
}
