import type { Random } from '../../src/base/random.ts'
import type { Answer, Call } from '../../src/broker/call.ts'
import type { FaultAction, FaultOptions } from '../../src/broker/index.ts'
import { type ErrorName, errorCodes } from '../../src/protocol/error-codes.ts'
import type { ProduceResponsePartitionProduceResponse } from '../../src/protocol/messages.ts'
import type { Encodable } from '../../src/protocol/shapes.ts'

/** Answered without writing. */
const refusals: readonly ErrorName[] = [
  'NOT_ENOUGH_REPLICAS',
  'NOT_LEADER_OR_FOLLOWER',
  'LEADER_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'KAFKA_STORAGE_ERROR',
  'REQUEST_TIMED_OUT',
  'CORRUPT_MESSAGE',
  'INVALID_RECORD',
  'MESSAGE_TOO_LARGE',
  'POLICY_VIOLATION',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'INVALID_PRODUCER_EPOCH',
  'UNKNOWN_PRODUCER_ID',
  'UNKNOWN_SERVER_ERROR',
]
/** Answered though it is written, when the leader waits for its replicas. */
const doubts: readonly ErrorName[] = [
  'REQUEST_TIMED_OUT',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'NOT_LEADER_OR_FOLLOWER',
  'KAFKA_STORAGE_ERROR',
  'UNKNOWN_SERVER_ERROR',
]
const identityErrors = ['COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE', 'REQUEST_TIMED_OUT'] as const
const metadataErrors = ['LEADER_NOT_AVAILABLE', 'UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_SERVER_ERROR'] as const

/** Something that befalls some requests of a producer. */
export function trouble(random: Random): FaultOptions {
  const upTo = (most: number) => Math.floor(random() * (most + 1))
  const one = <T>(items: readonly T[]): T => items[upTo(items.length - 1)] as T
  const some = { skip: upTo(3), count: 1 + upTo(4) }
  const befalls = (api: FaultOptions['api'], action: FaultAction) => ({ ...some, api, action }) as FaultOptions
  const dice = random()
  if (dice < 0.02) return befalls('InitProducerId', { error: one(identityErrors) })
  if (dice < 0.04) return befalls('InitProducerId', { drop: one(['before', 'after']) })
  if (dice < 0.06) return befalls('Metadata', { error: one(metadataErrors) })
  if (dice < 0.08) return befalls('Metadata', { drop: 'before' })
  if (dice < 0.16) return befalls('Produce', { drop: 'before' })
  if (dice < 0.26) return befalls('Produce', { drop: 'after' })
  if (dice < 0.32) return befalls('Produce', { delayMs: upTo(150) })
  if (dice < 0.37) return befalls('Produce', { noReply: true })
  if (dice < 0.43) return befalls('Produce', { truncate: upTo(30) })
  if (dice < 0.45) return { ...some, ...answered(() => []) }
  if (dice < 0.58) {
    const doubt = { errorCode: errorCodes[one(doubts)], baseOffset: -1 }
    return { ...some, ...answered(responses => responses.map(partition => ({ ...partition, ...doubt }))) }
  }
  const where = random() < 0.5 ? { topic: 'orders', partition: upTo(2) } : {}
  return { ...befalls('Produce', { error: one(refusals) }), ...where } as FaultOptions
}

type PartitionAnswer = Encodable<ProduceResponsePartitionProduceResponse>

/** The request is applied, and something else is said of its partitions. */
function answered(otherwise: (partitions: readonly PartitionAnswer[]) => PartitionAnswer[]): FaultOptions {
  const reply = (answer: Answer<'Produce'>): Answer<'Produce'> => ({
    ...answer,
    responses: (answer.responses ?? []).map(topic => ({
      ...topic,
      partitionResponses: otherwise(topic.partitionResponses ?? []),
    })),
  })
  const when = ({ body }: Call<'Produce'>) => body.acks === -1
  return { api: 'Produce', when, action: { reply } } as FaultOptions
}
