import { errorCodes } from '../../protocol/error-codes.ts'
import type { Answer, Call, Handlers } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import type { Partition } from '../partition.ts'

export const deleteRecordsHandlers: Handlers<'DeleteRecords'> = { DeleteRecords: deleteRecords }

/** Stands for all that was written. */
const toTheEnd = -1

function deleteRecords(cluster: Cluster, call: Call<'DeleteRecords'>): Answer<'DeleteRecords'> {
  return {
    topics: call.body.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, offset }) => {
        const partition = cluster.topics.get(name)?.partitions[partitionIndex]
        const errorCode = deleteBefore(partition, call.node, offset)
        const deleted = errorCode === errorCodes.NONE && partition !== undefined
        return { partitionIndex, errorCode, lowWatermark: deleted ? partition.log.startOffset : -1 }
      }),
    })),
  }
}

function deleteBefore(partition: Partition | undefined, node: number, asked: number): number {
  if (partition === undefined) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION
  const errorCode = partition.refuses(node, -1, true)
  if (errorCode !== errorCodes.NONE) return errorCode
  if (!partition.topic.config.get('cleanup.policy').includes('delete')) return errorCodes.POLICY_VIOLATION
  const { log } = partition
  const offset = asked === toTheEnd ? log.highWatermark : asked
  if (offset < 0 || offset > log.highWatermark) return errorCodes.OFFSET_OUT_OF_RANGE
  log.deleteBefore(offset)
  return errorCodes.NONE
}
