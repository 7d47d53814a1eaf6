import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { OptionError, toError } from '../../base/errors.ts'
import { describe, SectionCheck } from '../../base/option-check.ts'
import type { BatchLimits } from '../../work/route.ts'
import { type ConsumerOptions, resolveOptions } from '../options.ts'
import { neededForRebalance } from '../ownership-options.ts'
import { Draft, type PropertyNote } from './draft.ts'
import { Entry } from './entry.ts'
import { foreignKeys } from './foreign-keys.ts'
import { finishGo, goKeys } from './go-keys.ts'
import { finishHeartbeat, kafkaKeys } from './kafka-keys.ts'
import type { Keys } from './key.ts'
import { nearest } from './nearest.ts'
import { parseProperties } from './properties.ts'
import { finishSecurity } from './security.ts'

/** Path of a `.properties` file, or what is in one. */
export type PropertySource = string | URL | Readonly<Record<string, string | number | boolean>>

export interface PropertyOptions {
  /**
   * What names mean that both have: Kafka's consumer (default), or Go Kafka Client, which also brings its defaults and its own keys.
   * Where that has no key, Kafka's are taken in both.
   */
  dialect?: 'kafka' | 'go'
  /** Options that go before those of the file; sections are merged. */
  overrides?: Partial<ConsumerOptions>
}

/** What properties say. */
export interface PropertiesRead {
  /** Checked; for `new Consumer(options)`. */
  readonly options: ConsumerOptions
  /** Keys without meaning here, and those whose value was not taken as it is. */
  readonly notes: readonly PropertyNote[]
  /** Limits for `batch()`, where the dialect has keys for them: with `'go'`. */
  readonly batch: Partial<BatchLimits> | null
}

const dialects: Readonly<Record<'kafka' | 'go', Keys>> = { kafka: kafkaKeys, go: { ...kafkaKeys, ...goKeys } }
/** Longest that the groups of a broker wait. */
const mostMs = 2 ** 31 - 1

/**
 * Reads the keys of Kafka's consumer, or of Go Kafka Client, as options of a consumer. A file is read at once, and so are those that
 * it names.
 *
 * @throws {OptionError} for an unknown key or a wrong value; the message names the line
 */
export function readProperties(source: PropertySource, options: PropertyOptions = {}): PropertiesRead {
  const check = new SectionCheck('', options, ['dialect', 'overrides'])
  check.oneOf('dialect', 'kafka', ['kafka', 'go'])
  return readEntries(entriesIn(source), options)
}

/** What a source holds, in its order. */
export function entriesIn(source: PropertySource): Entry[] {
  return typeof source === 'string' || source instanceof URL ? fromFile(source) : fromObject(source)
}

/** The same as `readProperties`, of entries from anywhere. */
export function readEntries(
  entries: readonly Entry[],
  { dialect = 'kafka', overrides = {} }: PropertyOptions,
): PropertiesRead {
  const draft = new Draft()
  for (const entry of withDefaults(lastOnes(entries, draft), dialects[dialect])) {
    keyOf(entry, dialect).read(entry, draft)
  }
  finishHeartbeat(draft)
  if (dialect === 'go') finishGo(draft)
  finishPollInterval(draft)
  finishSecurity(draft, { tls: overrides.tls !== undefined, sasl: overrides.sasl !== undefined })
  const merged = mergeOptions(draft.options, overrides) as Partial<ConsumerOptions>
  const whole = checked(merged, overrides, draft, dialect)
  return { options: whole, notes: draft.notes.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)), batch: draft.batch }
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

function fromFile(source: string | URL): Entry[] {
  const path = source instanceof URL ? fileURLToPath(source) : source
  const name = basename(path)
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (thrown) {
    throw new OptionError(`The properties cannot be read: ${toError(thrown).message}`)
  }
  // Java reads and writes Latin-1.
  const text = isUtf8(bytes) ? bytes.toString().replace(/^\uFEFF/, '') : bytes.toString('latin1')
  try {
    return parseProperties(text).map(({ key, value, line }) => {
      return new Entry(key, value, { place: `${name}, line ${line}`, line })
    })
  } catch (thrown) {
    if (thrown instanceof OptionError) throw new OptionError(`${name}, ${thrown.message}`)
    throw thrown
  }
}

function fromObject(source: unknown): Entry[] {
  if (typeof source !== 'object' || source === null || Array.isArray(source)) {
    throw new OptionError(
      `properties are the path of a file, or an object such as { 'group.id': 'shop' }, not ${describe(source)}`,
    )
  }
  return Object.entries(source).map(([key, value]) => {
    const plain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    // What it is instead is not shown: it may be a password.
    if (!plain) throw new OptionError(`${key} must be a string, a number or a boolean`)
    return new Entry(key, String(value))
  })
}

/** Defaults first, so that all the rest is said of what was written. */
function withDefaults(given: ReadonlyMap<string, Entry>, keys: Keys): Entry[] {
  const defaults = Object.entries(keys).flatMap(([key, { byDefault }]) =>
    byDefault === null || given.has(key) ? [] : [new Entry(key, byDefault, { isDefault: true })],
  )
  return [...defaults, ...given.values()]
}

function keyOf(entry: Entry, dialect: 'kafka' | 'go'): Keys[string] {
  const { key } = entry
  const keys = dialects[dialect]
  if (Object.hasOwn(keys, key)) return keys[key] as Keys[string]
  if (Object.hasOwn(goKeys, key)) {
    throw entry.wrong("is a key of Go Kafka Client: its files are read with dialect 'go'")
  }
  const hint = Object.hasOwn(foreignKeys, key) ? foreignKeys[key] : undefined
  if (hint !== undefined) throw entry.wrong(`is no key of a consumer: ${hint}`)
  const near = nearest(key, Object.keys(keys))
  throw entry.wrong(`is no key that is known here${near === null ? '' : `; did you mean ${near}?`}`)
}

/** Java's consumer gives a rebalance as long as it gives itself between two polls. */
function finishPollInterval(draft: Draft): void {
  const entry = draft.parts.get('max.poll.interval.ms')
  if (entry !== undefined) draft.set('ownership.rebalanceTimeoutMs', entry.ms(), entry)
}

/** Options whose objects are one value, and no sections. */
const values = new Set(['tls', 'sasl', 'start'])

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

function checked(
  options: Partial<ConsumerOptions>,
  overrides: Partial<ConsumerOptions>,
  draft: Draft,
  dialect: 'kafka' | 'go',
): ConsumerOptions {
  const { brokers } = options
  if (brokers === undefined) {
    const why = dialect === 'go' ? '. ZooKeeper, where the original found them, is not asked' : ''
    throw new OptionError(`bootstrap.servers is missing: the addresses of some brokers, such as localhost:9092${why}`)
  }
  const whole = { ...options, brokers }
  try {
    if (overrides.ownership?.rebalanceTimeoutMs === undefined) fitRebalance(whole, draft)
    resolveOptions(whole)
    return whole
  } catch (thrown) {
    throw thrown instanceof OptionError ? placed(thrown, draft) : thrown
  }
}

/** Makes the rebalance timeout of a file what the drain needs. */
function fitRebalance(options: ConsumerOptions, draft: Draft): void {
  const entry = draft.setBy.get('ownership.rebalanceTimeoutMs')
  const given = options.ownership?.rebalanceTimeoutMs
  if (entry === undefined || given === undefined) return
  const { ownership, work } = resolveOptions({
    ...options,
    ownership: { ...options.ownership, rebalanceTimeoutMs: mostMs },
  })
  const needed = neededForRebalance(ownership, work.abandonMs)
  if (given >= needed) return
  draft.note('changed', entry, `is raised to ${needed} ms, which the drain and the start of a group need`)
  options.ownership = { ...options.ownership, rebalanceTimeoutMs: needed }
}

/** What is wrong with an option, as said of the line that set it. */
function placed(error: OptionError, draft: Draft): OptionError {
  const option = /^[\w.]+/.exec(error.message)?.[0] ?? ''
  const entry = draft.setBy.get(option)
  if (entry === undefined || entry.isDefault) return error
  return new OptionError(`${entry.prefix}${entry.key}: ${error.message}`)
}
