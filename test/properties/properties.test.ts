import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { parseProperties } from '../../src/properties/properties.ts'

function entries(text: string): string[][] {
  return parseProperties(text).map(({ key, value }) => [key, value])
}

test('a file is read as java.util.Properties reads it', () => {
  const cases: [text: string, ...entries: string[][]][] = [
    [''],
    ['\n \t\n# a=1\n  ! b=2\r\n'],
    ['a=1\nb:2\rc 3\r\nd', ['a', '1'], ['b', '2'], ['c', '3'], ['d', '']],
    ['  a  =  1  ', ['a', '1  ']],
    ['a = = 1', ['a', '= 1']],
    ['a=1 # no comment', ['a', '1 # no comment']],
    ['a=1,\\\n   2,\\\n\t# 3', ['a', '1,2,# 3']],
    ['a=1\\\\\nb=2', ['a', '1\\'], ['b', '2']],
    ['a=1\\', ['a', '1']],
    ['a=\\\n\nb=2', ['a', ''], ['b', '2']],
    ['a\\ b\\=c=1', ['a b=c', '1']],
    ['a=\\t\\n\\r\\f\\q\\u00e9\\\\', ['a', '\t\n\r\fqé\\']],
    ['\\\n# a\nb=2', ['b', '2']],
    ['=1', ['', '1']],
    ['a=1\na=2', ['a', '1'], ['a', '2']],
  ]
  for (const [text, ...expected] of cases) assert.deepEqual(entries(text), expected, JSON.stringify(text))
})

test('an entry knows the line that it begins in', () => {
  const lines = parseProperties('# comment\na=1\\\n  2\n\nb=3\r\n\\\nc=4').map(({ key, line }) => [key, line])
  assert.deepEqual(lines, [
    ['a', 2],
    ['b', 5],
    ['c', 7],
  ])
})

test('an escape that is none names its line', () => {
  assert.throws(() => parseProperties('a=1\nb=\\u12x4'), /^OptionError: line 2: \\u must be followed by four hex/)
})

test('whatever is escaped comes back, in order', () => {
  const escaped = (text: string) =>
    text
      .replaceAll(/[\\=:#! \t\f]/g, '\\$&')
      .replaceAll('\n', '\\n')
      .replaceAll('\r', '\\u000d')
  const pairs = fc.array(fc.tuple(fc.string({ unit: 'binary', minLength: 1 }), fc.string({ unit: 'binary' })))
  fc.assert(
    fc.property(
      pairs,
      fc.constantFrom('=', ' : ', '\\\n  = ', '\t'),
      fc.constantFrom('\n', '\r\n'),
      (all, sign, end) => {
        const text = all.map(([key, value]) => escaped(key) + sign + escaped(value)).join(end)
        assert.deepEqual(entries(text), all)
      },
    ),
    { seed: 6, numRuns: 500 },
  )
})
