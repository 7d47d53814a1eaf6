import { Refusal } from './refusal.ts'

export const longestTopicName = 249

export function isTopicName(name: string): boolean {
  return wrongName(name) === null
}

/** @throws {Refusal} INVALID_TOPIC_EXCEPTION */
export function checkTopicName(name: string): void {
  const why = wrongName(name)
  if (why !== null) throw new Refusal('INVALID_TOPIC_EXCEPTION', `Topic name is invalid: ${why}`)
}

function wrongName(name: string): string | null {
  if (name === '') return 'it is empty'
  if (name === '.' || name === '..') return "it is '.' or '..'"
  if (name.length > longestTopicName) return `it has more than ${longestTopicName} letters`
  return /^[a-zA-Z0-9._-]+$/.test(name) ? null : `'${name}' has other letters than ASCII's, digits, '.', '_' and '-'`
}

/** Names that are the same then collide in the names of Kafka's metrics. */
export function withoutPunctuation(name: string): string {
  return name.replaceAll('.', '_')
}

/** Topics of Kafka's own. They are not there, and yet told apart. */
export function isInternal(name: string): boolean {
  return name === '__consumer_offsets' || name === '__transaction_state'
}
