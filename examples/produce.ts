/**
 * Writes a file of JSON objects, one a line, to a topic, keyed by their field `id`: as fast as the brokers take them, in bounded memory. It
 * tells which lines were not written, and then exits with 1. On SIGINT and SIGTERM it takes no more lines, and delivers those that it took.
 *
 *     npm run example -- produce    here, with a broker and a file of its own
 *     BROKERS=localhost:9092 TOPIC=orders node produce.ts orders.ndjson
 */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { json, Producer, string } from 'millrace'

const [file = 'orders.ndjson'] = process.argv.slice(2)
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

const producer = new Producer({
  brokers: (process.env.BROKERS ?? 'localhost:9092').split(','),
  key: string,
  value: json(),
  compression: 'zstd',
  lingerMs: 5,
})

async function* messages() {
  let line = 0
  for await (const text of createInterface({ input: createReadStream(file) })) {
    line++
    if (stop.signal.aborted) return
    if (text.trim() === '') continue
    const value: { id?: unknown } = JSON.parse(text)
    yield { key: value.id === undefined ? null : String(value.id), value, headers: { line: String(line) } }
  }
}

const orders = producer.writable({
  topic: process.env.TOPIC ?? 'orders',
  // It goes on with the others; what is 'unknown' may be in the log all the same.
  onError: (error, message) => {
    process.exitCode = 1
    const { headers } = message as { headers: { line: string } }
    console.error(`line ${headers.line} (written: ${error.written}): ${error.message}`)
  },
})
try {
  await pipeline(messages(), orders)
} finally {
  const { delivered, failed } = producer.state()
  console.log(`${delivered} written, ${failed} not`)
  await producer.close()
}
