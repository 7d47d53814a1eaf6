import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import type { SerdeError } from '../../src/serde/error.ts'
import { json } from '../../src/serde/json.ts'
import { bytes, int32, string } from '../../src/serde/primitives.ts'
import type { Serde, SerdeInfo } from '../../src/serde/serde.ts'
import type { StandardSchema } from '../../src/serde/standard-schema.ts'

const info: SerdeInfo = { topic: 'orders', isKey: false, headers: { get: () => undefined, getAll: () => [] } }
const keyInfo: SerdeInfo = { ...info, isKey: true }
const seeded = { seed: 3, numRuns: 300 }

function schema<In, Out = In>(validate: StandardSchema<In, Out>['~standard']['validate']): StandardSchema<In, Out> {
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

async function assertRoundTrip<T>(serde: Serde<T>, value: T): Promise<void> {
  const written = await serde.serialize(value, info)
  assert.deepEqual(await serde.deserialize(written === null ? null : Buffer.from(written), info), value)
}

function caught(run: () => unknown): SerdeError {
  try {
    run()
  } catch (thrown) {
    return thrown as SerdeError
  }
  return assert.fail('Nothing was thrown')
}

test('each serde reads what it wrote', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'grapheme' }), text => assertRoundTrip(string, text)),
    seeded,
  )
  await fc.assert(
    fc.asyncProperty(fc.integer(), number => assertRoundTrip(int32, number)),
    seeded,
  )
  await fc.assert(
    fc.asyncProperty(fc.jsonValue({ noUnicodeString: false }), value =>
      assertRoundTrip(json(), JSON.parse(JSON.stringify(value))),
    ),
    seeded,
  )
  await assertRoundTrip(string, '\ufffd is sound text')
  await assertRoundTrip(json(), { half: '\ud800' })
})

test('bytes, string, int32 and json without a schema answer null for null, in both directions', () => {
  for (const serde of [bytes, string, int32, json()]) {
    assert.equal(serde.deserialize(null, info), null)
    assert.equal(serde.serialize(null, info), null)
  }
})

test('bytes are not copied', () => {
  const view = Buffer.from('abc')
  assert.equal(bytes.deserialize(view, info), view)
  assert.equal(bytes.serialize(view, info), view)
})

test('int32 is what Java writes', () => {
  assert.deepEqual(int32.serialize(-2, info), Buffer.from([255, 255, 255, 254]))
  assert.equal(int32.deserialize(Buffer.from([0, 0, 1, 0]), info), 256)
})

test('what does not fit is refused with topic and part', () => {
  const wrong: [() => unknown, 'DECODE' | 'ENCODE'][] = [
    [() => string.deserialize(Buffer.from([0x61, 0xff]), keyInfo), 'DECODE'],
    [() => string.serialize('\udc00', keyInfo), 'ENCODE'],
    [() => string.serialize(5 as unknown as string, keyInfo), 'ENCODE'],
    [() => int32.deserialize(Buffer.alloc(3), keyInfo), 'DECODE'],
    [() => int32.serialize(2 ** 31, keyInfo), 'ENCODE'],
    [() => int32.serialize(0.5, keyInfo), 'ENCODE'],
    [() => json().deserialize(Buffer.from([0x22, 0xff, 0x22]), keyInfo), 'DECODE'],
    [() => json().deserialize(Buffer.alloc(0), keyInfo), 'DECODE'],
    [() => json().deserialize(Buffer.from('\ufeff{}'), keyInfo), 'DECODE'],
    [() => json().serialize(undefined, keyInfo), 'ENCODE'],
    [() => json().serialize({ n: 1n }, keyInfo), 'ENCODE'],
  ]
  for (const [run, code] of wrong) {
    const error = caught(run)
    assert.equal(error.code, code)
    assert.equal(error.topic, 'orders')
    assert.equal(error.isKey, true)
    assert.equal(error.retriable, false)
    assert.match(error.message, /^Cannot (de|en)code the key of a message of orders: /)
  }
})

test('errors of JSON say where, and never quote the payload', () => {
  const where = caught(() => json().deserialize(Buffer.from('{"a":1,]'), info))
  assert.match(where.message, /at character 7/)
  const early = caught(() => json().deserialize(Buffer.from('{"a":'), info))
  assert.match(early.message, /only the beginning/)
  const secret = '4929123456781234'
  for (const text of [
    secret.slice(1, 9).padEnd(9, 'x'),
    `{"a":${secret}`,
    `x in JSON at position ${secret} (line 1 column 1)`,
    `"${secret}`,
  ]) {
    const error = caught(() => json().deserialize(Buffer.from(text), info))
    assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /4929|9291/)
  }
})

test('the output of the schema is the value, at once or later', async () => {
  const double = (value: unknown) => ({ value: Number(value) * 2 })
  assert.equal(json(schema(double)).deserialize(Buffer.from('21'), info), 42)
  const later = json(schema(async value => double(value))).deserialize(Buffer.from('21'), info)
  assert(later instanceof Promise)
  assert.equal(await later, 42)
})

test('the schema judges null', async () => {
  const nullable = json(schema<string | null>(value => ({ value: value as string | null })))
  assert.equal(nullable.deserialize(null, info), null)
  const strict = json(
    schema<string>(value => (value === null ? { issues: [{ message: 'expected string' }] } : { value: 'x' })),
  )
  assert.match(caught(() => strict.deserialize(null, info)).message, /does not match its schema at \(the whole\)$/)
})

test('what a schema refuses is told by path; its own words are there for who asks, and in no log', async () => {
  const issues = [
    { message: 'expected number but received "hunter2"', path: ['items', 0, { key: 'price' }] },
    { message: 'unknown currency', path: ['items', 0, { key: 'price' }] },
    { message: 'missing', path: ['id'] },
    { message: 'deep', path: Array.from({ length: 90 }, () => 'deep') },
    ...Array.from({ length: 4 }, (_, i) => ({ message: '', path: [Symbol('s'), i] })),
  ]
  for (const serde of [json(schema(() => ({ issues }))), json(schema(async () => ({ issues })))]) {
    const error: SerdeError = await Promise.resolve()
      .then(() => serde.deserialize(Buffer.from('{}'), info))
      .then(
        () => assert.fail(),
        thrown => thrown,
      )
    assert.equal(error.code, 'DECODE')
    assert.match(
      error.message,
      /schema at items\[0\]\.price, id, deep\.deep[^ ]*…, Symbol\(s\)\[0\], Symbol\(s\)\[1\] and 2 more$/,
    )
    assert.equal(error.issues, issues)
    assert.doesNotMatch(inspect(error, { depth: 9 }) + JSON.stringify(error), /hunter2/)
  }
})

test('what a validator throws is passed on as it is', async () => {
  const down = Object.assign(new Error('database is down'), { retriable: true })
  const throwing = json(
    schema(() => {
      throw down
    }),
  )
  assert.equal(caught(() => throwing.deserialize(null, info)) as Error, down)
  const rejecting = json(schema(() => Promise.reject(down)))
  await assert.rejects(async () => rejecting.deserialize(null, info), down)
})
