import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  Consumer as PlatformaticConsumer,
  Producer as PlatformaticProducer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { Kafka, logLevel, type SASLOptions } from 'kafkajs'
import type { Broker } from '../../src/broker/index.ts'
import { unsecuredToken } from '../broker/sasl-client.ts'
import { until } from '../until.ts'
import { mechanisms, password, startGuarded } from './guarded-broker.ts'

const token = unsecuredToken({ sub: 'shop', exp: Math.floor(Date.now() / 1_000) + 3_600 })

/** TLS with certificates on both sides, each mechanism, and rights for one topic and one group. */
describe('clients of others, over TLS and SASL and under access rules', () => {
  let broker: Broker
  let tls: { ca: string[]; cert: string; key: string }
  before(async () => {
    const guarded = await startGuarded()
    broker = guarded.broker
    tls = { ca: [guarded.ca], ...guarded.certificate }
  })
  after(() => broker?.close())

  function kafkajs(sasl: SASLOptions): Kafka {
    const quiet = { logLevel: logLevel.NOTHING, retry: { retries: 0, initialRetryTime: 20 } }
    return new Kafka({ brokers: [...broker.brokers], ssl: tls, sasl, ...quiet })
  }

  const logins: readonly SASLOptions[] = [
    { mechanism: 'plain', username: 'shop', password },
    { mechanism: 'scram-sha-256', username: 'shop', password },
    { mechanism: 'scram-sha-512', username: 'shop', password },
    { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: token }) },
  ]
  for (const login of logins) {
    test(`kafkajs writes and reads with ${login.mechanism}`, async () => {
      const kafka = kafkajs(login)
      const producer = kafka.producer()
      await producer.connect()
      await producer.send({ topic: 'orders', messages: [{ value: login.mechanism }] })
      await assert.rejects(
        producer.send({ topic: 'payments', messages: [{ value: 'x' }] }),
        /Not authorized to access topics/,
      )
      await producer.disconnect()
      const read: string[] = []
      const consumer = kafka.consumer({ groupId: `shop-${login.mechanism}`, maxWaitTimeInMs: 50 })
      await consumer.connect()
      await consumer.subscribe({ topic: 'orders', fromBeginning: true })
      await consumer.run({ eachMessage: async ({ message }) => void read.push(String(message.value)) })
      await until('it is read', () => read.includes(login.mechanism))
      await consumer.disconnect()
    })
  }

  test('kafkajs is told that its password is wrong', async () => {
    for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
      const admin = kafkajs({ mechanism, username: 'shop', password: 'wrong' }).admin()
      await assert.rejects(admin.connect(), /Authentication failed|authentication failed/)
      await admin.disconnect()
    }
  })

  for (const mechanism of mechanisms) {
    test(`@platformatic/kafka writes and reads with ${mechanism}`, async () => {
      const login = mechanism === 'OAUTHBEARER' ? { token } : { username: 'shop', password }
      const options = {
        clientId: 'test',
        bootstrapBrokers: [...broker.brokers],
        tls,
        sasl: { mechanism, ...login },
        retries: 0,
      }
      const producer = new PlatformaticProducer({ ...options, serializers: stringSerializers })
      await producer.send({ messages: [{ topic: 'orders', value: mechanism }] })
      await assert.rejects(producer.send({ messages: [{ topic: 'payments', value: 'x' }] }))
      await producer.close()
      const groupId = `shop-${mechanism}-p`
      const consumer = new PlatformaticConsumer({
        ...options,
        groupId,
        maxWaitTime: 50,
        deserializers: stringDeserializers,
      })
      const stream = await consumer.consume({ topics: ['orders'], mode: 'earliest', autocommit: true })
      for await (const { value } of stream) if (value === mechanism) break
      await stream.close()
      await consumer.close(true)
    })
  }

  test('@platformatic/kafka is told that its password is wrong', async () => {
    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
      const sasl = { mechanism, username: 'shop', password: 'wrong' }
      const options = { clientId: 'test', bootstrapBrokers: [...broker.brokers], tls, sasl, retries: 0 }
      const producer = new PlatformaticProducer({ ...options, serializers: stringSerializers })
      await assert.rejects(producer.send({ messages: [{ topic: 'orders', value: 'x' }] }))
      await producer.close()
      const refused = broker.requests.findLast(({ api }) => api === 'SaslAuthenticate')
      assert.deepEqual(refused?.errors, ['SASL_AUTHENTICATION_FAILED'])
    }
  })
})
