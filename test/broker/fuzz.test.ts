import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import { BrokerFuzz } from './broker-fuzz.ts'
import { RawConnection, requestFrame } from './raw-connection.ts'
import { SaslFuzz } from './sasl-fuzz.ts'

test('whatever frames come, they are answered or their connection is closed', async () => {
  const fuzz = new BrokerFuzz(1)
  await fuzz.run(5_000)
  fuzz.desk.close()
  assert.equal(fuzz.clock.timers, 0)
  const { answered, closed, silent, parked } = fuzz.counts
  assert.ok(answered > 1_000 && closed > 1_000 && silent > 0 && parked > 100, JSON.stringify(fuzz.counts))
  assert.ok(fuzz.reached.size > 20, [...fuzz.reached].join())
})

test('whatever comes over sockets, others are served', async () => {
  await using broker = await Broker.start({ topics: { orders: 3, payments: 1 } })
  const address = broker.brokers[0] ?? ''
  using witness = await RawConnection.to(address)
  const fuzz = new BrokerFuzz(2)
  let connection = await RawConnection.to(address)
  for (let sent = 0; sent < 1_000; sent++) {
    if (sent % 5 === 0) assert.ok(await witness.exchange(requestFrame('ApiVersions', 0, {})), `after ${sent} frames`)
    if (!connection.open || sent % 50 === 0) {
      connection[Symbol.dispose]()
      connection = await RawConnection.to(address)
    }
    const frame = fuzz.frame()
    // Without its length, what follows is anything.
    void (sent % 50 === 49 ? connection.exchangeBytes(frame) : connection.exchange(frame))
  }
  connection[Symbol.dispose]()
  fuzz.desk.close()
  const { answered = [], closed = [] } = Object.groupBy(broker.requests, ({ outcome }) => outcome)
  assert.ok(answered.length > 200 && closed.length > 50, `${answered.length} answered, ${closed.length} closed`)
})

test('whatever clients say while they authenticate, they are answered or their connection is closed', async () => {
  const fuzz = new SaslFuzz(3)
  await fuzz.run(3_000)
  fuzz.desk.close()
  assert.equal(fuzz.clock.timers, 0)
  const { open, closed, taken } = fuzz.counts
  assert.ok(open > 0 && closed > 1_000 && taken > 200, JSON.stringify(fuzz.counts))
})
