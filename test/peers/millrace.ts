import { Consumer, NativeClient, string, writeBatch } from '../../src/index.ts'
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

/** The values of a topic of one partition, from its beginning, as Millrace reads them; waits for as many. */
export async function readAll(brokers: readonly string[], topic: string, count: number): Promise<(string | null)[]> {
  const values: (string | null)[] = []
  const consumer = new Consumer({ brokers, logLevel: 'silent', work: { order: 'partition' } })
  consumer.topic(topic, { value: string }, ({ value }) => void values.push(value))
  await using _ = running(consumer)
  await until(`Millrace reads ${count} messages of ${topic}`, () => values.length >= count)
  return values
}
