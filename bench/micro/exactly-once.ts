/**
 * How many messages a second a consumer turns into one message each: with `work.transaction`, and with a producer beside it whose
 * acknowledgements its handlers await; medians of five runs in turn, 100 bytes, 4 partitions, 1,000 handlers. To the embedded broker in another
 * thread, or to the cluster that `BROKERS` names. Run it with `node bench/micro/exactly-once.ts`; it is no test.
 */
import { systemClock } from '../../src/base/clock.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Broker } from '../../src/broker/index.ts'
import { Admin } from '../../src/client/admin.ts'
import { NativeClient } from '../../src/client/native-client.ts'
import { Consumer } from '../../src/consumer/consumer.ts'
import { Producer } from '../../src/producer/producer.ts'

const MESSAGES = Number(process.env.MESSAGES ?? 100_000)
const RUNS = 5
const partitions = 4
const value = Buffer.alloc(100, 'x')

await using broker = process.env.BROKERS ? null : await Broker.start({ thread: true, autoCreateTopics: false })
const brokers = process.env.BROKERS?.split(',') ?? broker?.brokers ?? []
const client = new NativeClient({ brokers, logger: new StderrLogger('warn', systemClock) })
const [source, target] = [`bench-in-${process.pid}`, `bench-out-${process.pid}`]
let groups = 0

/** From the first message that is handled to the commit of the last one. */
async function measure(consumer: Consumer, first: { at: number }): Promise<number> {
  const run = consumer.run()
  for (let done = 0; done < MESSAGES; ) {
    await new Promise(resolve => setTimeout(resolve, 5))
    done = consumer.state().partitions.reduce((sum, { committed }) => sum + Math.max(0, committed), 0)
  }
  const seconds = (performance.now() - first.at) / 1_000
  await consumer.close()
  await run
  return MESSAGES / seconds
}

function transacted(): Promise<number> {
  const first = { at: 0 }
  const work = { concurrency: 1_000, transaction: true } as const
  const consumer = new Consumer({ brokers, group: `bench-${process.pid}-${groups++}`, work })
  consumer.topic(source, ({ key, value }, { send }) => {
    first.at ||= performance.now()
    send({ topic: target, key, value })
  })
  return measure(consumer, first)
}

async function plain(): Promise<number> {
  const first = { at: 0 }
  await using producer = new Producer({ brokers })
  const offsets = { commitIntervalMs: 100 }
  const consumer = new Consumer({
    brokers,
    group: `bench-${process.pid}-${groups++}`,
    work: { concurrency: 1_000 },
    offsets,
  })
  consumer.topic(source, async ({ key, value }) => {
    first.at ||= performance.now()
    await producer.send({ topic: target, key, value })
  })
  return await measure(consumer, first)
}

try {
  await new Admin(client).createTopics([source, target].map(topic => ({ topic, partitions })))
  await using producer = new Producer({ brokers })
  for (let n = 0; n < MESSAGES; n += 1_000) {
    const list = Array.from({ length: 1_000 }, (_, at) => ({ topic: source, key: `k${(n + at) % 5_003}`, value }))
    await producer.sendBatch(list)
  }
  const rates: { transacted: number; plain: number }[] = []
  for (let run = 0; run < RUNS; run++) rates.push({ plain: await plain(), transacted: await transacted() })
  const median = (of: (rate: (typeof rates)[number]) => number) => rates.map(of).sort((a, b) => a - b)[2] ?? 0
  const [with_, without] = [median(rate => rate.transacted), median(rate => rate.plain)]
  console.log(`plain producer ${Math.round(without)} messages/s, work.transaction ${Math.round(with_)} messages/s`)
  console.log(`ratio ${median(rate => rate.transacted / rate.plain).toFixed(2)}`)
} finally {
  await client.close()
}
