import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import test from 'node:test'
import { readOptions } from '../../examples/demo/options.ts'
import { until } from '../until.ts'

const demo = join(import.meta.dirname, '../../examples/demo.ts')

function start(...args: readonly string[]) {
  const child = spawn(process.execPath, [demo, ...args])
  let output = ''
  const collect = (chunk: Buffer) => {
    output += chunk.toString()
  }
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, output }))
  return { child, ended, output: () => output }
}

function figures(output: string): Record<string, number> {
  const found = [...output.matchAll(/^ {2}(produced|handled|handled twice|out of order|lost) +(\d+)/gm)]
  return Object.fromEntries(found.map(([, name = '', count]) => [name, Number(count)]))
}

/** The rows of the proof: end, committed and handled of each partition. */
function partitions(output: string): number[][] {
  return [...output.matchAll(/^ +\d+ +(\d+) +(\d+) +(\d+) +0 +0$/gm)].map(row => row.slice(1).map(Number))
}

test('partitions move to a shop that joins, and at Ctrl-C the demo proves that every order was handled once', async () => {
  const { child, ended, output } = start('--rate', '400', '--join', '0.5')
  const shared =
    /^\d+ s: .*failures [1-9].*shop 1: partitions \d \d; shop 2: partitions \d \d; shop 3: partitions \d \d;/m
  await until('orders have failed, and partitions have moved', () => shared.test(output()) || child.exitCode !== null)
  child.kill('SIGINT')
  const result = await ended
  assert.equal(result.code, 0, result.output)
  const { produced = 0, ...rest } = figures(result.output)
  assert.ok(produced > 300, result.output)
  assert.deepEqual(rest, { handled: produced, 'handled twice': 0, 'out of order': 0, lost: 0 })
  const rows = partitions(result.output)
  assert.equal(rows.length, 6, result.output)
  for (const [end, committed, handled] of rows) assert.deepEqual([committed, handled], [end, end])
  assert.equal(
    rows.reduce((sum, [end = 0]) => sum + end, 0),
    produced,
  )
})

test('--seconds ends the demo, with exit code 0 as nothing was lost', async () => {
  const { code, output } = await start('--seconds', '0.3', '--rate', '1000').ended
  assert.equal(code, 0, output)
  assert.match(output, /^ {2}What is committed, as the broker says, is the end of every partition\.$/m)
})

test('the demo explains itself, and says what is wrong with its arguments', async () => {
  assert.deepEqual(readOptions([]), { rate: 500, seconds: null, join: 5 })
  assert.deepEqual(readOptions(['--rate', '20', '--seconds=0.6']), { rate: 20, seconds: 0.6, join: 0.6 / 3 })
  assert.equal(readOptions(['--join', '2'])?.join, 2)
  const wrong: [args: string[], message: RegExp][] = [
    [['--rate', '0'], /^--rate takes a number above 0 and up to 20000, not "0"\.$/],
    [['--seconds', ''], /^--seconds takes a number above 0/],
    [['--fast'], /^Unknown option '--fast'/],
    [['--rate'], /^Option '--rate <value>' argument missing/],
    [['fast'], /^Unexpected argument 'fast'/],
  ]
  for (const [args, message] of wrong) assert.throws(() => readOptions(args), { message })
  const [help, refused] = await Promise.all([start('--help').ended, start('--rate', 'fast').ended])
  assert.equal(help.code, 0)
  assert.match(help.output, /--rate[\s\S]*--seconds[\s\S]*Ctrl-C/)
  assert.deepEqual(refused, {
    code: 2,
    output: '--rate takes a number above 0 and up to 20000, not "fast".\nAdd --help to see what is possible.\n',
  })
})
