/**
 * A consumer to be killed: `node witness.ts BROKERS TOPIC GROUP PARTITIONS LOG [STUCK]`. Writes `partition offset` to the log before it
 * calls a message handled; a line that is there survives the process. With STUCK the first message of each partition always fails, and is left.
 */
import { openSync, writeSync } from 'node:fs'
import { Consumer } from '../../../src/index.ts'

const [brokers = '', topic = '', group = '', partitions = '', log = '', stuck] = process.argv.slice(2)
const file = openSync(log, 'a')
const consumer = new Consumer({
  brokers: brokers.split(','),
  group,
  work: { concurrency: 50, attempts: 1, onFailure: 'leave', redeliverMs: 600_000 },
  offsets: { commitIntervalMs: 20 },
}).topic({ topic, partitions: [...Array(Number(partitions)).keys()] }, async ({ partition, offset }) => {
  if (stuck !== undefined && offset === 0) throw new Error('stuck')
  // Handlers end in another order than they began.
  await new Promise(resolve => setTimeout(resolve, (offset * 7) % 20))
  writeSync(file, `${partition} ${offset}\n`)
})
await consumer.run({ handleSignals: true })
