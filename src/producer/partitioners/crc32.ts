import { crc32 } from 'node:zlib'
import { byHash, type Partitioner } from './partitioner.ts'

/** librdkafka's default (`consistent_random`): CRC-32 of the key; messages without a key, or with an empty one, go anywhere. */
export const byCrc32: Partitioner = {
  requiresConsistency: true,
  choose: ({ rawKey }, partitions) =>
    rawKey === null || rawKey.length === 0 ? null : byHash(crc32(rawKey), partitions),
}
