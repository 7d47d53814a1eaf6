import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressName, parseBrokers } from '../../src/client/address.ts'

test('addresses are names or IPs with a port, 9092 when none is given', () => {
  const parsed = parseBrokers(['kafka:9093', ' other ', '[::1]:9094', '[fe80::1%eth0]', '10.0.0.1:1', 'kafka:9093'])
  assert.deepEqual(parsed, [
    { host: 'kafka', port: 9093 },
    { host: 'other', port: 9092 },
    { host: '::1', port: 9094 },
    { host: 'fe80::1%eth0', port: 9092 },
    { host: '10.0.0.1', port: 1 },
  ])
  assert.deepEqual(parsed.map(addressName).slice(1, 3), ['other:9092', '[::1]:9094'])
})

const wrong = [
  '',
  ' ',
  ':9092',
  'kafka:',
  'kafka:0',
  'kafka:65536',
  'kafka:9092x',
  '::1',
  '[::1',
  'a b:1',
  'kafka://a:1',
  'a,b:1',
  'a/b',
]

for (const entry of wrong) {
  test(`${JSON.stringify(entry)} is refused by name`, () => {
    const message = (error: Error) =>
      error.message.includes(JSON.stringify(entry)) && error.message.startsWith('brokers')
    assert.throws(() => parseBrokers([entry]), message)
  })
}

test('at least one broker is needed', () => {
  assert.throws(() => parseBrokers([]), { code: 'INVALID_OPTION' })
})
