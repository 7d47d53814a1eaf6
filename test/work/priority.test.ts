import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Seats } from '../../src/work/seats.ts'
import { FakeClaim, type FakeMessage } from './fake-claim.ts'
import { Calls, Harness, route } from './harness.ts'

const keys = (count: number) => new Array<null>(count).fill(null)

test('where units of concurrency are scarce, routes with a higher priority have them first', async () => {
  const { dispatcher, clock } = new Harness({ concurrency: 2 })
  const started: number[] = []
  const handle = async ({ partition }: { partition: number }) => {
    started.push(partition)
    await new Promise<void>(resolve => clock.after(10, resolve))
  }
  // In the order in which nobody would guess it.
  for (const priority of [0, 5, -5, 1]) {
    dispatcher.add(new FakeClaim(priority, keys(6)), route(handle, { priority }))
  }
  await clock.advance(1_000)
  assert.deepEqual(
    started,
    [5, 1, 0, -5].flatMap(priority => new Array(6).fill(priority)),
  )
  dispatcher.close()
})

test('what comes for a higher priority is next, and nothing that runs is disturbed', async () => {
  const { dispatcher, clock } = new Harness({ concurrency: 1 })
  const calls = new Calls()
  const urgent = new FakeClaim(1)
  const usual = new FakeClaim(0, keys(3))
  dispatcher.add(usual, route(calls.handle))
  dispatcher.add(urgent, route(calls.handle, { priority: 1 }))
  await clock.advance(10)
  urgent.write([null])
  dispatcher.wake(urgent)
  await clock.advance(10)
  assert.equal(calls.all.length, 1)
  calls.of(0).resolve()
  await clock.advance(10)
  assert.equal(calls.all.length, 2)
  assert.deepEqual([urgent.taken, usual.taken], [1, 1])
  dispatcher.close()
})

test('what a higher priority has no use for goes to the lower: while it waits for its rate, its key, or another attempt', async () => {
  const { dispatcher, clock } = new Harness({ concurrency: 1 })
  const rate = { messages: 1, perMs: 100, burst: 1 }
  const urgent = new FakeClaim(1, keys(3))
  const usual = new FakeClaim(0, keys(100))
  const startedAt: number[] = []
  const handle = async () => {
    startedAt.push(clock.now())
    await new Promise<void>(resolve => clock.after(10, resolve))
  }
  dispatcher.add(
    usual,
    route(() => new Promise<void>(resolve => clock.after(10, resolve))),
  )
  dispatcher.add(urgent, route(handle, { priority: 1, rate }))
  await clock.advance(500)
  const first = startedAt[0] as number
  // After at most the one handler that ran.
  assert.deepEqual(
    startedAt.map(at => Math.floor((at - first) / 100)),
    [0, 1, 2],
  )
  assert.ok(usual.settled.length >= 40, `${usual.settled.length}`)
  dispatcher.close()
})

test('a lower priority is slow, and never stands still: of 17 messages that start, one is of those below', async () => {
  const { dispatcher, clock } = new Harness({ concurrency: 2 })
  const started: number[] = []
  const handle = async ({ partition }: { partition: number }) => {
    started.push(partition)
    await new Promise<void>(resolve => clock.after(1, resolve))
  }
  // There is always more to do of each.
  for (const priority of [3, 2, 1]) dispatcher.add(new FakeClaim(priority, keys(5_000)), route(handle, { priority }))
  for (let looks = 0; started.length < 17 * 17 * 3; looks++) {
    assert.ok(looks < 10_000, `${started.length}`)
    await clock.advance(1)
  }
  for (const priority of [3, 2]) {
    const fromHere = started.filter(each => each <= priority)
    fromHere.forEach((each, at) => {
      assert.equal(each < priority, at % 17 === 16, `${priority}: ${at}`)
    })
  }
  assert.ok(started.filter(each => each === 1).length >= 3)
  dispatcher.close()
})

for (const seated of [2, 1]) {
  test(`the same where handlers of priority ${seated} run in threads`, async () => {
    const { dispatcher, clock } = new Harness({ concurrency: 1 })
    const started: number[] = []
    const handle = async ({ partition }: { partition: number }) => {
      started.push(partition)
      await new Promise<void>(resolve => clock.after(1, resolve))
    }
    const seats = new Seats<FakeMessage>()
    seats.resize(4)
    for (const priority of [2, 1]) {
      const options = { priority, ...(priority === seated ? { seats } : {}) }
      dispatcher.add(new FakeClaim(priority, keys(5_000)), route(handle, options))
    }
    for (let looks = 0; started.length < 17 * 17; looks++) {
      assert.ok(looks < 10_000, `${started.length}`)
      await clock.advance(1)
    }
    started.forEach((each, at) => {
      assert.equal(each === 1, at % 17 === 16, `${at}`)
    })
    dispatcher.close()
  })
}

test('partitions of one priority take turns', async () => {
  const { dispatcher, clock } = new Harness({ concurrency: 2 })
  const claims = [0, 1, 2].map(partition => new FakeClaim(partition, keys(200)))
  for (const claim of claims) {
    dispatcher.add(
      claim,
      route(() => new Promise<void>(resolve => clock.after(1, resolve)), { priority: 7 }),
    )
  }
  await clock.advance(100)
  const counts = claims.map(claim => claim.settled.length)
  assert.ok(Math.max(...counts) - Math.min(...counts) <= 17, `${counts}`)
  dispatcher.close()
})
