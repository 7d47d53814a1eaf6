import type { Clock } from '../base/clock.ts'
import { ClosedError, MillraceError, toError } from '../base/errors.ts'
import type { Accumulator } from './accumulator.ts'
import { DeliveryError } from './delivery.ts'
import type { Ledger } from './ledger.ts'
import type { Accept } from './message.ts'
import type { Outgoing } from './outgoing.ts'
import { checkMessage, encodeMessage, invalid } from './preparation.ts'
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
      outgoing = checkMessage(message, this.#wallTime, receipt, at)
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

  #encode(outgoing: Outgoing, serdes: MessageSerdes<never, never> | undefined): void {
    const { topicSerdes, serdes: own } = this.#parts
    const ofTopic = topicSerdes.size > 0 ? topicSerdes.get(outgoing.topic) : undefined
    const later = encodeMessage(outgoing, serdesFor(serdes, ofTopic, own))
    if (later !== null) void this.#encoded(outgoing, later)
  }

  async #encoded(outgoing: Outgoing, later: Promise<void>): Promise<void> {
    try {
      await later
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

/** The first that says something, of this call, of the topic, of the producer. */
function serdesFor(
  call: MessageSerdes<never, never> | undefined,
  topic: ResolvedSerdes | undefined,
  own: ResolvedSerdes,
): ResolvedSerdes {
  if (call === undefined && topic === undefined) return own
  const key = call?.key ?? topic?.key ?? own.key
  return { key, value: call?.value ?? topic?.value ?? own.value }
}

/** Of a message that cannot even be looked at. */
function refused(error: Error): DeliveryError {
  const { code, message: text, topic } = error instanceof MillraceError ? error : invalid(error.message)
  return new DeliveryError(code, text, 'no', { topic, cause: error })
}
