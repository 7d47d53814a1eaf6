import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { type TracingChannelSubscribers, tracingChannel } from 'node:diagnostics_channel'
import { after, before, test } from 'node:test'
import {
  batch,
  type CommitTrace,
  Consumer,
  constant,
  type FetchTrace,
  type HandleTrace,
  type RebalanceTrace,
} from '../../src/index.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { lag, running } from '../spine/running.ts'
import { until } from '../until.ts'

let cluster: EmbeddedCluster
before(async () => {
  cluster = await EmbeddedCluster.start({ topics: { orders: 1, audit: 1 } })
  await cluster.write('orders', [{ value: 'a' }, { value: 'b' }, { value: 'c' }])
  await cluster.write('audit', [{ value: 'd' }, { value: 'e' }])
})
after(() => cluster.close())

const quiet = { logLevel: 'silent' } as const

/** Notes each event of a channel until the end of the scope. */
function watched<T extends object>(name: string, note: (event: string, trace: T) => void): Disposable {
  const channel = tracingChannel<unknown, T>(name)
  const events = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const
  const subscribers = Object.fromEntries(
    events.map(event => [event, (trace: T) => note(event, trace)]),
  ) as unknown as TracingChannelSubscribers<T>
  channel.subscribe(subscribers)
  return { [Symbol.dispose]: () => void channel.unsubscribe(subscribers) }
}

test('each call of a handler is traced: when it is entered, returns, settles and fails', async () => {
  const seen: string[] = []
  using _ = watched<HandleTrace>(
    'millrace:handle',
    (event, { group, clientId, topic, messages, attempt, error, ...rest }) => {
      const offsets = messages.map(({ offset }) => offset).join('+')
      seen.push(`${topic}@${offsets} ${attempt} ${event}${error instanceof Error ? ` ${error.message}` : ''}`)
      assert.deepEqual([group, clientId, rest.partition, rest.batch], [null, 'millrace', 0, topic === 'audit'])
    },
  )
  const consumer = new Consumer({ ...quiet, brokers: cluster.brokers, work: { backoff: constant(1), concurrency: 1 } })
    .topic({ topic: 'orders', partitions: [0] }, ({ offset }, { attempt }) => {
      if (offset === 1 && attempt === 1) throw new Error('no')
      return offset === 2 ? Promise.resolve() : undefined
    })
    .topic(
      { topic: 'audit', partitions: [0] },
      batch({ messages: 2, lingerMs: 1_000 }, async () => {
        throw Object.assign(new Error('never'), { retriable: true })
      }),
    )
  consumer.on('failed', () => seen.push('failed'))
  const run = running(consumer)
  await until('the batch has failed for good', () => consumer.state().status === 'closed')
  await run.ended
  const of = (prefix: string) => seen.filter(line => line.startsWith(prefix))
  assert.deepEqual(of('orders@0'), ['orders@0 1 start', 'orders@0 1 end'])
  assert.deepEqual(of('orders@1'), [
    'orders@1 1 start',
    'orders@1 1 error no',
    'orders@1 1 end no',
    'orders@1 2 start',
    'orders@1 2 end',
  ])
  assert.deepEqual(
    of('orders@2'),
    ['start', 'end', 'asyncStart', 'asyncEnd'].map(event => `orders@2 1 ${event}`),
  )
  const attempt = (offsets: string, n: number) =>
    ['start', 'end', 'error never', 'asyncStart never', 'asyncEnd never'].map(event => `audit@${offsets} ${n} ${event}`)
  // And then message by message, the first of which stops it.
  assert.deepEqual(of('audit'), [...[1, 2, 3].flatMap(n => attempt('0+1', n)), ...attempt('0', 4)])
})

test('a store that is bound to the channel is what the handler runs in, and no other', async () => {
  const store = new AsyncLocalStorage<number>()
  const { start } = tracingChannel<unknown, HandleTrace>('millrace:handle')
  start.bindStore(store, ({ messages }) => messages[0]?.offset ?? -1)
  try {
    const seen: [number, number | undefined][] = []
    const consumer = new Consumer({ ...quiet, brokers: cluster.brokers }).topic(
      { topic: 'orders', partitions: [0] },
      async ({ offset }) => {
        await new Promise(resolve => setImmediate(resolve))
        seen.push([offset, store.getStore()])
      },
    )
    await using _ = running(consumer)
    await until('all are handled', () => seen.length === 3)
    assert.deepEqual(seen, [
      [0, 0],
      [1, 1],
      [2, 2],
    ])
  } finally {
    start.unbindStore(store)
  }
})

test('fetches, commits and rebalances are traced, from their beginning to their result', async () => {
  const fetched: FetchTrace[] = []
  const committed: CommitTrace[] = []
  const moved: string[] = []
  using _ = watched<FetchTrace>('millrace:fetch', (event, trace) => event === 'asyncEnd' && fetched.push(trace))
  using __ = watched<CommitTrace>('millrace:commit', (event, trace) => event === 'asyncEnd' && committed.push(trace))
  using ___ = watched<RebalanceTrace>('millrace:rebalance', (event, { kind, partitions }) => {
    moved.push(`${kind} ${event} ${partitions.length}`)
  })
  const consumer = new Consumer({ ...quiet, brokers: cluster.brokers, group: 'traced' }).topic('orders', () => {})
  await using run = running(consumer)
  await until('all is done', () => lag(consumer) === 0)
  await consumer.close()
  await run.ended
  const answered = fetched.find(({ result }) => (result?.partitions[0]?.bytes ?? 0) > 0)
  assert.deepEqual([answered?.group, answered?.query.nodeId], ['traced', 1])
  const last = committed.at(-1)
  assert.deepEqual([last?.offsets[0]?.offset, last?.result], [3, [{ topic: 'orders', partition: 0, error: null }]])
  assert.deepEqual(
    moved,
    ['start', 'end', 'asyncStart', 'asyncEnd'].map(event => `assigned ${event} 1`),
  )
})
