/**
 * A consumer to be killed that writes exactly once: `node exactly.ts BROKERS TOPIC OUTPUT`, in the group TOPIC. It says `working` now and then.
 */
import { Consumer, constant } from '../../../src/index.ts'

const [brokers = '', topic = '', output = ''] = process.argv.slice(2)
let handled = 0
const consumer = new Consumer({
  brokers: brokers.split(','),
  group: topic,
  logLevel: 'error',
  ownership: { sessionTimeoutMs: 3_000, heartbeatIntervalMs: 300 },
  work: { concurrency: 50, attempts: 1_000, backoff: constant(10), transaction: { intervalMs: 50, timeoutMs: 2_000 } },
}).topic(topic, async ({ key, value, partition, offset }, { send, attempt }) => {
  send({ topic: output, key, value: `${partition}/${value}` })
  // Some take long, so that much is done above them.
  await new Promise(resolve => setTimeout(resolve, offset % 500 === 0 ? 400 : Math.random() * 8))
  if (offset % 50 === 7 && attempt === 1) throw new Error('an attempt that fails')
  if (++handled % 50 === 0) console.log('working')
})
await consumer.run({ handleSignals: true })
