import type { Latency } from '../../measurement.ts'
import { print, readTask, rssPeakMib } from '../child.ts'
import { millrace } from '../source.ts'
import { TimerLateness } from '../timer-lateness.ts'

/** Sent together every millisecond. */
const PER_SECOND = 10_000
const BYTES = 100
const TICK_MS = 1
const PATIENCE_MS = 10_000

/** A producer and a consumer at their defaults: from `send` to the handler, in one process, so that one clock measures both ends. */
const { brokers, topic, partitions, warmSeconds, minSeconds } = readTask()
const warm = Math.round(PER_SECOND * warmSeconds)
const measured = Math.round(PER_SECOND * minSeconds)
const latencies = new Float64Array(measured)
const lateness = new TimerLateness()
const arrived = Promise.withResolvers<void>()
const listening = Promise.withResolvers<void>()
/** Partitions whose end the consumer has found: it has seen something of them. */
const heard = new Set<number>()
let sent = 0
let received = 0
let cpu: NodeJS.CpuUsage | undefined

const consumer = new millrace.Consumer({ brokers, offsets: { start: 'latest' } }).topic(
  { topic, partitions: Array.from({ length: partitions }, (_, partition) => partition) },
  message => {
    const sentAt = message.value?.readDoubleBE(0) ?? 0
    if (sentAt === 0) {
      heard.add(message.partition)
      if (heard.size === partitions) listening.resolve()
      return
    }
    const at = received++ - warm
    if (at >= 0) latencies[at] = performance.now() - sentAt
    if (at === measured - 1) arrived.resolve()
  },
)
const producer = new millrace.Producer({ brokers })
const ended = consumer.run()

/** Until the consumer, which reads from the end, has found that. */
const knock = setInterval(() => {
  for (let partition = 0; partition < partitions; partition++) send({ partition, value: Buffer.alloc(BYTES) })
}, 100)
await Promise.race([listening.promise, ended])
clearInterval(knock)

const startedAt = performance.now()
const ticker = setInterval(() => {
  const due = Math.min(((performance.now() - startedAt) * PER_SECOND) / 1_000, warm + measured)
  for (; sent < due; sent++) {
    if (sent === warm) {
      lateness.start()
      cpu = process.cpuUsage()
    }
    const value = Buffer.alloc(BYTES)
    value.writeDoubleBE(performance.now())
    send({ value })
  }
}, TICK_MS)
const late = setTimeout(
  () => arrived.reject(new Error(`${received} of ${warm + measured} came`)),
  (warmSeconds + minSeconds) * 1_000 + PATIENCE_MS,
)
await Promise.race([arrived.promise, ended])
clearTimeout(late)
clearInterval(ticker)
lateness.stop()
const { user, system } = process.cpuUsage(cpu)
await producer.close()
await consumer.close()
await ended

print({
  note: process.env.MILLRACE === 'dist' ? 'dist' : null,
  firstPass: null,
  passes: 1,
  messages: measured,
  seconds: minSeconds,
  cpuUser: user / 1e6,
  cpuSystem: system / 1e6,
  timerLateMs: lateness.result(),
  rssPeakMib: rssPeakMib(),
  rss: null,
  latencyMs: distribution(latencies),
})

function send(message: { value: Buffer; partition?: number }): void {
  producer.send({ topic, ...message }).catch(error => arrived.reject(error))
}

function distribution(values: Float64Array): Latency {
  const sorted = values.toSorted()
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
  return { samples: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}
