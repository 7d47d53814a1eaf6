import { readFileSync, writeFileSync } from 'node:fs'
import fc from 'fast-check'
import { resolvePartitioner } from '../../src/producer/partitioners/by-name.ts'
import type { PartitionerName } from '../../src/producer/partitioners/partitioner.ts'

/** What another client makes of a key. */
export interface KnownPlace {
  /** In hex. */
  readonly key: string
  /** An int32. */
  readonly hash: number
  /** Of the partitions that the key has where there are 1, 2, … `MOST_PARTITIONS`: `mixed` of `places`. */
  readonly mixed: number
}

export const MOST_PARTITIONS = 1_000

const counts = Array.from({ length: MOST_PARTITIONS }, (_, at) => Array.from({ length: at + 1 }, (_, number) => number))

/** Keys in hex, of all lengths and bytes; with those whose hash is the lowest int32 or 0. */
export function someKeys(seed: number, count: number): string[] {
  const keys = fc.sample(fc.uint8Array({ maxLength: 70 }), { seed, numRuns: count })
  return keys.map(key => Buffer.from(key).toString('hex'))
}

/** The partitions that a key has, whatever the number of partitions, as one int32. */
export function mixed(partitioner: PartitionerName, key: string): number {
  const { choose } = resolvePartitioner(partitioner)(() => 0)
  const rawKey = Buffer.from(key, 'hex')
  const message = { topic: 't', key: null, value: null, rawKey }
  return counts.reduce((sum, partitions) => (Math.imul(31, sum) + (choose(message, partitions) as number)) | 0, 0)
}

const path = (client: string) => new URL(`../data/${client}-places.json`, import.meta.url)

/** Recorded by `test/kafka/producing.core.test.ts`. */
export function knownPlaces(client: 'java' | 'go'): readonly KnownPlace[] {
  return JSON.parse(readFileSync(path(client), 'utf8'))
}

export function recordPlaces(client: 'java' | 'go', places: readonly KnownPlace[]): void {
  writeFileSync(path(client), `[\n${places.map(place => `  ${JSON.stringify(place)}`).join(',\n')}\n]\n`)
}
