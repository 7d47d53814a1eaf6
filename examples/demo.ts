/**
 * `npm run demo`: a Kafka of its own, 3,000 orders of 50 customers, and a consumer that handles 64 of them at once, each
 * customer's one after the other. One order in twenty fails at its first attempt. Ctrl-C drains, commits and leaves.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Consumer, exponential, json, string } from '../src/index.ts'
import { KafkaCluster } from '../test/kafka/kafka-cluster.ts'

const orders = 3_000
const customers = 50

console.log('Starting Kafka; the first time this downloads it …')
await using cluster = await KafkaCluster.start({ topics: { orders: 3 } })
console.log(`Kafka ${cluster.version} listens on ${cluster.brokers[0]}. Ctrl-C ends this in good order.\n`)

const lastOf = new Map<string | null, number>()
let handled = 0
let outOfOrder = 0

const shop = new Consumer({
  brokers: [...cluster.brokers],
  group: 'shop',
  work: { concurrency: 64, attempts: 3, backoff: exponential(50, 500) },
}).topic(
  { topic: 'orders', partitions: [0, 1, 2] },
  { key: string, value: json() },
  async ({ key: customer, offset }, { attempt, signal }) => {
    await delay(5 + Math.random() * 20, undefined, { signal })
    if (attempt === 1 && offset % 20 === 0) throw new Error('the card terminal is offline')
    if (offset < (lastOf.get(customer) ?? -1)) outOfOrder += 1
    lastOf.set(customer, offset)
    handled += 1
  },
)

const messages = Array.from({ length: orders }, (_, number) => ({
  key: `customer-${number % customers}`,
  value: JSON.stringify({ number, total: 10 + (number % 90) }),
}))
await cluster.write('orders', messages)

const watch = setInterval(() => {
  show()
  if (handled === orders) void shop.close()
}, 500)
try {
  await shop.run({ handleSignals: true })
} finally {
  clearInterval(watch)
}

console.log(`\nHandled ${handled} of ${orders} orders, ${outOfOrder} of them out of order within their customer.`)
console.log('Committed, as Kafka has it; the next run would begin there:')
for (const { topic, partition, offset } of await cluster.committed('shop')) {
  console.log(`  ${topic}[${partition}] up to offset ${offset}`)
}

function show(): void {
  const { partitions, inFlight, work } = shop.state()
  const lag = partitions.reduce((sum, partition) => sum + (partition.lag ?? 0), 0)
  console.log(`${handled} handled · ${inFlight} at once · ${work.retried} tried again · ${lag} to go`)
}
