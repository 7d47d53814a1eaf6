import { isUtf8 } from 'node:buffer'
import { toError } from '../base/errors.ts'
import { describe } from '../base/option-check.ts'
import type { ProducerMessage } from '../producer/message.ts'
import type { Bytes } from '../records/batch-builder.ts'

/** What a line says of a message; null: nothing, it is blank. Throws an `Error` that says what is wrong with it. */
export type ReadLine = (line: Buffer) => ProducerMessage | null

type HeaderPair = readonly [name: string, value: Bytes]

/** What is the same for all messages. */
export interface MessageTemplate {
  /** Null: each message has its own. */
  readonly topic: string | null
  readonly key: string | null
  readonly headers: readonly HeaderPair[]
  readonly partition: number | undefined
}

/** A line is a value, or with a delimiter a key and a value; with `emptyIsNull` a value that is empty is null. */
export function plainLine(
  { topic, key, headers, partition }: MessageTemplate & { readonly topic: string },
  delimiter: Buffer | null,
  emptyIsNull: boolean,
): ReadLine {
  const rest = { topic, ...(headers.length > 0 && { headers }), ...(partition !== undefined && { partition }) }
  const orNull = (bytes: Buffer) => (bytes.length === 0 && emptyIsNull ? null : bytes)
  if (delimiter === null) return line => ({ ...rest, key, value: orNull(line) })
  return line => {
    const at = line.indexOf(delimiter)
    if (at < 0) throw new Error(`there is no key: --key-delimiter ${shown(delimiter)} is not in the line`)
    return { ...rest, key: line.subarray(0, at), value: orNull(line.subarray(at + delimiter.length)) }
  }
}

const fields = ['topic', 'partition', 'offset', 'timestamp', 'timestampType', 'key', 'value', 'headers']

/**
 * A line is an object as `millrace consume --json` prints it. The template's topic goes before the object's, and so does its partition; with
 * `anyPartition` that of the object is not looked at. An object without a key gets the template's.
 */
export function jsonLine(template: MessageTemplate, emptyIsNull: boolean, anyPartition: boolean): ReadLine {
  return line => {
    const object = parse(line)
    if (object === null) return null
    for (const name of Object.keys(object)) {
      if (!fields.includes(name)) throw new Error(`${describe(name)} is no field of a message: ${fields.join(', ')}`)
    }
    const value = bytesOf(object, 'value')
    const headers = [...template.headers, ...headersOf(object.headers)]
    const timestamp = number(object, 'timestamp', -1)
    const partition = template.partition ?? (anyPartition ? undefined : number(object, 'partition', 0))
    return {
      topic: template.topic ?? topicOf(object),
      key: object.key === undefined ? template.key : bytesOf(object, 'key'),
      value: value?.length === 0 && emptyIsNull ? null : value,
      ...(headers.length > 0 && { headers }),
      // -1: the message had none.
      ...(timestamp !== undefined && timestamp >= 0 && { timestamp }),
      ...(partition !== undefined && { partition }),
    }
  }
}

type Fields = Readonly<Record<string, unknown>>

function parse(line: Buffer): Fields | null {
  if (!isUtf8(line)) throw new Error('it is not UTF-8')
  // A byte order mark is trimmed too.
  const text = line.toString().trim()
  if (text === '') return null
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (thrown) {
    throw new Error(`it is not JSON: ${toError(thrown).message}`)
  }
  if (isObject(value)) return value
  throw new Error(`an object such as {"key":"k","value":"v"} is expected, not ${describe(value)}`)
}

function topicOf({ topic }: Fields): string {
  if (typeof topic === 'string' && topic !== '') return topic
  throw new Error(
    topic === undefined ? 'it names no topic, nor does the command' : `topic must be a name, not ${describe(topic)}`,
  )
}

function number(object: Fields, name: string, least: number): number | undefined {
  const value = object[name]
  if (value === undefined) return undefined
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value
  throw new Error(`${name} must be a whole number of at least ${least}, not ${describe(value)}`)
}

function bytesOf(object: Fields, name: string): Bytes {
  if (Object.hasOwn(object, name)) return bytes(object[name], name)
  throw new Error(`${name} is missing: null is a tombstone`)
}

function headersOf(headers: unknown): HeaderPair[] {
  if (headers === undefined) return []
  const pairs: unknown[] | null = Array.isArray(headers) ? headers : isObject(headers) ? Object.entries(headers) : null
  if (pairs === null)
    throw new Error(`headers must be [["name","value"]] or {"name":"value"}, not ${describe(headers)}`)
  return pairs.map(pair => {
    const [name, value] = Array.isArray(pair) && pair.length === 2 ? pair : []
    if (typeof name !== 'string') throw new Error(`a header must be ["name","value"], not ${JSON.stringify(pair)}`)
    return [name, bytes(value, `header ${describe(name)}`)]
  })
}

function bytes(value: unknown, what: string): Bytes {
  if (value === null || typeof value === 'string') return value
  if (isObject(value) && Object.keys(value).join() === 'base64' && typeof value.base64 === 'string') {
    const decoded = Buffer.from(value.base64, 'base64')
    // What is no base64 is left out by the decoder.
    if (decoded.toString('base64').replace(/=+$/, '') === value.base64.replace(/=+$/, '')) return decoded
    throw new Error(`${what} is not base64`)
  }
  throw new Error(`${what} must be a string, null or {"base64":"…"}: JSON within is a string, as jq's tojson makes it`)
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shown(delimiter: Buffer): string {
  return JSON.stringify(isUtf8(delimiter) ? delimiter.toString() : delimiter.toString('hex'))
}
