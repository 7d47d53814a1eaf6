import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import test from 'node:test'

const demo = join(import.meta.dirname, '../../examples/demo.ts')

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [demo, ...args], { env: { ...process.env, ...env } })
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
  const found = [...output.matchAll(/^ {2}(produced|handled|committed|handled twice|out of order|lost) +(\d+)/gm)]
  return Object.fromEntries(found.map(([, name = '', count]) => [name, Number(count)]))
}

test('the demo drains at Ctrl-C and proves that every order was handled once', async () => {
  const { child, ended, output } = start(['--rate', '300'])
  while (!/^3 s: .*failed attempts [1-9]/m.test(output())) await Promise.race([once(child.stdout, 'data'), ended])
  child.kill('SIGINT')
  const result = await ended
  assert.equal(result.code, 0, result.output)
  const { produced = 0, ...rest } = figures(result.output)
  assert.ok(produced > 600, result.output)
  assert.deepEqual(rest, { handled: produced, committed: produced, 'handled twice': 0, 'out of order': 0, lost: 0 })
})

test('the demo says what it needs when that is missing, and what is wrong with its arguments', async () => {
  const missing = await start([], { JAVA_HOME: '/nowhere' }).ended
  assert.equal(missing.code, 1)
  assert.match(
    missing.output,
    /^Not found, or not working: \/nowhere\/bin\/javac[\s\S]*Java 17[\s\S]*Maven[\s\S]*apt install/,
  )
  const wrong = await start(['--rate', 'fast']).ended
  assert.deepEqual(wrong, { code: 1, output: '--rate takes a number above 0, not "fast".\n' })
})
