import { MillraceError } from '../base/errors.ts'
import { describe } from '../base/option-check.ts'
import { isThenable } from '../base/thenable.ts'
import type { Bytes } from '../records/batch-builder.ts'
import type { Receipt } from './delivery.ts'
import { encode } from './encoding.ts'
import { checkHeaders, isCount, type UncheckedMessage } from './message.ts'
import { Outgoing } from './outgoing.ts'
import type { ResolvedSerdes } from './serdes.ts'

/**
 * Each field is read once: what was checked is what is used.
 *
 * @throws {MillraceError} `INVALID_MESSAGE`
 */
export function checkMessage(message: UncheckedMessage, wallTime: number, receipt: Receipt, at: number): Outgoing {
  if (typeof message !== 'object' || message === null) {
    throw invalid(`it must be an object such as { topic, value }, not ${describe(message)}`)
  }
  const { topic, key, value, timestamp = wallTime, partition } = message
  if (typeof topic !== 'string' || topic === '') throw invalid(`topic must be a name, not ${describe(topic)}`)
  if (value === undefined) throw invalid('value is undefined; a tombstone is null', topic)
  if (!isCount(timestamp)) {
    throw invalid(`timestamp must be whole milliseconds since 1970, not ${describe(timestamp)}`, topic)
  }
  if (partition !== undefined && !isCount(partition)) {
    throw invalid(`partition must be a whole number of at least 0, not ${describe(partition)}`, topic)
  }
  const given = message.headers
  const headers = given === undefined ? undefined : checkHeaders(given, what => invalid(what, topic))
  const fields = { topic, key, value, headers, timestamp, partition: partition ?? -1 }
  return new Outgoing(fields, receipt, at)
}

/**
 * Makes bytes of its key and value. Null: they are there; else it resolves when they are, and rejects as this throws.
 *
 * @throws {MillraceError}
 */
export function encodeMessage(outgoing: Outgoing, serdes: ResolvedSerdes): Promise<void> | null {
  const { topic, givenKey, givenValue, headers } = outgoing
  const key = givenKey === undefined ? null : encode(serdes.key, givenKey, { topic, isKey: true, headers })
  let value: Bytes | PromiseLike<Bytes>
  try {
    value = encode(serdes.value, givenValue, { topic, isKey: false, headers })
  } catch (thrown) {
    // Nobody asks for the key any more.
    if (isThenable(key)) key.then(null, () => {})
    throw thrown
  }
  if (isThenable(key) || isThenable(value)) {
    outgoing.encoding = true
    return encodeLater(outgoing, key, value)
  }
  outgoing.key = key
  outgoing.value = value
  return null
}

async function encodeLater(
  outgoing: Outgoing,
  key: Bytes | PromiseLike<Bytes>,
  value: Bytes | PromiseLike<Bytes>,
): Promise<void> {
  const [rawKey, rawValue] = await Promise.all([key, value])
  outgoing.key = rawKey
  outgoing.value = rawValue
}

export function invalid(what: string, topic?: string): MillraceError {
  const text =
    topic === undefined ? `A message cannot be sent: ${what}` : `A message to ${topic} cannot be sent: ${what}`
  return new MillraceError('INVALID_MESSAGE', text, { topic })
}
