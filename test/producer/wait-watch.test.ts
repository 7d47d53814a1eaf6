import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Logger } from '../../src/base/logger.ts'
import type { ProducerPartitionState, WaitingState } from '../../src/producer/state.ts'
import { WaitWatch } from '../../src/producer/wait-watch.ts'
import { VirtualClock } from '../virtual-clock.ts'

test('messages that wait for long are told of every ten seconds, the oldest with its reason, and that it is over', async () => {
  const clock = new VirtualClock()
  const lines: string[] = []
  const write = (level: string) => (_: object, text: string) => void lines.push(`${level} ${text}`)
  const logger: Logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  let waiting: WaitingState[] = []
  let partitions: ProducerPartitionState[] = []
  const buffer = { bytes: 0, limit: 4_000, fullSince: null }
  const watch = new WaitWatch({ clock, logger, longMs: 15_000, state: () => ({ waiting, partitions, buffer }) })
  const told = async (seconds: number) => {
    await clock.advance(seconds * 1_000)
    return lines.splice(0)
  }
  const since = clock.wallTime()
  const place = {
    topic: 'orders',
    partition: 3,
    leader: 2,
    messages: 1,
    bytes: 100,
    waiting: 0,
    underWay: 1,
    attempts: 1,
    since,
  }

  partitions = [{ ...place, cause: null }]
  assert.deepEqual(await told(10), [])
  assert.deepEqual(await told(10), ['warn messages to orders[3] have waited for 20 s: node 2 has not answered'])
  partitions = [{ ...place, cause: 'NOT_LEADER' }]
  assert.deepEqual(await told(10), [
    'warn messages to orders[3] have waited for 30 s: the last attempt failed: NOT_LEADER',
  ])
  partitions = [{ ...place, leader: -1, underWay: 0, cause: null }]
  assert.deepEqual(await told(10), ['warn messages to orders[3] have waited for 40 s: it has no leader'])
  partitions = []
  assert.deepEqual(await told(10), ['info messages do not wait for long any more'])
  assert.deepEqual(await told(10), [])

  const line = { topic: 'audit', messages: 2, cause: null }
  partitions = [{ ...place, since: clock.wallTime(), cause: null }]
  waiting = [{ ...line, since, for: 'room' }]
  assert.deepEqual(await told(10), ['warn messages to audit have waited for 70 s: the buffer of 4000 bytes is full'])
  waiting = [{ ...line, since, for: 'serde' }]
  assert.deepEqual(await told(10), ['warn messages to audit have waited for 80 s: its serde is not through'])
  waiting = [{ ...line, since, for: 'topic', cause: 'it is away' }]
  assert.deepEqual(await told(10), ['warn messages to audit have waited for 90 s: the topic is not known: it is away'])

  watch.close()
  assert.deepEqual(await told(100), [])
})
