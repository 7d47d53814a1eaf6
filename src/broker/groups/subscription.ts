import { decodeData } from '../../protocol/data.ts'
import { ProtocolError } from '../../protocol/protocol-error.ts'
import type { Group } from './group.ts'

/** The protocol type of consumers: their metadata says which topics they read. */
export const consumerType = 'consumer'

/** Which topics a group reads; null when that cannot be known: it may be any. */
export function subscribedTopics({ protocolType, protocol, members }: Group): ReadonlySet<string> | null {
  const topics = new Set<string>()
  if (protocolType !== consumerType) return topics
  for (const member of members) {
    const told = topicsIn(member.metadata(protocol))
    if (told === null) return null
    for (const topic of told) topics.add(topic)
  }
  return topics
}

function topicsIn(metadata: Buffer): readonly string[] | null {
  if (metadata.length < 2 || metadata.readInt16BE(0) < 0) return null
  // Every version begins with what version 0 has, and Kafka reads no more of it.
  const first = Buffer.from(metadata)
  first.writeInt16BE(0)
  try {
    return decodeData('ConsumerProtocolSubscription', first).topics
  } catch (error) {
    if (error instanceof ProtocolError) return null
    throw error
  }
}
