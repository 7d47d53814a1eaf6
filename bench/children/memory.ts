import { getHeapSpaceStatistics } from 'node:v8'
import type { Handler } from '../../src/index.ts'
import type { RssSample } from '../measurement.ts'
import { freshGroup, print, readTask, rssPeakMib } from './child.ts'
import { millrace } from './source.ts'
import { TimerLateness } from './timer-lateness.ts'

const SAMPLE_MS = 1_000
const STUCK = 64
const MIB = 2 ** 20

let handled = 0

const handlers: Record<string, () => Handler> = {
  /** 50 ms each: the backlog is never far from full. */
  slow: () => async message => {
    await new Promise(resolve => setTimeout(resolve, 50))
    handled += message.value === null ? 0 : 1
  },
  /** The first ones never settle; the others take 5 ms, so that there is work until the end. */
  stuck: () => {
    let begun = 0
    return async message => {
      begun += 1
      if (begun <= STUCK) await new Promise(() => {})
      await new Promise(resolve => setTimeout(resolve, 5))
      handled += message.value === null ? 0 : 1
    }
  },
}

const task = readTask()
const handler = handlers[task.handler]?.()
if (handler === undefined) throw new Error(`No handler is named ${task.handler}`)
const consumer = new millrace.Consumer({
  brokers: task.brokers,
  group: freshGroup(),
  // One more than are stuck: they are abandoned on the way and must not stop the consumer.
  work: { concurrency: task.concurrency, maxAbandoned: STUCK + 1, onFailure: 'leave' },
}).topic({ topic: task.topic, partitions: Array.from({ length: task.partitions }, (_, index) => index) }, handler)

function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0
}

const rss: RssSample[] = []
const lateness = new TimerLateness()
const startedAt = performance.now()
const elapsed = () => (performance.now() - startedAt) / 1_000
const sampler = setInterval(() => {
  rss.push({
    seconds: elapsed(),
    mib: process.memoryUsage.rss() / MIB,
    youngMib: youngBytes() / MIB,
    messages: handled,
  })
}, SAMPLE_MS)
lateness.start()
const before = process.cpuUsage()
const ended = consumer.run()
await Promise.race([ended, new Promise(resolve => setTimeout(resolve, task.minSeconds * 1_000))])
const { user, system } = process.cpuUsage(before)
const seconds = elapsed()
clearInterval(sampler)
lateness.stop()
print({
  note: null,
  firstPass: null,
  passes: 1,
  messages: handled,
  seconds,
  cpuUser: user / 1e6,
  cpuSystem: system / 1e6,
  timerLateMs: lateness.result(),
  rssPeakMib: rssPeakMib(),
  rss,
})
// What is stuck would be waited for.
process.exit(0)
