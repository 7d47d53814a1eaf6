import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Delivery, DeliveryError, NativeClient, Producer } from '../../src/index.ts'
import { Recorder } from '../client/recorder.ts'
import { until } from '../until.ts'
import { KafkaCluster } from './kafka-cluster.ts'

/** Kafka's numbers for kinds of resources and of operations. */
const topic = 2
const operations = { Write: 4, Describe: 8 } as const

let cluster: KafkaCluster
before(async () => {
  cluster = await KafkaCluster.start({
    secured: true,
    topics: { orders: 1, payments: 1 },
    config: {
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS',
    },
  })
})
after(() => cluster?.close())

/** Lets the user `shop` do this, beside what it may already. */
async function allow(...rules: readonly [name: string, operation: keyof typeof operations][]): Promise<void> {
  const client = new NativeClient({ brokers: cluster.at('PLAINTEXT'), logger: new Recorder() })
  const creations = rules.map(([resourceName, operation]) => ({
    resourceType: topic,
    resourceName,
    resourcePatternType: 3,
    principal: 'User:shop',
    host: '*',
    operation: operations[operation],
    permissionType: 3,
  }))
  const { results } = await client.send('controller', 'CreateAcls', { creations })
  await client.close()
  for (const { errorCode, errorMessage } of results) assert.equal(errorCode, 0, String(errorMessage))
}

/** One that tries for longer than the test may take. */
function producer(options: { idempotent?: boolean; transactionalId?: string; transactionTimeoutMs?: number } = {}) {
  assert.ok(cluster.keys !== null)
  const { tls } = cluster.keys
  const access = { brokers: cluster.brokers, tls, sasl: cluster.keys.sasl('SCRAM-SHA-256') }
  return new Producer({ ...access, deliveryTimeoutMs: 600_000, logLevel: 'silent', ...options })
}

function fate(result: Delivery | DeliveryError): string {
  return result instanceof DeliveryError ? `${result.code} ${result.written}` : 'delivered'
}

test('what a producer may not do is refused by Kafka at once, and the error says what to allow', async () => {
  await using hidden = producer()
  const unseen = await hidden.sendBatch([{ topic: 'orders', value: 'one' }])
  assert.deepEqual(unseen.map(fate), ['TOPIC_AUTHORIZATION_FAILED no'])

  await allow(['orders', 'Describe'])
  await until('the rule counts', async () => {
    const [told] = await hidden.sendBatch([{ topic: 'orders', value: 'one' }])
    return told !== undefined && fate(told) !== 'TOPIC_AUTHORIZATION_FAILED no'
  })
  await using idempotent = producer()
  const [told] = await idempotent.sendBatch([{ topic: 'orders', value: 'one' }])
  assert.ok(told instanceof DeliveryError)
  assert.equal(fate(told), 'CLUSTER_AUTHORIZATION_FAILED no')
  assert.match(told.message, /WRITE on a topic.*idempotent: false/)

  await using plain = producer({ idempotent: false })
  const refused = await plain.sendBatch([{ topic: 'orders', value: 'one' }])
  assert.deepEqual(refused.map(fate), ['TOPIC_AUTHORIZATION_FAILED no'])

  await allow(['payments', 'Write'])
  const messages = ['orders', 'payments', 'orders', 'payments'].map(name => ({ topic: name, value: 'one' }))
  await until('the rule counts', async () => (await idempotent.sendBatch(messages)).map(fate)[1] === 'delivered')
  const half = await idempotent.sendBatch(messages)
  const no = 'TOPIC_AUTHORIZATION_FAILED no'
  assert.deepEqual(half.map(fate), [no, 'delivered', no, 'delivered'])

  await using transactional = producer({ transactionalId: 'shop', transactionTimeoutMs: 600_000 })
  const transaction = transactional.transaction(tx => tx.send({ topic: 'payments', value: 'one' }))
  await assert.rejects(transaction, { code: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED' })
})
