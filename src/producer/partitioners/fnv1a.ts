import type { Random } from '../../base/random.ts'
import { anyOf, byHash, type Partitioner } from './partitioner.ts'

const OFFSET_BASIS = 0x811c_9dc5
const PRIME = 0x0100_0193
const LOWEST = -(2 ** 31)

/** FNV-1a in 32 bits, as a signed number (Go's `hash/fnv`, `New32a`). */
export function fnv1a(bytes: Uint8Array): number {
  let hash = OFFSET_BASIS
  for (const byte of bytes) hash = Math.imul(hash ^ byte, PRIME)
  return hash | 0
}

/**
 * Go Kafka Client's hash partitioner: the absolute value of FNV-1a as an int32. The lowest int32 has none and gives the first partition.
 * Messages without a key go to partitions at random.
 */
export function byFnv1a(random: Random): Partitioner {
  return {
    requiresConsistency: true,
    choose: ({ rawKey }, partitions) => {
      if (rawKey === null) return anyOf(partitions, random)
      const hash = fnv1a(rawKey)
      return byHash(hash === LOWEST ? 0 : Math.abs(hash), partitions)
    },
  }
}
