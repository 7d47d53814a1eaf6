import type { Clock } from '../base/clock.ts'
import { ClosedError, MillraceError, toError } from '../base/errors.ts'
import { describe } from '../base/option-check.ts'
import type { Bytes } from '../records/batch-builder.ts'
import type { Accumulator } from './accumulator.ts'
import { DeliveryError, type Receipt } from './delivery.ts'
import { encode, isLater } from './encoding.ts'
import type { Ledger } from './ledger.ts'
import { type Accept, headerPairs, isCount, type UncheckedMessage } from './message.ts'
import { Outgoing } from './outgoing.ts'
import type { MessageSerdes, ResolvedSerdes } from './serdes.ts'

export interface IntakeParts {
  readonly serdes: ResolvedSerdes
  readonly topicSerdes: ReadonlyMap<string, ResolvedSerdes>
  readonly accumulator: Accumulator
  readonly ledger: Ledger
  readonly clock: Clock
}

/** Takes messages as they are given, checks them, and hands them on as bytes. What is wrong with one fails that one alone. */
export class Intake {
  readonly #parts: IntakeParts
  #closed = false
  /** The time, for all messages of the list that is being taken. */
  #wallTime = 0

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /** Takes nothing more. */
  close(): void {
    this.#closed = true
  }

  readonly take: Accept = (message, serdes, receipt, at) => {
    let outgoing: Outgoing
    try {
      if (this.#closed) throw new ClosedError('The producer')
      if (at === 0) this.#wallTime = this.#parts.clock.wallTime()
      outgoing = this.#checked(message, receipt, at)
    } catch (thrown) {
      const error = refused(toError(thrown))
      this.#parts.ledger.refused(error.topic ?? '', error)
      receipt.failed(at, error)
      return
    }
    try {
      this.#encode(outgoing, serdes)
    } catch (thrown) {
      // What encoding throws is one.
      this.#fail(outgoing, thrown as MillraceError)
      return
    }
    this.#parts.accumulator.add(outgoing)
  }

  /** Each field is read once: what was checked is what is used. */
  #checked(message: UncheckedMessage, receipt: Receipt, at: number): Outgoing {
    if (typeof message !== 'object' || message === null) {
      throw invalid(`it must be an object such as { topic, value }, not ${describe(message)}`)
    }
    const { topic, key, value, timestamp = this.#wallTime, partition } = message
    if (typeof topic !== 'string' || topic === '') throw invalid(`topic must be a name, not ${describe(topic)}`)
    if (value === undefined) throw invalid('value is undefined; a tombstone is null', topic)
    if (!isCount(timestamp)) {
      throw invalid(`timestamp must be whole milliseconds since 1970, not ${describe(timestamp)}`, topic)
    }
    if (partition !== undefined && !isCount(partition)) {
      throw invalid(`partition must be a whole number of at least 0, not ${describe(partition)}`, topic)
    }
    const headers = headerPairs(message.headers, what => invalid(what, topic))
    const fields = { topic, key, value, headers, timestamp, partition: partition ?? -1 }
    return new Outgoing(fields, receipt, at)
  }

  #encode(outgoing: Outgoing, serdes: MessageSerdes<never, never> | undefined): void {
    const { topic, givenKey, givenValue, headers } = outgoing
    const { topicSerdes, serdes: own } = this.#parts
    const ofTopic = topicSerdes.size > 0 ? topicSerdes.get(topic) : undefined
    const forKey = serdes?.key ?? ofTopic?.key ?? own.key
    const key = givenKey === undefined ? null : encode(forKey, givenKey, { topic, isKey: true, headers })
    let value: Bytes | PromiseLike<Bytes>
    try {
      value = encode(serdes?.value ?? ofTopic?.value ?? own.value, givenValue, { topic, isKey: false, headers })
    } catch (thrown) {
      // Nobody asks for the key any more.
      if (isLater(key)) key.then(null, () => {})
      throw thrown
    }
    if (isLater(key) || isLater(value)) {
      outgoing.encoding = true
      void this.#encodeLater(outgoing, key, value)
    } else {
      outgoing.key = key
      outgoing.value = value
    }
  }

  async #encodeLater(
    outgoing: Outgoing,
    key: Bytes | PromiseLike<Bytes>,
    value: Bytes | PromiseLike<Bytes>,
  ): Promise<void> {
    try {
      const [rawKey, rawValue] = await Promise.all([key, value])
      outgoing.key = rawKey
      outgoing.value = rawValue
    } catch (thrown) {
      this.#fail(outgoing, thrown as MillraceError)
    }
    this.#parts.accumulator.encoded(outgoing)
  }

  #fail(outgoing: Outgoing, error: MillraceError): void {
    if (outgoing.settled) return
    outgoing.fail(error)
    this.#parts.ledger.refused(outgoing.topic, error)
  }
}

function invalid(what: string, topic?: string): MillraceError {
  const text =
    topic === undefined ? `A message cannot be sent: ${what}` : `A message to ${topic} cannot be sent: ${what}`
  return new MillraceError('INVALID_MESSAGE', text, { topic })
}

/** Of a message that cannot even be looked at. */
function refused(error: Error): DeliveryError {
  const { code, message: text, topic } = error instanceof MillraceError ? error : invalid(error.message)
  return new DeliveryError(code, text, 'no', { topic, cause: error })
}
