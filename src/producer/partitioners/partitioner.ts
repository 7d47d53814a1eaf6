import type { Random } from '../../base/random.ts'

/** A message whose partition is to be chosen: what it is before and after its serdes. */
export interface MessageToPlace {
  readonly topic: string
  /** As it was given to `send`. */
  readonly key: unknown
  readonly value: unknown
  /** As it will be written; null: none. */
  readonly rawKey: Uint8Array | null
}

/**
 * Chooses the partition of a message that names none. Answers one of `partitions`, or null for any: then a partition is used until a batch
 * for it is full, and loaded ones less often (KIP-480, KIP-794). What it throws fails that message alone.
 */
export interface Partitioner {
  /** True: `partitions` are all of the topic, whether or not they have a leader now, so that a key keeps its place. False: those that have. */
  readonly requiresConsistency: boolean
  choose(message: MessageToPlace, partitions: readonly number[]): number | null
}

/** Kafka's names for the ways that need nothing else to be said. */
export type PartitionerName = 'murmur2' | 'fnv1a' | 'crc32' | 'fixed' | 'round-robin' | 'random' | 'sticky'

/** A partitioner by its name, an own one, or just a function, which is taken to require consistency. */
export type PartitionerOption = PartitionerName | Partitioner | Partitioner['choose']

/** Makes a partitioner for one producer; some keep state. */
export type MakePartitioner = (random: Random) => Partitioner

/** The element that a hash stands for; `partitions` is never empty. */
export function byHash(hash: number, partitions: readonly number[]): number {
  return partitions[hash % partitions.length] as number
}

export function anyOf(partitions: readonly number[], random: Random): number {
  return partitions[Math.floor(random() * partitions.length)] as number
}
