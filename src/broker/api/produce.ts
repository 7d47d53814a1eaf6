import { errorCodes } from '../../protocol/error-codes.ts'
import type {
  ProduceRequestTopicProduceData,
  ProduceResponsePartitionProduceResponse,
} from '../../protocol/messages.ts'
import type { Decoded, Encodable } from '../../protocol/shapes.ts'
import { RecordBatch } from '../../records/record-batch.ts'
import type { Answer, Call, Handlers } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import { hasProducer, oneBatch, type Rejection } from '../log/incoming.ts'
import type { Appended } from '../log/log.ts'
import type { Partition } from '../partition.ts'
import { NamedLeaders, saysWhoLeads } from './leaders.ts'

export const produceHandlers: Handlers<'Produce'> = { Produce: produce }

/** Versions from which on topics go by their ids, a wrong leader is told the right one, and partitions join transactions by themselves. */
const withIds = 13
const withLeaders = 10
const joinsTransactions = 12
/** From this version on clients know `TRANSACTION_ABORTABLE`. */
const withAbortable = 11

/** One partition of a request. */
interface Item {
  readonly index: number
  /** An error code where there is none. */
  readonly partition: Partition | number
  /** The one batch in it, or why it is none. */
  readonly batch: RecordBatch | Rejection
}

interface TopicItems {
  readonly topic: Decoded<ProduceRequestTopicProduceData>
  readonly items: readonly Item[]
}

function produce(cluster: Cluster, call: Call<'Produce'>): Answer<'Produce'> | null {
  const topics = call.body.topicData.map(topic => ({ topic, items: itemsOf(cluster, call, topic) }))
  const rejection = rejectionOfAll(cluster, call, topics)
  const leaders = new NamedLeaders(cluster)
  let failed = false
  const answered = (item: Item): Encodable<ProduceResponsePartitionProduceResponse> => {
    const result = rejection ?? append(cluster, call, item)
    if (!('errorCode' in result)) return success(item, result)
    failed = true
    const { errorCode } = result
    const { partition } = item
    const names = typeof partition === 'object' && call.version >= withLeaders && saysWhoLeads(errorCode)
    return { ...failure(item, result), ...(names && { currentLeader: leaders.name(partition) }) }
  }
  const responses = topics.map(({ topic: { name, topicId }, items }) => ({
    name,
    topicId,
    partitionResponses: items.map(answered),
  }))
  if (call.body.acks !== 0) return { responses, nodeEndpoints: leaders.endpoints }
  // Kafka has no other way to tell it either.
  if (failed) throw new Error('a batch sent with acks=0 was rejected')
  return null
}

/** A partition that is named twice counts once, with what was sent last. */
function itemsOf(cluster: Cluster, { version }: Call<'Produce'>, sent: TopicItems['topic']): Item[] {
  const topic = version >= withIds ? cluster.topics.byId(sent.topicId) : cluster.topics.get(sent.name)
  const byId = version >= withIds && topic === undefined
  const unknown = byId ? errorCodes.UNKNOWN_TOPIC_ID : errorCodes.UNKNOWN_TOPIC_OR_PARTITION
  const partitions = new Map(sent.partitionData.map(({ index, records }) => [index, records]))
  return [...partitions].map(([index, records]) => ({
    index,
    partition: topic?.partitions[index] ?? unknown,
    batch: oneBatch(records, version),
  }))
}

/** What makes Kafka refuse a request as a whole. */
function rejectionOfAll({ acls }: Cluster, call: Call<'Produce'>, topics: readonly TopicItems[]): Rejection | null {
  const { transactionalId } = call.body
  const mayWrite = transactionalId !== null && acls.allows(call, 'Write', 'transactionalId', transactionalId)
  const producers = new Set<string>()
  for (const { batch, partition } of topics.flatMap(({ items }) => items)) {
    if (!(batch instanceof RecordBatch)) {
      if (batch.forAll) return batch
    } else if (batch.isTransactional) {
      if (!mayWrite) return { errorCode: errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED }
      if (typeof partition === 'object' && hasProducer(batch))
        producers.add(`${batch.producerId} ${batch.producerEpoch}`)
    }
  }
  if (producers.size <= 1) return null
  return { errorCode: errorCodes.INVALID_PRODUCER_ID_MAPPING, errorMessage: 'Two producers share a request' }
}

function append(cluster: Cluster, call: Call<'Produce'>, { partition, batch }: Item): Appended | Rejection {
  const { acks } = call.body
  if (typeof partition === 'number') return { errorCode: partition }
  if (!(batch instanceof RecordBatch)) return batch
  if (acks < -1 || acks > 1) return { errorCode: errorCodes.INVALID_REQUIRED_ACKS }
  const errorCode = partition.refuses(call.node, -1, true)
  if (errorCode !== errorCodes.NONE) return { errorCode }
  return objection(cluster, call, partition, batch) ?? partition.append(batch, acks)
}

/** What the transaction's coordinator has against it, in words that the client's version knows, as a leader of Kafka puts it. */
function objection(
  cluster: Cluster,
  call: Call<'Produce'>,
  partition: Partition,
  batch: RecordBatch,
): Rejection | null {
  const { producerId, producerEpoch } = batch
  if (!batch.isTransactional || !hasProducer(batch)) return null
  if (typeof producerId === 'bigint') return { errorCode: errorCodes.INVALID_PRODUCER_ID_MAPPING }
  const { topic, index } = partition
  const id = call.body.transactionalId ?? ''
  const implicit = call.version >= joinsTransactions
  const errorCode = cluster.transactions.admit(id, producerId, producerEpoch, topic.name, index, implicit)
  switch (errorCode) {
    case errorCodes.NONE:
      return null
    case errorCodes.PRODUCER_FENCED:
      return { errorCode: errorCodes.INVALID_PRODUCER_EPOCH }
    case errorCodes.TRANSACTION_ABORTABLE:
      if (call.version >= withAbortable) return { errorCode }
      return { errorCode: errorCodes.INVALID_TXN_STATE, errorMessage: 'The partition was not added to the transaction' }
    default:
      return { errorCode }
  }
}

function success({ index, partition }: Item, { baseOffset, appendTime }: Appended) {
  return { index, baseOffset, logAppendTimeMs: appendTime, logStartOffset: startOf(partition) }
}

function failure({ index, partition }: Item, { errorCode, errorMessage, recordErrors, tellsStart }: Rejection) {
  return {
    index,
    errorCode,
    baseOffset: -1,
    logStartOffset: tellsStart ? startOf(partition) : -1,
    ...(errorMessage !== undefined && { errorMessage }),
    ...(recordErrors !== undefined && { recordErrors }),
  }
}

function startOf(partition: Item['partition']): number {
  return typeof partition === 'object' ? partition.log.startOffset : -1
}
