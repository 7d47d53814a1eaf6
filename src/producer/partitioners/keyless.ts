import type { Random } from '../../base/random.ts'
import { anyOf, type Partitioner } from './partitioner.ts'

/** Any, whatever the key: a partition is used until its batch is full. */
export const sticky: Partitioner = { requiresConsistency: false, choose: () => null }

/** One after another, for each topic from its first partition; whatever the key. */
export function roundRobin(): Partitioner {
  const turns = new Map<string, number>()
  return {
    requiresConsistency: false,
    choose: ({ topic }, partitions) => {
      const turn = turns.get(topic) ?? 0
      turns.set(topic, (turn + 1) % Number.MAX_SAFE_INTEGER)
      return partitions[turn % partitions.length] as number
    },
  }
}

/** Whatever the key. */
export function randomly(random: Random): Partitioner {
  return { requiresConsistency: false, choose: (_, partitions) => anyOf(partitions, random) }
}

/** All messages into this partition. */
export function constantPartition(partition: number): Partitioner {
  return { requiresConsistency: true, choose: () => partition }
}
