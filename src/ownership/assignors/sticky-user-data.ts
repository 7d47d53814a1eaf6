import type { TopicPartition } from '../../base/topic-partition.ts'
import { ProtocolError } from '../../protocol/protocol-error.ts'
import { Reader } from '../../protocol/reader.ts'
import { stringType } from '../../protocol/wire-type.ts'
import { Writer } from '../../protocol/writer.ts'
import { byTopic, oneByOne, type TopicPartitions } from '../by-topic.ts'
import type { LastAssignment } from './assignor.ts'

const topicName = stringType('topic', false, false)
const nothing: LastAssignment = { owned: [], generation: -1 }

/**
 * What a member with the strategy `sticky` had, for the leader to see. Kafka's message definitions do not have this format: the topics,
 * each with its name and partitions, and then the generation.
 */
export function stickyUserData(owned: readonly TopicPartition[], generation: number): Buffer {
  const writer = new Writer(128)
  const topics = byTopic(owned)
  writer.int32(topics.length)
  for (const { topic, partitions } of topics) {
    topicName.write(writer, topic)
    writer.int32(partitions.length)
    for (const partition of partitions) writer.int32(partition)
  }
  writer.int32(generation)
  return writer.finish()
}

/** Before Kafka 2.3 there was no generation. Data that cannot be read says nothing, as in Java: it makes the member no less of one. */
export function readStickyUserData(bytes: Buffer | null): LastAssignment {
  if (bytes === null) return nothing
  const reader = new Reader(bytes)
  try {
    const owned = oneByOne(readTopics(reader))
    return { owned, generation: reader.remaining < 4 ? -1 : reader.int32() }
  } catch (error) {
    if (error instanceof ProtocolError) return nothing
    throw error
  }
}

function* readTopics(reader: Reader): Generator<TopicPartitions> {
  for (let topics = count(reader, 6); topics > 0; topics--) {
    const topic = topicName.read(reader) as string
    const partitions = Array.from({ length: count(reader, 4) }, () => reader.int32())
    yield { topic, partitions }
  }
}

function count(reader: Reader, elementSize: number): number {
  const elements = reader.length(false, false, false)
  reader.count(elements, elementSize)
  return elements
}
