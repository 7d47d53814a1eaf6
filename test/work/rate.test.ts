import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { constant } from '../../src/base/backoff.ts'
import { KeyRates, type Rate } from '../../src/work/rate.ts'
import { Seats } from '../../src/work/seats.ts'
import type { VirtualClock } from '../virtual-clock.ts'
import { FakeClaim, FakeMessage } from './fake-claim.ts'
import { batchRoute, Calls, Harness, route } from './harness.ts'

/** Ten a second, one at a time. */
const slow: Rate = { messages: 10, perMs: 1_000, burst: 1 }
const times = { drainMs: 1_000, abandonMs: 500, reason: 'revoked' } as const

interface Start {
  readonly at: number
  readonly count: number
}

/** In no window were there more than the rate allows; the last of a window needs one token, however many it takes. */
function assertWithin(starts: readonly Start[], { messages, perMs, burst }: Rate, what: string): void {
  for (let first = 0; first < starts.length; first++) {
    const { at: from } = starts[first] as Start
    let before = 0
    for (let last = first; last < starts.length; last++) {
      const { at, count } = starts[last] as Start
      const allowed = burst + ((at - from) * messages) / perMs
      assert.ok(before + 1 <= allowed + 1e-6, `${what}: ${before + 1} from ${from} to ${at}, ${allowed} are allowed`)
      before += count
    }
  }
}

/** Until all is handled; the slowest rate here is one in 200 ms. */
async function handled(clock: VirtualClock, claims: readonly FakeClaim[]): Promise<void> {
  const open = () => claims.some(claim => claim.settled.length < claim.messages.length)
  for (let looks = 0; open() && looks < 1_000; looks++) await clock.advance(100)
  for (const claim of claims) assert.equal(claim.settled.length, claim.messages.length)
}

const rates = fc.record({
  messages: fc.integer({ min: 1, max: 50 }),
  perMs: fc.constantFrom(7, 50, 200),
  burst: fc.integer({ min: 1, max: 20 }),
})

const stories = fc.record({
  rate: fc.option(rates),
  keyRate: fc.option(rates),
  order: fc.constantFrom('key' as const, 'partition' as const, 'none' as const),
  concurrency: fc.integer({ min: 1, max: 8 }),
  partitions: fc.array(fc.array(fc.constantFrom('a', 'b', 'c', 'd', null), { minLength: 1, maxLength: 25 }), {
    minLength: 1,
    maxLength: 3,
  }),
  /** How long each handler takes, whether it fails then, and whether the event loop stands still while it is entered. */
  handlers: fc.array(
    fc.record({ ms: fc.constantFrom(0, 0, 3, 40), fails: fc.boolean(), blocks: fc.constantFrom(0, 0, 0, 0, 30) }),
    { minLength: 1, maxLength: 10 },
  ),
})

test('in no window of time do more messages start than the rate allows, of the route and of each key, and all are handled', async () => {
  await fc.assert(
    fc.asyncProperty(stories, async ({ rate, keyRate, order, concurrency, partitions, handlers }) => {
      const { dispatcher, clock } = new Harness({ concurrency })
      const all: Start[] = []
      const byKey = new Map<string, Start[]>()
      const entered: FakeMessage[] = []
      let calls = 0
      const handle = async (message: FakeMessage) => {
        const { ms, fails, blocks } = handlers[calls++ % handlers.length] as (typeof handlers)[number]
        const start = { at: clock.now(), count: 1 }
        all.push(start)
        entered.push(message)
        if (message.key !== null) byKey.set(message.key, [...(byKey.get(message.key) ?? []), start])
        clock.skip(blocks)
        if (ms > 0) await new Promise<void>(resolve => clock.after(ms, resolve))
        if (fails) throw new Error('no')
      }
      const work = route(handle, { rate, keyRate, order, attempts: 2, backoff: constant(20) })
      const claims = partitions.map((keys, partition) => new FakeClaim(partition, keys))
      for (const claim of claims) dispatcher.add(claim, work)
      await handled(clock, claims)
      if (rate !== null) assertWithin(all, rate, 'the route')
      if (keyRate !== null) for (const [key, starts] of byKey) assertWithin(starts, keyRate, key)
      if (order !== 'none') {
        for (const { partition } of claims) {
          for (const key of ['a', 'b', 'c', 'd']) {
            const offsets = entered.filter(each => each.partition === partition && each.key === key).map(m => m.offset)
            assert.deepEqual(
              offsets,
              offsets.toSorted((a, b) => a - b),
            )
          }
        }
      }
      assert.equal(dispatcher.running, 0)
      dispatcher.close()
      assert.equal(clock.timers, 0)
    }),
    { seed: 11, numRuns: 120 },
  )
})

test('batches count as their messages: each waits until those before it are paid for', async () => {
  const kinds = fc.constantFrom(
    { by: 'partition', order: 'key' } as const,
    { by: 'key', order: 'key' } as const,
    { by: 'route', order: 'none' } as const,
  )
  const limits = fc.record({ rate: rates, messages: fc.integer({ min: 1, max: 40 }), kind: kinds })
  await fc.assert(
    fc.asyncProperty(limits, async ({ rate, messages, kind: { by, order } }) => {
      const { dispatcher, clock } = new Harness({ concurrency: 4 })
      const starts: Start[] = []
      const handle = (batch: readonly FakeMessage[]) => void starts.push({ at: clock.now(), count: batch.length })
      const claims = [new FakeClaim(0, new Array(90).fill('a')), new FakeClaim(1, new Array(50).fill(null))]
      const work = batchRoute(handle, { by, messages }, { rate, order })
      for (const claim of claims) dispatcher.add(claim, work)
      await handled(clock, claims)
      assertWithin(starts, rate, 'the route')
      dispatcher.close()
    }),
    { seed: 12, numRuns: 40 },
  )
})

test('a batch is filled while it waits for its rate', async () => {
  const { dispatcher, clock } = new Harness()
  const starts: Start[] = []
  const handle = (batch: readonly FakeMessage[]) => void starts.push({ at: clock.now(), count: batch.length })
  const claim = new FakeClaim(0, new Array(10).fill(null))
  dispatcher.add(claim, batchRoute(handle, { messages: 5 }, { rate: slow }))
  await clock.advance(10)
  assert.deepEqual([claim.taken, claim.settled.length], [10, 5])
  await clock.advance(500)
  assert.deepEqual(starts, [
    { at: 1_000, count: 5 },
    { at: 1_500, count: 5 },
  ])
  dispatcher.close()
})

test('of a batch that mixes partitions each of them says that it waits for its rate', async () => {
  const { dispatcher, clock } = new Harness()
  const claims = [0, 1].map(partition => new FakeClaim(partition, new Array(4).fill(null)))
  const work = batchRoute(() => {}, { by: 'route', messages: 4 }, { rate: slow, order: 'none' })
  for (const claim of claims) dispatcher.add(claim, work)
  await clock.advance(10)
  assert.deepEqual(
    claims.map(claim => dispatcher.marks(claim)?.heldUntil),
    [1_400, 1_400],
  )
  await clock.advance(400)
  assert.deepEqual(
    claims.map(({ settled }) => settled.length),
    [4, 4],
  )
  dispatcher.close()
})

test('where there is enough to do, the rate is reached', async () => {
  await fc.assert(
    fc.asyncProperty(rates, fc.boolean(), async (drawn, keyed) => {
      // Timers have whole milliseconds: what comes in two of them may start at once.
      const { messages, perMs } = drawn
      const rate = { ...drawn, burst: Math.max(drawn.burst, Math.ceil((2 * messages) / perMs) + 1) }
      const { dispatcher, clock } = new Harness({ concurrency: 4 })
      const starts: number[] = []
      const work = route(() => void starts.push(clock.now()), keyed ? { keyRate: rate } : { rate })
      const claim = new FakeClaim(0, new Array(200).fill('a'))
      dispatcher.add(claim, work)
      await handled(clock, [claim])
      assert.equal(starts.length, 200)
      const tookMs = (starts.at(-1) as number) - (starts[0] as number)
      const leastMs = (Math.max(0, 200 - rate.burst) * perMs) / messages
      assert.ok(tookMs <= leastMs + 2 && tookMs >= leastMs - 0.001, `${tookMs} ms, ${leastMs} at least`)
      dispatcher.close()
    }),
    { seed: 13, numRuns: 60 },
  )
})

test('each attempt counts', async () => {
  const { dispatcher, clock } = new Harness()
  const at: number[] = []
  const fail = () => {
    at.push(clock.now())
    throw new Error('no')
  }
  dispatcher.add(new FakeClaim(0, ['a', 'b']), route(fail, { rate: slow, attempts: 2, backoff: constant(0) }))
  await clock.advance(2_000)
  assert.deepEqual(
    at.map(each => Math.round((each - (at[0] as number)) / 100)),
    [0, 1, 2, 3],
  )
  dispatcher.close()
})

test('what waits for its rate takes no unit of concurrency, and keeps no other route back', async () => {
  const { dispatcher, clock } = new Harness({ concurrency: 1 })
  const quick = new FakeClaim(1, new Array(500).fill('a'))
  const paced = new FakeClaim(0, new Array(5).fill('a'))
  dispatcher.add(
    paced,
    route(() => {}, { rate: slow }),
  )
  dispatcher.add(
    quick,
    route(() => {}),
  )
  await clock.advance(10)
  assert.deepEqual([paced.settled.length, quick.settled.length], [1, 500])
  assert.equal(dispatcher.running, 0)
  assert.deepEqual(paced.taken, 1)
  assert.equal(dispatcher.marks(paced)?.heldUntil, 1_100)
  paced.dispatchable = false
  assert.equal(dispatcher.marks(paced)?.heldUntil, null)
  paced.dispatchable = true
  assert.deepEqual(dispatcher.state(paced), { inFlight: 0, waiting: 0, undone: 0, blocked: null })
  assert.equal(dispatcher.marks(quick)?.heldUntil, null)
  await clock.advance(1_000)
  assert.equal(paced.settled.length, 5)
  assert.equal(dispatcher.marks(paced)?.heldUntil, null)
  dispatcher.close()
})

test('a key that waits for its rate keeps no other key back, and its messages stay in order', async () => {
  const { dispatcher, clock } = new Harness()
  const claim = new FakeClaim(0, ['a', 'a', 'a', 'b', null, 'a', null, 'c'])
  dispatcher.add(
    claim,
    route(() => {}, { keyRate: slow }),
  )
  await clock.advance(10)
  assert.deepEqual(claim.settled, [0, 3, 4, 6, 7])
  assert.equal(dispatcher.marks(claim)?.paced, 1)
  assert.deepEqual(dispatcher.timed().get(claim), { paced: { messages: 1, offset: 1, due: 1_100 } })
  await clock.advance(1_000)
  assert.deepEqual(claim.settled, [0, 3, 4, 6, 7, 1, 2, 5])
  assert.equal(dispatcher.marks(claim)?.paced, 0)
  dispatcher.close()
})

test('messages of one key that wait for its rate start in the order in which they were taken, though nothing else asks for one', async () => {
  const { dispatcher, clock } = new Harness()
  const claim = new FakeClaim(0, new Array(12).fill('a'))
  dispatcher.add(
    claim,
    route(() => {}, { keyRate: slow, order: 'none' }),
  )
  await clock.advance(650)
  assert.deepEqual(claim.settled, [0, 1, 2, 3, 4, 5, 6])
  claim.write(['a', 'b'])
  dispatcher.wake(claim)
  await clock.advance(700)
  assert.deepEqual(claim.settled, [0, 1, 2, 3, 4, 5, 6, 13, 7, 8, 9, 10, 11, 12])
  dispatcher.close()
})

test('a message that waits for its rate for longer than a handler may take is copied out of its batch', async () => {
  for (const [timeoutMs, detached] of [
    [50, true],
    [200, false],
  ] as const) {
    const { dispatcher, clock } = new Harness()
    const claim = new FakeClaim(0, ['a', 'a'])
    dispatcher.add(
      claim,
      route(() => {}, { keyRate: slow, timeoutMs }),
    )
    await clock.advance(10)
    assert.deepEqual(
      claim.messages.map(message => message.detached),
      [false, detached],
    )
    dispatcher.close()
  }
})

test('the timeout does not run while a message waits for its rate', async () => {
  for (const limit of [{ rate: slow }, { keyRate: slow }]) {
    const { dispatcher, clock, timeouts } = new Harness()
    const calls = new Calls()
    dispatcher.add(new FakeClaim(0, ['a', 'a']), route(calls.handle, { ...limit, timeoutMs: 90, order: 'none' }))
    await clock.advance(10)
    calls.of(0).resolve()
    await clock.advance(95)
    const { deadline } = calls.of(1).context
    assert.ok(deadline > clock.wallTime() + 80, 'from when it started')
    assert.deepEqual(timeouts, [])
    dispatcher.close()
  }
})

test('partitions of a route take turns within its rate', async () => {
  const { dispatcher, clock } = new Harness()
  const claims = [0, 1, 2, 3].map(partition => new FakeClaim(partition, new Array(100).fill('a')))
  const work = route(() => {}, { rate: { messages: 100, perMs: 1_000, burst: 1 } })
  for (const claim of claims) dispatcher.add(claim, work)
  await clock.advance(2_005)
  const counts = claims.map(claim => claim.settled.length)
  assert.ok(Math.min(...counts) >= 49, `${counts}`)
  assert.ok(Math.max(...counts) <= 52, `${counts}`)
  dispatcher.close()
})

test('partitions of a route that runs in few threads take turns within its rate too, and all are handled', async () => {
  const { dispatcher, clock } = new Harness()
  const seats = new Seats<FakeMessage>()
  const at: number[] = []
  const handle = () => {
    at.push(clock.now())
    return new Promise<void>(resolve => clock.after(30, resolve))
  }
  const claims = [0, 1, 2].map(partition => new FakeClaim(partition, new Array(10).fill(null)))
  const work = route(handle, { seats, rate: slow, order: 'none' })
  for (const claim of claims) dispatcher.add(claim, work)
  seats.resize(1)
  await clock.advance(1_550)
  for (const { settled } of claims) assert.ok(Math.abs(settled.length - 5) <= 1, `${settled.length}`)
  await handled(clock, claims)
  assertWithin(
    at.map(each => ({ at: each, count: 1 })),
    slow,
    'the route',
  )
  dispatcher.close()
})

test('routes of one family share their rates, others have their own', async () => {
  const { dispatcher, clock } = new Harness()
  const family = {}
  const claims = [0, 1, 2].map(partition => new FakeClaim(partition, new Array(20).fill('a')))
  const [first, second, other] = claims as [FakeClaim, FakeClaim, FakeClaim]
  dispatcher.add(
    first,
    route(() => {}, { rate: slow, family }),
  )
  dispatcher.add(
    second,
    route(() => {}, { rate: slow, family }),
  )
  dispatcher.add(
    other,
    route(() => {}, { rate: slow }),
  )
  await clock.advance(901)
  assert.equal(first.settled.length + second.settled.length, 10)
  assert.equal(other.settled.length, 10)
  dispatcher.close()
})

test('a drain finishes what its rate lets start in time, and does not wait for the rest', async () => {
  for (const limit of [{ rate: slow }, { keyRate: slow }]) {
    const { dispatcher, clock } = new Harness({ concurrency: 2 })
    const calls = new Calls()
    // Of `a` messages are in front of what runs; those of `b` take their lanes.
    const claim = new FakeClaim(0, ['a', 'a', 'a', 'a', 'b'])
    const slower = { ...slow, burst: 2 }
    dispatcher.add(claim, route(calls.handle, 'rate' in limit ? { rate: slower } : limit))
    await clock.advance(1)
    assert.deepEqual(calls.running, ['0', '4'])
    let drained: number | null = null
    const began = clock.now()
    const drain = dispatcher.drain([claim], { ...times, drainMs: 250 }).then(undone => {
      drained = clock.now() - began
      assert.equal(undone, 0)
    })
    calls.of(4).resolve()
    for (let offset = 0; offset < 3; offset++) {
      await clock.advance(offset === 0 ? 1 : 101)
      calls.of(offset).resolve()
    }
    await clock.advance(1)
    // The last one in front would start after 300 ms.
    assert.deepEqual(claim.settled, [4, 0, 1, 2])
    assert.ok(drained !== null && drained < 230, `${drained}`)
    await drain
    dispatcher.close()
    assert.equal(clock.timers, 0)
  }
})

test('a drain waits for a message in front of what is done as long as the rate of its key asks for, unless that is too long', async () => {
  for (const [drainMs, settled] of [
    [200, [0, 2, 1]],
    [40, [0, 2]],
  ] as const) {
    const { dispatcher, clock } = new Harness()
    const claim = new FakeClaim(0, ['a', 'a', 'b'])
    dispatcher.add(
      claim,
      route(() => {}, { keyRate: slow }),
    )
    await clock.advance(50)
    assert.deepEqual(claim.settled, [0, 2])
    let drained = false
    const drain = dispatcher.drain([claim], { ...times, drainMs }).then(() => {
      drained = true
    })
    await clock.advance(0)
    assert.equal(drained, drainMs === 40)
    await clock.advance(52)
    assert.deepEqual(claim.settled, settled)
    await drain
    dispatcher.close()
    assert.equal(clock.timers, 0)
  }
})

test('what waits for its rate is given up with its partition, and leaves no timer', async () => {
  for (const end of ['abandon', 'close'] as const) {
    for (const limit of [{ rate: slow }, { keyRate: slow }]) {
      const { dispatcher, clock } = new Harness()
      const claim = new FakeClaim(0, ['a', 'a', 'b'])
      dispatcher.add(
        claim,
        route(() => {}, limit),
      )
      await clock.advance(10)
      if (end === 'close') dispatcher.close()
      else dispatcher.abandon([claim])
      claim.live = false
      await clock.advance(1_000)
      assert.equal(claim.settled.length, 'rate' in limit ? 1 : 2)
      dispatcher.close()
      assert.equal(clock.timers, 0)
    }
  }
})

test('a rate outlives the partitions it is for', async () => {
  for (const limit of [{ rate: slow }, { keyRate: slow }]) {
    const { dispatcher, clock } = new Harness()
    const work = route(() => {}, limit)
    const before = new FakeClaim(0, ['a', 'a', 'a'])
    dispatcher.add(before, work)
    await clock.advance(10)
    dispatcher.abandon([before])
    before.live = false
    const after = new FakeClaim(0, ['a', 'a', 'a'])
    dispatcher.add(after, work)
    await clock.advance(10)
    assert.deepEqual(after.settled, [])
    await clock.advance(85)
    assert.deepEqual(after.settled, [0])
    dispatcher.close()
  }
})

test('keys whose buckets are full are forgotten, and too many at once share buckets: none goes faster than its rate', () => {
  const rate = { messages: 1, perMs: 20_000, burst: 2 }
  const most = 50
  const keys = new KeyRates<FakeMessage>(rate, 1, most)
  const starts = new Map<string, Start[]>()
  const take = (key: string, now: number) => {
    const message = new FakeMessage(0, 0, key)
    if (keys.take(message, now, true) > 0) {
      keys.waited(message)
      return
    }
    starts.set(key, [...(starts.get(key) ?? []), { at: now, count: 1 }])
  }
  let largest = 0
  for (let now = 0; now < 60_000; now += 10) {
    const at = now / 10
    // Sometimes few, sometimes more than may be remembered.
    const several = now % 20_000 < 10_000 ? 10 : 5_000
    take(`key-${(at * 7) % several}`, now)
    take('always', now)
    largest = Math.max(largest, keys.size)
  }
  for (const [key, those] of starts) assertWithin(those, rate, key)
  assert.ok(largest > most && largest <= most + 1_024, `${largest}`)
  // Slower than it might be, as it shared for some of the time.
  assert.ok((starts.get('always')?.length ?? 0) >= 2, `${starts.get('always')?.length}`)
  for (let now = 100_000; now < 20_000_000; now += 20_000) take(`late-${now}`, now)
  assert.ok(keys.size <= 5, `${keys.size}`)
})
