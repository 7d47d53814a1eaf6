import assert from 'node:assert/strict'
import test from 'node:test'
import { ConnectionError, MillraceError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { FoundOffset } from '../../src/client/low-level-client.ts'
import { KafkaError } from '../../src/protocol/error-codes.ts'
import { CorruptBatchError } from '../../src/records/errors.ts'
import { benchOf } from './bench.ts'
import { PartitionLog } from './log.ts'
import { failed } from './scripted-client.ts'

function orders(partition = 0, leader = 1): PartitionLog {
  return new PartitionLog('orders', partition, leader)
}

test('partitions of several brokers are read from their leaders to the end, then long-polled without load', async () => {
  const logs = [orders(0, 1), orders(1, 2), orders(2, 2)]
  for (const log of logs) for (let index = 0; index < 20; index++) log.append(5)
  const { clock, client, claim, fetching } = benchOf(logs)
  const claims = logs.map(log => claim(log))
  await clock.advance(100)
  for (const one of claims) {
    assert.equal(one.handle(), 100)
    assert.deepEqual(one.seen, one.log.visible)
    assert.equal(one.reservoir.delivered, 100)
  }
  assert.deepEqual(new Set(client.fetches.map(({ query }) => query.nodeId)), new Set([1, 2]))
  const before = client.fetches.length
  await clock.advance(10_000)
  assert.ok(client.fetches.length - before <= 42, 'two brokers, a long poll of 500 ms each')
  await fetching.close()
  assert.equal(client.underWay, 0)
  assert.equal(clock.timers, 0)
})

test('a fetch is sent before the messages of the one before are handed out', async () => {
  const log = orders()
  for (let index = 0; index < 4; index++)
    log.append(Array.from({ length: 5 }, () => ({ value: Buffer.alloc(100_000) })))
  const { clock, client, claim } = benchOf([log])
  const one = claim(log)
  let sentBefore = 0
  one.filled = () => {
    sentBefore = client.fetches.length
  }
  await clock.advance(3)
  assert.ok(sentBefore >= 2)
})

test('many claims added together are asked for in one refresh and one fetch', async () => {
  const logs = Array.from({ length: 50 }, (_, partition) => orders(partition))
  const { clock, client, claim } = benchOf(logs)
  for (const log of logs) claim(log)
  await clock.advance(20)
  assert.equal(client.metadataRequests, 1)
  assert.equal(client.fetches[0]?.query.partitions.length, 50)
})

test('with two fetchers the partitions of a broker are spread over two connections', async () => {
  const logs = Array.from({ length: 6 }, (_, partition) => orders(partition))
  const { clock, client, claim } = benchOf(logs, { fetchers: 2 })
  for (const log of logs) claim(log)
  await clock.advance(20)
  const sizes = [0, 1].map(n => client.fetches.find(({ query }) => query.connection === n)?.query.partitions.length)
  assert.deepEqual(sizes, [3, 3])
})

test('connections to a broker stay even while partitions go, come and move, and nothing is lost or comes twice', async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const random = seededRandom(seed)
    const pick = (below: number) => Math.floor(random() * below)
    const logs = Array.from({ length: 9 }, (_, partition) => orders(partition, 1 + (partition % 2)))
    const { clock, client, claim, fetching } = benchOf(logs, { fetchers: 3, maxWaitMs: 40 })
    const claims = new Map(logs.map(log => [log, claim(log)]))
    for (let step = 0; step < 60; step++) {
      const log = logs[pick(logs.length)] as PartitionLog
      log.append(1 + pick(3))
      const owned = claims.get(log)
      const trouble = pick(4)
      if (trouble === 0) log.elect(1 + pick(2))
      if (trouble === 1 && owned !== undefined) {
        owned.handle()
        assert.deepEqual(owned.seen, log.visible.slice(owned.committed, owned.committed + owned.seen.length))
        owned.live = false
        claims.delete(log)
        fetching.remove(owned)
        owned.reservoir.clear()
      } else if (trouble === 2 && owned === undefined) claims.set(log, claim(log))
      await clock.advance(pick(30))
    }
    await clock.advance(2_000)
    for (const [log, one] of claims) {
      one.handle()
      assert.deepEqual(one.seen, log.visible, `seed ${seed}`)
    }
    const before = client.fetches.length
    await clock.advance(100)
    for (const node of [1, 2]) {
      const sizes = new Map<number, number>()
      for (const { query } of client.fetches.slice(before)) {
        if (query.nodeId === node) sizes.set(query.connection, query.partitions.length)
      }
      const led = [...claims.keys()].filter(log => log.leader === node).length
      const spread = [...sizes.values()]
      assert.equal(spread.length, Math.min(3, led), `seed ${seed}, node ${node}`)
      assert.ok(Math.max(0, ...spread) - Math.min(99, ...spread) <= 1, `seed ${seed}, node ${node}: ${spread}`)
    }
    await fetching.close()
    assert.equal(clock.timers, 0)
  }
})

test('no partition starves when an answer has room for one only', async () => {
  const logs = Array.from({ length: 8 }, (_, partition) => orders(partition))
  for (const log of logs) for (let index = 0; index < 50; index++) log.append([{ value: Buffer.alloc(1000) }])
  const { clock, client, claim } = benchOf(logs, { maxBytes: 1200, partitionMaxBytes: 1200 })
  const claims = logs.map(log => claim(log))
  while (client.fetches.length < 8 * 10 + 1) {
    await clock.advance(1)
    for (const one of claims) one.handle()
  }
  for (const one of claims) assert.ok(Math.abs(one.seen.length - 10) <= 1, `${one.seen.length} of about 10`)
})

test('a full reservoir is left out, comes back at half, and the wait is capped at 50 ms meanwhile', async () => {
  const logs = [orders(0), orders(1)]
  const [busy, quiet] = logs as [PartitionLog, PartitionLog]
  for (let index = 0; index < 60; index++) busy.append(10)
  const { clock, client, claim, fetching } = benchOf(logs, {
    reservoir: { messages: 100, bytes: 1 << 26 },
    partitionMaxBytes: 3000,
  })
  const full = claim(busy)
  claim(quiet)
  await clock.advance(1000)
  const inside = full.reservoir.messages
  assert.ok(inside >= 100 && inside < 200, `soft by one fetch: ${inside}`)
  assert.equal(fetching.state(full)?.phase, 'full')
  const last = client.fetches.at(-1)
  assert.deepEqual(
    last?.query.partitions.map(({ partition }) => partition),
    [1],
  )
  assert.equal(last?.query.maxWaitMs, 50)
  full.take(inside - 51)
  full.release(1000)
  await clock.advance(200)
  assert.equal(full.reservoir.messages, 51, 'more than half: still left out')
  full.take(1)
  await clock.advance(60)
  assert.ok(full.reservoir.messages > 51)
})

test('a busy partition among quiet ones is not slowed down to one fetch in 50 ms', async () => {
  const logs = Array.from({ length: 8 }, (_, partition) => orders(partition))
  const [busy] = logs as [PartitionLog]
  for (let index = 0; index < 3000; index++) busy.append(10)
  const { clock, client, claim } = benchOf(logs, {
    reservoir: { messages: 100, bytes: 1 << 26 },
    partitionMaxBytes: 3000,
  })
  const [first] = logs.map(log => claim(log))
  assert.ok(first !== undefined)
  await clock.advance(1000)
  const before = first.seen.length
  for (let index = 0; index < 500; index++) {
    await clock.advance(1)
    first.take(20)
    first.release(20)
  }
  assert.ok(first.seen.length - before > 5000, `${first.seen.length - before} of at most 10,000`)
  await clock.advance(2000)
  const sent = client.fetches.length
  await clock.advance(1000)
  assert.ok(client.fetches.length - sent <= 21, 'back to 50 ms when nobody drains it')
})

test('alone on its broker, a partition that comes back is fetched at once', async () => {
  const log = orders()
  for (let index = 0; index < 60; index++) log.append(10)
  const { clock, client, claim } = benchOf([log], {
    reservoir: { messages: 100, bytes: 1 << 26 },
    partitionMaxBytes: 3000,
  })
  const one = claim(log)
  await clock.advance(1000)
  const sent = client.fetches.length
  await clock.advance(10_000)
  assert.equal(client.fetches.length, sent, 'nothing is asked while all is full')
  one.take(one.reservoir.messages - 50)
  await clock.advance(0)
  assert.equal(client.fetches.length, sent + 1)
})

test('a paused partition is not fetched and does not shorten the wait; what it has is kept; wake resumes it', async () => {
  const logs = [orders(0), orders(1)]
  const { clock, client, claim, fetching } = benchOf(logs)
  const [first] = logs.map(log => claim(log))
  assert.ok(first !== undefined)
  await clock.advance(1000)
  first.paused = true
  await clock.advance(600)
  assert.equal(fetching.state(first)?.phase, 'paused')
  logs[0]?.append(5)
  await clock.advance(2000)
  assert.deepEqual(
    client.fetches.at(-1)?.query.partitions.map(({ partition }) => partition),
    [1],
  )
  assert.equal(client.fetches.at(-1)?.query.maxWaitMs, 500)
  first.paused = false
  fetching.wake(first)
  await clock.advance(510)
  assert.equal(first.reservoir.messages, 5)
})

test('a stuck partition holds at most its share of the budget, and the others go on', async () => {
  const logs = Array.from({ length: 4 }, (_, partition) => orders(partition))
  for (const log of logs) for (let index = 0; index < 300; index++) log.append([{ value: Buffer.alloc(1000) }])
  const { clock, claim, fetching } = benchOf(logs, {
    reservoir: { messages: 5000, bytes: 60_000 },
    maxBytes: 16_000,
    partitionMaxBytes: 4000,
  })
  const claims = logs.map(log => claim(log))
  const [stuck, ...others] = claims
  for (let index = 0; index < 3000 && others.some(one => one.seen.length < 300); index++) {
    await clock.advance(1)
    stuck?.take(1)
    for (const one of others) one.handle()
  }
  for (const one of others) assert.equal(one.seen.length, 300)
  assert.ok((stuck?.reservoir.bytes ?? 0) <= 34_000)
  assert.ok(fetching.budget.held <= 60_000)
})

test('a batch larger than every limit is fetched, and handled in turn', async () => {
  const logs = Array.from({ length: 3 }, (_, partition) => orders(partition))
  for (const log of logs) for (let index = 0; index < 3; index++) log.append([{ value: Buffer.alloc(100_000) }])
  const { clock, claim, fetching } = benchOf(logs, {
    reservoir: { messages: 5000, bytes: 50_000 },
    maxBytes: 10_000,
    partitionMaxBytes: 5000,
  })
  const claims = logs.map(log => claim(log))
  let peak = 0
  for (let index = 0; index < 2000 && claims.some(one => one.seen.length < 3); index++) {
    await clock.advance(1)
    peak = Math.max(peak, fetching.budget.held)
    if (index % 5 === 0) for (const one of claims) one.handle()
  }
  for (const one of claims) assert.deepEqual(one.seen, [0, 1, 2])
  assert.ok(peak <= 50_000 + 2 * 100_500, `${peak}`)
})

test('a stuck partition beyond the budget does not stop the others', async () => {
  const logs = Array.from({ length: 3 }, (_, partition) => orders(partition))
  for (const log of logs) for (let index = 0; index < 3; index++) log.append([{ value: Buffer.alloc(100_000) }])
  const { clock, claim } = benchOf(logs, {
    reservoir: { messages: 5000, bytes: 50_000 },
    maxBytes: 10_000,
    partitionMaxBytes: 5000,
  })
  const claims = logs.map(log => claim(log))
  for (let index = 0; index < 2000; index++) {
    await clock.advance(1)
    for (const one of claims.slice(1)) one.handle()
  }
  for (const one of claims.slice(1)) assert.deepEqual(one.seen, [0, 1, 2])
})

test('a leader that moves is found again, and nothing is lost or comes twice', async () => {
  const logs = [orders(0, 1), orders(1, 1)]
  const { clock, client, claim, fetching } = benchOf(logs)
  const claims = logs.map(log => claim(log))
  const [moving, staying] = logs as [PartitionLog, PartitionLog]
  for (let round = 0; round < 10; round++) {
    moving.append(3)
    staying.append(3)
    moving.leader = 1 + (round % 3)
    moving.leaderEpoch++
    await clock.advance(700)
    for (const one of claims) one.handle()
  }
  await clock.advance(1000)
  for (const one of claims) {
    one.handle()
    assert.deepEqual(one.seen, one.log.visible)
    assert.deepEqual(one.failures, [])
  }
  assert.equal(fetching.state(claims[0] as (typeof claims)[0])?.leader, moving.leader)
  assert.ok(client.metadataRequests < 30, `${client.metadataRequests}`)
})

test('a partition in trouble backs off, visibly and without a hot loop, and the others go on', async () => {
  const logs = [orders(0), orders(1)]
  const [bad, good] = logs as [PartitionLog, PartitionLog]
  const { clock, client, claim, fetching, stalled } = benchOf(logs)
  const trouble = claim(bad)
  const fine = claim(good)
  client.onPartition = fetched => (fetched.partition === 0 ? failed(bad, 56) : fetched)
  for (let index = 0; index < 60; index++) {
    good.append(1)
    await clock.advance(1000)
    fine.handle()
  }
  assert.equal(fine.seen.length, 60)
  const asked = client.fetches.filter(({ query }) => query.partitions.some(({ partition }) => partition === 0)).length
  assert.ok(asked < 30, `asked ${asked} times in a minute`)
  assert.ok(client.metadataRequests < 40, `${client.metadataRequests}`)
  const state = fetching.state(trouble)
  assert.equal(state?.phase, 'backing-off')
  assert.equal(state?.error?.code, 'KAFKA_STORAGE_ERROR')
  assert.ok(state?.since !== null)
  assert.equal(stalled.length, 1)
  client.onPartition = fetched => fetched
  bad.append(1)
  await clock.advance(6000)
  assert.equal(trouble.handle(), 1)
  assert.equal(fetching.state(trouble)?.error, null)
})

test('a connection that fails is tried again with growing waits, forever, and recovers', async () => {
  const log = orders()
  log.append(3)
  const { clock, client, claim, fetching } = benchOf([log])
  const one = claim(log)
  client.onFetch = () => new ConnectionError('refused')
  await clock.advance(600_000)
  assert.deepEqual(one.failures, [])
  assert.ok(client.fetches.length < 100, `${client.fetches.length}`)
  assert.equal(fetching.state(one)?.phase, 'backing-off')
  assert.equal(fetching.state(one)?.error?.code, 'CONNECTION')
  client.onFetch = () => null
  await clock.advance(11_000)
  assert.equal(one.handle(), 3)
  assert.equal(fetching.state(one)?.phase, 'fetching')
})

test('a cluster that cannot be reached at the start is tried again, visibly', async () => {
  const log = orders()
  log.append(3)
  const { clock, client, claim, fetching } = benchOf([log])
  const one = claim(log)
  client.onMetadata = () => new ConnectionError('refused')
  await clock.advance(600_000)
  assert.ok(client.metadataRequests < 100)
  assert.equal(fetching.state(one)?.phase, 'no-leader')
  assert.equal(fetching.state(one)?.error?.code, 'CONNECTION')
  client.onMetadata = () => null
  await clock.advance(11_000)
  assert.equal(one.handle(), 3)
})

test('a partition without a leader waits for one, visibly', async () => {
  const log = orders(0, -1)
  log.append(3)
  const { clock, client, claim, fetching } = benchOf([log])
  const one = claim(log)
  await clock.advance(60_000)
  assert.equal(fetching.state(one)?.phase, 'no-leader')
  assert.equal(fetching.state(one)?.error?.code, 'LEADER_NOT_AVAILABLE')
  assert.ok(client.metadataRequests < 40)
  log.leader = 2
  await clock.advance(6000)
  assert.equal(one.handle(), 3)
})

test('what no waiting heals fails the claim with the error', async () => {
  const log = orders()
  const { clock, client, claim, fetching } = benchOf([log])
  const one = claim(log)
  client.onPartition = () => failed(log, 29)
  await clock.advance(1000)
  assert.deepEqual(
    one.failures.map(error => error.code),
    ['TOPIC_AUTHORIZATION_FAILED'],
  )
  assert.equal(fetching.state(one)?.phase, 'failed')
  const sent = client.fetches.length
  await clock.advance(60_000)
  assert.equal(client.fetches.length, sent)
})

test('bytes without progress back off, visibly and without a hot loop', async () => {
  const log = orders()
  const { clock, client, claim, fetching } = benchOf([log])
  const one = claim(log)
  client.onPartition = fetched => ({ ...fetched, bytes: 1000 })
  await clock.advance(60_000)
  assert.ok(client.fetches.length < 30, `${client.fetches.length}`)
  assert.equal(fetching.state(one)?.error?.code, 'NO_PROGRESS')
})

test('answers that come at once with nothing in them do not make a hot loop', async () => {
  const log = orders()
  const { clock, client, claim } = benchOf([log])
  claim(log)
  client.onFetch = () => ({ throttleMs: 0, partitions: [log.answer([], 'read_committed')] })
  await clock.advance(60_000)
  assert.ok(client.fetches.length < 400, `${client.fetches.length}`)
})

test('an answer that lacks the partition is trouble, not silence', async () => {
  const log = orders()
  const { clock, client, claim, fetching } = benchOf([log])
  const one = claim(log)
  client.onFetch = () => ({ throttleMs: 0, partitions: [] })
  await clock.advance(60_000)
  assert.ok(client.fetches.length < 30)
  assert.equal(fetching.state(one)?.error?.code, 'INCOMPLETE_ANSWER')
})

test('what a broken client throws is waited out like any other failure', async () => {
  const log = orders()
  log.append(3)
  const { clock, client, claim, fetching } = benchOf([log])
  const one = claim(log)
  const { metadata, fetch } = client
  let calls = 0
  const broken = () => {
    calls++
    throw new TypeError('a bug')
  }
  client.metadata = broken
  await clock.advance(30_000)
  assert.equal(fetching.state(one)?.error?.code, 'CLIENT_FAILED')
  client.metadata = metadata
  client.fetch = broken
  await clock.advance(30_000)
  assert.equal(fetching.state(one)?.phase, 'backing-off')
  assert.ok(calls > 5 && calls < 60, `${calls} calls`)
  client.fetch = fetch
  await clock.advance(11_000)
  assert.equal(one.handle(), 3)
})

test('an answer for a released claim, or from another position, is dropped', async () => {
  const log = orders()
  log.append(3)
  const { clock, client, claim, fetching } = benchOf([log])
  const released = claim(log)
  while (client.fetches.length === 0) await clock.advance(0.5)
  fetching.remove(released)
  released.live = false
  const next = claim(log, 1)
  await clock.advance(200)
  assert.equal(released.reservoir.messages, 0)
  assert.equal(released.fills, 0)
  next.handle()
  assert.deepEqual(next.seen, [1, 2])
})

test('start positions: earliest, latest, an offset, a timestamp, and one beyond the last message', async () => {
  const starts = [
    ['earliest', 5],
    ['latest', 20],
    [{ offset: 12 }, 12],
    [{ timestamp: 1500 }, 10],
    [{ timestamp: 9999 }, 20],
  ] as const
  for (const [start, expected] of starts) {
    const log = orders()
    log.append(10, { now: 1000 })
    log.append(10, { now: 2000 })
    log.logStart = 5
    const { clock, claim } = benchOf([log], {}, start)
    const one = claim(log, -1)
    await clock.advance(100)
    // An offset that the user named may not exist: it is not committed before something was fetched there.
    const named = typeof start === 'object' && 'offset' in start
    assert.deepEqual(one.resets, named ? [] : [expected], JSON.stringify(start))
    one.handle()
    assert.deepEqual(
      one.seen,
      log.visible.filter(offset => offset >= expected),
    )
  }
})

test('the position is told as reset before any message is', async () => {
  const log = orders()
  log.append(2)
  const { clock, claim } = benchOf([log])
  const one = claim(log, -1)
  one.filled = () => assert.deepEqual(one.resets, [0])
  await clock.advance(100)
  assert.equal(one.reservoir.messages, 2)
})

test('a lookup that fails is tried again: never does a policy jump elsewhere because a request failed', async () => {
  const log = orders()
  log.append(3)
  const { clock, client, claim, fetching } = benchOf([log], {}, { timestamp: 5 })
  const one = claim(log, -1)
  const answers: (readonly FoundOffset[] | Error | null)[] = [
    new ConnectionError('reset'),
    [
      {
        topic: 'orders',
        partition: 0,
        error: new KafkaError(6, 'listOffsets'),
        offset: -1,
        timestamp: -1,
        leaderEpoch: -1,
      },
    ],
    [],
  ]
  client.onLookup = () => answers.shift() ?? null
  await clock.advance(60)
  assert.equal(fetching.state(one)?.phase, 'backing-off')
  assert.deepEqual(one.resets, [])
  await clock.advance(3000)
  assert.deepEqual(one.resets, [0])
  assert.equal(client.lookups.length, 4)
  assert.ok(client.lookups.every(({ timestamp }) => timestamp === 5))
  assert.equal(one.handle(), 3)
})

test('out of range: with a committed offset the claim fails and names the range', async () => {
  const log = orders()
  log.append(10)
  log.logStart = 5
  const { clock, claim, outOfRange } = benchOf([log])
  const one = claim(log, 2)
  await clock.advance(1000)
  assert.deepEqual(one.resets, [])
  assert.equal(one.failures[0]?.code, 'OFFSET_OUT_OF_RANGE')
  assert.match(one.failures[0]?.message ?? '', /Offset 2 of orders\[0\] .* 5 to 10/)
  assert.equal(outOfRange[0]?.policy, 'fail')
})

test('out of range: an explicit policy moves even a committed position, and tells', async () => {
  for (const [policy, expected] of [
    ['earliest', 5],
    ['latest', 10],
  ] as const) {
    const log = orders()
    log.append(10)
    log.logStart = 5
    const { clock, claim, outOfRange } = benchOf([log], { onOutOfRange: policy })
    const one = claim(log, 2)
    await clock.advance(1000)
    assert.deepEqual(one.resets, [expected])
    assert.deepEqual(
      outOfRange.map(event => [event.position, event.policy, event.logStartOffset]),
      [[2, policy, 5]],
    )
    one.handle()
    assert.deepEqual(
      one.seen,
      log.visible.filter(offset => offset >= expected),
    )
  }
})

test('out of range: without a committed offset the start position holds again', async () => {
  const log = orders()
  log.append(10)
  const { clock, claim } = benchOf([log])
  const one = claim(log, -1)
  await clock.advance(100)
  one.handle()
  log.end = 40
  log.logStart = 40
  await clock.advance(2000)
  assert.deepEqual(one.resets, [0, 40])
  assert.equal(one.reservoir.delivered, 40)
})

test('out of range: what was fetched before is handled first', async () => {
  const log = orders()
  log.append(10)
  const { clock, claim } = benchOf([log], { onOutOfRange: 'earliest' })
  const one = claim(log)
  await clock.advance(100)
  log.end = 40
  log.logStart = 40
  one.take(10)
  await clock.advance(10_000)
  assert.deepEqual(one.resets, [])
  one.release(10)
  await clock.advance(6_000)
  assert.deepEqual(one.resets, [40])
})

test('out of range everywhere is no hot loop', async () => {
  const log = orders()
  const { clock, client, claim } = benchOf([log], { onOutOfRange: 'earliest' })
  claim(log)
  client.onPartition = () => failed(log, 1)
  await clock.advance(60_000)
  assert.ok(client.fetches.length < 40, `${client.fetches.length}`)
  assert.ok(client.lookups.length < 40, `${client.lookups.length}`)
})

test('what cannot be cut into batches fails the claim, or is passed over offset by offset', async () => {
  for (const onCorrupt of ['fail', 'skip'] as const) {
    const log = orders()
    log.append(2)
    log.append(2)
    log.append(2)
    const { clock, client, claim } = benchOf([log], { onCorrupt })
    const one = claim(log)
    const corrupt = new CorruptBatchError({ topic: 'orders', partition: 0, offset: 2 }, 'its length is -1')
    client.onPartition = fetched => {
      const sound = fetched.batches.filter(batch => batch.baseOffset !== 2)
      const cut = fetched.batches.findIndex(batch => batch.baseOffset === 2)
      return cut < 0 ? fetched : { ...fetched, batches: sound.slice(0, cut), corrupt }
    }
    await clock.advance(1000)
    one.handle()
    assert.deepEqual(one.seen, onCorrupt === 'fail' ? [0, 1] : [0, 1, 4, 5])
    assert.deepEqual(one.failures, onCorrupt === 'fail' ? [corrupt] : [])
    assert.equal(one.corrupt.length, onCorrupt === 'fail' ? 0 : 1)
  }
})

test('a broker that calls everything corrupt is waited out, not passed over', async () => {
  const log = orders()
  log.append(5)
  const { clock, client, claim, fetching } = benchOf([log], { onCorrupt: 'skip' })
  const one = claim(log)
  client.onPartition = () => ({ ...failed(log, 2), highWatermark: -1 })
  await clock.advance(60_000)
  assert.ok(client.fetches.length < 30)
  assert.equal(one.reservoir.position, 0)
  assert.equal(fetching.state(one)?.error?.code, 'CORRUPT_MESSAGE')
})

test('close ends all that is under way: no request, timer or reservation is left', async () => {
  const logs = [orders(0, 1), orders(1, 2), orders(2, -1)]
  const { clock, client, claim, fetching } = benchOf(logs)
  for (const log of logs) claim(log, log.partition === 1 ? -1 : 0)
  client.onLookup = () => new MillraceError('CONNECTION', 'reset', { retriable: true })
  await clock.advance(1234)
  const closed = fetching.close()
  await clock.advance(50)
  await closed
  assert.equal(client.underWay, 0)
  assert.equal(clock.timers, 0)
  assert.equal(fetching.budget.reserved, 0)
  const sent = [client.fetches.length, client.metadataRequests, client.lookups.length]
  await clock.advance(60_000)
  assert.deepEqual([client.fetches.length, client.metadataRequests, client.lookups.length], sent)
})
