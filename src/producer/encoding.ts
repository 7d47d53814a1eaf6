import { MillraceError, toError } from '../base/errors.ts'
import { isThenable } from '../base/thenable.ts'
import { type Bytes, bytesOf, EncodedHeaders } from '../records/encoded-headers.ts'
import { SerdeError } from '../serde/error.ts'
import type { SerdeHeaders, SerdeInfo, Serializer } from '../serde/serde.ts'
import type { CheckedHeaders } from './message.ts'

/** A key or value, and where it goes. */
export interface ToEncode {
  readonly topic: string
  readonly isKey: boolean
  readonly headers: CheckedHeaders | undefined
}

/** The bytes of a key or value, at once or later. @throws {MillraceError} also as what the answer rejects with */
export function encode(
  serializer: Serializer<unknown> | null,
  value: unknown,
  part: ToEncode,
): Bytes | PromiseLike<Bytes> {
  if (serializer === null) return asTheyAre(value, part)
  let encoded: ReturnType<Serializer<unknown>['serialize']>
  try {
    encoded = serializer.serialize(value, new Info(part))
  } catch (thrown) {
    throw encodeError(thrown, part)
  }
  if (!isThenable(encoded)) return checked(encoded, part)
  return Promise.resolve(encoded).then(
    bytes => checked(bytes, part),
    thrown => {
      throw encodeError(thrown, part)
    },
  )
}

function asTheyAre(value: unknown, part: ToEncode): Bytes {
  if (value === null || value instanceof Uint8Array) return value
  if (typeof value !== 'string') {
    const what = `bytes or a string were expected, not ${nameOf(value)}; the option ${part.isKey ? 'key' : 'value'} takes a serde such as json()`
    throw new SerdeError('ENCODE', what, new Info(part))
  }
  // To replace it would make different keys equal without a word.
  if (!value.isWellFormed()) throw new SerdeError('ENCODE', 'it holds half of a surrogate pair', new Info(part))
  return value
}

function checked(bytes: unknown, part: ToEncode): Uint8Array | null {
  if (bytes === null || bytes instanceof Uint8Array) return bytes
  throw new SerdeError('ENCODE', `its serde made ${nameOf(bytes)} of it, not bytes or null`, new Info(part))
}

/** What kind of thing it is; not what it says, which may be a secret. */
function nameOf(value: unknown): string {
  if (value === undefined) return 'undefined'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** What a serde threw, as an error of its message. */
function encodeError(thrown: unknown, part: ToEncode): MillraceError {
  if (thrown instanceof MillraceError) return thrown
  const error = toError(thrown)
  return Object.assign(new SerdeError('ENCODE', error.message, new Info(part)), { cause: error })
}

class Info implements SerdeInfo {
  readonly topic: string
  readonly isKey: boolean
  readonly #headers: CheckedHeaders

  constructor({ topic, isKey, headers = [] }: ToEncode) {
    this.topic = topic
    this.isKey = isKey
    this.#headers = headers
  }

  get headers(): SerdeHeaders {
    const headers = this.#headers
    if (headers instanceof EncodedHeaders) return headers.read()
    const all = (name: string) =>
      headers.filter(pair => pair[0] === name).map(([, value]) => (value === null ? null : bytesOf(value)))
    return { get: name => all(name).at(-1), getAll: all }
  }
}
