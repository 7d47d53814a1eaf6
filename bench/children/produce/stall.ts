import type { RssSample } from '../../measurement.ts'
import { print, readTask, rssPeakMib } from '../child.ts'
import { millrace } from '../source.ts'
import { TimerLateness } from '../timer-lateness.ts'
import { VALUE } from './value.ts'

const SAMPLE_MS = 1_000
const MIB = 2 ** 20
const LIST = 1_000
/** A part of the time before the broker stops, and behind. */
const FLOWING = 1 / 8

/**
 * A producer at its defaults, given far more than its buffer holds: lists of 1,000 messages, `concurrency` of them under way. The broker
 * is stopped (SIGSTOP) for three quarters of the time; in the end everything has to be written.
 */
const { brokers, topic, concurrency, minSeconds, brokerPid } = readTask()
if (brokerPid === null) throw new Error('Nobody said which process the broker is')
const producer = new millrace.Producer({ brokers })
await producer.send({ topic, value: VALUE })

const rss: RssSample[] = []
const lateness = new TimerLateness()
let written = 0
let open = true
let stalled = false
const startedAt = performance.now()
const elapsed = () => (performance.now() - startedAt) / 1_000
const sampler = setInterval(() => {
  const { rss: resident, heapUsed, arrayBuffers } = process.memoryUsage()
  rss.push({
    seconds: elapsed(),
    mib: resident / MIB,
    youngMib: 0,
    messages: written,
    heapMib: heapUsed / MIB,
    buffersMib: arrayBuffers / MIB,
    stalled,
  })
}, SAMPLE_MS)
const stop = setTimeout(() => signal('SIGSTOP'), minSeconds * FLOWING * 1_000)
const go = setTimeout(() => signal('SIGCONT'), minSeconds * (1 - FLOWING) * 1_000)
const end = setTimeout(() => {
  open = false
}, minSeconds * 1_000)
lateness.start()
const before = process.cpuUsage()
await Promise.all(Array.from({ length: concurrency }, sendLists))
await producer.close()
const { user, system } = process.cpuUsage(before)
const seconds = elapsed()
lateness.stop()
for (const timer of [stop, go, end]) clearTimeout(timer)
clearInterval(sampler)
print({
  note: null,
  firstPass: null,
  passes: 1,
  messages: written,
  seconds,
  cpuUser: user / 1e6,
  cpuSystem: system / 1e6,
  timerLateMs: lateness.result(),
  rssPeakMib: rssPeakMib(),
  rss,
})

async function sendLists(): Promise<void> {
  while (open) {
    const results = await producer.sendBatch(Array.from({ length: LIST }, () => ({ topic, value: VALUE })))
    for (const result of results) if (result instanceof Error) throw result
    written += results.length
  }
}

function signal(name: 'SIGSTOP' | 'SIGCONT'): void {
  stalled = name === 'SIGSTOP'
  process.kill(brokerPid as number, name)
}
