import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import test from 'node:test'
import { Progress } from '../../src/cli/progress.ts'

function stderr(isTTY: boolean) {
  const stream = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.WriteStream & PassThrough
  return { stream, shown: () => String(stream.read() ?? '') }
}

test('progress is one line that is written over each second, and gone at the end', t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { stream, shown } = stderr(true)
  let messages = 0
  const progress = new Progress(() => `${++messages} messages`, stream)
  assert.equal(shown(), '')
  t.mock.timers.tick(2_000)
  assert.match(shown(), /^\r\S+1 messages, \d s\r\S+2 messages, \d s$/)
  progress.end()
  assert.equal(shown(), '\r\u001b[K')
  progress.end()
  t.mock.timers.tick(2_000)
  assert.deepEqual([shown(), messages], ['', 2])
})

test('where there is no terminal nothing is written, nor where all was quick', t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { stream, shown } = stderr(false)
  const progress = new Progress('waiting', stream)
  t.mock.timers.tick(5_000)
  progress.end()
  const quick = stderr(true)
  new Progress('waiting', quick.stream).end()
  assert.deepEqual([shown(), quick.shown()], ['', ''])
})
