import { byHash, type Partitioner } from './partitioner.ts'

const SEED = 0x9747b28c
const M = 0x5bd1e995

/** Murmur2 in 32 bits as Kafka's `Utils.murmur2` computes it, as a signed number. */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes
  let hash = SEED ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    // Within bounds.
    let word =
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    word = Math.imul(word, M)
    word = Math.imul(word ^ (word >>> 24), M)
    hash = Math.imul(hash, M) ^ word
  }
  const rest = length - at
  if (rest === 3) hash ^= (bytes[at + 2] as number) << 16
  if (rest >= 2) hash ^= (bytes[at + 1] as number) << 8
  if (rest >= 1) hash = Math.imul(hash ^ (bytes[at] as number), M)
  hash = Math.imul(hash ^ (hash >>> 13), M)
  return hash ^ (hash >>> 15)
}

/** Java's default: a key goes where Java's clients put it; messages without a key go anywhere. */
export const byMurmur2: Partitioner = {
  requiresConsistency: true,
  choose: ({ rawKey }, partitions) =>
    // The sign bit is cut off, not negated.
    rawKey === null ? null : byHash(murmur2(rawKey) & 0x7fff_ffff, partitions),
}
