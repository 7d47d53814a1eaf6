import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { Authority } from '../../src/broker/security/authority.ts'
import { Consumer } from '../../src/consumer/consumer.ts'
import type { ConsumerOptions } from '../../src/consumer/options.ts'
import { Recorder } from '../client/recorder.ts'
import { ScriptedBroker } from '../client/scripted-broker.ts'
import { scriptSasl, user } from '../client/scripted-sasl.ts'
import { until } from '../until.ts'

/** A consumer of `orders`, in a group or without one, that logs nowhere. */
function consumer(broker: ScriptedBroker, options: Partial<ConsumerOptions>): Consumer {
  const reconnect = { minMs: 1, maxMs: 5 }
  return new Consumer({ brokers: [broker.address], reconnect, logLevel: 'silent', ...options }).topic(
    'orders',
    () => {},
  )
}

test('a consumer whose password is refused ends with that error, in a group or without', async () => {
  await using broker = await ScriptedBroker.start()
  scriptSasl(broker)
  for (const group of [{}, { group: 'shop' }]) {
    const shop = consumer(broker, { ...group, sasl: { mechanism: 'PLAIN', ...user, password: 'S3cretWrong' } })
    await assert.rejects(shop.run(), { code: 'AUTHENTICATION', retriable: false, message: /refuses user 'shop'/ })
    assert.equal(shop.state().status, 'closed')
    assert.doesNotMatch(inspect([shop, shop.state()], { depth: 20, showHidden: true }), /S3cret/)
  }
})

test('a consumer that trusts no certificate of the brokers ends with that error', async () => {
  const tls = new Authority('a stranger', Date.now()).forHosts(['127.0.0.1'])
  await using broker = await ScriptedBroker.start({ tls })
  await assert.rejects(consumer(broker, { tls: true }).run(), { code: 'TLS', retriable: false, message: /set tls\.ca/ })
})

test('a token that is refused, or not to be had, is waited out, visibly', async () => {
  await using broker = await ScriptedBroker.start()
  const { seen } = scriptSasl(broker)
  let asked = 0
  const token = () => {
    if (++asked % 2 === 0) throw new Error('the provider is down')
    return { value: 'S3cretExpired' }
  }
  const logger = new Recorder()
  const shop = consumer(broker, { sasl: { mechanism: 'OAUTHBEARER', token }, logger })
  const told: string[] = []
  shop.on('reconnecting', ({ cause }) => told.push(cause.message))
  const running = shop.run()
  await until('it was tried again', () => seen.length >= 2 && asked >= 3)
  const shown = inspect([shop, shop.state(), told, logger.lines], { depth: 20, showHidden: true })
  for (const expected of [/it refuses the token/, /the provider is down/]) {
    assert.ok(told.some(line => expected.test(line)))
    assert.ok(logger.lines.some(line => line.startsWith('warn') && expected.test(line)))
    assert.match(shown, expected)
  }
  assert.doesNotMatch(shown, /S3cret/)
  await shop.close()
  await running
})

test('wrong security options are told at construction', () => {
  const make = (options: object) => () => new Consumer({ brokers: ['localhost'], ...options })
  assert.throws(make({ ssl: true }), { code: 'INVALID_OPTION', message: /ssl is not an option: it is called tls/ })
  assert.throws(make({ tls: { key: 'S3cret' } }), { code: 'INVALID_OPTION', message: /tls\.cert and tls\.key/ })
  assert.throws(make({ sasl: { mechanism: 'plain', ...user } }), {
    code: 'INVALID_OPTION',
    message: /capitals: 'PLAIN'/,
  })
})
