import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constant } from '../../src/base/backoff.ts'
import {
  Closing,
  type Decision,
  type Failure,
  PartitionLost,
  PartitionRevoked,
  Poison,
} from '../../src/work/failure.ts'
import { FakeClaim } from './fake-claim.ts'
import { batchRoute, Calls, Harness, route } from './harness.ts'

const times = { drainMs: 1_000, abandonMs: 500, reason: 'revoked' } as const

/** Two of four messages run. */
async function busy(overrides: Parameters<typeof route>[1] = {}) {
  const harness = new Harness({ concurrency: 2 })
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a', 'b', 'b', 'c'])
  harness.dispatcher.add(claim, route(calls.handle, overrides))
  await harness.clock.advance(1)
  assert.deepEqual(calls.running, ['0', '1'])
  return { ...harness, harness, calls, claim }
}

/** What the promise resolved to, or `pending`. */
function watch<T>(promise: Promise<T>): { result: T | 'pending' } {
  const watched: { result: T | 'pending' } = { result: 'pending' }
  void promise.then(result => {
    watched.result = result
  })
  return watched
}

test('a drain takes nothing more and resolves as soon as what runs has ended', async () => {
  const { dispatcher, clock, calls, claim } = await busy()
  const drain = watch(dispatcher.drain([claim], times))
  assert.equal(dispatcher.state(claim)?.blocked, 'draining')
  calls.of(0).resolve()
  await clock.advance(1)
  assert.equal(drain.result, 'pending')
  calls.of(1).resolve()
  await clock.advance(1)
  assert.equal(drain.result, 0)
  assert.deepEqual(claim.settled, [0, 1])
  assert.equal(calls.all.length, 2)
  assert.equal(dispatcher.state(claim), undefined)
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test('after drainMs handlers get their signal; one that rejects then has not failed', async () => {
  const { dispatcher, clock, calls, claim, failures, retries } = await busy()
  const drain = watch(dispatcher.drain([claim], times))
  const { signal } = calls.of(0).context
  await clock.advance(999)
  assert.equal(signal.aborted, false)
  await clock.advance(1)
  assert.ok(signal.reason instanceof PartitionRevoked)
  calls.of(0).reject(signal.reason)
  calls.of(1).resolve()
  await clock.advance(1)
  assert.equal(drain.result, 0)
  assert.deepEqual(claim.settled, [1])
  assert.deepEqual([failures, retries], [[], []])
  dispatcher.close()
})

test('handlers that settle neither in time nor after their signal are told, and their answers dropped', async () => {
  const { dispatcher, clock, calls, claim, failures } = await busy()
  const drain = watch(dispatcher.drain([claim], { ...times, reason: 'closing' }))
  await clock.advance(1_499)
  assert.equal(drain.result, 'pending')
  assert.ok(calls.of(0).context.signal.reason instanceof Closing)
  await clock.advance(1)
  assert.equal(drain.result, 2)
  claim.live = false
  calls.of(0).resolve()
  calls.of(1).reject(new Error('late'))
  await clock.advance(1)
  assert.deepEqual(claim.settled, [])
  assert.deepEqual(failures, [])
  assert.equal(dispatcher.running, 0)
  dispatcher.close()
})

test('a handler that fails while its claim drains is not tried again here, if its next attempt would come too late', async () => {
  const { dispatcher, clock, calls, claim, retries, failures } = await busy({ backoff: constant(1_001) })
  const drain = watch(dispatcher.drain([claim], times))
  calls.of(0).reject(new Error('no'))
  calls.of(1).resolve()
  await clock.advance(1)
  assert.equal(drain.result, 0)
  assert.deepEqual(claim.settled, [1])
  assert.deepEqual([failures, retries], [[], []])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

for (const [decision, settled] of [
  ['skip', [0, 1]],
  ['leave', [1]],
  ['hold', [1]],
] as const) {
  test(`a last attempt that fails while its claim drains is decided about ('${decision}')`, async () => {
    const { dispatcher, clock, calls, claim } = await busy({ attempts: 1, onFailure: decision })
    const drain = watch(dispatcher.drain([claim], times))
    calls.of(0).reject(new Error('no'))
    await clock.advance(1)
    calls.of(1).resolve()
    await clock.advance(1)
    assert.equal(drain.result, 0)
    assert.deepEqual(claim.settled, settled)
    dispatcher.close()
    assert.equal(clock.timers, 0)
  })
}

/** The second key is at work while the first message of the first one runs, and the next one of it waits. */
async function uneven(overrides: Parameters<typeof route>[1] = {}) {
  const harness = new Harness({ concurrency: 2 })
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a', 'a', 'b', 'a', 'b', 'b', 'c'])
  harness.dispatcher.add(claim, route(calls.handle, overrides))
  await harness.clock.advance(1)
  calls.of(2).resolve()
  await harness.clock.advance(1)
  assert.deepEqual(calls.running, ['0', '4'])
  return { ...harness, calls, claim }
}

test('what was taken in front of what was started is finished, so that nothing that is done is done again', async () => {
  const { dispatcher, clock, calls, claim } = await uneven()
  const drain = watch(dispatcher.drain([claim], times))
  calls.of(4).resolve()
  for (const offset of [0, 1, 3]) {
    await clock.advance(1)
    assert.equal(drain.result, 'pending')
    assert.deepEqual(calls.running, [String(offset)])
    calls.of(offset).resolve()
  }
  await clock.advance(1)
  assert.equal(drain.result, 0)
  assert.deepEqual(claim.settled, [2, 4, 0, 1, 3])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test('a next attempt in front of what is done is made before a partition is given up, if it is due in time', async () => {
  const { dispatcher, clock, calls, claim } = await uneven({ backoff: constant(900) })
  const drain = watch(dispatcher.drain([claim], times))
  calls.of(4).resolve()
  calls.of(0).reject(new Error('no'))
  await clock.advance(899)
  assert.deepEqual([calls.running, drain.result], [[], 'pending'])
  await clock.advance(1)
  for (const offset of [0, 1, 3]) {
    calls.of(offset).resolve()
    await clock.advance(1)
  }
  assert.equal(drain.result, 0)
  assert.deepEqual(claim.settled, [2, 4, 0, 1, 3])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test('nothing is waited for behind a message that comes again anyway', async () => {
  const { dispatcher, clock, calls, claim } = await uneven({ attempts: 1, onFailure: 'hold' })
  const drain = watch(dispatcher.drain([claim], times))
  calls.of(0).reject(new Error('no'))
  await clock.advance(1)
  assert.deepEqual(calls.running, ['4'])
  calls.of(4).resolve()
  await clock.advance(1)
  assert.equal(drain.result, 0)
  assert.deepEqual(claim.settled, [2, 4])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test('what is left when drainMs is over is given up, also where only an attempt is waited for', async () => {
  const { dispatcher, clock, calls, claim } = await uneven({ backoff: constant(1_000) })
  const drain = watch(dispatcher.drain([claim], times))
  calls.of(4).resolve()
  await clock.advance(1)
  calls.of(0).resolve()
  await clock.advance(1)
  const { signal } = calls.of(1).context
  await clock.advance(998)
  assert.ok(signal.aborted)
  calls.of(1).reject(signal.reason)
  await clock.advance(1)
  assert.equal(drain.result, 0)
  assert.deepEqual(claim.settled, [2, 4, 0])
  assert.equal(calls.running.length, 0)
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test('a paused partition finishes nothing but what runs', async () => {
  const { dispatcher, clock, calls, claim } = await uneven()
  claim.dispatchable = false
  const drain = watch(dispatcher.drain([claim], times))
  calls.of(0).resolve()
  calls.of(4).resolve()
  await clock.advance(1)
  assert.equal(drain.result, 0)
  assert.deepEqual(claim.settled, [2, 0, 4])
  dispatcher.close()
})

test('a batch that failed is tried again in a drain, if something behind it is done', async () => {
  const { dispatcher, clock } = new Harness({ concurrency: 2 })
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a', 'b', 'c', 'd', 'a'])
  dispatcher.add(claim, batchRoute(calls.handleBatch, { messages: 2, lingerMs: 0 }, { backoff: constant(200) }))
  await clock.advance(1)
  assert.deepEqual(calls.running, ['0+1', '2+3'])
  calls.of(0).reject(new Error('no'))
  await clock.advance(1)
  const drain = watch(dispatcher.drain([claim], times))
  calls.of(2).resolve()
  await clock.advance(200)
  assert.deepEqual([calls.running, drain.result], [['0+1'], 'pending'])
  calls.of(0).resolve()
  await clock.advance(1)
  assert.equal(drain.result, 0)
  assert.deepEqual(claim.settled, [2, 3, 0, 1])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test('a batch that a drain finishes takes nothing along that comes again', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a'])
  const onFailure = ({ message }: { message: { offset: number } }) => (message.offset === 0 ? 'leave' : 'hold')
  const options = { attempts: 1, onFailure, redeliverMs: 100 } as const
  dispatcher.add(claim, batchRoute(calls.handleBatch, { messages: 2, lingerMs: 0 }, options))
  const arrive = async (...keys: string[]) => {
    claim.write(keys)
    dispatcher.wake(claim)
    await clock.advance(1)
  }
  await clock.advance(1)
  calls.of(0).reject(new Error('no'))
  await arrive('a')
  await arrive('a')
  // The one that was left stands behind the others of its key now, and before what comes later.
  await clock.advance(100)
  await arrive('a', 'b')
  assert.deepEqual(calls.running, ['1', '4'])
  const drain = watch(dispatcher.drain([claim], times))
  calls.of(1).reject(new Error('no'))
  await clock.advance(1)
  assert.deepEqual(calls.running, ['4', '0'])
  calls.of(0).resolve()
  calls.of(4).resolve()
  await clock.advance(1)
  assert.equal(drain.result, 0)
  assert.deepEqual(claim.settled, [0, 4])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test('a batch that was being filled when a drain began is handled without what comes again', async () => {
  const { dispatcher, clock } = new Harness({ concurrency: 3 })
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a', 'b', 'b', 'a', 'c', 'c', 'c', 'c', 'd'])
  dispatcher.add(claim, batchRoute(calls.handleBatch, { messages: 3, lingerMs: 5_000 }))
  await clock.advance(1)
  assert.deepEqual(calls.running, ['0+1+2', '4+5+6'])
  calls.of(0).resolve()
  await clock.advance(1)
  // 3 is in a batch with 8 now, and 7 waits for its key.
  const drain = watch(dispatcher.drain([claim], times))
  await clock.advance(1)
  assert.deepEqual(calls.running, ['4+5+6', '3'])
  calls.of(4).resolve()
  calls.of(3).resolve()
  await clock.advance(1)
  assert.equal(drain.result, 0)
  assert.deepEqual(
    claim.settled.toSorted((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6],
  )
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test('what stands in its lane before a message that a drain finishes is finished with it', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a'])
  const options = { attempts: 1, onFailure: 'leave', redeliverMs: 100 } as const
  dispatcher.add(claim, batchRoute(calls.handleBatch, { messages: 5, lingerMs: 20 }, options))
  const arrive = async (key: string) => {
    claim.write([key])
    dispatcher.wake(claim)
    await clock.advance(20)
  }
  await clock.advance(20)
  calls.of(0).reject(new Error('no'))
  await arrive('a')
  await arrive('a')
  assert.deepEqual(calls.running, ['1'])
  // The one that was left stands behind the last one now, and is in one batch with it.
  await clock.advance(100)
  calls.of(1).resolve()
  await clock.advance(1)
  const drain = watch(dispatcher.drain([claim], times))
  await clock.advance(1)
  assert.deepEqual(calls.running, ['2+0'])
  calls.of(0).resolve()
  await clock.advance(1)
  assert.equal(drain.result, 0)
  assert.deepEqual(claim.settled, [1, 2, 0])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test('a drain finishes nothing of a batch whose lane has one in front that comes again', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a'])
  const options = {
    ...({ attempts: 1, order: 'partition', redeliverMs: 100, timeoutMs: 500, abandonMs: 100 } as const),
    onFailure: ({ reason }: Failure) => (reason === 'abandoned' ? 'hold' : 'leave'),
  } as const
  dispatcher.add(claim, batchRoute(calls.handleBatch, { messages: 4, lingerMs: 0 }, options))
  const arrive = async (keys: string[], ms: number) => {
    claim.write(keys)
    dispatcher.wake(claim)
    await clock.advance(ms)
  }
  await clock.advance(1)
  calls.of(0).reject(new Error('no'))
  await arrive(['a'], 1)
  // The one that was left stands behind these now.
  await arrive(['a', 'a', 'a'], 200)
  calls.of(1).resolve()
  await clock.advance(1)
  assert.deepEqual(calls.running, ['2+3+4+0'])
  calls.of(0).reject(new Error('no'))
  await clock.advance(700)
  // The first half was left to itself, 2 is held, 3 waits behind it, and so does the other half.
  assert.deepEqual(calls.running, ['2+3'])
  const drain = watch(dispatcher.drain([claim], times))
  await clock.advance(1)
  assert.deepEqual(calls.running, ['2+3'])

  assert.equal(drain.result, 0)
  assert.deepEqual(claim.settled, [1])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test('a drain is over when the last batch of it is given up, as one of its messages would overtake one that comes again', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a'])
  const options = { attempts: 2, redeliverMs: 100, onFailure: 'leave' } as const
  dispatcher.add(claim, batchRoute(calls.handleBatch, { messages: 2, lingerMs: 1 }, options))
  const arrive = async (key: string) => {
    claim.write([key])
    dispatcher.wake(claim)
    await clock.advance(5)
  }
  await clock.advance(5)
  calls.of(0).reject(new Poison('no'))
  for (const key of ['b', 'a', 'a']) await arrive(key)
  assert.deepEqual(calls.running, ['1', '2'])
  // The one that was left stands behind the last one now.
  await clock.advance(150)
  calls.of(2).resolve()
  await clock.advance(5)
  assert.deepEqual(calls.running, ['1', '3+0'])
  calls.of(0).reject(new Error('no'))
  await clock.advance(5)
  const drain = watch(dispatcher.drain([claim], times))
  calls.of(1).reject(new Poison('no'))
  await clock.advance(110)
  assert.equal(drain.result, 0)
  assert.deepEqual(calls.running, [])
  assert.deepEqual(claim.settled, [2])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test('a drain waits for a decision', async () => {
  let answer = (_: Decision) => {}
  const onFailure = () => new Promise<Decision>(resolve => (answer = resolve))
  const { dispatcher, clock, calls, claim } = await busy({ attempts: 1, onFailure })
  calls.of(0).reject(new Error('no'))
  calls.of(1).resolve()
  await clock.advance(1)
  calls.of(2).resolve()
  await clock.advance(1)
  calls.of(3).resolve()
  const drain = watch(dispatcher.drain([claim], times))
  await clock.advance(500)
  assert.equal(drain.result, 'pending')
  answer('skip')
  await clock.advance(1)
  assert.equal(drain.result, 0)
  assert.deepEqual(claim.settled, [1, 2, 3, 0])
  dispatcher.close()
})

test('a drain gives up what waits for an attempt, a probe, a redelivery or its batch', async () => {
  const { dispatcher, clock } = new Harness()
  const fail = () => assert.fail('no')
  const retrying = new FakeClaim(0, ['a', 'a'])
  const left = new FakeClaim(1, ['b', 'b'])
  const held = new FakeClaim(2, ['c', 'c'])
  const collecting = new FakeClaim(3, ['d', 'd', null])
  dispatcher.add(retrying, route(fail))
  dispatcher.add(left, route(fail, { attempts: 1, onFailure: 'leave' }))
  dispatcher.add(held, route(fail, { attempts: 1, onFailure: 'hold' }))
  dispatcher.add(collecting, batchRoute(fail))
  await clock.advance(1)
  const claims = [retrying, left, held, collecting]
  assert.deepEqual(
    claims.map(claim => dispatcher.state(claim)?.waiting),
    [2, 2, 2, 3],
  )
  const drain = watch(dispatcher.drain(claims, times))
  assert.deepEqual(
    claims.map(claim => dispatcher.state(claim)?.waiting),
    [0, 0, 0, 0],
  )
  assert.equal(dispatcher.state(held)?.undone, 0)
  await clock.advance(60_000)
  assert.equal(drain.result, 0)
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test('only the drained claims end, and a message of another that waited behind them goes on', async () => {
  const { dispatcher, clock, failures } = new Harness()
  const calls = new Calls()
  const handle = route(
    (message, context) => {
      if (message.partition === 0) throw new Error('no')
      return calls.handle(message, context)
    },
    { attempts: 1, onFailure: 'hold', redeliverMs: 1_000_000 },
  )
  // Equal keys collide here, as two keys of two partitions may.
  const [ending, going] = [new FakeClaim(0, ['a']), new FakeClaim(1, ['a'])]
  dispatcher.add(ending, handle)
  await clock.advance(1)
  assert.equal(failures.length, 1)
  dispatcher.add(going, handle)
  await clock.advance(1)
  assert.deepEqual(calls.running, [])
  void dispatcher.drain([ending], times)
  await clock.advance(1)
  assert.deepEqual(calls.running, ['0'])
  dispatcher.close()
})

test('of two drains of the same claim both resolve when it is idle', async () => {
  const { dispatcher, clock, calls, claim } = await busy()
  const revoked = watch(dispatcher.drain([claim], times))
  const closing = watch(dispatcher.drain([claim], { ...times, reason: 'closing' }))
  calls.of(0).resolve()
  calls.of(1).resolve()
  await clock.advance(1)
  assert.equal(revoked.result, 0)
  assert.equal(closing.result, 0)
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test('the first of two drains that is over does not end the other', async () => {
  const { dispatcher, clock, calls, claim } = await busy()
  const short = watch(dispatcher.drain([claim], { drainMs: 10, abandonMs: 10, reason: 'revoked' }))
  const long = watch(dispatcher.drain([claim], times))
  await clock.advance(100)
  assert.equal(short.result, 2)
  calls.of(0).resolve()
  calls.of(1).resolve()
  await clock.advance(1)
  assert.equal(long.result, 0)
  dispatcher.close()
})

test('a hurry ends the wait for handlers, not the time they have after their signal', async () => {
  const { dispatcher, clock, calls, claim } = await busy()
  const hurry = new AbortController()
  const drain = watch(dispatcher.drain([claim], { ...times, hurry: hurry.signal }))
  await clock.advance(10)
  hurry.abort()
  await clock.advance(1)
  assert.ok(calls.of(0).context.signal.aborted)
  calls.of(0).resolve()
  calls.of(1).resolve()
  await clock.advance(1)
  assert.equal(drain.result, 0)
  assert.deepEqual(claim.settled, [0, 1])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test('what was lost gets its signal at once, starts nothing more, and settles nothing', async () => {
  const { dispatcher, clock, calls, claim, failures, retries } = await busy()
  claim.live = false
  const { signal } = calls.of(0).context
  dispatcher.abandon([claim])
  assert.ok(signal.reason instanceof PartitionLost)
  calls.of(0).reject(signal.reason)
  calls.of(1).resolve()
  await clock.advance(1_000)
  assert.deepEqual(claim.settled, [])
  assert.deepEqual([failures, retries], [[], []])
  assert.equal(calls.all.length, 2)
  assert.equal(dispatcher.running, 0)
  dispatcher.close()
})

test('a partition that comes back is a new claim, beside handlers of the old one that still run', async () => {
  const { dispatcher, clock, calls, claim } = await busy()
  claim.live = false
  dispatcher.abandon([claim])
  calls.of(1).resolve()
  const again = new FakeClaim(0, ['z'])
  dispatcher.add(again, route(calls.handle))
  await clock.advance(1)
  assert.equal(calls.all.length, 3)
  calls.all[2]?.resolve()
  calls.all[0]?.resolve()
  await clock.advance(1)
  assert.deepEqual(again.settled, [0])
  assert.deepEqual(claim.settled, [])
  dispatcher.close()
})

test('no timer is left after close, whatever was under way', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const fail = () => assert.fail('no')
  const running = new FakeClaim(0, ['a', 'a'])
  dispatcher.add(running, route(calls.handle))
  dispatcher.add(new FakeClaim(1, ['b']), route(fail))
  dispatcher.add(new FakeClaim(2, ['c']), route(fail, { attempts: 1, onFailure: 'leave' }))
  dispatcher.add(new FakeClaim(3, ['d']), batchRoute(fail))
  await clock.advance(1)
  dispatcher.close()
  assert.equal(clock.timers, 0)
  calls.of(0).reject(new Error('late'))
  await clock.advance(100_000)
  assert.equal(clock.timers, 0)
  assert.equal(calls.all.length, 1)
})

test('a drain that still waits when the dispatcher is closed is over', async () => {
  const { dispatcher, clock, claim } = await busy()
  const drain = watch(dispatcher.drain([claim], { ...times, drainMs: 20_000 }))
  await clock.advance(10)
  // Another drain of it was in a hurry, and its claim was given up.
  void dispatcher.drain([claim], { ...times, hurry: AbortSignal.abort() })
  await clock.advance(600)
  assert.equal(drain.result, 'pending')
  dispatcher.close()
  await clock.advance(0)
  assert.equal(drain.result, 2)
  assert.equal(clock.timers, 0)
})

test('a handler that loses its own partition before it first waits gets its signal, and its rejection is no failure', async () => {
  const { dispatcher, clock, failures, retries, ...harness } = new Harness()
  const claim = new FakeClaim(0, ['a', 'a', 'b'])
  const signals: AbortSignal[] = []
  const lose = async (_message: unknown, { signal }: { signal: AbortSignal }) => {
    signals.push(signal)
    claim.live = false
    dispatcher.abandon([claim])
    await null
    signal.throwIfAborted()
  }
  dispatcher.add(claim, route(lose))
  await clock.advance(1)
  assert.equal(signals.length, 1)
  assert.ok(signals[0]?.reason instanceof PartitionLost)
  assert.deepEqual([failures, retries, claim.settled, harness.fatal], [[], [], [], []])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test('a handler that loses its own partition and throws at once has not failed either', async () => {
  const { dispatcher, clock, failures, retries } = new Harness()
  const claim = new FakeClaim(0, ['a'])
  const lose = () => {
    claim.live = false
    dispatcher.abandon([claim])
    throw new Error('no longer mine')
  }
  dispatcher.add(claim, route(lose))
  await clock.advance(1)
  assert.deepEqual([failures, retries, claim.settled], [[], [], []])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})

test('what stopped the consumer comes again, so a drain does not wait for it, though later messages had started', async () => {
  const { dispatcher, clock, calls, claim, fatal } = await busy({ attempts: 1, onFailure: 'stop' })
  calls.of(0).reject(new Error('no'))
  await clock.advance(1)
  assert.equal(fatal.length, 1)
  const drain = watch(dispatcher.drain([claim], times))
  calls.of(1).resolve()
  await clock.advance(1)
  assert.equal(drain.result, 0)
  assert.deepEqual(claim.settled, [1])
  dispatcher.close()
})
