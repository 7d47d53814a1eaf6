import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { writeBatch } from '../../src/records/batch-writer.ts'

/** A batch as it is told to Java: bytes in hex. */
export interface ToldBatch {
  readonly baseOffset: number
  readonly leaderEpoch: number
  /** A long. */
  readonly producerId: string
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly transactional: boolean
  readonly records: readonly {
    readonly timestamp: number
    readonly key: string | null
    readonly value: string | null
    readonly headers: readonly (readonly [name: string, value: string | null])[]
  }[]
}

export interface JavaBatch {
  readonly told: ToldBatch
  /** What Java made of it, in hex. */
  readonly bytes: string
}

const hex = fc.oneof(
  { weight: 12, arbitrary: fc.uint8Array({ maxLength: 8 }) },
  { weight: 2, arbitrary: fc.constantFrom(63, 64, 65, 200, 9_000).map(length => new Uint8Array(length).fill(length)) },
)
const bytes = fc.option(
  hex.map(each => Buffer.from(each).toString('hex')),
  { freq: 4 },
)
const now = 1_700_000_000_000
const timestamp = fc.oneof(
  fc.integer({ min: now - 9_000, max: now + 9_000 }),
  fc.constantFrom(0, now, Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat(),
)
const record = fc.record({
  timestamp,
  key: bytes,
  value: bytes,
  headers: fc.array(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 4 }), bytes), { maxLength: 3 }),
})
const producer = fc.oneof(
  fc.constant({ producerId: '-1', producerEpoch: -1, baseSequence: -1, transactional: false }),
  fc.record({
    producerId: fc.oneof(fc.nat(), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })).map(String),
    producerEpoch: fc.integer({ min: 0, max: 32_767 }),
    baseSequence: fc.nat(),
    transactional: fc.boolean(),
  }),
)

export const anyBatch: fc.Arbitrary<ToldBatch> = fc
  .record({
    baseOffset: fc.oneof(fc.constant(0), fc.maxSafeNat()),
    leaderEpoch: fc.oneof(fc.constant(-1), fc.nat()),
    producer,
    records: fc.array(record, { minLength: 1, maxLength: 8 }),
  })
  .map(({ producer, ...rest }) => ({ ...rest, ...producer }))

/** The same batch, by Millrace. */
export function ours({ producerId, records, ...header }: ToldBatch): string {
  const inputs = records.map(({ timestamp, key, value, headers }) => ({
    timestamp,
    key: fromHex(key),
    value: fromHex(value),
    headers: headers.map(([name, text]) => [name, fromHex(text)] as const),
  }))
  return writeBatch(inputs, { ...header, producerId: BigInt(producerId) }).toString('hex')
}

function fromHex(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text, 'hex')
}

export const recordedPath = new URL('../data/kafka-4.1.1-batches.json.gz', import.meta.url)

/** Written by Kafka 4.1.1; `test/kafka/producing.core.test.ts` records them, and holds every supported Kafka to them. */
export function recordedBatches(): readonly JavaBatch[] {
  return JSON.parse(gunzipSync(readFileSync(recordedPath)).toString())
}
