import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { compileFormat, jsonFormat } from '../../src/cli/format.ts'
import { Lines } from '../../src/cli/lines.ts'
import { type RecordInput, writeBatch } from '../../src/index.ts'
import { first, openNow } from '../records/batches.ts'

const now = 1_750_000_000_000

function printed(format: string, record: RecordInput): Buffer {
  const lines = new Lines()
  compileFormat(format)(first(openNow(writeBatch([record], { now, baseOffset: 40 }))), lines)
  return Buffer.from(lines.bytes)
}

test("each of kcat's letters prints what it does there", () => {
  const record = {
    key: 'k',
    value: 'value',
    headers: [
      ['a', '1'],
      ['b', null],
      ['a', '2'],
    ] as const,
  }
  assert.equal(
    printed('%t[%p]@%o %T %k/%K %s/%S %h', record).toString(),
    `orders[3]@40 ${now} k/1 value/5 a=1,b=NULL,a=2`,
  )
  assert.deepEqual(printed('%R', record), Buffer.from([0, 0, 0, 5]))
})

test('null prints nothing and has the length -1; empty has 0', () => {
  assert.equal(printed('<%k|%K|%s|%S|%h>', {}).toString(), '<|-1||-1|>')
  assert.deepEqual(printed('%R', {}), Buffer.from([255, 255, 255, 255]))
  assert.equal(printed('<%k|%K|%s|%S>', { key: '', value: '' }).toString(), '<|0||0>')
})

test('escapes and the percent sign stand for one byte each', () => {
  assert.deepEqual(
    printed('\\n\\r\\t\\0\\\\\\x7f\\xFf%%ä', {}),
    Buffer.from([10, 13, 9, 0, 92, 0x7f, 0xff, 37, ...Buffer.from('ä')]),
  )
})

test('what is not known is refused with its place', () => {
  assert.throws(() => compileFormat('ab%q'), /"%q" at character 3 is not known; known are %% and %s %S/)
  assert.throws(() => compileFormat('%'), /"%" at character 1/)
  assert.throws(() => compileFormat('\\y'), /"\\y" at character 1/)
  assert.throws(() => compileFormat('\\x1'), /"\\x" at character 1/)
  assert.throws(() => compileFormat('%_'), /"%_"/)
})

test('values of any bytes come out as they are, between any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.uint8Array(), fc.uint8Array(), (text, key, value) => {
      const format = text.replaceAll(/[%\\]/g, sign => sign.repeat(2))
      const bytes = printed(`${format}%k${format}%s`, { key: Buffer.from(key), value: Buffer.from(value) })
      assert.deepEqual(bytes, Buffer.concat([Buffer.from(text), key, Buffer.from(text), value]))
    }),
    { seed: 1, numRuns: 200 },
  )
})

test('any text is compiled or refused as an argument', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      try {
        printed(text, {})
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'commander.invalidArgument')
      }
    }),
    { seed: 2, numRuns: 500 },
  )
})

test('JSON is one line, whatever is inside', () => {
  const lines = new Lines()
  const record = { key: 'a\nb', value: Buffer.from([0xff, 10]) }
  jsonFormat(first(openNow(writeBatch([record], { now }))), lines)
  assert.equal(lines.bytes.indexOf('\n'), lines.length - 1)
  assert.deepEqual(JSON.parse(lines.bytes.toString()), {
    topic: 'orders',
    partition: 3,
    offset: 0,
    timestamp: now,
    timestampType: 'CreateTime',
    key: 'a\nb',
    value: { base64: '/wo=' },
    headers: [],
  })
})

test('lines grow with what is appended, and can be used again', () => {
  const lines = new Lines()
  const value = Buffer.alloc(3_000_000, 'x')
  for (const round of [1, 2]) {
    lines.append(value)
    lines.appendText('ä'.repeat(100_000))
    lines.appendInt32(round)
    assert.equal(lines.length, 3_200_004)
    assert.deepEqual(lines.bytes.subarray(0, 3_000_000), value)
    lines.clear()
    assert.equal(lines.length, 0)
  }
})
