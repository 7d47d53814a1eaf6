import type { Group } from './group.ts'
import { consumerType, subscribedTopics } from './subscription.ts'

/**
 * Forgets offsets that were kept for `retentionMs`: since the last member left, or, for consumers without membership and for topics
 * that a stable group does not read any more, since they were committed. Answers whether nothing is left of the group.
 */
export function expireOffsets(group: Group, now: number, retentionMs: number): boolean {
  const { state, since, protocolType, offsets } = group
  const read = subscribedTopics(group)
  const left = protocolType !== null && state === 'Empty'
  const looked = protocolType === null || left || (protocolType === consumerType && state === 'Stable')
  const nothingLeft = offsets.expire(({ topic, committedAt, expiresAt }) => {
    if (!looked || read === null || read.has(topic)) return false
    return now >= (expiresAt ?? (left ? since : committedAt) + retentionMs)
  })
  return nothingLeft && state === 'Empty' && !offsets.hasTransactions
}
