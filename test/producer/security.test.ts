import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import { type AclOptions, Broker, type BrokerOptions } from '../../src/broker/index.ts'
import { Authority } from '../../src/broker/security/authority.ts'
import { type ClientOptions, DeliveryError, Producer, type ProducerOptions } from '../../src/index.ts'
import type { Bytes } from '../../src/records/batch-builder.ts'
import { unsecuredToken } from '../broker/sasl-client.ts'
import { freePorts } from '../kafka/ports.ts'

const user = { username: 'shop', password: 's3cret-Pencil' }
const users = { [user.username]: user.password }
const principal = 'User:ANONYMOUS'

/** One that tries for so long that a test which waits for its end fails by its own time. */
function producer(broker: Broker, options: Partial<ProducerOptions<Bytes, Bytes>> = {}): Producer {
  return new Producer({
    brokers: broker.brokers,
    reconnect: { minMs: 1, maxMs: 20 },
    deliveryTimeoutMs: 600_000,
    logLevel: 'silent',
    ...options,
  })
}

async function refused(sending: Promise<unknown>, written = /^no$/): Promise<DeliveryError> {
  const error = await sending.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof DeliveryError, String(error))
  assert.match(error.written, written)
  assert.equal(error.retriable, false)
  return error
}

const bearer = () => ({ value: unsecuredToken({ sub: 'shop', exp: Math.floor(Date.now() / 1_000) + 60 }) })
const cases: readonly [NonNullable<ClientOptions['sasl']>, BrokerOptions['sasl']][] = [
  [{ mechanism: 'PLAIN', ...user }, { users }],
  [{ mechanism: 'SCRAM-SHA-256', ...user }, { users }],
  [{ mechanism: 'SCRAM-SHA-512', ...user, password: async () => user.password }, { users }],
  [{ mechanism: 'OAUTHBEARER', token: bearer }, {}],
]
describe('over TLS', { concurrency: true }, () => {
  for (const [sasl, guard = {}] of cases) {
    test(`with ${sasl.mechanism} all is written, and no secret is shown`, async () => {
      const options = { tls: { clientAuth: 'required' }, sasl: guard } as const
      await using broker = await Broker.start({ ...options, topics: { orders: 1 } })
      const tls = { ca: broker.ca ?? '', ...(await broker.issueCertificate('shop')) }
      const shown: unknown[] = []
      const log = (details: object, text: string) => void shown.push(details, text)
      await using orders = producer(broker, { tls, sasl, logger: { debug: log, info: log, warn: log, error: log } })
      const { offset } = await orders.send({ topic: 'orders', value: 'one' })
      assert.equal(offset, 0)
      shown.push(orders)
      const text = inspect(shown, { depth: 20, showHidden: true })
      assert.match(text, new RegExp(`mechanism: '${sasl.mechanism}'`))
      assert.doesNotMatch(text, /s3cret|PRIVATE KEY|eyJ/)
    })
  }
})

test('a wrong password rejects at once what is sent, each time', async () => {
  await using broker = await Broker.start({ sasl: { users }, topics: { orders: 1 } })
  await using orders = producer(broker, { sasl: { mechanism: 'PLAIN', ...user, password: 'wrong' } })
  for (let times = 0; times < 2; times++) {
    const error = await refused(orders.send({ topic: 'orders', value: 'one' }))
    assert.equal(error.code, 'AUTHENTICATION')
    assert.match(error.message, /refuses user 'shop'/)
  }
})

test('a password that does not hold any more rejects at once what is sent then', async () => {
  const ports = await freePorts(1)
  const options = { topics: { orders: 1 }, ports }
  const first = await Broker.start({ ...options, sasl: { users } })
  await using orders = producer(first, { sasl: { mechanism: 'SCRAM-SHA-256', ...user } })
  await orders.send({ topic: 'orders', value: 'one' })
  await first.close()
  await using _second = await Broker.start({ ...options, sasl: { users: { shop: 'another' } } })
  // It may have been on its way when the connection ended.
  const error = await refused(orders.send({ topic: 'orders', value: 'two' }), /no|unknown/)
  assert.equal(error.code, 'AUTHENTICATION')
})

test('a batch whose connection is refused was not written, and that is said', async () => {
  await using broker = await Broker.start({ sasl: { users }, topics: { orders: 1 } })
  // After the one over which the topic is looked up.
  using _ = broker.fault({ api: 'SaslAuthenticate', skip: 1, action: { error: 'SASL_AUTHENTICATION_FAILED' } })
  await using orders = producer(broker, { sasl: { mechanism: 'PLAIN', ...user }, idempotent: false })
  const error = await refused(orders.send({ topic: 'orders', value: 'one' }))
  assert.equal(error.code, 'AUTHENTICATION')
  assert.match(error.message, /a message to orders\[0\]/)
})

test('a broker that is not trusted rejects at once what is sent to it', async () => {
  const { certificate: ca } = new Authority('a stranger', Date.now())
  await using broker = await Broker.start({ tls: true, topics: { orders: 1 } })
  await using orders = producer(broker, { tls: { ca } })
  assert.equal((await refused(orders.send({ topic: 'orders', value: 'one' }))).code, 'TLS')
})

const write = (topic: string): AclOptions => ({ principal, operation: 'Write', topic })
const describeOnly: AclOptions = { principal, operation: 'Describe', topic: 'orders' }
const refusals: readonly [what: string, acls: readonly AclOptions[]][] = [
  ['that it may only know of', [describeOnly, write('payments')]],
  ['that it may not even know of', [write('payments')]],
]
for (const [what, acls] of refusals) {
  test(`messages to a topic ${what} are refused at once, and no others`, async () => {
    await using broker = await Broker.start({ topics: { orders: 1, payments: 1 }, acls })
    await using both = producer(broker)
    const messages = Array.from({ length: 20 }, (_, n) => ({
      topic: n % 2 === 0 ? 'orders' : 'payments',
      value: String(n),
    }))
    const results = await both.sendBatch(messages)
    for (const [at, result] of results.entries()) {
      if (at % 2 === 1) assert.equal('offset' in result && result.offset, (at - 1) / 2)
      else assert.match((await refused(Promise.reject(result))).message, /orders.*TOPIC_AUTHORIZATION_FAILED/)
    }
    await broker.setAcls([...acls, write('orders')])
    assert.equal((await both.send({ topic: 'orders', value: 'now' })).offset, 0)
  })
}

test('who may write to no topic is told what idempotence needs', async () => {
  await using broker = await Broker.start({ topics: { orders: 1 }, acls: [describeOnly] })
  await using orders = producer(broker)
  const error = await refused(orders.send({ topic: 'orders', value: 'one' }))
  assert.equal(error.code, 'CLUSTER_AUTHORIZATION_FAILED')
  assert.match(error.message, /WRITE on a topic.*IDEMPOTENT_WRITE on the cluster.*idempotent: false/)
})

test('a transactional id that it may not use rejects the transaction', async () => {
  await using broker = await Broker.start({ topics: { orders: 1 }, acls: [write('orders')] })
  await using orders = producer(broker, { transactionalId: 'shop', deliveryTimeoutMs: 60_000 })
  const transaction = orders.transaction(tx => tx.send({ topic: 'orders', value: 'one' }))
  await assert.rejects(transaction, { code: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED' })
})

test('wrong security options are told at construction', () => {
  const make = (options: object) => () => new Producer({ brokers: ['localhost'], ...options })
  assert.throws(make({ ssl: true }), { code: 'INVALID_OPTION', message: /ssl is not an option: it is called tls/ })
  assert.throws(make({ tls: { key: 'S3cret' } }), { code: 'INVALID_OPTION', message: /tls\.cert and tls\.key/ })
  const plain = { mechanism: 'plain', ...user }
  assert.throws(make({ sasl: plain }), { code: 'INVALID_OPTION', message: /capitals: 'PLAIN'/ })
})
