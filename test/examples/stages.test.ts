import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { stages } from '../../examples/stages/stages.ts'
import { until } from '../until.ts'
import { Programs } from './programs.ts'

const root = join(import.meta.dirname, '../..')
const runner = join(root, 'scripts/example.ts')
const programs = new Programs()

after(() => programs.end())

/** As `npm run example` starts it. */
function start(name: string) {
  return programs.start(runner, tmpdir(), {}, [name])
}

/** What they say to have done. */
const told: Readonly<Record<string, (lines: readonly string[]) => void>> = {
  payments(lines) {
    const charged = (some: readonly string[]) =>
      new Set(some.flatMap(line => /^(p\d+): .* charged/.exec(line)?.[1] ?? []))
    assert.equal(charged(lines).size, 24)
    const mended = lines.indexOf('The cards are renewed.')
    assert.deepEqual(charged(lines.slice(mended)), new Set(['p7', 'p16']))
    const dead = lines.flatMap(line => / 1 attempt {2}error {2}(\w+: \S+)/.exec(line)?.[1] ?? [])
    assert.deepEqual(dead.toSorted(), ['NotAPayment: it', 'Refused: p16:', 'Refused: p7:'])
    assert.ok(lines.includes('payments        2'), 'two were written back')
    assert.ok(lines.filter(line => / at attempt [3-9]$/.test(line)).length >= 5)
  },
  enrichment(lines) {
    const orders = new Map<string, number[]>()
    for (const line of lines) {
      const [key, json] = /^(c\d) (\{.*)$/.exec(line)?.slice(1) ?? []
      if (key === undefined || json === undefined) continue
      const { order, customer } = JSON.parse(json)
      assert.deepEqual(customer, key === 'c4' ? null : { name: `Customer ${key.slice(1)}` })
      orders.set(key, [...(orders.get(key) ?? []), order])
    }
    for (let customer = 0; customer < 6; customer++) {
      const expected = Array.from({ length: 10 }, (_, n) => customer + 6 * n)
      assert.deepEqual(orders.get(`c${customer}`), expected, 'each once, and in order')
    }
    assert.ok(
      lines.some(line => /of c0: at attempt \d$/.test(line)),
      'one had no answer in time',
    )
    for (const key of ['c1', 'c3', 'c5']) assert.ok(lines.some(line => line.includes(`of ${key}: at attempt `)))
  },
  'batch-insert'(lines) {
    assert.ok(lines.includes('2000 in the database'))
  },
  'cpu-bound'(lines) {
    assert.ok(lines.includes('100 documents are compressed'))
    assert.ok(lines.some(line => line.startsWith('100 whole files, ')))
  },
  'exactly-once'(lines) {
    const all = lines.filter(line => /^(nail|saw|glue|paint) \{"order":\d+\}$/.test(line))
    assert.deepEqual([all.length, new Set(all).size], [150, 150])
    assert.ok(lines.some(line => /^\d+ transactions, \d+ aborted$/.test(line)))
  },
  'sqlite-offsets'(lines) {
    assert.ok(
      lines.some(line => /'c0'.* 9 .* 1152 /.test(line)),
      lines.join('\n'),
    )
  },
  'read-once'(lines) {
    const counts = lines.filter(line => /^\d+\tc\d$/.test(line))
    assert.equal(counts.length, 7)
    assert.match(counts[0] ?? '', /^9\t/)
  },
  produce(lines) {
    assert.equal(lines[0], '60 written, 0 not')
  },
}

suite('one command runs', { concurrency: 2 }, () => {
  for (const name of stages.keys()) {
    test(`${name} until it has done its work`, async () => {
      const { lines, child, exited } = start(name)
      assert.deepEqual(await exited, [0, null], child.failure('should have ended well').message)
      assert.ok(lines.length > 0)
      told[name]?.(lines)
    })
  }

  test('an example until Ctrl-C', async () => {
    const { lines, child, exited } = start('payments')
    await until('it works', () => lines.some(line => line.includes('charged')))
    await child.end('SIGINT')
    assert.deepEqual(await exited, [0, null], child.failure('should have ended well').message)
  })

  test('nothing without a name, but says which there are', async () => {
    const { lines, exited } = start('')
    assert.deepEqual(await exited, [1, null])
    assert.deepEqual(lines.slice(2), [...stages.keys()])
  })
})

test('every example can be run by that command, and is in the table', async () => {
  const files = await readdir(join(root, 'examples'))
  const names = files.filter(file => file.endsWith('.ts') && file !== 'demo.ts').map(file => file.slice(0, -3))
  assert.deepEqual([...stages.keys()].toSorted(), names.toSorted())
  const table = await readFile(join(root, 'examples/README.md'), 'utf8')
  for (const file of files.filter(each => each.endsWith('.ts'))) assert.ok(table.includes(`](${file})`), file)
})
