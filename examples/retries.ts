/**
 * Orders go to a payment service. What passes by itself is tried again, what never will is written down and skipped, and when
 * the service is down for long the customer's later orders wait.
 *
 *     BROKERS=localhost:9092 PAYMENTS=https://payments.example/charges node retries.ts
 */
import { appendFile } from 'node:fs/promises'
import { Consumer, type Decision, exponential, type Failure, json, type Message, Poison, Retry, string } from 'millrace'

const payments = process.env.PAYMENTS ?? 'http://localhost:8080/charges'

const shop = new Consumer({
  brokers: (process.env.BROKERS ?? 'localhost:9092').split(','),
  group: 'payments',
  work: { concurrency: 32, timeoutMs: 10_000, attempts: 4, backoff: exponential(500, 30_000) },
}).topic(
  'orders',
  { key: string, value: json(), work: { onFailure: decide } },
  async (order, { signal, attempt, log }) => {
    const response = await fetch(payments, {
      method: 'POST',
      body: JSON.stringify(order.value),
      // The service sees a second attempt for what it is.
      headers: { 'content-type': 'application/json', 'idempotency-key': `${order.partition}-${order.offset}` },
      signal,
    })
    if (response.ok) {
      if (attempt > 1) log.warn({ status: response.status }, 'charged at last')
      return
    }
    const after = Number(response.headers.get('retry-after'))
    if (response.status === 429 && after > 0) throw new Retry({ afterMs: after * 1_000 })
    if (response.status < 500) throw new Poison(`the order was refused with ${response.status}`)
    throw new Error(`the service answered ${response.status}`)
  },
)

shop.on('failed', ({ message, error, attempts }, decision) => {
  console.error(
    `${message.topic}[${message.partition}] ${message.offset}, ${attempts} attempts: ${error.message}: ${decision}`,
  )
})

await shop.run({ handleSignals: true })

/** Asked when the attempts are spent, and at once for `Poison` and for what cannot be decoded. */
async function decide({ message, error, reason }: Failure<Message<unknown, unknown>>): Promise<Decision> {
  if (reason === 'decode' || error instanceof Poison) {
    // First it is safe, then it is skipped: were the file full, this would throw, and the consumer would stop.
    await appendFile('refused.ndjson', `${JSON.stringify({ ...message.toJSON(), error: error.message })}\n`)
    return 'skip'
  }
  return 'hold'
}
