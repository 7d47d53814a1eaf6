import { readFileSync } from 'node:fs'

/** What Kafka's own code wrote in one format, compression and kind: `v1-lz4-holes`. */
export interface MessageSet {
  readonly name: string
  readonly bytes: Buffer
  readonly messages: readonly ExpectedMessage[]
}

export interface ExpectedMessage {
  readonly offset: number
  readonly timestamp: number
  readonly timestampType: string
  readonly key: string | null
  readonly value: string | null
}

const firstOffset = 100

/** Parses what `test/kafka/java/MessageSets.java` prints, and says what it wrote. */
export function messageSets(printed: string): MessageSet[] {
  let next = firstOffset
  return printed
    .trim()
    .split('\n')
    .map(line => {
      const [name = '', hex = ''] = line.split(' ')
      const messages = expected(name, next)
      next += name.endsWith('holes') ? 30 : 10
      return { name, bytes: Buffer.from(hex, 'hex'), messages }
    })
}

function expected(name: string, base: number): ExpectedMessage[] {
  const old = name.startsWith('v0')
  const appended = name.endsWith('appended')
  return Array.from({ length: 10 }, (_, index) => ({
    offset: base + (name.endsWith('holes') ? 3 * index : index),
    timestamp: old ? -1 : appended ? 1_500_000_000_000 : 1_400_000_000_000 + 1_000 * index,
    timestampType: old ? 'NoTimestampType' : appended ? 'LogAppendTime' : 'CreateTime',
    key: index % 4 === 0 ? null : index === 1 ? '' : `k${index}`,
    value: index % 5 === 0 ? null : index === 2 ? '' : `value ${index}`,
  }))
}

/** Recorded from Kafka 4.1.1; 3.9.1 writes the same. */
export const recordedSets: readonly MessageSet[] = messageSets(
  readFileSync(new URL('recorded-message-sets.txt', import.meta.url), 'utf8'),
)
