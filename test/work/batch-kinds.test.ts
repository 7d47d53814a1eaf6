import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constant } from '../../src/base/backoff.ts'
import { type Decision, PartitionLost, PartitionRevoked, Poison } from '../../src/work/failure.ts'
import { FakeClaim, type FakeMessage } from './fake-claim.ts'
import { batchRoute, Calls, Harness } from './harness.ts'

const times = { drainMs: 1_000, abandonMs: 500, reason: 'revoked' } as const

// ── by key ────────────────────────────────────────────────────────────────────────────────────────────────────────────

test("by 'key' a batch is of one key, those without one are together, and each key's batches come one after the other", async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a', 'b', null, 'a', 'b', 'a', null])
  dispatcher.add(claim, batchRoute(calls.handleBatch, { by: 'key', messages: 2, lingerMs: 50 }))
  await clock.advance(1)
  assert.deepEqual(calls.running, ['0+3', '1+4', '2+6'])
  await clock.advance(100)
  assert.equal(calls.all.length, 3)
  calls.of(0).resolve()
  await clock.advance(60)
  assert.deepEqual(calls.running, ['1+4', '2+6', '5'])
  dispatcher.close()
})

test("by 'key' the batch of each key waits for its own time", async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a'])
  dispatcher.add(claim, batchRoute(calls.handleBatch, { by: 'key', lingerMs: 100 }))
  await clock.advance(60)
  claim.write(['b', 'a'])
  dispatcher.wake(claim)
  await clock.advance(50)
  assert.deepEqual(calls.running, ['0+2'])
  await clock.advance(50)
  assert.deepEqual(calls.running, ['0+2', '1'])
  dispatcher.close()
})

test("by 'key' two keys with the same hash wait for each other, and are in no batch together", async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  // Equal as the hash of the fake messages is: 31 × 'B' + 'b' is 31 × 'C' + 'C'.
  const claim = new FakeClaim(0, ['Bb', 'CC', 'Bb', 'CC'])
  assert.equal(claim.messages[0]?.keyHash(), claim.messages[1]?.keyHash())
  dispatcher.add(claim, batchRoute(calls.handleBatch, { by: 'key', lingerMs: 10 }))
  for (const expected of ['0', '1', '2', '3']) {
    await clock.advance(20)
    assert.deepEqual(calls.running, [expected])
    calls.of(Number(expected)).resolve()
  }
  await clock.advance(1)
  assert.deepEqual(claim.settled, [0, 1, 2, 3])
  dispatcher.close()
})

test("by 'key' no batch waits for messages that its partition does not take: the oldest one goes", async () => {
  const { dispatcher, clock } = new Harness({ concurrency: 3 })
  const calls = new Calls()
  const claim = new FakeClaim(
    0,
    Array.from({ length: 3_000 }, (_, index) => `key ${index}`),
  )
  dispatcher.add(claim, batchRoute(calls.handleBatch, { by: 'key', lingerMs: 60_000 }))
  await clock.advance(10)
  assert.deepEqual(calls.running, ['0', '1', '2'])
  assert.ok(claim.taken <= 2_048 + 3)
  dispatcher.close()
})

test("by 'key' a drain finishes the batches that have to be, and gives up the others", async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a', 'b', 'a', 'b', 'b', 'c'])
  dispatcher.add(claim, batchRoute(calls.handleBatch, { by: 'key', messages: 3, lingerMs: 60_000 }))
  await clock.advance(1)
  assert.deepEqual(calls.running, ['1+3+4'])
  const drained = dispatcher.drain([claim], times)
  await clock.advance(1)
  assert.deepEqual(calls.running, ['1+3+4', '0+2'])
  calls.of(0).resolve()
  calls.of(1).resolve()
  assert.equal(await drained, 0)
  assert.deepEqual(claim.settled.toSorted(), [0, 1, 2, 3, 4])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

// ── by route ──────────────────────────────────────────────────────────────────────────────────────────────────────────

type Options = Parameters<typeof batchRoute>[2] & {
  messages?: number
  lingerMs?: number
  concurrency?: number
  perPartition?: number
}

/** Partitions whose messages are handled together. */
async function mixed(sizes: readonly number[], options: Options = {}) {
  const { messages = 100, lingerMs = 50, concurrency = 16, perPartition = Number.POSITIVE_INFINITY, ...rest } = options
  const harness = new Harness({ concurrency, perPartition })
  const calls = new Calls()
  const claims = sizes.map((size, partition) => new FakeClaim(partition, new Array(size).fill(null)))
  const route = batchRoute(calls.handleBatch, { by: 'route', messages, lingerMs }, { order: 'none', ...rest })
  for (const claim of claims) harness.dispatcher.add(claim, route)
  await harness.clock.advance(1)
  const settled = () => claims.map(claim => claim.settled.length)
  const states = () => claims.map(claim => harness.dispatcher.state(claim))
  return { ...harness, calls, claims: claims as [FakeClaim, FakeClaim, ...FakeClaim[]], settled, states, route }
}

const idle = { inFlight: 0, waiting: 0, undone: 0, blocked: null }

test("by 'route' partitions are mixed, in their order; the batch is one unit of concurrency, and runs for each of them", async () => {
  const { dispatcher, clock, calls, claims, settled, states } = await mixed([2, 1, 2])
  assert.deepEqual(
    states().map(state => state?.waiting),
    [2, 1, 2],
  )
  assert.equal(dispatcher.timed().get(claims[1])?.batch?.messages, 1)
  await clock.advance(60)
  assert.deepEqual(calls.running, ['0+1+0+0+1'])
  assert.equal(dispatcher.running, 1)
  assert.deepEqual(
    states().map(state => state?.inFlight),
    [1, 1, 1],
  )
  assert.equal(dispatcher.longest(claims[1])?.offset, 0)
  calls.of(0).resolve()
  await clock.advance(1)
  assert.deepEqual(settled(), [2, 1, 2])
  assert.equal(dispatcher.running, 0)
  assert.deepEqual(states(), [idle, idle, idle])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test("by 'route' the limits are those of the whole batch", async () => {
  const { dispatcher, calls } = await mixed([3, 3], { messages: 4, lingerMs: 60_000 })
  assert.deepEqual(calls.running, ['0+1+2+0'])
  dispatcher.close()
})

test("by 'route' partitions that drain take theirs out of the batch that is being filled, and the others wait no shorter", async () => {
  const { dispatcher, clock, calls, claims, settled } = await mixed([2, 2])
  assert.equal(await dispatcher.drain([claims[0]], times), 0)
  assert.deepEqual(calls.running, [])
  await clock.advance(40)
  assert.deepEqual(calls.running, [])
  claims[1].write([null])
  dispatcher.wake(claims[1])
  await clock.advance(20)
  assert.deepEqual(calls.running, ['0+1+2'])
  calls.of(0).resolve()
  await clock.advance(1)
  assert.deepEqual(settled(), [0, 3])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test("by 'route' a drain does not wait for messages of other partitions: what waits for an attempt is tried apart", async () => {
  const { dispatcher, clock, calls, claims, settled } = await mixed([2, 4], {
    messages: 3,
    lingerMs: 0,
    backoff: constant(300),
  })
  assert.deepEqual(calls.running.toSorted(), ['0+1+0', '1+2+3'])
  calls.of(2).resolve()
  calls.of(0).reject(new Error('no'))
  await clock.advance(1)
  // What is done behind it makes the drain wait for its next attempt.
  const drained = dispatcher.drain([claims[1]], times)
  await clock.advance(300)
  assert.deepEqual(calls.running.toSorted(), ['0', '0+1'])
  const [apart, rest] = calls.all.slice(-2).toSorted((a, b) => a.offsets.length - b.offsets.length)
  apart?.resolve()
  assert.equal(await drained, 0)
  assert.deepEqual(settled(), [0, 4])
  rest?.resolve()
  await clock.advance(1)
  assert.deepEqual(settled(), [2, 4])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test("by 'route' what is ready is parted when one of its partitions drains", async () => {
  const { dispatcher, clock, calls, claims, settled } = await mixed([1, 4], {
    messages: 2,
    lingerMs: 0,
    concurrency: 1,
  })
  assert.deepEqual(calls.running, ['1+2'])
  // The batch that is ready is of both.
  assert.equal(await dispatcher.drain([claims[0]], times), 0)
  for (const running of ['1+2', '0', '3']) {
    assert.deepEqual(calls.running, [running])
    calls.of(Number(running[0])).resolve()
    await clock.advance(1)
  }
  assert.deepEqual(settled(), [0, 4])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test("by 'route' results of a lost partition are dropped, those of the others count", async () => {
  const { dispatcher, clock, calls, claims, settled } = await mixed([2, 2], { lingerMs: 0 })
  const call = calls.of(0)
  claims[0].live = false
  dispatcher.abandon([claims[0]])
  assert.ok(call.context.signal.reason instanceof PartitionLost)
  assert.equal(call.context.signal.reason.partition, 0)
  call.resolve()
  await clock.advance(1)
  assert.deepEqual(settled(), [0, 2])
  assert.equal(dispatcher.running, 0)
  dispatcher.close()
})

test("by 'route' a handler that gives up as one partition ends has not failed: the others come again at once", async () => {
  const { dispatcher, clock, calls, claims, settled, failures, retries } = await mixed([2, 2], {
    lingerMs: 0,
    attempts: 1,
  })
  const drained = dispatcher.drain([claims[1]], times)
  await clock.advance(1_000)
  const { signal } = calls.of(0).context
  assert.ok(signal.reason instanceof PartitionRevoked)
  assert.equal(signal.reason.partition, 1)
  calls.of(0).reject(signal.reason)
  assert.equal(await drained, 0)
  await clock.advance(1)
  assert.deepEqual([failures, retries], [[], []])
  assert.deepEqual(calls.running, ['0+1'])
  assert.equal(calls.of(0).context.attempt, 1)
  calls.of(0).resolve()
  await clock.advance(1)
  assert.deepEqual(settled(), [2, 0])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test("by 'route' a drain waits for decisions about its own messages alone", async () => {
  const answers: ((decision: Decision) => void)[] = []
  const onFailure = ({ message }: { message: FakeMessage }) =>
    message.partition === 0 ? new Promise<Decision>(resolve => answers.push(resolve)) : 'skip'
  const { dispatcher, clock, calls, claims, settled } = await mixed([1, 1], {
    lingerMs: 0,
    onFailure,
    timeoutMs: 100,
    abandonMs: 50,
  })
  await clock.advance(200)
  assert.equal(answers.length, 1)
  assert.deepEqual(settled(), [0, 1])
  assert.equal(await dispatcher.drain([claims[1]], times), 0)
  assert.equal(dispatcher.running, 1)
  answers[0]?.('skip')
  await clock.advance(1)
  assert.equal(dispatcher.running, 0)
  assert.deepEqual(settled(), [1, 1])
  calls.of(0).resolve()
  dispatcher.close()
})

test("by 'route' a paused partition keeps its own back, and nothing of the others", async () => {
  const { dispatcher, clock, calls, claims, settled } = await mixed([2, 2])
  for (const claim of claims) claim.dispatchable = claim.partition === 1
  await clock.advance(60)
  assert.deepEqual(calls.running, ['0+1'])
  calls.of(0).resolve()
  await clock.advance(1)
  assert.deepEqual(settled(), [0, 2])
  claims[0].dispatchable = true
  dispatcher.wake(claims[0])
  await clock.advance(1)
  calls.of(0).resolve()
  await clock.advance(1)
  assert.deepEqual(settled(), [2, 2])
  dispatcher.close()
})

test("by 'route' no partition has more handlers than it may", async () => {
  const { dispatcher, clock, calls, states, settled } = await mixed([2, 4], {
    messages: 2,
    lingerMs: 10,
    perPartition: 1,
  })
  assert.deepEqual(
    states().map(state => state?.inFlight),
    [1, 1],
  )
  for (let round = 0; round < 5; round++) {
    for (const call of calls.all) call.resolve()
    await clock.advance(20)
    assert.ok(states().every(state => (state?.inFlight ?? 0) <= 1))
  }
  assert.deepEqual(settled(), [2, 4])
  dispatcher.close()
})

test("by 'route' what fails of several partitions is found, and the others are done", async () => {
  const harness = new Harness()
  const claims = [0, 1, 2].map(partition => new FakeClaim(partition, new Array(10).fill(null)))
  const handle = (batch: readonly FakeMessage[]) => {
    if (batch.some(({ partition, offset }) => partition === 1 && offset === 7)) throw new Poison('never')
  }
  const route = batchRoute(handle, { by: 'route', lingerMs: 0 }, { order: 'none' })
  for (const claim of claims) harness.dispatcher.add(claim, route)
  await harness.clock.advance(10)
  assert.deepEqual(
    harness.failures.map(({ message }) => [message.partition, message.offset]),
    [[1, 7]],
  )
  assert.ok(claims.every(claim => claim.settled.length === 10))
  harness.dispatcher.close()
})
