import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ScramExchange } from '../../src/client/sasl/scram-exchange.ts'
import { fuzzScram, rfc7677 } from './sasl-fuzz.ts'

const { username, password, nonce, serverFirst, serverFinal } = rfc7677

const begin = () => new ScramExchange('SCRAM-SHA-256', username, password, nonce)
const bytes = (text: string) => Buffer.from(text)

test('the exchange of RFC 7677 goes as it is written there', async () => {
  const exchange = begin()
  assert.equal(exchange.start().toString(), `n,,n=user,r=${nonce}`)
  assert.equal(
    (await exchange.answer(bytes(serverFirst)))?.toString(),
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  )
  assert.equal(await exchange.answer(bytes(serverFinal)), null)
  await assert.rejects(exchange.answer(bytes('')), /over/)
})

test('a name with a comma or an equals sign is escaped, and each exchange has a nonce of its own', () => {
  const [one = '', other = ''] = [1, 2].map(() => new ScramExchange('SCRAM-SHA-512', 'a,b=c', 'x').start().toString())
  assert.match(one, /^n,,n=a=2Cb=3Dc,r=[A-Za-z0-9+/]{32}$/)
  assert.notEqual(one, other)
})

test('a server that does not keep to SCRAM gets no proof', async () => {
  const cases: readonly [string, RegExp][] = [
    ['', /not a message of SCRAM/],
    ['r', /not a message of SCRAM/],
    [serverFirst.replace('rOpr', 'rOqr'), /nonce/],
    [`r=${nonce},s=AAAA,i=4096`, /nonce/],
    [serverFirst.replace('s=', 't='), /no usable salt/],
    [serverFirst.replace('W22Z', 'W2 Z'), /no usable salt/],
    [serverFirst.replace('W22ZaJ0SNY7soEsUEjb6gQ==', ''), /no usable salt/],
    [serverFirst.replace('W22ZaJ0SNY7soEsUEjb6gQ==', 'AAAA'.repeat(400)), /no usable salt/],
    [serverFirst.replace('i=4096', 'i=4095'), /wants 4095 iterations/],
    [serverFirst.replace('i=4096', 'i=1000001'), /wants 1000001 iterations/],
    [serverFirst.replace('i=4096', 'i=99999999999'), /iterations/],
    [serverFirst.replace('i=4096', 'i=4096.5'), /iterations/],
    [serverFirst.replace('i=4096', 'i=-1'), /iterations/],
    [serverFirst.replace(',i=4096', ''), /wants no iterations/],
    [`m=x,${serverFirst}`, /extension/],
    [`${serverFirst},i=4096`, /not a message of SCRAM/],
  ]
  for (const [message, why] of cases) await assert.rejects(begin().answer(bytes(message)), why, message)
})

test('a server that does not know the password itself is found out', async () => {
  for (const [message, why] of [
    [serverFinal.replace('6rri', '7rri'), /not the broker it claims to be/],
    ['v=', /not the broker it claims to be/],
    ['v=AAAA', /not the broker it claims to be/],
    ['x=1', /not the broker it claims to be/],
    ['', /not a message of SCRAM/],
    ['e=other-error', /it refuses: other-error/],
  ] as const) {
    const exchange = begin()
    await exchange.answer(bytes(serverFirst))
    await assert.rejects(exchange.answer(bytes(message)), why, message)
  }
  // Its own proof sent back is no proof of the server's.
  const exchange = begin()
  const proof = /p=(.*)$/.exec((await exchange.answer(bytes(serverFirst)))?.toString() ?? '')?.[1]
  await assert.rejects(exchange.answer(bytes(`v=${proof}`)), /not the broker/)
})

test('no server can say what crashes an exchange, or tells the password', async () => {
  await fuzzScram({ seed: 6, numRuns: 1_000 })
})
