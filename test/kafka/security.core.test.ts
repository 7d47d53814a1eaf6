import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { inspect } from 'node:util'
import { Authority } from '../../src/broker/security/authority.ts'
import type { ClientOptions, MillraceError, OAuthSasl } from '../../src/index.ts'
import { Consumer, Producer } from '../../src/index.ts'
import { unsecuredToken } from '../broker/sasl-client.ts'
import { Recorder, startClient } from '../client/recorder.ts'
import { until } from '../until.ts'
import { KafkaCluster } from './kafka-cluster.ts'
import { type KafkaSecurity, sessionMs } from './kafka-security.ts'

let cluster: KafkaCluster
let keys: KafkaSecurity
before(async () => {
  cluster = await KafkaCluster.start({ secured: true, topics: { orders: 3 } })
  assert.ok(cluster.keys !== null)
  keys = cluster.keys
})
after(() => cluster?.close())

const soon = () => Math.floor(Date.now() / 1_000) + 600

function bearer(claims: () => Record<string, unknown>): OAuthSasl {
  return { mechanism: 'OAUTHBEARER', token: () => ({ value: unsecuredToken(claims()) }) }
}

/** What connecting to the first broker of a list comes to: null, or the error. */
async function connect(
  brokers: readonly string[],
  options: Pick<ClientOptions, 'tls' | 'sasl'>,
): Promise<MillraceError | null> {
  await using client = startClient({ brokers, ...options })
  const error = await client.connect().then(
    () => null,
    (thrown: MillraceError) => thrown,
  )
  assert.ok(!inspect([error, client.state()], { depth: 10, showHidden: true }).includes(keys.password))
  return error
}

for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const) {
  test(`a group is consumed whole over SASL_SSL with ${mechanism}`, async () => {
    const topic = `whole-${mechanism}`
    await cluster.createTopic(topic, { partitions: 3 })
    const written = Array.from({ length: 300 }, (_, n) => ({ key: `k${n % 20}`, value: String(n) }))
    await cluster.write(topic, written)
    const sasl = mechanism === 'OAUTHBEARER' ? bearer(() => ({ sub: 'shop', exp: soon() })) : keys.sasl(mechanism)
    const logger = new Recorder()
    const seen = new Set<string>()
    const shop = new Consumer({ brokers: cluster.brokers, group: topic, tls: keys.tls, sasl, logger }).topic(
      topic,
      order => {
        seen.add(String(order.value))
      },
    )
    const running = shop.run()
    await until('all are handled', () => seen.size === written.length)
    const shown = inspect([shop, shop.state(), logger.lines], { depth: 20, showHidden: true })
    assert.ok(!shown.includes(keys.password))
    assert.ok((shop.state().connections?.brokers[0]?.connections.length ?? 0) >= 3)
    await shop.close()
    await running
    const committed = await cluster.committed(topic)
    assert.equal(
      committed.reduce((sum, { offset }) => sum + offset, 0),
      written.length,
    )
  })
}

test('a producer writes over SASL_SSL with each mechanism, and in transactions', async () => {
  await cluster.createTopic('written', { partitions: 1 })
  let offset = 0
  for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const) {
    const sasl = mechanism === 'OAUTHBEARER' ? bearer(() => ({ sub: 'shop', exp: soon() })) : keys.sasl(mechanism)
    const options = { brokers: cluster.brokers, tls: keys.tls, sasl, logLevel: 'silent' } as const
    await using plain = new Producer(options)
    assert.equal((await plain.send({ topic: 'written', value: mechanism })).offset, offset++)
    await using transactional = new Producer({ ...options, transactionalId: mechanism })
    const written = await transactional.transaction(tx => tx.send({ topic: 'written', value: mechanism }))
    assert.equal(written.offset, offset++)
    // The marker.
    offset++
  }
})

test('what is sent with a password that Kafka refuses rejects at once with that error', async () => {
  for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
    const sasl = { ...keys.sasl(mechanism), password: 'wrong' }
    const deliveryTimeoutMs = 600_000
    await using wrong = new Producer({
      brokers: cluster.brokers,
      tls: keys.tls,
      sasl,
      deliveryTimeoutMs,
      logLevel: 'silent',
    })
    const error: MillraceError = await wrong.send({ topic: 'orders', value: 'one' }).then(
      () => assert.fail('it was written'),
      thrown => thrown,
    )
    assert.deepEqual([error.code, Reflect.get(error, 'written')], ['AUTHENTICATION', 'no'])
    assert.match(error.message, /it refuses user/)
  }
})

test('a listener that wants certificates knows clients by theirs', async () => {
  const brokers = cluster.at('SSL')
  assert.equal(await connect(brokers, { tls: { ...keys.tls, ...keys.authority.forClient('shop') } }), null)
  for (const [tls, message] of [
    [keys.tls, /certificate of this client/],
    [{ ...keys.tls, ...new Authority('a stranger', Date.now()).forClient('shop') }, /certificate/],
  ] as const) {
    const error = await connect(brokers, { tls })
    assert.match(error?.message ?? '', message)
  }
})

test('a broker of another authority, or reached by another name, is not talked to', async () => {
  const stranger = new Authority('a stranger', Date.now())
  const sasl = keys.sasl('PLAIN')
  const unknown = await connect(cluster.brokers, { tls: { ca: stranger.certificate }, sasl })
  assert.equal(unknown?.code, 'TLS')
  assert.match(unknown?.message ?? '', /set tls\.ca/)
  const named = await connect(cluster.brokers, { tls: { ...keys.tls, servername: 'kafka.example' }, sasl })
  assert.equal(named?.code, 'TLS')
  assert.match(named?.message ?? '', /another name/)
})

test('credentials that Kafka refuses are final for a password and not for a token', async () => {
  for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
    for (const wrong of [{ password: 'wrong' }, { username: 'nobody' }]) {
      const error = await connect(cluster.brokers, { tls: keys.tls, sasl: { ...keys.sasl(mechanism), ...wrong } })
      assert.equal(error?.code, 'AUTHENTICATION')
      assert.match(error?.message ?? '', /it refuses user '\w+' .*[Aa]uthentication failed/)
    }
  }
  const expired = await connect(cluster.brokers, {
    tls: keys.tls,
    sasl: bearer(() => ({ sub: 'shop', exp: 1_700_000_000 })),
  })
  assert.equal(expired?.retriable, true)
  assert.match(expired?.message ?? '', /it refuses the token .*status invalid_token/)
})

test('a mechanism or a protocol that the listener does not have is told', async () => {
  const sasl = keys.sasl('PLAIN')
  const { tls } = keys
  const cases: readonly [readonly string[], Pick<ClientOptions, 'tls' | 'sasl'>, RegExp][] = [
    [cluster.at('PLAINTEXT'), { sasl }, /has no SASL/],
    [cluster.at('PLAINTEXT'), { tls }, /during the TLS handshake: this port may expect plain text/],
    [cluster.at('SASL_PLAINTEXT'), { tls, sasl }, /during the TLS handshake: this port may expect plain text/],
    [cluster.at('SASL_PLAINTEXT'), {}, /this listener may want SASL/],
    [cluster.at('SASL_SSL'), { tls }, /this listener may want SASL/],
    [cluster.at('SASL_SSL'), { sasl }, /expects TLS/],
    [cluster.at('SSL'), {}, /expects TLS/],
  ]
  for (const [brokers, options, message] of cases)
    assert.match((await connect(brokers, options))?.message ?? '', message)
})

describe('sessions', { concurrency: true }, () => {
  for (const mechanism of ['SCRAM-SHA-512', 'OAUTHBEARER'] as const) {
    test(`those of ${mechanism} are renewed while messages flow, and no connection is lost`, async () => {
      const topic = `sessions-${mechanism}`
      await cluster.createTopic(topic, { partitions: 3 })
      let tokens = 0
      const sasl =
        mechanism === 'OAUTHBEARER'
          ? bearer(() => {
              tokens += 1
              return { sub: 'shop', exp: soon() }
            })
          : keys.sasl(mechanism)
      const logger = new Recorder()
      const seen = new Set<string>()
      const shop = new Consumer({ brokers: cluster.at('SASL_PLAINTEXT'), group: topic, sasl, logger }).topic(
        topic,
        order => {
          seen.add(String(order.value))
        },
      )
      const lost: string[] = []
      shop.on('reconnecting', ({ cause }) => lost.push(cause.message))
      const running = shop.run()
      const renewals = () => logger.lines.filter(line => line === 'debug authenticated with a broker again').length
      let written = 0
      const from = performance.now()
      while (performance.now() - from < 2.5 * sessionMs) {
        const values = Array.from({ length: 20 }, () => ({ value: String(written++) }))
        await cluster.write(topic, values)
      }
      await until('all are handled', () => seen.size === written)
      assert.ok(renewals() >= 6, `${renewals()} renewals`)
      assert.deepEqual(lost, [])
      if (mechanism === 'OAUTHBEARER') assert.ok(tokens > renewals())
      await shop.close()
      await running
    })
  }
})
