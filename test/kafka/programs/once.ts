/**
 * A consumer to be killed that handles at most once: `node once.ts BROKERS TOPIC GROUP PARTITIONS LOG`. The first that a handler does is to
 * write `partition offset` to the log; a line that is there survives the process.
 */
import { openSync, writeSync } from 'node:fs'
import { Consumer } from '../../../src/index.ts'

const [brokers = '', topic = '', group = '', partitions = '', log = ''] = process.argv.slice(2)
const file = openSync(log, 'a')
const consumer = new Consumer({
  brokers: brokers.split(','),
  group,
  work: { concurrency: 50 },
  offsets: { mode: 'at-most-once' },
}).topic({ topic, partitions: [...Array(Number(partitions)).keys()] }, async ({ partition, offset }) => {
  writeSync(file, `${partition} ${offset}\n`)
  await new Promise(resolve => setTimeout(resolve, (offset * 7) % 20))
})
await consumer.run({ handleSignals: true })
