/**
 * How many transactions a producer makes in a second, one after another, with 1 message and with 1,000 of 100 bytes, to one partition and
 * to eight; to the embedded broker in another thread, or to the cluster that `BROKERS` names, which gets two topics. Run it with
 * `node bench/micro/transactions.ts`; it is no test.
 */
import { systemClock } from '../../src/base/clock.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Broker } from '../../src/broker/index.ts'
import { Admin } from '../../src/client/admin.ts'
import { NativeClient } from '../../src/client/native-client.ts'
import { Producer } from '../../src/producer/producer.ts'

const SECONDS = 4
const value = Buffer.alloc(100, 'x')

async function measure(brokers: readonly string[], topic: string, partitions: number, count: number): Promise<void> {
  await using producer = new Producer({ brokers, transactionalId: `bench-${partitions}-${count}` })
  const messages = Array.from({ length: count }, (_, n) => ({ topic, value, partition: n % partitions }))
  const write = () => producer.transaction(async tx => void tx.sendBatch(messages))
  for (let warm = 0; warm < 20; warm++) await write()
  const took: number[] = []
  const end = performance.now() + SECONDS * 1_000
  for (let before = performance.now(); before < end; ) {
    await write()
    const now = performance.now()
    took.push(now - before)
    before = now
  }
  took.sort((a, b) => a - b)
  const [p50, p99] = [0.5, 0.99].map(share => (took[Math.floor(took.length * share)] ?? 0).toFixed(1))
  const perSecond = took.length / SECONDS
  console.log(
    `${count} messages, ${Math.min(count, partitions)} of ${partitions} partitions: ${Math.round(perSecond)} transactions/s, ` +
      `${Math.round(perSecond * count)} messages/s; one takes ${p50} ms, p99 ${p99}`,
  )
}

await using broker = process.env.BROKERS ? null : await Broker.start({ thread: true, autoCreateTopics: false })
const brokers = process.env.BROKERS?.split(',') ?? broker?.brokers ?? []
const client = new NativeClient({ brokers, logger: new StderrLogger('warn', systemClock) })
try {
  const [name, spread] = [`bench-one-${process.pid}`, `bench-eight-${process.pid}`]
  await new Admin(client).createTopics([
    { topic: name, partitions: 1 },
    { topic: spread, partitions: 8 },
  ])
  for (const count of [1, 1_000]) {
    await measure(brokers, name, 1, count)
    await measure(brokers, spread, 8, count)
  }
} finally {
  await client.close()
}
