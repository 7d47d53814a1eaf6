import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../src/base/random.ts'
import type { FailureSink } from '../../src/consumer/failure-sink.ts'
import { Sinks } from '../../src/consumer/sinks.ts'
import { ClosedError, type LowLevelClient, type Message } from '../../src/index.ts'
import { settled, VirtualClock } from '../virtual-clock.ts'
import { quiet } from './written-topics.ts'

test('once the consumer has closed, what would be kept elsewhere is held, and no producer is made for it', async () => {
  const called: PropertyKey[] = []
  const client = new Proxy({} as LowLevelClient, {
    get: (_, name) => {
      called.push(name)
      return () => new Promise(() => {})
    },
  })
  const ended = new AbortController()
  const clock = new VirtualClock()
  const sinks = new Sinks({
    ...{ brokers: ['nowhere:9092'], client, outputs: null, group: 'shop', retries: new Map() },
    ...{ clock, random: seededRandom(1), logger: quiet, signal: ended.signal },
  })
  const goesOn = Promise.withResolvers<void>()
  const sink: FailureSink = {
    name: 'a queue',
    create: false,
    topicsFor: () => [],
    letter: () => ({ topic: 'queue', value: 'x' }),
  }
  const keep = sinks.onFailure(async () => {
    await goesOn.promise
    return sink
  })
  assert.ok(typeof keep === 'function')
  const message = { topic: 'orders', partition: 0, offset: 7 } as Message
  let decision: unknown
  void Promise.resolve(keep({ message, error: new Error('no'), attempts: 1, reason: 'error' })).then(answer => {
    decision = answer
  })
  ended.abort(new ClosedError('The consumer'))
  await sinks.close()
  goesOn.resolve()
  await settled()
  assert.deepEqual([decision, called, clock.timers], ['hold', [], 0])
})
