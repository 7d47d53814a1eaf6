import { toError } from '../base/errors.ts'
import type { Bytes, HeaderInput } from '../records/batch-builder.ts'
import { SerdeError } from '../serde/error.ts'
import type { SerdeHeaders, SerdeInfo, Serializer } from '../serde/serde.ts'

/** The bytes of a key or value, at once or later. Throws, or rejects with, what the serde does. */
export function encode(
  serializer: Serializer<unknown> | null,
  value: unknown,
  topic: string,
  isKey: boolean,
  headers: HeaderInput | undefined,
): Bytes | PromiseLike<Bytes> {
  if (value === undefined) return null
  if (serializer !== null) return serializer.serialize(value, new Info(topic, isKey, headers))
  if (value === null || typeof value === 'string' || value instanceof Uint8Array) return value
  const what = `bytes or a string were expected, not ${typeof value}; the options key and value take a serde such as json()`
  throw new SerdeError('ENCODE', what, new Info(topic, isKey, headers))
}

export function isLater(encoded: Bytes | PromiseLike<Bytes>): encoded is PromiseLike<Bytes> {
  return typeof encoded === 'object' && encoded !== null && 'then' in encoded
}

/** What a serde threw, as an error of its message. */
export function encodeError(thrown: unknown, topic: string): SerdeError {
  if (thrown instanceof SerdeError) return thrown
  const error = toError(thrown)
  const info = new Info(topic, false, undefined)
  return Object.assign(new SerdeError('ENCODE', error.message, info), { cause: error })
}

class Info implements SerdeInfo {
  readonly topic: string
  readonly isKey: boolean
  readonly #headers: HeaderInput | undefined

  constructor(topic: string, isKey: boolean, headers: HeaderInput | undefined) {
    this.topic = topic
    this.isKey = isKey
    this.#headers = headers
  }

  get headers(): SerdeHeaders {
    const given = this.#headers ?? []
    const pairs: readonly (readonly [string, Bytes])[] = Array.isArray(given) ? given : Object.entries(given)
    const all = (name: string) => pairs.filter(pair => pair[0] === name).map(pair => bytesOf(pair[1]))
    return { get: name => all(name).at(-1), getAll: all }
  }
}

function bytesOf(value: Bytes): Buffer | null {
  if (value === null) return null
  return typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.length)
}
