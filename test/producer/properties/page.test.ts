import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { goKeys } from '../../../src/producer/properties/go-keys.ts'
import { kafkaKeys } from '../../../src/producer/properties/kafka-keys.ts'
import { clientKeys } from '../../../src/properties/client-keys.ts'

let kafka = ''
let go = ''
before(async () => {
  const page = await readFile(join(import.meta.dirname, '../../../docs/configuration.md'), 'utf8')
  kafka = section(page, "## Keys of Kafka's producer")
  go = section(page, '### Its producer')
})

function section(page: string, title: string): string {
  const [, text = ''] = page.split(`\n${title}\n`)
  return text.split(/\n##+ /)[0] ?? ''
}

/** The cells of a key's row, without their marks. */
function row(text: string, key: string): string[] | undefined {
  const line = text.split('\n').find(each => each.startsWith(`| \`${key}\` |`))
  return line?.split('|').map(cell => cell.trim().replaceAll('`', ''))
}

test("every key that Kafka's producer has of its own is on the page about configuration, with the option that it sets", () => {
  const own = Object.entries(kafkaKeys).filter(([key]) => !Object.hasOwn(clientKeys, key))
  assert.ok(own.length > 25)
  for (const [key, { option }] of own) {
    if (option !== null) assert.equal(row(kafka, key)?.[2], option, key)
    else assert.ok(kafka.includes(`\`${key}\``), key)
  }
})

test("every key of Go Kafka Client's producer is there too, with its default", () => {
  for (const [key, { option, byDefault }] of Object.entries(goKeys)) {
    const cells = row(go, key)
    assert.deepEqual([cells?.[2], cells?.[3]], [byDefault ?? '', option ?? '–'], key)
  }
})
