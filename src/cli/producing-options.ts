import { type ProducerOptions, resolveProducer } from '../producer/options.ts'
import type { Bytes } from '../records/batch-builder.ts'
import { jsonLine, plainLine, type ReadLine } from './line-message.ts'
import { MessageReader } from './message-reader.ts'
import { type ProducerFlags, writerOptions } from './producer-settings.ts'

export interface ProducingOptions extends ProducerFlags {
  readonly input: 'lines' | 'ndjson' | 'whole'
  readonly keyDelimiter?: Buffer
  readonly key?: string
  readonly nullValue?: boolean
  readonly header?: readonly (readonly [name: string, value: string])[]
  readonly partition?: number
  readonly repartition?: boolean
  readonly transactionalId?: string
  /** Messages per second. */
  readonly rate?: number
  readonly max?: number
  readonly fromLine?: number
  /** A file to be read as it grows. */
  readonly follow?: string
  readonly keepGoing?: boolean
  readonly json?: boolean
}

/** As brokers allow it at most, unless they are set otherwise: it is open for as long as the input takes. */
const TRANSACTION_MS = 900_000
/** An object has quotes, names and escapes beside what becomes of it. */
const JSON_FACTOR = 8
export function writerOf(options: ProducingOptions): ProducerOptions<Bytes, Bytes> {
  const { transactionalId } = options
  return {
    ...writerOptions(options),
    ...(transactionalId !== undefined && { transactionalId, transactionTimeoutMs: TRANSACTION_MS }),
  }
}

/** Most that a line may have: more makes no message that fits a request. */
export function mostLineBytes(options: ProducingOptions): number {
  const { maxRequestBytes } = resolveProducer(writerOf(options))
  return options.input === 'ndjson' ? maxRequestBytes * JSON_FACTOR : maxRequestBytes
}

export function readerOf(topic: string | undefined, options: ProducingOptions): MessageReader {
  const { fromLine, max = Number.POSITIVE_INFINITY, keepGoing = false } = options
  return new MessageReader({
    readLine: readLineOf(topic, options),
    mostBytes: mostLineBytes(options),
    first: fromLine ?? 0,
    mostMessages: max,
    keepGoing,
  })
}

function readLineOf(topic: string | undefined, options: ProducingOptions): ReadLine {
  const { input, key = null, keyDelimiter = null, header: headers = [], partition, nullValue = false } = options
  const template = { key, headers, partition }
  if (input === 'ndjson' || topic === undefined) {
    return jsonLine({ ...template, topic: topic ?? null }, nullValue, options.repartition ?? false)
  }
  return plainLine({ ...template, topic }, keyDelimiter, nullValue)
}
