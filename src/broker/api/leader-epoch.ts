import { errorCodes } from '../../protocol/error-codes.ts'
import type { Answer, Call, Handlers } from '../call.ts'
import type { Cluster } from '../cluster.ts'

export const leaderEpochHandlers: Handlers<'OffsetForLeaderEpoch'> = { OffsetForLeaderEpoch: offsetForLeaderEpoch }

/** Where an epoch ended: lets clients notice that what they read is no longer in the log (KIP-320). */
function offsetForLeaderEpoch(
  cluster: Cluster,
  { node, body }: Call<'OffsetForLeaderEpoch'>,
): Answer<'OffsetForLeaderEpoch'> {
  return {
    topics: body.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(asked => {
        const partition = cluster.topics.get(topic)?.partitions[asked.partition]
        const errorCode =
          partition?.refuses(node, asked.currentLeaderEpoch, true) ?? errorCodes.UNKNOWN_TOPIC_OR_PARTITION
        if (partition === undefined || errorCode !== errorCodes.NONE) return { partition: asked.partition, errorCode }
        const { epoch, endOffset } = partition.log.endOfEpoch(asked.leaderEpoch)
        return { partition: asked.partition, leaderEpoch: epoch, endOffset }
      }),
    })),
  }
}
