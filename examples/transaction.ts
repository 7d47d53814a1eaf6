/**
 * Orders become invoices, each exactly once: the invoices, and how far the orders were read for them, are committed together.
 *
 *     npm run example -- transaction    here, with a broker of its own
 *     BROKERS=localhost:9092 NAME=invoices-1 node transaction.ts
 */
import { batch, Consumer, json, type Message, Poison, Producer, string, TransactionError } from 'millrace'

const brokers = (process.env.BROKERS ?? 'localhost:9092').split(',')

const producer = new Producer({
  brokers,
  key: string,
  value: json(),
  // Each process has its own, and the same one when it comes back: it ends at once what it had left open.
  transactionalId: process.env.NAME ?? 'invoices-1',
  // Whoever goes on for a process that does not come back waits for this long.
  transactionTimeoutMs: 15_000,
})

const orders = new Consumer({
  brokers,
  group: 'invoices',
  // A producer has one transaction at a time.
  work: { concurrency: 1, attempts: 5 },
  // The transactions commit; the consumer only does when it gives a partition up.
  offsets: { commitIntervalMs: 2 ** 31 - 1 },
}).topic('orders', { key: string, value: json() }, batch({ messages: 500, lingerMs: 50 }, invoice))

async function invoice(batch: readonly Message<string | null, unknown>[]): Promise<void> {
  const [first, last] = [batch[0], batch.at(-1)]
  if (first === undefined || last === undefined) return
  try {
    await producer.transaction(async tx => {
      for (const { key, value, topic, partition, offset } of batch) {
        const order = `${topic}/${partition}/${offset}`
        // Not awaited: one that fails aborts the transaction.
        void tx.send({ topic: 'invoices', key: key ?? undefined, value: { order, ...Object(value) } })
      }
      const { membership } = orders.state().ownership ?? {}
      if (!membership) throw new Error('this process is in no group')
      const { topic, partition, offset } = last
      await tx.sendOffsets([{ topic, partition, offset: offset + 1 }], membership)
    })
  } catch (error) {
    // Perhaps it was committed, or another process does it by now. To try again would be wrong: who starts anew is told how far it got.
    const over = error instanceof TransactionError && error.code !== 'TRANSACTION_ABORTED'
    throw over ? new Poison(error.message, { cause: error }) : error
  }
  console.log(`${batch.length} invoices, orders[${first.partition}] ${first.offset} to ${last.offset}`)
}

try {
  await orders.run({ handleSignals: true })
} finally {
  await producer.close()
}
