import type { MillraceError } from '../base/errors.ts'
import { partitionName } from '../base/topic-partition.ts'
import { errorCodes, KafkaError, kafkaError } from '../protocol/error-codes.ts'
import type { ProduceResponse, Requests } from '../protocol/messages.ts'
import { zeroUuid } from '../protocol/wire-type.ts'
import type { Question } from './call.ts'
import type { ProduceBatch, ProducedBatch, ProduceOptions } from './low-level-client.ts'
import { byLeader, findLeaders, ofRequest, type Routed, type Router, whyLeaderless } from './routing.ts'

/** From this version on, Produce names topics by id. */
const versionWithIds = 13
/** From this version on, the partitions become part of the transaction by being written to. */
const versionThatAdds = 12

/**
 * Sends finished record batches to their partitions' leaders (https://kafka.apache.org/protocol#The_Messages_Produce), those of one
 * partition in the order given. Nothing is sent twice; a leader that has moved is looked up for the next call.
 */
export async function produce(
  router: Router,
  batches: readonly ProduceBatch[],
  options: Required<ProduceOptions>,
): Promise<readonly ProducedBatch[]> {
  const { metadata } = router
  try {
    await findLeaders(metadata, batches, options.timeoutMs)
  } catch (thrown) {
    const error = ofRequest(thrown)
    return batches.map(item => failed(item, error, false))
  }
  const { routed, leaderless } = byLeader(
    metadata,
    batches.map((item, at) => ({ at, item })),
  )
  const produced: ProducedBatch[] = new Array(batches.length)
  for (const { at, item } of leaderless) produced[at] = failed(item, whyLeaderless(metadata, item), false)
  await Promise.all(routed.map(request => sendToLeader(router, request, options, produced)))
  const stale = new Set<string>()
  for (const { topic, error } of produced) if (error?.retriable) stale.add(topic)
  if (stale.size > 0) metadata.refreshSoon([...stale])
  return produced
}

async function sendToLeader(
  router: Router,
  { nodeId, entries }: Routed<ProduceBatch>,
  options: Required<ProduceOptions>,
  produced: ProducedBatch[],
): Promise<void> {
  const items = entries.map(entry => entry.item)
  let sent = false
  let answers: Map<string, ProducedBatch>
  try {
    const asked = question(router, nodeId, items, options)
    const body = (version: number) => {
      // It is asked for when it is to be written to the connection.
      sent = true
      return asked.body(version)
    }
    answers = await router.ask(nodeId, { ...asked, body })
  } catch (thrown) {
    const error = ofRequest(thrown)
    for (const { at, item } of entries) produced[at] = failed(item, error, sent)
    return
  }
  for (const { at, item } of entries) {
    const answer = answers.get(partitionName(item.topic, item.partition))
    produced[at] = answer ?? failed(item, new KafkaError(errorCodes.UNKNOWN_SERVER_ERROR, doing(item), item), true)
  }
}

function question(
  { metadata, brokerName }: Router,
  nodeId: number,
  batches: readonly ProduceBatch[],
  options: Required<ProduceOptions>,
): Question<'Produce', Map<string, ProducedBatch>> {
  const topics = Map.groupBy(batches, ({ topic }) => topic)
  const ids = new Map<string, string>()
  const names = new Map<string, string>()
  for (const topic of topics.keys()) {
    const id = metadata.topic(topic)?.topicId
    if (typeof id === 'string') {
      ids.set(topic, id)
      names.set(id, topic)
    }
  }
  const { acks, timeoutMs, transaction } = options
  const mostVersion = ids.size === topics.size ? undefined : versionWithIds - 1
  return {
    name: 'Produce',
    body: version => produceBody(topics, version >= versionWithIds ? ids : null, options),
    read: (answer, version) => readAnswer(answer, version >= versionWithIds ? names : null, brokerName(nodeId)),
    minVersion: transaction?.addsPartitions ? versionThatAdds : undefined,
    maxVersion: transaction !== null && !transaction.addsPartitions ? versionThatAdds - 1 : mostVersion,
    timeoutMs,
    unanswered: acks === 0 ? () => unanswered(batches) : undefined,
  }
}

function produceBody(
  topics: ReadonlyMap<string, readonly ProduceBatch[]>,
  ids: ReadonlyMap<string, string> | null,
  { acks, timeoutMs, transaction }: Required<ProduceOptions>,
): Requests['Produce'] {
  const topicData = [...topics].map(([topic, batches]) => ({
    ...(ids === null ? { name: topic } : { topicId: ids.get(topic) ?? zeroUuid }),
    partitionData: batches.map(({ partition, records }) => ({ index: partition, records })),
  }))
  return { transactionalId: transaction?.transactionalId ?? null, acks, timeoutMs, topicData }
}

function readAnswer(
  answer: ProduceResponse,
  names: ReadonlyMap<string, string> | null,
  broker: string,
): Map<string, ProducedBatch> {
  const produced = new Map<string, ProducedBatch>()
  for (const entry of answer.responses) {
    const topic = names === null ? entry.name : names.get(entry.topicId)
    if (topic === undefined) continue
    for (const response of entry.partitionResponses) {
      const { index: partition, errorCode, baseOffset, logAppendTimeMs } = response
      const place = { topic, partition }
      const error = kafkaError(errorCode, `${doing(place)} on ${broker}${reason(response)}`, { ...place, broker })
      produced.set(partitionName(topic, partition), { ...place, error, baseOffset, logAppendTime: logAppendTimeMs })
    }
  }
  return produced
}

/** What the broker says of it, and of which record of the batch (KIP-467). */
function reason({
  errorMessage,
  recordErrors: [first],
}: ProduceResponse['responses'][number]['partitionResponses'][number]): string {
  if (first !== undefined) return ` (record ${first.batchIndex} of the batch: ${first.batchIndexErrorMessage})`
  return errorMessage === null ? '' : ` (${errorMessage})`
}

function unanswered(batches: readonly ProduceBatch[]): Map<string, ProducedBatch> {
  return new Map(
    batches.map(({ topic, partition }) => [
      partitionName(topic, partition),
      { topic, partition, error: null, baseOffset: -1, logAppendTime: -1 },
    ]),
  )
}

function doing({ topic, partition }: { topic: string; partition: number }): string {
  return `writing to ${partitionName(topic, partition)}`
}

function failed({ topic, partition }: ProduceBatch, error: MillraceError, sent: boolean): ProducedBatch {
  return { topic, partition, error, baseOffset: -1, logAppendTime: -1, sent }
}
