import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { LineSplitter } from '../../src/cli/line-splitter.ts'

function linesOf(chunks: readonly Buffer[], delimiter: Buffer | null, mostBytes = 1_000): (string | null)[] {
  const splitter = new LineSplitter(delimiter, mostBytes)
  const lines = chunks.flatMap(chunk => splitter.push(chunk))
  const last = splitter.end()
  return [...lines, ...(last === undefined ? [] : [last])].map(line => line?.toString('latin1') ?? null)
}

/** The text in chunks that end at these places. */
function cut(text: string, places: readonly number[]): Buffer[] {
  const ends = places.map(place => place % (text.length + 1)).sort((a, b) => a - b)
  return [...ends, text.length].map((end, at) => Buffer.from(text.slice(ends[at - 1] ?? 0, end), 'latin1'))
}

test('lines are the same however their bytes are cut into chunks, and what is too long is told in its place', () => {
  const letters = fc.constantFrom('a', 'b', '\n', '\r', ':', '\xff')
  fc.assert(
    fc.property(
      fc.array(letters, { maxLength: 40 }).map(found => found.join('')),
      fc.constantFrom('\n', ':', '::', ':a:', '\r\n', 'aa'),
      fc.array(fc.nat(40), { maxLength: 12 }),
      fc.integer({ min: 1, max: 12 }),
      (text, delimiter, places, mostBytes) => {
        const expected = text.split(delimiter)
        if (expected.at(-1) === '') expected.pop()
        const found = linesOf(cut(text, places), Buffer.from(delimiter, 'latin1'), mostBytes)
        assert.deepEqual(
          found,
          expected.map(line => (line.length > mostBytes ? null : line)),
        )
      },
    ),
    { seed: 7, numRuns: 2_000 },
  )
})

test('without a delimiter one carriage return before the end of a line is none of it', () => {
  for (const places of [[], [1], [2, 3], [1, 2, 3, 4, 5, 6, 7, 8]]) {
    assert.deepEqual(linesOf(cut('a\r\nb\r\r\n\r\nc\r', places), null), ['a', 'b\r', '', 'c'])
  }
  assert.deepEqual(linesOf([], null), [])
})

test('a line that never ends takes no memory', () => {
  const splitter = new LineSplitter(null, 1_000_000)
  const chunk = Buffer.alloc(64 * 1024, 'x')
  const before = process.memoryUsage()
  for (let pushed = 0; pushed < 200_000_000; pushed += chunk.length) {
    assert.deepEqual(splitter.push(Buffer.from(chunk)).length, 0)
  }
  const { arrayBuffers } = process.memoryUsage()
  assert.ok(arrayBuffers - before.arrayBuffers < 100_000_000, `${arrayBuffers} bytes`)
  assert.deepEqual(
    splitter.push(Buffer.from('\nshort\n')).map(line => line?.toString() ?? null),
    [null, 'short'],
  )
})
