/**
 * Orders become lines: one message for each product of an order, under the product's name, so that whoever packs a product reads them in order.
 * Each is there exactly once, whatever crashes: lines are committed together with the orders they were made of.
 *
 *     npm run example -- exactly-once    here, with a broker of its own
 *     BROKERS=localhost:9092 NAME=splitter-1 node exactly-once.ts
 */
import { Consumer, json, Poison } from 'millrace'

interface Order {
  readonly id: number
  readonly products: readonly string[]
}

const splitter = new Consumer({
  brokers: (process.env.BROKERS ?? 'localhost:9092').split(','),
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

await splitter.run({ handleSignals: true })
const { transaction } = splitter.state()
console.log(`${transaction?.committed} transactions, ${transaction?.aborted} aborted`)
