import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { Entry } from '../../src/properties/entry.ts'

function duration(value: string): number {
  return new Entry('worker.backoff', value).duration()
}

test('a duration is read as Go reads it', () => {
  const cases: [string, number][] = [
    ['0', 0],
    ['500ms', 500],
    ['1m30s', 90_000],
    ['1h', 3_600_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['+2s', 2_000],
    ['2s500ms', 2_500],
    ['1500us', 2],
    ['1500µs', 2],
    ['1000000ns', 1],
    [' 3s ', 3_000],
  ]
  for (const [text, ms] of cases) assert.equal(duration(text), ms, text)
})

test('a duration without a unit, or below a millisecond, is an error, and so is what is no duration', () => {
  for (const text of ['', '5', '-5s', '5 s', 's', '1d', '5S', '1.s.', '1e3s', 'null', '10us']) {
    assert.throws(() => duration(text), /^OptionError: worker\.backoff must be .*, not '/, text)
  }
})

test('every duration that Go writes is the milliseconds that it stands for', () => {
  fc.assert(
    fc.property(fc.nat(9), fc.nat(59), fc.nat(59), fc.nat(999), (hours, minutes, seconds, ms) => {
      const text = `${hours}h${minutes}m${seconds}.${String(ms).padStart(3, '0')}s`
      assert.equal(duration(text), ((hours * 60 + minutes) * 60 + seconds) * 1_000 + ms)
    }),
    { seed: 6, numRuns: 500 },
  )
})

test('milliseconds are a number or a duration', () => {
  const ms = (value: string) => new Entry('session.timeout.ms', value).ms()
  assert.equal(ms('45000'), 45_000)
  assert.equal(ms('45s'), 45_000)
  assert.throws(() => ms('45.5'), /number of milliseconds, or a duration such as .*, not '45\.5'/)
})

test('nothing but true and false is a boolean', () => {
  const boolean = (value: string) => new Entry('check.crcs', value, { place: 'a.properties, line 7' }).boolean()
  assert.equal(boolean('true'), true)
  assert.equal(boolean('False'), false)
  for (const value of ['', '1', 'yes', 'on', 'truely']) {
    assert.throws(() => boolean(value), {
      message: `a.properties, line 7: check.crcs must be true or false, not '${value}'`,
    })
  }
})

test('no error shows what a password is', () => {
  for (const key of [
    'ssl.key.password',
    'ssl.keystore.key',
    'sasl.jaas.config',
    'sasl.oauthbearer.client.credentials.client.secret',
  ]) {
    assert.doesNotMatch(new Entry(key, 'hush').expected('something else').message, /hush/)
  }
})
