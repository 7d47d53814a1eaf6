import assert from 'node:assert/strict'
import test from 'node:test'
import { ConnectionError } from '../../src/base/errors.ts'
import type { FetchQuery } from '../../src/client/low-level-client.ts'
import { benchOf } from './bench.ts'
import { PartitionLog } from './log.ts'
import { failed } from './scripted-client.ts'

const follower = 2

/** Logs that node 1 leads; asked with a rack, it names node 2, which has all of them. */
function nearby() {
  const logs = [0, 1].map(partition => new PartitionLog('orders', partition, 1))
  const [log, other] = logs as [PartitionLog, PartitionLog]
  log.append(3)
  const bench = benchOf(logs, {}, 'earliest', 'b')
  let broken: (() => Error | number) | null = null
  const answer = ({ nodeId, partitions }: FetchQuery, harm: number | null) => ({
    throttleMs: 0,
    partitions: partitions.map(({ partition, offset }) => {
      const asked = partition === 0 ? log : other
      if (harm !== null) return failed(asked, harm)
      if (nodeId === follower) return asked.answer(asked.read(offset, 1 << 20, true), 'read_committed')
      return { ...asked.answer([], 'read_committed'), preferredReplica: follower }
    }),
  })
  bench.client.onFetch = query => {
    const harm = query.nodeId === follower && broken !== null ? broken() : null
    if (harm instanceof Error) return harm
    return query.nodeId === follower || query.rack === 'b' ? answer(query, harm) : null
  }
  const asked = (from = 0) => bench.client.fetches.slice(from).map(({ query }) => query.nodeId)
  const breakFollower = (how: typeof broken) => {
    broken = how
  }
  return { ...bench, log, other, asked, breakFollower }
}

test('a replica that the leader names is fetched from at once, and for five minutes', async () => {
  const { clock, client, claim, log, asked, fetching } = nearby()
  const one = claim(log)
  await clock.advance(10)
  assert.deepEqual(asked().slice(0, 2), [1, follower])
  assert.ok((client.fetches[1]?.at ?? 0) - (client.fetches[0]?.at ?? 0) <= 2, 'no wait in between')
  assert.equal(one.handle(), 3)
  await clock.advance(299_000)
  assert.equal(asked().filter(node => node === 1).length, 1)
  const before = client.fetches.length
  await clock.advance(10_000)
  assert.deepEqual(asked(before).filter(node => node === 1).length, 1, 'the leader is asked again, once')
  assert.equal(fetching.state(one)?.fetchedFrom, follower)
  await fetching.close()
  assert.equal(clock.timers, 0)
})

for (const [what, harm] of [
  ['errs', () => 6],
  ['does not have the offset', () => 1],
  ['cannot be reached', () => new ConnectionError('refused')],
] as const) {
  test(`a replica that ${what} is left for the leader, which is asked without the rack for a while`, async () => {
    const { clock, client, claim, log, asked, breakFollower, stalled, outOfRange } = nearby()
    const one = claim(log)
    await clock.advance(10)
    one.handle()
    breakFollower(harm)
    const before = client.fetches.length
    log.append(2)
    await clock.advance(600)
    assert.equal(one.handle(), 2)
    const leader = client.fetches.slice(before).filter(({ query }) => query.nodeId === 1)
    assert.ok(leader.every(({ query }) => query.rack === ''))
    assert.deepEqual([stalled, outOfRange, one.failures], [[], [], []])
    await clock.advance(60_000)
    const tries = asked(before).filter(node => node === follower).length
    assert.ok(tries >= 3 && tries <= 8, `${tries} tries in a minute`)
    breakFollower(null)
    await clock.advance(130_000)
    log.append(1)
    await clock.advance(600)
    assert.equal(one.handle(), 1)
    assert.equal(client.fetches.at(-1)?.query.nodeId, follower)
  })
}

test('a replica that leaves the metadata is not fetched from any more', async () => {
  const { clock, client, claim, log, other, fetching, stalled } = nearby()
  const one = claim(log)
  await clock.advance(10)
  assert.equal(fetching.state(one)?.fetchedFrom, follower)
  client.onMetadata = () => {
    const metadata = client.cluster(['orders'])
    return { ...metadata, brokers: metadata.brokers.filter(({ nodeId }) => nodeId !== follower) }
  }
  const before = client.fetches.length
  claim(other)
  await clock.advance(200)
  const askedLeader = client.fetches.slice(before).filter(({ query }) => query.nodeId === 1)
  assert.ok(askedLeader.some(({ query }) => query.partitions.some(({ partition }) => partition === 0)))
  assert.deepEqual(stalled, [])
})
