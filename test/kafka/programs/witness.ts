/**
 * A consumer to be killed: `node witness.ts BROKERS TOPIC GROUP PARTITIONS LOG`. Writes `partition offset` to the log before it
 * calls a message handled; a line that is there survives the process.
 */
import { openSync, writeSync } from 'node:fs'
import { Consumer } from '../../../src/index.ts'

const [brokers = '', topic = '', group = '', partitions = '', log = ''] = process.argv.slice(2)
const file = openSync(log, 'a')
const consumer = new Consumer({
  brokers: brokers.split(','),
  group,
  work: { concurrency: 50 },
  offsets: { commitIntervalMs: 20 },
}).topic({ topic, partitions: [...Array(Number(partitions)).keys()] }, async ({ partition, offset }) => {
  // Handlers end in another order than they began.
  await new Promise(resolve => setTimeout(resolve, (offset * 7) % 20))
  writeSync(file, `${partition} ${offset}\n`)
})
await consumer.run({ handleSignals: true })
