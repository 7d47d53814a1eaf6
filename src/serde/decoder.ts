import { isThenable } from '../base/thenable.ts'
import type { Message } from '../records/message.ts'
import type { Deserializer, SerdeHeaders, SerdeInfo } from './serde.ts'

class MessageInfo implements SerdeInfo {
  readonly isKey: boolean
  readonly #message: Message<unknown, unknown>

  constructor(message: Message<unknown, unknown>, isKey: boolean) {
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

/** What runs serdes on a message; null when there is none. Asynchronous only if a serde is. Where one is missing, nothing changes. */
export function decoder(
  key: Deserializer<unknown> | undefined,
  value: Deserializer<unknown> | undefined,
): ((message: Message<unknown, unknown>) => void | Promise<void>) | null {
  if (key === undefined && value === undefined) return null
  return message => {
    const newKey = key?.deserialize(message.rawKey, new MessageInfo(message, true))
    const newValue = value?.deserialize(message.rawValue, new MessageInfo(message, false))
    const finish = (decodedKey: unknown, decodedValue: unknown): void => {
      message.decoded(key === undefined ? message.key : decodedKey, value === undefined ? message.value : decodedValue)
    }
    return isThenable(newKey) || isThenable(newValue)
      ? Promise.all([newKey, newValue]).then(both => finish(...both))
      : finish(newKey, newValue)
  }
}
