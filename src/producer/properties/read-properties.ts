import { OptionError } from '../../base/errors.ts'
import { SectionCheck } from '../../base/option-check.ts'
import { type Dialect, type Dialects, mergeOptions, placed, readKeys } from '../../properties/dialects.ts'
import type { Draft, PropertyNote } from '../../properties/draft.ts'
import type { Entry } from '../../properties/entry.ts'
import { foreignToProducers } from '../../properties/foreign-keys.ts'
import { finishSecurity } from '../../properties/security.ts'
import { entriesIn, type PropertySource } from '../../properties/source.ts'
import type { Bytes } from '../../records/batch-builder.ts'
import { type ProducerOptions, resolveProducer, TRANSACTION_TIMEOUT_MS } from '../options.ts'
import type { NoTopicSerdes, TopicSerdes } from '../serdes.ts'
import { finishGo, goKeys } from './go-keys.ts'
import { finishBackoff, finishCompression, finishPartitioner, kafkaKeys } from './kafka-keys.ts'

export interface ProducerPropertyOptions<K = Bytes, V = Bytes, S extends TopicSerdes = NoTopicSerdes> {
  /**
   * What names mean that both have: Kafka's producer (default), or that of Go Kafka Client, which also brings its defaults and its own keys.
   * Where that has no key, Kafka's are taken in both.
   */
  dialect?: Dialect
  /** Options that go before those of the file; sections are merged. */
  overrides?: Partial<ProducerOptions<K, V, S>>
}

/** What properties say of a producer. */
export interface ProducerPropertiesRead<K = Bytes, V = Bytes, S extends TopicSerdes = NoTopicSerdes> {
  /** Checked; for `new Producer(options)`. */
  readonly options: ProducerOptions<K, V, S>
  /** Keys without meaning here, and those whose value was not taken as it is. */
  readonly notes: readonly PropertyNote[]
}

const dialects: Dialects = {
  client: 'producer',
  kafka: kafkaKeys,
  go: { ...kafkaKeys, ...goKeys },
  foreign: foreignToProducers,
}

/**
 * Reads the keys of Kafka's producer, or of Go Kafka Client's, as options of a producer. A file is read at once, and so are those that it
 * names.
 *
 * @throws {OptionError} for an unknown key or a wrong value; the message names the line
 */
export function readProducerProperties<K = Bytes, V = Bytes, S extends TopicSerdes = NoTopicSerdes>(
  source: PropertySource,
  options: ProducerPropertyOptions<K, V, S> = {},
): ProducerPropertiesRead<K, V, S> {
  const check = new SectionCheck('', options, ['dialect', 'overrides'])
  check.oneOf('dialect', 'kafka', ['kafka', 'go'])
  return readProducerEntries(entriesIn(source), options)
}

/** The same as `readProducerProperties`, of entries from anywhere. */
export function readProducerEntries<K, V, S extends TopicSerdes>(
  entries: readonly Entry[],
  { dialect = 'kafka', overrides = {} }: ProducerPropertyOptions<K, V, S>,
): ProducerPropertiesRead<K, V, S> {
  const draft = readKeys(entries, dialects, dialect)
  finishBackoff(draft)
  finishCompression(draft)
  finishPartitioner(draft, overrides.partitioner !== undefined)
  if (dialect === 'go') finishGo(draft)
  finishSecurity(draft, { tls: overrides.tls !== undefined, sasl: overrides.sasl !== undefined })
  const { brokers, ...rest } = mergeOptions(draft.options, overrides) as Partial<ProducerOptions<K, V, S>>
  if (brokers === undefined) {
    const key = dialect === 'go' ? 'metadata.broker.list' : 'bootstrap.servers'
    throw new OptionError(`${key} is missing: the addresses of some brokers, such as localhost:9092`)
  }
  const options = { brokers, ...rest }
  if (overrides.deliveryTimeoutMs === undefined) fitDelivery(options, draft)
  try {
    resolveProducer(options)
  } catch (thrown) {
    throw placed(thrown, draft)
  }
  return { options, notes: draft.told }
}

/** Java's delivery timeout may be longer than a transaction, and is by default. */
function fitDelivery(
  options: { transactionalId?: string; transactionTimeoutMs?: number; deliveryTimeoutMs?: number },
  draft: Draft,
): void {
  const { transactionalId, transactionTimeoutMs = TRANSACTION_TIMEOUT_MS, deliveryTimeoutMs } = options
  const entry = draft.setBy.get('deliveryTimeoutMs')
  if (entry === undefined || transactionalId === undefined) return
  if (deliveryTimeoutMs === undefined || deliveryTimeoutMs <= transactionTimeoutMs) return
  draft.note('changed', entry, `is ${transactionTimeoutMs} here: no longer than a transaction may take`)
  options.deliveryTimeoutMs = transactionTimeoutMs
}
