/**
 * Each order gets what a service knows about its customer, and goes on to another topic: a hundred customers at the same time, the
 * orders of each in their order. A service that is slow, busy or down for a while delays orders, and loses none.
 *
 *     npm run example -- enrichment    here, with a broker and a service of its own
 *     BROKERS=localhost:9092 CUSTOMERS=http://customers.example/v1/ node enrichment.ts
 */
import { Consumer, exponential, json, Producer, string } from 'millrace'

const brokers = (process.env.BROKERS ?? 'localhost:9092').split(',')
const customers = process.env.CUSTOMERS ?? 'http://localhost:8080/'

const producer = new Producer({ brokers, key: string, value: json(), lingerMs: 5 })

const enrichment = new Consumer({
  brokers,
  group: 'enrichment',
  work: {
    order: 'key',
    concurrency: 100,
    // Of an attempt. Whoever answers this slowly may well answer the next time.
    timeoutMs: 2_000,
    attempts: 5,
    backoff: exponential(100, 10_000),
    // The customer's orders wait for the service, and the others go on.
    onFailure: 'hold',
  },
}).topic('orders', { key: string, value: json() }, async ({ key, value, offset, partition }, { signal, attempt }) => {
  const customer = key === null ? null : await lookUp(key, signal)
  // Done once it is written for good: so the next one of this key is written after it.
  await producer.send({ topic: 'orders.enriched', key, value: { ...Object(value), customer } })
  if (attempt > 1) console.log(`orders[${partition}] offset ${offset} of ${key}: at attempt ${attempt}`)
})

/** Null for one that the service does not know. */
async function lookUp(id: string, signal: AbortSignal): Promise<unknown> {
  // The signal ends the request when the attempt is over, and when the process has no time left to wait for it.
  const response = await fetch(new URL(encodeURIComponent(id), customers), { signal })
  if (response.ok) return response.json()
  // Nobody reads it; without this the connection would not be used again.
  await response.body?.cancel()
  if (response.status === 404) return null
  // 5xx, or 429: tried again, as any error is that is not a Poison.
  throw new Error(`the service answered ${response.status} about ${id}`)
}

try {
  await enrichment.run({ handleSignals: true })
} finally {
  await producer.close()
}
