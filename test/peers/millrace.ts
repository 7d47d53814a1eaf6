import { Consumer, NativeClient, Producer, string, writeBatch } from '../../src/index.ts'
import type { Compression } from '../../src/records/record-batch.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'

const quiet = () => {}
const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet }

/** Writes one batch into partition 0, as Millrace compresses it. */
export async function writeOne(
  brokers: readonly string[],
  topic: string,
  compression: Compression,
  texts: readonly string[],
): Promise<void> {
  const client = new NativeClient({ brokers, logger })
  try {
    const records = writeBatch(
      texts.map(value => ({ key: 'k', value })),
      { compression },
    )
    const [written] = await client.produce([{ topic, partition: 0, records }])
    if (written?.error) throw written.error
  } finally {
    await client.close()
  }
}

/** Waits for what the controller has made: brokers know of it a moment later, and some clients do not wait for that. */
export async function known(brokers: readonly string[], topic: string): Promise<void> {
  const client = new NativeClient({ brokers, logger })
  try {
    await until(`${topic} is known`, async () => {
      const partitions = (await client.metadata([topic])).topics.get(topic)?.partitions ?? []
      return partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)
    })
  } finally {
    await client.close()
  }
}

/** The values of a topic of one partition, from its beginning, as Millrace reads them; waits for as many. */
export async function readAll(brokers: readonly string[], topic: string, count: number): Promise<(string | null)[]> {
  const values: (string | null)[] = []
  const consumer = new Consumer({ brokers, logLevel: 'silent', work: { order: 'partition' } })
  consumer.topic(topic, { value: string }, ({ value }) => void values.push(value))
  await using _ = running(consumer)
  await until(`Millrace reads ${count} messages of ${topic}`, () => values.length >= count)
  return values
}

/** The name of the session that reads these with its own client. */
export const readsProducer =
  'what Millrace’s producer writes, in every compression and at its levels, comes with the same keys, values, headers and timestamps'

/** A message as another client tells of it: bytes in hex. */
export interface Told {
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [name: string, value: string | null])[]
}

const levels: Readonly<Record<Compression, readonly (number | undefined)[]>> = {
  none: [undefined],
  gzip: [undefined, 1, 9],
  snappy: [undefined],
  lz4: [undefined],
  zstd: [undefined, -50, 19],
}

/** Has Millrace's producer write messages of all kinds into partition 0, at every level of these compressions; answers them in order. */
export async function produceAll(
  brokers: readonly string[],
  topic: string,
  compressions: readonly Compression[],
): Promise<Told[]> {
  const sent: Told[] = []
  for (const compression of compressions) {
    for (const level of levels[compression]) {
      await using producer = new Producer({
        brokers,
        compression,
        ...(level === undefined ? {} : { compressionLevel: level }),
      })
      const messages = kinds(`${compression} ${level}`)
      // Some in a batch of their own, the others together.
      for (const some of [messages.slice(0, 1), messages.slice(1)]) {
        const results = await producer.sendBatch(some.map(message => ({ topic, partition: 0, ...message })))
        for (const result of results) if (result instanceof Error) throw result
      }
      sent.push(...messages.map(told))
    }
  }
  return sent
}

interface Kind {
  readonly timestamp: number
  readonly key?: Buffer | string
  readonly value: Buffer | string | null
  readonly headers?: readonly (readonly [string, Buffer | string | null])[]
}

function kinds(name: string): Kind[] {
  const now = Date.now()
  const binary = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  return [
    { timestamp: now, value: name },
    { timestamp: now - 86_400_000, key: 'ключ 🔑', value: binary },
    { timestamp: now + 60_000, key: binary, value: 'the same again and again; '.repeat(10_000) },
    { timestamp: now, key: '', value: null },
    {
      timestamp: now,
      key: 'k',
      value: '',
      headers: [
        ['trace', name],
        ['trace', 'again'],
        ['none', null],
        ['', ''],
      ],
    },
    { timestamp: 1, value: 'old', headers: [['é', binary]] },
    ...Array.from({ length: 300 }, (_, at) => ({ timestamp: now + at, key: `key ${at % 7}`, value: `{"id":${at}}` })),
  ]
}

function told({ timestamp, key, value, headers = [] }: Kind): Told {
  return { timestamp, key: hex(key), value: hex(value), headers: headers.map(([name, value]) => [name, hex(value)]) }
}

export function hex(bytes: Uint8Array | string | null | undefined): string | null {
  return bytes === null || bytes === undefined ? null : Buffer.from(bytes as string).toString('hex')
}
