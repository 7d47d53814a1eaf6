import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, test } from 'node:test'
import fc from 'fast-check'
import { kafkaKeys } from '../../src/consumer/properties/kafka-keys.ts'
import { parseProperties } from '../../src/consumer/properties/properties.ts'
import { runJava } from './java.ts'

/** Characters and pairs of them that mean something in a file, and some that do not. */
const pieces = [' ', '\t', '\f', '\n', '\r', '\r\n', '\\', '\\\\', '\\\n', '#', '!', '=', ':']
const others = ['a', 'key', 'n', 'u', '\\u0041', '\\u00', '\\uD83D', 'é', '\u2028', '"']
/** Of a backslash that is the last line alone, Java makes an empty entry or none, by what ends the line. */
const lastBackslash = /(^|[\r\n])[ \t\f]*\\(\r\n?|\n)?$/

const text = fc
  .array(fc.constantFrom(...pieces, ...others), { maxLength: 30 })
  .map(all => all.join(''))
  .filter(all => !lastBackslash.test(all))
const texts = fc.sample(text, { seed: 6, numRuns: 20_000 })

function hex(of: string): string {
  return Buffer.from(of, 'utf16le').swap16().toString('hex')
}

function read(of: string): string {
  try {
    return parseProperties(of)
      .map(({ key, value }) => `${hex(key)}=${hex(value)}`)
      .join()
  } catch {
    return '!'
  }
}

let keys: string[] = []
let answers: string[] = []
before(async () => {
  const sources = [join(import.meta.dirname, 'java/Configuration.java')]
  const { stdout, stderr } = await runJava('Configuration', [], { sources, input: `${texts.map(hex).join('\n')}\n` })
  const end = stdout.indexOf('\n\n')
  assert.ok(end > 0, stderr)
  keys = stdout.slice(0, end).split('\n')
  answers = stdout.slice(end + 2).split('\n')
})

test("every key of Java's consumer is known", () => {
  assert.ok(keys.length > 80)
  assert.deepEqual(
    keys.filter(key => !Object.hasOwn(kafkaKeys, key)),
    [],
  )
})

test('every text is read as java.util.Properties reads it', () => {
  const different = texts.filter((each, at) => read(each) !== answers[at])
  assert.deepEqual(
    different.map(each => JSON.stringify(each)),
    [],
  )
})
