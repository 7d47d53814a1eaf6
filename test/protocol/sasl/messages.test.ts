import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  bearerFault,
  bearerGivesUp,
  encodeBearer,
  encodeBearerRefusal,
  parseBearer,
  parseBearerRefusal,
} from '../../../src/protocol/sasl/oauthbearer.ts'
import { encodePlain, parsePlain } from '../../../src/protocol/sasl/plain.ts'

const bytes = (text: string) => Buffer.from(text)

test('PLAIN is three parts with a NUL between', () => {
  const message = { authzid: '', username: 'shop', password: 'p=a,ß\x01' }
  assert.deepEqual(encodePlain(message), bytes('\0shop\0p=a,ß\x01'))
  assert.deepEqual(parsePlain(encodePlain(message)), message)
  assert.deepEqual(parsePlain(bytes('for\0shop\0secret')), { authzid: 'for', username: 'shop', password: 'secret' })
  for (const wrong of ['', 'shop', '\0shop', '\0shop\0secret\0', '\0\0\0']) assert.equal(parsePlain(bytes(wrong)), null)
})

test('OAUTHBEARER is written as RFC 7628 and KIP-342 say', () => {
  const message = { authzid: '', token: 'vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==', extensions: { traceId: 'a b' } }
  const written = bytes(`n,,\x01auth=Bearer ${message.token}\x01traceId=a b\x01\x01`)
  assert.deepEqual(encodeBearer(message), written)
  assert.deepEqual(parseBearer(written), message)
  // The RFC's own example.
  const example = `n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer ${message.token}\x01\x01`
  assert.deepEqual(parseBearer(bytes(example)), {
    authzid: 'user@example.com',
    token: message.token,
    extensions: { host: 'server.example.com', port: '143' },
  })
})

test('what is no OAUTHBEARER message is told from one', () => {
  const wrong = [
    '',
    'n,,',
    'n,,\x01\x01',
    'n,,\x01auth=Bearer t\x01',
    'n,,\x01auth=Bearer t\x01\x01\x01',
    'n,,\x01auth=Basic t\x01\x01',
    'n,,\x01auth=Bearer \x01\x01',
    'n,,\x01auth=Bearer a b\x01\x01',
    'n,,\x01a1=x\x01auth=Bearer t\x01\x01',
    'n,,\x01x=y\x01\x01',
    'n,,\x01auth=Bearer t\x01auth=Bearer t\x01\x01',
    'n,,\x01=x\x01auth=Bearer t\x01\x01',
    'y,,\x01auth=Bearer t\x01\x01',
    'n,a=,\x01auth=Bearer t\x01\x01',
    'n,a=a=b,\x01auth=Bearer t\x01\x01',
    'n,,,\x01auth=Bearer t\x01\x01',
    'n\x01auth=Bearer t\x01\x01',
    '\x01',
  ]
  for (const message of wrong) assert.equal(parseBearer(bytes(message)), null, JSON.stringify(message))
})

test('every OAUTHBEARER message that may be sent comes back as it was', () => {
  const name = fc.stringMatching(/^[a-zA-Z]{1,8}$/).filter(each => each !== 'auth')
  const holds = fc.property(
    fc.string({ unit: fc.constantFrom(...'aZ=,2CDü') }),
    fc.stringMatching(/^[-._~+/a-zA-Z0-9]{1,40}={0,2}$/),
    fc.dictionary(name, fc.stringMatching(/^[ -~\t\r\n]{1,10}$/), { noNullPrototype: true }),
    (authzid, token, extensions) => {
      assert.equal(bearerFault(token, extensions), null)
      assert.deepEqual(parseBearer(encodeBearer({ authzid, token, extensions })), { authzid, token, extensions })
    },
  )
  fc.assert(holds, { seed: 1 })
})

test('what a bearer message cannot say is named, and no secret with it', () => {
  const secret = 's3cret\x01'
  const faults = [
    bearerFault('', {}),
    bearerFault(secret, {}),
    bearerFault('t', { a1: 'x' }),
    bearerFault('t', { auth: 'x' }),
    bearerFault('t', { a: secret }),
    bearerFault('t', { a: '' }),
  ]
  for (const fault of faults) assert.match(String(fault), /token|extension/)
  assert.doesNotMatch(faults.join(), /s3cret/)
})

test('a refusal of a token is JSON, answered with one byte', () => {
  const refusal = { status: 'invalid_token', scope: 'kafka', openidConfiguration: 'https://example.com' }
  const written = '{"status":"invalid_token","scope":"kafka","openid-configuration":"https://example.com"}'
  assert.equal(encodeBearerRefusal(refusal).toString(), written)
  assert.deepEqual(parseBearerRefusal(bytes(written)), refusal)
  assert.equal(encodeBearerRefusal({ status: 'invalid_token' }).toString(), '{"status":"invalid_token"}')
  assert.deepEqual(bearerGivesUp, Buffer.of(1))
  for (const wrong of ['', 'no', '[]', '{}', 'null', '1', '{"status":1}']) {
    assert.equal(parseBearerRefusal(bytes(wrong)), null)
  }
})
