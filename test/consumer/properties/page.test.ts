import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { goKeys } from '../../../src/consumer/properties/go-keys.ts'
import { kafkaKeys } from '../../../src/consumer/properties/kafka-keys.ts'
import type { Key } from '../../../src/properties/key.ts'

let kafka = ''
let go = ''
before(async () => {
  const page = await readFile(join(import.meta.dirname, '../../../docs/configuration.md'), 'utf8')
  ;[kafka = '', go = ''] = page.split('## From Go Kafka Client')
})

/** The cells of a key's row, without their marks. */
function row(text: string, key: string): string[] | undefined {
  const line = text.split('\n').find(each => each.startsWith(`| \`${key}\` |`))
  return line?.split('|').map(cell => cell.trim().replaceAll('`', ''))
}

function optionCell({ option }: Key): string {
  return option ?? '–'
}

test("every key of Kafka's is on the page about configuration, with the option that it sets", () => {
  for (const [key, known] of Object.entries(kafkaKeys)) {
    if (known.option !== null) assert.equal(row(kafka, key)?.[2], optionCell(known), key)
    else assert.ok(kafka.includes(`\`${key}\``) || key.startsWith('sasl.oauthbearer.'), key)
  }
})

test('every key of Go Kafka Client is there too, with its default', () => {
  for (const [key, known] of Object.entries(goKeys)) {
    const cells = row(go, key)
    if (cells === undefined) assert.ok(known.option === null && go.includes(`\`${key}\``), key)
    else assert.deepEqual([cells[2], cells[3]], [known.byDefault ?? '', optionCell(known)], key)
  }
})
