import { OptionError } from '../../base/errors.ts'
import { SectionCheck } from '../../base/option-check.ts'
import { type Dialect, type Dialects, mergeOptions, placed, readKeys } from '../../properties/dialects.ts'
import type { Draft, PropertyNote } from '../../properties/draft.ts'
import type { Entry } from '../../properties/entry.ts'
import { foreignToConsumers } from '../../properties/foreign-keys.ts'
import { finishSecurity } from '../../properties/security.ts'
import { entriesIn, type PropertySource } from '../../properties/source.ts'
import type { BatchLimits } from '../../work/route.ts'
import { type ConsumerOptions, resolveOptions } from '../options.ts'
import { neededForRebalance } from '../ownership-options.ts'
import { finishGo, goKeys } from './go-keys.ts'
import { finishHeartbeat, kafkaKeys } from './kafka-keys.ts'

export interface PropertyOptions {
  /**
   * What names mean that both have: Kafka's consumer (default), or Go Kafka Client, which also brings its defaults and its own keys.
   * Where that has no key, Kafka's are taken in both.
   */
  dialect?: Dialect
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

const dialects: Dialects = {
  client: 'consumer',
  kafka: kafkaKeys,
  go: { ...kafkaKeys, ...goKeys },
  foreign: foreignToConsumers,
}
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

/** The same as `readProperties`, of entries from anywhere. */
export function readEntries(
  entries: readonly Entry[],
  { dialect = 'kafka', overrides = {} }: PropertyOptions,
): PropertiesRead {
  const draft = readKeys(entries, dialects, dialect)
  finishHeartbeat(draft)
  const batch = dialect === 'go' ? finishGo(draft) : null
  finishPollInterval(draft)
  finishSecurity(draft, { tls: overrides.tls !== undefined, sasl: overrides.sasl !== undefined })
  const merged = mergeOptions(draft.options, overrides) as Partial<ConsumerOptions>
  const whole = checked(merged, overrides, draft, dialect)
  return { options: whole, notes: draft.told, batch }
}

/** Java's consumer gives a rebalance as long as it gives itself between two polls. */
function finishPollInterval(draft: Draft): void {
  const entry = draft.parts.get('max.poll.interval.ms')
  if (entry !== undefined) draft.set('ownership.rebalanceTimeoutMs', entry.ms(), entry)
}

function checked(
  options: Partial<ConsumerOptions>,
  overrides: Partial<ConsumerOptions>,
  draft: Draft,
  dialect: Dialect,
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
    throw placed(thrown, draft)
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
