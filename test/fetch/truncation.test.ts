import assert from 'node:assert/strict'
import test from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import type { EpochQuery, FetchedPartition } from '../../src/client/low-level-client.ts'
import { KafkaError } from '../../src/protocol/error-codes.ts'
import { benchOf } from './bench.ts'
import { PartitionLog } from './log.ts'
import { failed } from './scripted-client.ts'

/** Ten messages of epoch 0 and ten of epoch 1. */
function orders(partition = 0): PartitionLog {
  const log = new PartitionLog('orders', partition, 1)
  log.append(10)
  log.elect(1)
  log.append(10)
  return log
}

function refusal(queries: readonly EpochQuery[], errorCode: number) {
  return queries.map(({ topic, partition }) => {
    const error = new KafkaError(errorCode, 'checking', { topic, partition })
    return { topic, partition, error, leaderEpoch: -1, endOffset: -1 }
  })
}

test('committed positions are checked before their first fetch, with one request for each leader, and only once', async () => {
  const logs = [orders(0), orders(1), orders(2)]
  ;(logs[2] as PartitionLog).leader = 2
  const { clock, client, claim, fetching, truncated } = benchOf(logs)
  const claims = logs.map(log => claim(log, 10, 0))
  await clock.advance(1)
  while (client.checks.length === 0) await clock.advance(0.5)
  assert.equal(fetching.state(claims[0] as (typeof claims)[0])?.phase, 'validating')
  assert.equal(client.fetches.length, 0)
  await clock.advance(2_000)
  assert.deepEqual(
    client.checks.map(queries => queries.map(({ partition, leaderEpoch }) => [partition, leaderEpoch])),
    [
      [
        [0, 0],
        [1, 0],
      ],
      [[2, 0]],
    ],
  )
  for (const one of claims) {
    one.handle()
    assert.deepEqual([one.seen[0], one.seen.length], [10, 10])
    assert.deepEqual(one.resets, [])
  }
  assert.deepEqual(truncated, [])
  await fetching.close()
  assert.equal(clock.timers, 0)
})

test('a position without a leader epoch is not checked, nor one that a policy found', async () => {
  const logs = [orders(0), orders(1)]
  const [known, fresh] = logs as [PartitionLog, PartitionLog]
  const { clock, client, claim } = benchOf(logs)
  claim(known, 10)
  claim(fresh, -1)
  await clock.advance(1_000)
  assert.deepEqual(client.checks, [])
})

test('a log that was truncated below the committed position is told, and the partition goes on where it ends', async () => {
  const log = orders()
  log.cut(15)
  log.append(10)
  const { clock, client, claim, truncated } = benchOf([log])
  const one = claim(log, 20, 1)
  await clock.advance(100)
  assert.deepEqual(truncated, [{ topic: 'orders', partition: 0, position: 20, endOffset: 15, leaderEpoch: 1 }])
  assert.deepEqual(one.resets, [15])
  one.handle()
  assert.deepEqual(one.seen, [15, 16, 17, 18, 19, 20, 21, 22, 23, 24])
  assert.equal(one.reservoir.leaderEpochBelow(15), 1)
  assert.equal(one.reservoir.leaderEpochBelow(16), 2)
  assert.equal(client.checks.length, 1)
})

test('a log is checked whenever another leader was elected, and nothing is lost or comes twice when it is whole', async () => {
  const log = orders()
  const { clock, client, claim, truncated } = benchOf([log])
  const one = claim(log, 0)
  await clock.advance(100)
  for (let round = 0; round < 10; round++) {
    log.elect(1 + (round % 3))
    log.append(3)
    await clock.advance(700)
    one.handle()
  }
  await clock.advance(1_000)
  one.handle()
  assert.deepEqual(one.seen, log.visible)
  assert.equal(client.checks.length, 10)
  assert.deepEqual([truncated, one.failures, one.rewinds], [[], [], []])
})

test('a log that is truncated while it is fetched ends the claim, which is told where to begin again', async () => {
  const log = orders()
  const { clock, client, claim, truncated } = benchOf([log])
  const one = claim(log, 0)
  await clock.advance(100)
  one.take(15)
  log.cut(10, 2)
  log.append(5)
  await clock.advance(2_000)
  assert.deepEqual(truncated, [{ topic: 'orders', partition: 0, position: 20, endOffset: 10, leaderEpoch: 0 }])
  assert.deepEqual(one.rewinds, [[10, 0]])
  assert.deepEqual(one.resets, [])
  const sent = client.fetches.length
  one.handle()
  await clock.advance(1_000)
  assert.deepEqual(
    one.seen,
    Array.from({ length: 20 }, (_, offset) => offset),
  )
  assert.equal(client.fetches.length, sent, 'nothing more is fetched for it')
})

test('a leader that is elected while the one before is asked is asked, too', async () => {
  const logs = [orders(0), orders(1)]
  const [log, other] = logs as [PartitionLog, PartitionLog]
  const { clock, client, claim, truncated } = benchOf(logs)
  const late = Promise.withResolvers<null>()
  client.onCheck = async ([query]) => {
    client.onCheck = () => null
    const end = log.endOf(query?.leaderEpoch ?? -1)
    await late.promise
    return [{ topic: 'orders', partition: 0, error: null, ...end }]
  }
  claim(log, 20, 1)
  claim(other, 10)
  await clock.advance(500)
  log.cut(15)
  other.elect(2)
  await clock.advance(1_000)
  assert.equal(client.checks.filter(queries => queries.some(({ partition }) => partition === 0)).length, 1)
  late.resolve(null)
  await clock.advance(1_000)
  assert.deepEqual(
    truncated.map(({ endOffset }) => endOffset),
    [15],
  )
})

test('what a leader told is dropped when another was elected meanwhile', async () => {
  const logs = [orders(0), orders(1)]
  const [log, other] = logs as [PartitionLog, PartitionLog]
  other.leader = 2
  const { clock, client, claim } = benchOf(logs)
  const one = claim(log, 0)
  claim(other, 0)
  await clock.advance(100)
  assert.equal(one.handle(), 20)
  const late = Promise.withResolvers<FetchedPartition>()
  client.onFetch = async ({ partitions }) => {
    if (partitions[0]?.partition !== 0) return null
    client.onFetch = () => null
    return { throttleMs: 0, partitions: [await late.promise] }
  }
  await clock.advance(600)
  log.append(2)
  const read = log.answer(log.read(20, 1_000_000, true), 'read_committed')
  log.cut(20)
  other.elect(3)
  await clock.advance(1_000)
  assert.equal(client.checks.flat().filter(({ partition }) => partition === 0).length, 1)
  log.append(1)
  late.resolve(read)
  await clock.advance(1_000)
  assert.equal(one.take(5), 1)
  assert.equal(one.open[0]?.leaderEpoch, 2)
})

test('an epoch that the leader does not know leaves it to the policy', async () => {
  const whole = orders()
  const strict = benchOf([whole])
  const committed = strict.claim(whole, 10, 7)
  await strict.clock.advance(1_000)
  assert.equal(committed.failures[0]?.code, 'OFFSET_OUT_OF_RANGE')
  assert.match(String(committed.failures[0]?.cause), /orders\[0\] does not know the leader epoch 7/)

  const lenient = benchOf([whole], { onOutOfRange: 'latest' })
  const moved = lenient.claim(whole, 10, 7)
  await lenient.clock.advance(1_000)
  assert.deepEqual(moved.resets, [20])
  assert.equal(lenient.outOfRange[0]?.policy, 'latest')
  whole.append(1)
  await lenient.clock.advance(1_000)
  assert.equal(moved.handle(), 1)
  assert.equal(lenient.client.checks.length, 1, 'what the policy found is not checked again')
})

test('errors of the check are waited out, visibly; nothing is fetched meanwhile', async () => {
  const log = orders()
  const { clock, client, claim, fetching, stalled } = benchOf([log])
  let error: number | Error = 74
  client.onCheck = queries => (error instanceof Error ? error : refusal(queries, error))
  const one = claim(log, 10, 0)
  await clock.advance(1_000)
  assert.equal(fetching.state(one)?.phase, 'backing-off')
  assert.equal(fetching.state(one)?.error?.code, 'FENCED_LEADER_EPOCH')
  error = new Error('broken')
  await clock.advance(5_000)
  assert.equal(fetching.state(one)?.error?.code, 'CLIENT_FAILED')
  client.onCheck = () => []
  await clock.advance(10_000)
  assert.equal(fetching.state(one)?.error?.code, 'INCOMPLETE_ANSWER')
  assert.ok(client.checks.length < 20, `${client.checks.length}`)
  assert.equal(client.fetches.length, 0)
  assert.equal(stalled.length, 1)
  client.onCheck = () => null
  await clock.advance(10_000)
  assert.equal(fetching.state(one)?.phase, 'fetching')
  assert.equal(one.handle(), 10)
})

test('a client that may not ask fails the claim', async () => {
  const log = orders()
  const { clock, client, claim } = benchOf([log])
  client.onCheck = queries => refusal(queries, 29)
  const one = claim(log, 10, 0)
  await clock.advance(100)
  assert.equal(one.failures[0]?.code, 'TOPIC_AUTHORIZATION_FAILED')
})

test('where the broker or the client cannot ask, the position counts as it is', async () => {
  const log = orders()
  const old = benchOf([log])
  old.client.onCheck = queries => refusal(queries, 35)
  const one = old.claim(log, 10, 0)
  await old.clock.advance(1_000)
  assert.equal(one.handle(), 10)
  assert.equal(old.stalled.length, 0)

  const other = benchOf([log])
  Object.assign(other.client, { offsetsForLeaderEpoch: undefined })
  const two = other.claim(log, 10, 0)
  await other.clock.advance(1_000)
  assert.equal(two.handle(), 10)
})

test('a policy that goes back behind what was fetched ends the claim, too', async () => {
  const log = orders()
  const { clock, client, claim, outOfRange } = benchOf([log], { onOutOfRange: 'earliest' })
  const one = claim(log, 0)
  await clock.advance(100)
  one.handle()
  client.onPartition = fetched => (outOfRange.length === 0 ? failed(log, 1) : fetched)
  await clock.advance(1_000)
  assert.equal(outOfRange.length, 1)
  assert.deepEqual(
    one.rewinds.map(([offset]) => offset),
    [0],
  )
  assert.deepEqual(one.resets, [])
})

for (const [how, byId] of [
  ['the broker does not know its id', true],
  ['the position does not exist in the new one, which is asked for by name', false],
] as const) {
  test(`a topic that was created again is another one: ${how}`, async () => {
    const log = orders()
    log.topicId = 'first'
    const { clock, client, claim, fetching, outOfRange } = benchOf([log])
    client.byId = byId
    const one = claim(log, 0)
    await clock.advance(100)
    one.handle()
    Object.assign(log, { topicId: 'second', leaderEpoch: 0, end: 0, batches: [], visible: [], epochs: [] })
    log.append(5)
    await clock.advance(2_000)
    assert.equal(one.recreations, 1)
    assert.deepEqual([outOfRange, one.failures, one.rewinds, one.resets], [[], [], [], []])

    // As the consumer does; the first broker that is asked lags behind.
    fetching.remove(one)
    const cluster = client.cluster(['orders'])
    const old = new Map([['orders', { ...cluster.topics.get('orders'), topicId: 'first' }]])
    client.onMetadata = () => {
      client.onMetadata = () => null
      return { ...cluster, topics: old } as typeof cluster
    }
    const two = claim(log, -1)
    await clock.advance(1_000)
    assert.deepEqual(two.resets, [0])
    assert.equal(two.handle(), 5)
    assert.equal(two.recreations, 0)
  })
}

test('whether a topic is another one is not judged by what was asked before', async () => {
  const logs = [orders(0), orders(1)]
  const [log, other] = logs as [PartitionLog, PartitionLog]
  other.leader = 2
  for (const each of logs) each.topicId = 'first'
  const { clock, client, claim, outOfRange } = benchOf(logs)
  client.byId = false
  const claims = logs.map(each => claim(each, 0))
  await clock.advance(100)
  for (const one of claims) one.handle()
  const early = Promise.withResolvers<null>()
  client.onMetadata = async () => {
    client.onMetadata = () => null
    const answer = client.cluster(['orders'])
    await early.promise
    return answer
  }
  other.elect(3)
  await clock.advance(1_000)
  for (const each of logs) {
    Object.assign(each, { topicId: 'second', leaderEpoch: 0, end: 0, batches: [], visible: [], epochs: [] })
  }
  const asked = client.metadataRequests
  client.onPartition = fetched => (fetched.partition === 0 ? failed(log, 1) : fetched)
  log.leaderEpoch = 1
  await clock.advance(1_000)
  assert.equal(client.metadataRequests, asked)
  early.resolve(null)
  await clock.advance(1_000)
  assert.deepEqual(
    claims.map(one => [one.recreations, one.failures]),
    [
      [1, []],
      [1, []],
    ],
  )
  assert.deepEqual(outOfRange, [])
})

test('what an old leader does not have, the new one is asked for before a policy decides', async () => {
  const log = orders()
  log.topicId = 'first'
  const { clock, client, claim, outOfRange } = benchOf([log])
  const one = claim(log, 10)
  client.onPartition = fetched => (log.leader === 1 ? failed(log, 1) : fetched)
  client.onMetadata = () => {
    if (client.fetches.length > 0 && log.leader === 1) log.elect(2)
    return null
  }
  await clock.advance(1_000)
  assert.equal(log.leader, 2)
  assert.deepEqual([outOfRange, one.failures], [[], []])
  assert.equal(one.handle(), 10)
})

test('a topic that is the same leaves it to the policy, after it was looked up', async () => {
  const log = orders()
  log.topicId = 'first'
  const { clock, client, claim, fetching, outOfRange } = benchOf([log])
  client.byId = false
  const one = claim(log, 30)
  client.onMetadata = () => {
    client.onMetadata = () => new MillraceError('CONNECTION', 'no broker', { retriable: true })
    return null
  }
  await clock.advance(1_000)
  const code = () => fetching.state(one)?.error?.code
  assert.equal(code(), 'CONNECTION')
  assert.equal(outOfRange.length, 0)
  const gone = { ...client.cluster(['orders']), topics: new Map() }
  client.onMetadata = () => gone
  await clock.advance(20_000)
  assert.equal(code(), 'UNKNOWN_TOPIC_OR_PARTITION')
  assert.equal(one.failures.length, 0)
  client.onMetadata = () => null
  await clock.advance(20_000)
  assert.equal(one.failures[0]?.code, 'OFFSET_OUT_OF_RANGE')
  assert.equal(outOfRange.length, 1)
})
