/**
 * Tests of a service that uses kafkajs, without a Kafka: the brokers are in the test's own process.
 *
 *     npm install --save-dev millrace
 *     node --test kafkajs.test.ts
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { Broker } from 'millrace/broker'

/** A test that waits in vain fails. */
const limit = { timeout: 10_000 }

/** What is tested: it makes an invoice of each order. A real one would be in a file of its own. */
async function startInvoicing(kafka: Kafka): Promise<{ stop(): Promise<void> }> {
  const producer = kafka.producer({ idempotent: true })
  const consumer = kafka.consumer({ groupId: 'invoicing', maxWaitTimeInMs: 100 })
  await Promise.all([producer.connect(), consumer.connect()])
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      await producer.send({ topic: 'invoices', messages: [{ value: `invoice of ${message.value}` }] })
    },
  })
  return {
    async stop() {
      await consumer.disconnect()
      await producer.disconnect()
    },
  }
}

let broker: Broker
let shop: Producer
let invoicing: { stop(): Promise<void> }

before(async () => {
  broker = await Broker.start({ nodes: 3, topics: { orders: 3, invoices: 1 } })
  shop = connect().producer()
  await shop.connect()
  invoicing = await startInvoicing(connect())
})
after(async () => {
  await invoicing.stop()
  await shop.disconnect()
  await broker.close()
})

function connect(): Kafka {
  return new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 20 } })
}

async function order(name: string): Promise<void> {
  await shop.send({ topic: 'orders', messages: [{ value: name }] })
}

/** All invoices there are, once there is one of this order. */
async function invoicesUntil(name: string, signal: AbortSignal): Promise<string[]> {
  const invoices: string[] = []
  const reader = connect().consumer({ groupId: `reader of ${name}`, maxWaitTimeInMs: 100 })
  try {
    await reader.connect()
    await reader.subscribe({ topic: 'invoices', fromBeginning: true })
    await reader.run({ eachMessage: async ({ message }) => void invoices.push(String(message.value)) })
    while (!invoices.includes(`invoice of ${name}`)) await delay(5, undefined, { signal })
    return invoices
  } finally {
    await reader.disconnect()
  }
}

test('an order becomes an invoice', limit, async t => {
  await order('tea')
  assert.deepEqual(await invoicesUntil('tea', t.signal), ['invoice of tea'])
})

test('an invoice is written once, though the acknowledgement is lost', limit, async t => {
  const lost = broker.fault({ api: 'Produce', topic: 'invoices', count: 1, action: { drop: 'after' } })
  await order('flour')
  await lost.hit()
  await order('lamp')
  const invoices = await invoicesUntil('lamp', t.signal)
  assert.equal(invoices.filter(invoice => invoice === 'invoice of flour').length, 1)
})

test('orders become invoices while brokers die and come back', limit, async t => {
  for (const node of [1, 2, 3]) {
    await broker.stopNode(node)
    await order(`order ${node}`)
    await invoicesUntil(`order ${node}`, t.signal)
    await broker.startNode(node)
  }
})
