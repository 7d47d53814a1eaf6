import type { Deserializer, SerdeHeaders, SerdeInfo } from '../serde/serde.ts'
import { isThenable } from '../work/invocation.ts'
import type { AnyMessage } from './claim.ts'

class MessageInfo implements SerdeInfo {
  readonly isKey: boolean
  readonly #message: AnyMessage

  constructor(message: AnyMessage, isKey: boolean) {
    this.#message = message
    this.isKey = isKey
  }

  get topic(): string {
    return this.#message.topic
  }

  get headers(): SerdeHeaders {
    return this.#message.headers
  }
}

/** What runs a route's serdes on a message; null when it has none. Asynchronous only if a serde is. */
export function decoder(
  key: Deserializer<unknown> | undefined,
  value: Deserializer<unknown> | undefined,
): ((message: AnyMessage) => void | Promise<void>) | null {
  if (key === undefined && value === undefined) return null
  return message => {
    const newKey = key?.deserialize(message.rawKey, new MessageInfo(message, true))
    const newValue = value?.deserialize(message.rawValue, new MessageInfo(message, false))
    const finish = (decodedKey: unknown, decodedValue: unknown): void => {
      message.decoded(
        key === undefined ? message.rawKey : decodedKey,
        value === undefined ? message.rawValue : decodedValue,
      )
    }
    return isThenable(newKey) || isThenable(newValue)
      ? Promise.all([newKey, newValue]).then(both => finish(...both))
      : finish(newKey, newValue)
  }
}
