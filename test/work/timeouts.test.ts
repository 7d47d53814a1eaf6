import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HandlerAbandoned, HandlerTimeout } from '../../src/work/failure.ts'
import { FakeClaim } from './fake-claim.ts'
import { batchRoute, Calls, Harness, route } from './harness.ts'

/** Timeouts are looked at this often. */
const TICK_MS = 50

/** One message of key `a` runs past its timeout of 1,000 ms, another waits behind it. */
async function timedOut(
  overrides: Parameters<typeof route>[1] = {},
  options: ConstructorParameters<typeof Harness>[0] = {},
) {
  const harness = new Harness(options)
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a', 'a'])
  harness.dispatcher.add(claim, route(calls.handle, { timeoutMs: 1_000, abandonMs: 500, ...overrides }))
  await harness.clock.advance(1)
  const first = calls.of(0)
  const { signal } = first.context
  await harness.clock.advance(1_000 + TICK_MS)
  return { ...harness, harness, calls, claim, first, signal }
}

test('a handler gets its signal at the timeout; its key and its place stay taken', async () => {
  const { dispatcher, calls, signal } = await timedOut()
  assert.ok(signal.reason instanceof HandlerTimeout)
  assert.match(signal.reason.message, /orders\[0\] offset 0 ran longer than 1000 ms/)
  assert.deepEqual(calls.running, ['0'])
  assert.equal(dispatcher.running, 1)
  dispatcher.close()
})

test('a signal that is first asked for after the timeout is aborted already', async () => {
  const harness = new Harness()
  const calls = new Calls()
  harness.dispatcher.add(new FakeClaim(0, ['a']), route(calls.handle, { timeoutMs: 1_000 }))
  await harness.clock.advance(1_100)
  assert.ok(calls.of(0).context.signal.reason instanceof HandlerTimeout)
  harness.dispatcher.close()
})

test('the deadline is told in the time of the wall', async () => {
  const harness = new Harness()
  const calls = new Calls()
  harness.dispatcher.add(new FakeClaim(0, ['a']), route(calls.handle, { timeoutMs: 1_000 }))
  await harness.clock.advance(1)
  const { deadline } = calls.of(0).context
  assert.ok(Math.abs(deadline - (harness.clock.wallTime() + 1_000)) <= TICK_MS)
  harness.dispatcher.close()
})

test('who resolves after the timeout is done', async () => {
  const { dispatcher, clock, claim, first, failures, calls } = await timedOut()
  first.resolve()
  await clock.advance(1)
  assert.deepEqual(claim.settled, [0])
  assert.deepEqual(failures, [])
  assert.deepEqual(calls.running, ['1'])
  dispatcher.close()
})

test("who rejects after the timeout failed with 'timeout', and is tried again", async () => {
  const { dispatcher, clock, first, retries, calls } = await timedOut()
  first.reject(new Error('gave up'))
  await clock.advance(1)
  assert.deepEqual(retries, [{ offset: 0, attempts: 1, inMs: 100 }])
  assert.deepEqual(calls.running, [])
  await clock.advance(100)
  assert.deepEqual(calls.running, ['0'])
  dispatcher.close()
})

test("after its last attempt, who rejects after the timeout is decided about with 'timeout'", async () => {
  const { dispatcher, clock, first, failures } = await timedOut({ attempts: 1 })
  first.reject(new Error('gave up'))
  await clock.advance(1)
  assert.equal(failures[0]?.reason, 'timeout')
  assert.equal(failures[0]?.error.message, 'gave up')
  dispatcher.close()
})

test("after abandonMs a handler is told to be stuck, failed with 'abandoned', and not tried again", async () => {
  const { dispatcher, clock, claim, stuck, failures, retries, calls } = await timedOut()
  assert.deepEqual(stuck, [])
  await clock.advance(500 + TICK_MS)
  assert.deepEqual(stuck, [{ offset: 0, afterMs: 1_500 }])
  assert.equal(failures[0]?.reason, 'abandoned')
  assert.ok(failures[0]?.error instanceof HandlerAbandoned)
  assert.deepEqual(retries, [])
  assert.deepEqual(claim.settled, [0])
  assert.deepEqual(calls.running, ['0', '1'])
  assert.equal(dispatcher.running, 1)
  assert.equal(dispatcher.abandoned, 1)
  dispatcher.close()
})

test("with 'leave' an abandoned message waits for another process, and its key goes on", async () => {
  const { dispatcher, clock, claim, calls } = await timedOut({ onFailure: 'leave' })
  await clock.advance(600)
  assert.deepEqual(calls.running, ['0', '1'])
  calls.of(1).resolve()
  await clock.advance(100_000)
  assert.deepEqual(claim.settled, [1])
  assert.equal(calls.all.length, 2)
  assert.deepEqual(dispatcher.state(claim), { inFlight: 0, waiting: 0, undone: 1, blocked: null })
  dispatcher.close()
})

test("with 'hold' an abandoned message waits for another process, and its key too", async () => {
  const { dispatcher, clock, claim, calls } = await timedOut({ onFailure: 'hold' })
  claim.write(['b'])
  dispatcher.wake(claim)
  await clock.advance(100)
  calls.of(2).resolve()
  await clock.advance(50_000)
  assert.deepEqual(claim.settled, [2])
  assert.deepEqual(calls.running, ['0'])
  assert.deepEqual(dispatcher.state(claim), { inFlight: 0, waiting: 1, undone: 1, blocked: null })
  dispatcher.close()
})

for (const late of ['resolve', 'reject'] as const) {
  test(`an abandoned handler that ${late}s late touches no other message`, async () => {
    const { dispatcher, clock, claim, first, calls, failures } = await timedOut()
    await clock.advance(600)
    calls.of(1).resolve()
    claim.write(['c', 'd', 'e'])
    dispatcher.wake(claim)
    await clock.advance(1)
    if (late === 'resolve') first.resolve()
    else first.reject(new Error('late'))
    await clock.advance(1)
    assert.deepEqual(calls.running, ['2', '3', '4'])
    assert.deepEqual(claim.settled, [0, 1])
    assert.equal(dispatcher.abandoned, 0)
    assert.equal(dispatcher.running, 3)
    assert.equal(failures.length, 1)
    dispatcher.close()
  })
}

test('a batch that is abandoned and resolves late touches no other message', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, [null, null, null])
  const limits = { messages: 3 }
  dispatcher.add(claim, batchRoute(calls.handleBatch, limits, { timeoutMs: 1_000, abandonMs: 500, onFailure: 'skip' }))
  await clock.advance(1)
  const first = calls.of(0)
  await clock.advance(1_700)
  assert.deepEqual(claim.settled, [0, 1, 2])
  claim.write([null, null, null])
  dispatcher.wake(claim)
  await clock.advance(1)
  first.resolve()
  await clock.advance(1)
  assert.deepEqual(claim.settled, [0, 1, 2])
  assert.deepEqual(calls.running, ['3+4+5'])
  dispatcher.close()
})

test('at maxAbandoned the consumer stops with the cause', async () => {
  const { dispatcher, clock, fatal } = await timedOut({ order: 'none' }, { maxAbandoned: 2 })
  await clock.advance(400)
  assert.equal(fatal.length, 0)
  await clock.advance(200)
  assert.equal(fatal.length, 1)
  assert.ok(fatal[0] instanceof HandlerAbandoned)
  dispatcher.close()
})

test('a decoder that never ends is abandoned like a handler', async () => {
  const harness = new Harness()
  const { dispatcher, clock, stuck, failures } = harness
  const claim = new FakeClaim(0, ['a'])
  const decode = () => new Promise<void>(() => {})
  const handle = route(() => assert.fail('it was entered'), { timeoutMs: 1_000, abandonMs: 500, decode })
  dispatcher.add(claim, handle)
  await clock.advance(1_600)
  assert.deepEqual(stuck, [{ offset: 0, afterMs: 1_500 }])
  assert.equal(failures[0]?.reason, 'abandoned')
  assert.deepEqual(claim.settled, [0])
  dispatcher.close()
})

test('a handler is not entered when its decoding outlived the timeout', async () => {
  const harness = new Harness()
  let handled = 0
  const decode = () => new Promise<void>(resolve => harness.clock.after(1_200, resolve))
  const claim = new FakeClaim(0, ['a'])
  const handle = route(() => handled++, { timeoutMs: 1_000, abandonMs: 500, attempts: 1, decode })
  harness.dispatcher.add(claim, handle)
  await harness.clock.advance(1_300)
  assert.equal(handled, 0)
  assert.equal(harness.failures[0]?.reason, 'timeout')
  harness.dispatcher.close()
})

test('after the event loop stood still, handlers that began meanwhile get their time anew', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  dispatcher.add(new FakeClaim(0, [null, null]), route(calls.handle, { timeoutMs: 1_000, abandonMs: 500 }))
  await clock.advance(1)
  clock.skip(10_000)
  await clock.advance(0)
  assert.equal(calls.of(0).context.signal.aborted, false)
  await clock.advance(900)
  assert.equal(calls.of(0).context.signal.aborted, false)
  await clock.advance(200)
  assert.equal(calls.of(0).context.signal.aborted, true)
  dispatcher.close()
})

test('after the event loop stood still, answers that queued up settle before anything is abandoned', async () => {
  const { dispatcher, clock, claim, first, stuck } = await timedOut()
  clock.skip(5_000)
  clock.after(0, () => first.resolve())
  await clock.advance(0)
  assert.deepEqual(stuck, [])
  assert.deepEqual(claim.settled, [0])
  dispatcher.close()
})
