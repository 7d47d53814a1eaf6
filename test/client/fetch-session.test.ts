import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Broker } from '../../src/broker/index.ts'
import { FetchSession, type SessionAsk } from '../../src/client/fetch-session.ts'
import type { FetchedPartition, FetchPartition, FetchQuery } from '../../src/client/low-level-client.ts'
import type { NativeClient } from '../../src/client/native-client.ts'
import { type ErrorName, errorCodes } from '../../src/protocol/error-codes.ts'
import { TestProducer } from '../broker/test-producer.ts'
import { until } from '../until.ts'
import { startClient } from './recorder.ts'

/** Of one node, as Kafka keeps it: what a session fetches, by topic id (or name) and partition. */
class ModelBroker {
  id = 0
  epoch = 0
  readonly places = new Map<string, FetchPartition>()

  /** Null: this request is no good. */
  take({ sessionId, sessionEpoch, asked, forgotten }: SessionAsk): Map<string, FetchPartition> | null {
    const named = asked.map(({ partition, topicId }): [string, FetchPartition] => [key(partition, topicId), partition])
    if (sessionEpoch <= 0) {
      if (sessionId === this.id) this.id = 0
      return new Map(named)
    }
    if (sessionId !== this.id || sessionEpoch !== this.epoch) return null
    for (const [name, partition] of named) this.places.set(name, partition)
    for (const { partition, topicId } of forgotten) this.places.delete(key(partition, topicId))
    this.epoch++
    return this.places
  }

  open(places: Map<string, FetchPartition>): number {
    this.places.clear()
    for (const [name, partition] of places) this.places.set(name, partition)
    this.epoch = 1
    this.id = Math.max(this.id, 100) + 1
    return this.id
  }
}

function key({ topic, partition }: FetchPartition, topicId: string | null): string {
  return `${topicId ?? topic} ${partition}`
}

function wish(topic: string, partition: number, offset: number): FetchPartition {
  return { topic, partition, offset, leaderEpoch: 0, maxBytes: 1_000 }
}

const steps = fc.array(
  fc.record({
    wanted: fc.uniqueArray(
      fc.record({
        topic: fc.constantFrom('a', 'b', 'c'),
        partition: fc.nat(3),
        offset: fc.nat(2),
      }),
      { selector: ({ topic, partition }) => `${topic} ${partition}` },
    ),
    byId: fc.constantFrom(true, true, true, false),
    recreated: fc.constantFrom(null, null, 'a', 'b'),
    outcome: fc.constantFrom('answered', 'answered', 'answered', 'answered', 'refused', 'unknown', 'lost', 'no room'),
  }),
  { maxLength: 40 },
)

test('whatever happens to requests, the broker fetches what is wanted and nothing else', () => {
  fc.assert(
    fc.property(steps, script => {
      const session = new FetchSession()
      const broker = new ModelBroker()
      const ids = new Map([...'abc'].map(topic => [topic, `id of ${topic}`]))
      for (const { wanted, byId, recreated, outcome } of script) {
        if (recreated !== null) ids.set(recreated, `${ids.get(recreated)}'`)
        const partitions = wanted.map(({ topic, partition, offset }) => wish(topic, partition, offset))
        const sent = session.ask(partitions, ids, byId)
        if (outcome === 'refused' || outcome === 'unknown') {
          if (outcome === 'unknown') broker.id = 0
          session.failed(sent, outcome === 'unknown' ? 70 : 71)
          continue
        }
        const places = broker.take(sent)
        assert.ok(places !== null, 'the session is known')
        const expected = partitions.map(each => [key(each, byId ? (ids.get(each.topic) ?? null) : null), each.offset])
        const fetched = [...places].map(([name, { offset }]) => [name, offset])
        assert.deepEqual(fetched.sort(), expected.sort())
        if (outcome === 'lost') session.failed(sent, null)
        else if (sent.sessionEpoch > 0) session.answered(sent, partitions, broker.id, [])
        else session.answered(sent, partitions, outcome === 'no room' ? 0 : broker.open(places), [])
      }
    }),
    { seed: 1, numRuns: 2_000 },
  )
})

test('what is as before is not named again, and what is no longer wanted is forgotten once', () => {
  const session = new FetchSession()
  const ask = (...partitions: FetchPartition[]) => {
    const sent = session.ask(partitions, new Map(), false)
    session.answered(sent, partitions, 7, [])
    const names = (list: SessionAsk['asked']) => list.map(({ partition: { topic, partition } }) => topic + partition)
    return [sent.sessionEpoch, names(sent.asked), names(sent.forgotten)]
  }
  const [a0, a1, b0] = [wish('a', 0, 5), wish('a', 1, 5), wish('b', 0, 5)]
  assert.deepEqual(ask(a0, a1, b0), [0, ['a0', 'a1', 'b0'], []])
  assert.deepEqual(ask(a0, a1, b0), [1, [], []])
  assert.deepEqual(ask(b0, { ...a0 }, { ...a1, offset: 6 }), [2, ['a1'], []])
  assert.deepEqual(ask(a0), [3, [], ['a1', 'b0']])
  assert.deepEqual(ask(a0, b0), [4, ['b0'], []])
})

test('one request at a time is in the session: another goes without, and changes nothing', () => {
  const session = new FetchSession()
  const ids = new Map<string, string>()
  const wanted = [wish('a', 0, 1)]
  session.answered(session.ask(wanted, ids, false), wanted, 7, [])
  const first = session.ask(wanted, ids, false)
  const other = session.ask([wish('b', 0, 1)], ids, false)
  assert.deepEqual([first.sessionEpoch, other.sessionId, other.sessionEpoch], [1, 0, -1])
  session.failed(other, null)
  session.answered(first, wanted, 7, [])
  assert.equal(session.ask(wanted, ids, false).sessionEpoch, 2)
})

test('a broker that knows no sessions at all is asked without from then on', () => {
  const session = new FetchSession()
  const wanted = [wish('a', 0, 1)]
  const ask = () => session.ask(wanted, new Map(), false)
  const first = ask()
  assert.equal(first.sessionEpoch, 0)
  assert.equal(session.failed(first, errorCodes.FETCH_SESSION_ID_NOT_FOUND), true)
  const second = ask()
  assert.deepEqual([second.sessionId, second.sessionEpoch, second.asked.length], [0, -1, 1])
  assert.equal(session.failed(second, errorCodes.FETCH_SESSION_ID_NOT_FOUND), false, 'nothing else can be tried')
  assert.equal(ask().sessionEpoch, -1)
})

test('what was told before is told again to one who does not know it', () => {
  const session = new FetchSession()
  const wanted = [wish('a', 0, 5), wish('a', 1, 5)]
  const told = (partition: number, highWatermark: number, error: FetchedPartition['error'] = null) => {
    const nothing = { aborted: [], batches: [], bytes: 0, corrupt: null }
    return { topic: 'a', partition, error, highWatermark, lastStableOffset: 5, logStartOffset: 0, ...nothing }
  }
  const ask = (partitions: FetchPartition[], news: FetchedPartition[]) => {
    const again = session.answered(session.ask(partitions, new Map(), false), partitions, 7, news)
    return again.map(({ partition, highWatermark }) => [partition, highWatermark])
  }
  assert.deepEqual(ask(wanted, [told(0, 5), told(1, 9)]), [])
  assert.deepEqual(ask(wanted, []), [])
  const anew = wanted.map(each => ({ ...each, untold: true }))
  assert.deepEqual(ask(anew, [told(1, 10)]), [[0, 5]], 'the news are newer')
  assert.deepEqual(ask(anew, []), [
    [0, 5],
    [1, 10],
  ])
})

/** A broker with a topic `orders` and a client of it; `requests` has the fetches: epoch, and partitions named. */
async function start(partitions: number) {
  const broker = await Broker.start({ topics: { orders: partitions } })
  const client = startClient({ brokers: broker.brokers })
  await client.metadata(['orders'])
  const requests: [epoch: number, named: number][] = []
  broker.fault({
    api: 'Fetch',
    when: ({ body }) => {
      requests.push([body.sessionEpoch, body.topics.reduce((sum, topic) => sum + topic.partitions.length, 0)])
      return true
    },
    action: { observe: true },
  })
  const fetch = (offsets: readonly number[], more: Partial<FetchQuery> = {}, signal?: AbortSignal) => {
    const asked = offsets.map((offset, partition) => wish('orders', partition, offset))
    const limits = { maxWaitMs: 0, minBytes: 1, maxBytes: 1 << 20, isolation: 'read_committed' } as const
    return client.fetch({ nodeId: 1, connection: 0, ...limits, partitions: asked, ...more }, signal)
  }
  return { broker, client, fetch, requests }
}

async function close({ client, broker }: { client: NativeClient; broker: Broker }): Promise<void> {
  await client.close()
  await broker.close()
}

test('a fetch names what has changed and is answered with news', async () => {
  const started = await start(3)
  const { broker, fetch, requests } = started
  const write = (partition: number) => new TestProducer(broker.brokers).write('orders', [{ value: 'x', partition }], {})
  assert.equal((await fetch([0, 0, 0])).partitions.length, 3)
  assert.equal((await fetch([0, 0, 0])).partitions.length, 0)
  await write(1)
  const { partitions } = await fetch([0, 0, 0])
  assert.deepEqual(
    partitions.map(({ partition, batches }) => [partition, batches.length]),
    [[1, 1]],
  )
  assert.equal((await fetch([0, 1, 0])).partitions.length, 0)
  assert.deepEqual(requests, [
    [0, 3],
    [1, 0],
    [2, 0],
    [3, 1],
  ])
  await close(started)
})

const errors: readonly ErrorName[] = [
  'FETCH_SESSION_ID_NOT_FOUND',
  'INVALID_FETCH_SESSION_EPOCH',
  'FETCH_SESSION_TOPIC_ID_ERROR',
]
for (const error of errors) {
  test(`after ${error} everything is asked for at once, and nobody notices`, async () => {
    const started = await start(2)
    const { broker, fetch, requests } = started
    await fetch([0, 0])
    using _ = broker.fault({ api: 'Fetch', count: 1, action: { error } })
    assert.equal((await fetch([0, 0])).partitions.length, 2)
    assert.deepEqual((await fetch([0, 0])).partitions, [])
    assert.deepEqual(
      requests.map(([epoch]) => epoch),
      [0, 1, 0, 1],
    )
    await close(started)
  })
}

test('a fetch that was cancelled, got no answer or lost its connection begins a new session', async () => {
  const started = await start(2)
  const { broker, client, fetch, requests } = started
  await fetch([0, 0])
  const cancelled = new AbortController()
  const parked = fetch([0, 0], { maxWaitMs: 100 }, cancelled.signal)
  await until('it is sent', () => requests.length === 2)
  cancelled.abort(new Error('enough'))
  await assert.rejects(parked, /enough/)
  assert.equal((await fetch([0, 0])).partitions.length, 2)
  using _ = broker.fault({ api: 'Fetch', count: 1, action: { drop: 'after' } })
  await assert.rejects(fetch([0, 0]), { code: 'CONNECTION' })
  assert.equal((await fetch([0, 0])).partitions.length, 2)
  await broker.stopNode(1)
  await broker.startNode(1)
  await until('it is fetched again', () => fetch([0, 0]).then(Boolean, () => false))
  const epochs = requests.map(([epoch]) => epoch)
  assert.deepEqual(epochs.slice(0, 5), [0, 1, 0, 1, 0])
  assert.equal(client.state().brokers.length, 1)
  await close(started)
})

test('without room for sessions every fetch is a whole one', async () => {
  await using broker = await Broker.start({
    topics: { orders: 2 },
    config: { 'max.incremental.fetch.session.cache.slots': '0' },
  })
  await using client = startClient({ brokers: broker.brokers })
  await client.metadata(['orders'])
  const limits = { maxWaitMs: 0, minBytes: 1, maxBytes: 1 << 20, isolation: 'read_committed' } as const
  for (let round = 0; round < 3; round++) {
    const partitions = [wish('orders', 0, 0), wish('orders', 1, 0)]
    assert.equal((await client.fetch({ nodeId: 1, connection: 0, ...limits, partitions })).partitions.length, 2)
  }
})
