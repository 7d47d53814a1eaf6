/**
 * Orders become lines: one message for each product of an order, under the product's name, so that whoever packs a product reads them in order.
 * Each is there exactly once, whatever crashes: lines are committed together with the orders they were made of.
 *
 *     node exactly-once.ts                           on a broker inside of this process, with a hundred orders
 *     BROKERS=localhost:9092 node exactly-once.ts    on a cluster, until it is told to stop
 */
import { Consumer, json, Poison, Producer } from 'millrace'
import { Broker } from 'millrace/broker'

interface Order {
  readonly id: number
  readonly products: readonly string[]
}

const own = process.env.BROKERS ? null : await Broker.start({ topics: { orders: 3, lines: 3 } })
const brokers = own?.brokers ?? (process.env.BROKERS ?? '').split(',')

const splitter = new Consumer({
  brokers,
  group: 'splitter',
  // With a name that stays, NAME=$HOSTNAME for example, a process that comes back ends at once what it had left open.
  work: { concurrency: 100, transaction: process.env.NAME ? { id: process.env.NAME } : true, onFailure: 'skip' },
}).topic('orders', { value: json() }, ({ value }, { send }) => {
  const { id, products } = checked(value)
  // Nothing to wait for, and nothing is written if one of them is refused.
  for (const product of products) send({ topic: 'lines', key: product, value: { order: id } }, { value: json() })
})

function checked(value: unknown): Order {
  if (typeof value === 'object' && value !== null && 'id' in value && 'products' in value) return value as Order
  throw new Poison('this is no order')
}

if (own === null) await splitter.run({ handleSignals: true })
else {
  const running = splitter.run()
  await using producer = new Producer({ brokers, value: json() })
  for (let id = 1; id <= 100; id++) {
    await producer.send({ topic: 'orders', value: { id, products: id % 3 === 0 ? ['saw', 'nail'] : ['nail'] } })
  }
  await shown(133)
  await splitter.close()
  await running
  await own.close()
}

/** So many lines, as readers of committed messages see them. */
async function shown(count: number): Promise<void> {
  const lines: string[] = []
  const reader = new Consumer({ brokers }).topic('lines', { value: json() }, ({ key, value }) => {
    lines.push(`${key} for order ${(value as { order: number }).order}`)
    if (lines.length === count) void reader.close()
  })
  await reader.run()
  console.log(`${lines.length} lines, ${new Set(lines).size} different ones; the last one: ${lines.at(-1)}`)
  const { transaction } = splitter.state()
  console.log(`${transaction?.committed} transactions, ${transaction?.aborted} aborted`)
}
