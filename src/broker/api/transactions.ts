import { errorCodes } from '../../protocol/error-codes.ts'
import type { Answer, Call, Handlers } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import type { Asker } from '../security/acls.ts'
import type { Participant, Producer, Transaction } from '../transactions/transaction.ts'
import { groupParticipant } from '../transactions/transactions.ts'

/** Kafka's -1: none. */
const noProducer: Producer = { id: -1, epoch: -1 }

/** Ids here are never beyond what a number holds; of others it is enough that none of ours is equal. */
function producerOf(body: { readonly producerId: number | bigint; readonly producerEpoch: number }): Producer {
  return { id: Number(body.producerId), epoch: body.producerEpoch }
}

/** Why this node cannot answer for a transactional id: an error code. */
function coordinatorError({ nodes }: Cluster, node: number, id: string): number {
  if (id === '') return errorCodes.INVALID_REQUEST
  return nodes.coordinator('transaction', id) === node ? errorCodes.NONE : errorCodes.NOT_COORDINATOR
}

/** Clients that are older than the error for fenced producers know another one. */
function inVersion(errorCode: number, version: number, fencedFrom: number): number {
  const isNew = errorCode === errorCodes.PRODUCER_FENCED && version < fencedFrom
  return isNew ? errorCodes.INVALID_PRODUCER_EPOCH : errorCode
}

// ── InitProducerId, EndTxn ────────────────────────────────────────────────────────────────────────────────────────────

function initProducerId(cluster: Cluster, call: Call<'InitProducerId'>): Answer<'InitProducerId'> {
  const { transactionalId: id, transactionTimeoutMs } = call.body
  const errorCode = initError(cluster, call)
  if (errorCode !== errorCodes.NONE) return initAnswer(call, errorCode)
  const expected = producerOf(call.body)
  return initAnswer(call, cluster.transactions.init(id, transactionTimeoutMs, expected.id === -1 ? null : expected))
}

function initError(cluster: Cluster, { node, body }: Call<'InitProducerId'>): number {
  const { transactionalId: id, transactionTimeoutMs } = body
  const { id: producerId, epoch } = producerOf(body)
  if ((producerId === -1) !== (epoch === -1)) return errorCodes.INVALID_REQUEST
  if (id === null) return errorCodes.NONE
  if (id === '') return errorCodes.INVALID_REQUEST
  if (transactionTimeoutMs <= 0 || transactionTimeoutMs > cluster.config.number('transaction.max.timeout.ms')) {
    return errorCodes.INVALID_TRANSACTION_TIMEOUT
  }
  return coordinatorError(cluster, node, id)
}

function initAnswer({ version }: Call<'InitProducerId'>, outcome: Producer | number): Answer<'InitProducerId'> {
  const failed = typeof outcome === 'number'
  const { id: producerId, epoch: producerEpoch } = failed ? noProducer : outcome
  return { errorCode: failed ? inVersion(outcome, version, 4) : errorCodes.NONE, producerId, producerEpoch }
}

function endTxn(cluster: Cluster, { version, node, body }: Call<'EndTxn'>): Answer<'EndTxn'> {
  const { transactionalId: id, committed } = body
  const errorCode = coordinatorError(cluster, node, id)
  const result = committed ? 'commit' : 'abort'
  const advance = version >= 5
  const outcome = errorCode || cluster.transactions.end(id, producerOf(body), result, advance)
  if (typeof outcome === 'number') return { errorCode: inVersion(outcome, version, 2) }
  return { errorCode: errorCodes.NONE, ...(advance && { producerId: outcome.id, producerEpoch: outcome.epoch }) }
}

// ── AddPartitionsToTxn, AddOffsetsToTxn ───────────────────────────────────────────────────────────────────────────────

type Added = Call<'AddPartitionsToTxn'>['body']['transactions'][number]

/** From version 4 on it is what brokers ask one another, for several transactions at once. */
function addPartitionsToTxn(cluster: Cluster, call: Call<'AddPartitionsToTxn'>): Answer<'AddPartitionsToTxn'> {
  const { version, body } = call
  if (version < 4) {
    const transaction = {
      transactionalId: body.v3AndBelowTransactionalId,
      producerId: body.v3AndBelowProducerId,
      producerEpoch: body.v3AndBelowProducerEpoch,
      verifyOnly: false,
      topics: body.v3AndBelowTopics,
    }
    return { resultsByTopicV3AndBelow: added(cluster, call, transaction) }
  }
  const resultsByTransaction = body.transactions.map(transaction => ({
    transactionalId: transaction.transactionalId,
    topicResults: added(cluster, call, transaction),
  }))
  return { resultsByTransaction }
}

/** One partition that does not exist keeps out the others too. */
function added(cluster: Cluster, { version, node }: Call<'AddPartitionsToTxn'>, transaction: Added) {
  const { transactionalId: id, topics, verifyOnly } = transaction
  const producer = producerOf(transaction)
  const participants = topics.flatMap(({ name, partitions }) => {
    return partitions.map((partition): Participant => ({ kind: 'partition', name, partition }))
  })
  const exists = (name: string, partition: number) => cluster.topics.get(name)?.partitions[partition] !== undefined
  const missing = participants.some(({ name, partition }) => !exists(name, partition))
  const refused = coordinatorError(cluster, node, id)
  const outcome = missing || refused || verifyOnly ? refused : cluster.transactions.add(id, producer, participants)
  const codeOf = (name: string, partition: number) => {
    if (!exists(name, partition)) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION
    if (missing) return errorCodes.OPERATION_NOT_ATTEMPTED
    if (refused || !verifyOnly) return inVersion(outcome, version, 2)
    return cluster.transactions.verify(id, producer, { kind: 'partition', name, partition })
  }
  return topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map(partitionIndex => {
      return { partitionIndex, partitionErrorCode: codeOf(name, partitionIndex) }
    }),
  }))
}

function addOffsetsToTxn(
  cluster: Cluster,
  { version, node, body }: Call<'AddOffsetsToTxn'>,
): Answer<'AddOffsetsToTxn'> {
  const { transactionalId: id, groupId } = body
  const errorCode =
    coordinatorError(cluster, node, id) || cluster.transactions.add(id, producerOf(body), [groupParticipant(groupId)])
  return { errorCode: inVersion(errorCode, version, 2) }
}

// ── ListTransactions, DescribeTransactions ────────────────────────────────────────────────────────────────────────────

/** All that Kafka has, those included in which no transaction is here. */
const states = ['Empty', 'Ongoing', 'PrepareCommit', 'PrepareAbort', 'CompleteCommit', 'CompleteAbort', 'Dead']

function listTransactions(cluster: Cluster, call: Call<'ListTransactions'>): Answer<'ListTransactions'> {
  const { node, body } = call
  const { stateFilters, producerIdFilters, durationFilter, transactionalIdPattern } = body
  // Patterns of strangers may take for ever.
  if (transactionalIdPattern) return { errorCode: errorCodes.INVALID_REGULAR_EXPRESSION }
  const now = cluster.clock.now()
  const [wantedStates, wantedProducers] = [new Set(stateFilters), new Set<unknown>(producerIdFilters)]
  const listed = [...cluster.transactions].filter(({ id, state, producer, startedAt }) => {
    return (
      coordinatorError(cluster, node, id) === errorCodes.NONE &&
      cluster.acls.allows(call, 'Describe', 'transactionalId', id) &&
      (wantedStates.size === 0 || wantedStates.has(state)) &&
      (wantedProducers.size === 0 || wantedProducers.has(producer.id)) &&
      // Kafka counts from the start of the last one, ended or not, and those without any since ever.
      (durationFilter < 0 || startedAt < 0 || now - startedAt > durationFilter)
    )
  })
  return {
    unknownStateFilters: [...wantedStates].filter(state => !states.includes(state)),
    transactionStates: listed.map(({ id, state, producer }) => {
      return { transactionalId: id, producerId: producer.id, transactionState: state }
    }),
  }
}

function describeTransactions(cluster: Cluster, call: Call<'DescribeTransactions'>): Answer<'DescribeTransactions'> {
  const { node, body } = call
  const transactionStates = [...new Set(body.transactionalIds)].map(id => {
    if (!cluster.acls.allows(call, 'Describe', 'transactionalId', id)) {
      return { transactionalId: id, errorCode: errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED }
    }
    const transaction = cluster.transactions.get(id)
    const errorCode = coordinatorError(cluster, node, id)
    if (errorCode === errorCodes.NONE && transaction !== undefined) return described(cluster, call, transaction)
    return { transactionalId: id, errorCode: errorCode || errorCodes.TRANSACTIONAL_ID_NOT_FOUND }
  })
  return { transactionStates }
}

function described(
  { clock, acls }: Cluster,
  asker: Asker,
  { id, state, timeoutMs, startedAt, producer, participants }: Transaction,
) {
  const partitions = [...participants].filter(({ kind, name }) => {
    return kind === 'partition' && acls.allows(asker, 'Describe', 'topic', name)
  })
  const byTopic = Map.groupBy(partitions, ({ name }) => name)
  return {
    transactionalId: id,
    transactionState: state,
    transactionTimeoutMs: timeoutMs,
    transactionStartTimeMs: startedAt < 0 ? -1 : Math.round(clock.wallTime() - (clock.now() - startedAt)),
    producerId: producer.id,
    producerEpoch: producer.epoch,
    topics: [...byTopic].map(([topic, added]) => ({ topic, partitions: added.map(({ partition }) => partition) })),
  }
}

export const transactionHandlers: Handlers<
  'InitProducerId' | 'AddPartitionsToTxn' | 'AddOffsetsToTxn' | 'EndTxn' | 'ListTransactions' | 'DescribeTransactions'
> = {
  InitProducerId: initProducerId,
  AddPartitionsToTxn: addPartitionsToTxn,
  AddOffsetsToTxn: addOffsetsToTxn,
  EndTxn: endTxn,
  ListTransactions: listTransactions,
  DescribeTransactions: describeTransactions,
}
