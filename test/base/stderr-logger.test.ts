import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { VirtualClock } from '../virtual-clock.ts'

function logger(level: 'info' | 'warn' | 'silent') {
  const clock = new VirtualClock()
  const lines: string[] = []
  return { clock, lines, log: new StderrLogger(level, clock, line => lines.push(line)) }
}

test('a line has time, level, message and fields, and an error only what the message does not say', () => {
  const { lines, log } = logger('warn')
  log.warn({ attempts: 1, topic: 'orders', err: new Error('no route') }, 'orders[1] failed: no route')
  log.error({ err: new Error('refused') }, 'gave up')
  assert.match(
    lines[0] ?? '',
    /^\d{4}-\d\d-\d\dT\S+Z WARN millrace: orders\[1\] failed: no route attempts=1 topic="orders"\n$/,
  )
  assert.match(lines[1] ?? '', /ERROR millrace: gave up err=refused\n$/)
})

test('lower levels are left out', () => {
  const { lines, log } = logger('warn')
  log.info({}, 'starting')
  log.debug({}, 'details')
  assert.deepEqual(lines, [])
  const silent = logger('silent')
  silent.log.error({}, 'x')
  assert.deepEqual(silent.lines, [])
})

test('a message that repeats itself is written once in ten seconds, with how many were left out', async () => {
  const { clock, lines, log } = logger('info')
  for (let i = 0; i < 5; i++) log.warn({}, 'broker down')
  log.warn({}, 'another')
  assert.equal(lines.length, 2)
  await clock.advance(10_000)
  log.warn({}, 'broker down')
  assert.match(lines[2] ?? '', /broker down \(and 4 more like it\)/)
})
