/**
 * A member of a group whose log witnesses what it does: `node member.ts BROKERS TOPIC GROUP STRATEGY LOG SESSION_MS [INSTANCE]`. Each line is
 * `KIND PARTITION OFFSET TIME`: `begin` before a message is handled, `done` when it is, `aborted` when its handler is told to give up,
 * `committed` when an offset is acknowledged, `owns`, `gone` and `lost` as partitions come and go, `continued` when it was stopped and the
 * turn of its event loop in which it was is over. The time is of the machine's monotonic clock, in ns. A line that is there survives the
 * process, which ends with its standard input: no test leaves one behind.
 */
import { openSync, writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { Consumer, type ConsumerOptions, type TopicPartition } from '../../../src/index.ts'

const [brokers = '', topic = '', group = '', strategy = '', log = '', session = '', instanceId] = process.argv.slice(2)
const file = openSync(log, 'a')
const tell = (kind: string, partition: number, offset: number) => {
  writeSync(file, `${kind} ${partition} ${offset} ${process.hrtime.bigint()}\n`)
}
type Strategies = NonNullable<NonNullable<ConsumerOptions['ownership']>['strategies']>

const consumer = new Consumer({
  brokers: brokers.split(','),
  group,
  ownership: {
    strategies: [strategy] as Strategies,
    ...(instanceId !== undefined && { instanceId }),
    sessionTimeoutMs: Number(session),
    heartbeatIntervalMs: Number(session) / 10,
    rebalanceTimeoutMs: 10_000,
    drainMs: 2_000,
  },
  work: { concurrency: 50, abandonMs: 500 },
  offsets: { commitIntervalMs: 100 },
}).topic(topic, async ({ partition, offset }, { signal }) => {
  tell('begin', partition, offset)
  signal.addEventListener('abort', () => tell('aborted', partition, offset))
  // Handlers end in another order than they began.
  await delay((offset * 7) % 50)
  signal.throwIfAborted()
  tell('done', partition, offset)
})
const each = (kind: string) => (partitions: readonly TopicPartition[]) => {
  for (const { partition } of partitions) tell(kind, partition, -1)
}
consumer.on('assigned', each('owns'))
consumer.on('revoked', each('gone'))
consumer.on('lost', each('lost'))
consumer.on('committed', offsets => {
  for (const { partition, offset } of offsets) tell('committed', partition, offset)
})
process.on('SIGCONT', () => tell('continued', -1, -1))
process.stdin
  .on('end', () => process.exit(1))
  .resume()
  .unref()
await consumer.run({ handleSignals: true })
