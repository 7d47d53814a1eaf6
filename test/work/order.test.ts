import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClaim } from './fake-claim.ts'
import { Calls, Harness, route } from './harness.ts'

test("under 'key' one message of each key runs at a time, in order; those without a key run at once", async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a', 'a', 'b', null, null, 'a', ''])
  dispatcher.add(claim, route(calls.handle))
  await clock.advance(1)
  assert.deepEqual(calls.running, ['0', '2', '3', '4', '6'])
  assert.equal(dispatcher.state(claim)?.inFlight, 5)
  assert.equal(dispatcher.state(claim)?.waiting, 2)
  calls.of(0).resolve()
  calls.of(2).resolve()
  await clock.advance(1)
  assert.deepEqual(calls.running, ['3', '4', '6', '1'])
  calls.of(1).resolve()
  await clock.advance(1)
  assert.deepEqual(calls.running, ['3', '4', '6', '5'])
  assert.deepEqual(claim.settled, [0, 2, 1])
  dispatcher.close()
})

test("under 'key' the empty key is a key, which waits for itself", async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  dispatcher.add(new FakeClaim(0, ['', '']), route(calls.handle))
  await clock.advance(1)
  assert.deepEqual(calls.running, ['0'])
  dispatcher.close()
})

test("under 'partition' one message runs at a time, in order, in each partition", async () => {
  const { dispatcher, clock } = new Harness()
  const started: string[] = []
  const calls = new Calls()
  const handle = route(
    (message, context) => {
      started.push(`${message.partition}:${message.offset}`)
      return message.partition === 0 ? calls.handle(message, context) : undefined
    },
    { order: 'partition' },
  )
  const [first, second] = [new FakeClaim(0, [null, 'a', 'b']), new FakeClaim(1, ['a', 'b', 'c'])]
  dispatcher.add(first, handle)
  dispatcher.add(second, handle)
  await clock.advance(1)
  assert.deepEqual(second.settled, [0, 1, 2])
  assert.deepEqual(calls.running, ['0'])
  calls.of(0).resolve()
  await clock.advance(1)
  assert.deepEqual(calls.running, ['1'])
  assert.deepEqual(
    started.filter(place => place.startsWith('0')),
    ['0:0', '0:1'],
  )
  dispatcher.close()
})

test("under 'none' everything runs at once, up to the concurrency", async () => {
  const { dispatcher, clock } = new Harness({ concurrency: 3 })
  const calls = new Calls()
  dispatcher.add(new FakeClaim(0, ['a', 'a', 'a', 'a']), route(calls.handle, { order: 'none' }))
  await clock.advance(1)
  assert.deepEqual(calls.running, ['0', '1', '2'])
  assert.equal(dispatcher.running, 3)
  calls.of(1).resolve()
  await clock.advance(1)
  assert.deepEqual(calls.running, ['0', '2', '3'])
  dispatcher.close()
})

test('perPartition bounds each partition by itself', async () => {
  const { dispatcher, clock } = new Harness({ concurrency: 5, perPartition: 2 })
  const calls = new Calls()
  const keys = [null, null, null, null]
  const [first, second] = [new FakeClaim(0, keys), new FakeClaim(1, keys)]
  dispatcher.add(first, route(calls.handle))
  dispatcher.add(second, route(calls.handle))
  await clock.advance(1)
  assert.equal(dispatcher.state(first)?.inFlight, 2)
  assert.equal(dispatcher.state(second)?.inFlight, 2)
  for (const call of calls.all) call.resolve()
  await clock.advance(1)
  assert.deepEqual(first.settled, [0, 1])
  assert.equal(dispatcher.state(first)?.inFlight, 2)
  dispatcher.close()
})

test('a key that waits holds back only so many messages of its partition, and no other partition', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const hot = new FakeClaim(0, new Array(5_000).fill('hot'))
  const cold = new FakeClaim(1, new Array(5_000).fill(null))
  const handle = route((message, context) => (message.partition === 0 ? calls.handle(message, context) : undefined))
  dispatcher.add(hot, handle)
  dispatcher.add(cold, handle)
  await clock.advance(100)
  assert.deepEqual(calls.running, ['0'])
  assert.ok(hot.taken <= 2_050, `${hot.taken} were taken`)
  assert.equal(dispatcher.state(hot)?.blocked, 'lookahead')
  assert.equal(cold.settled.length, 5_000)
  calls.of(0).resolve()
  await clock.advance(1)
  assert.deepEqual(calls.running, ['1'])
  dispatcher.close()
})

test('one hot key among eight partitions leaves the other seven at 90 % of their rate or more', async () => {
  const fair = await rateOfSeven(() => null)
  const besideHotKey = await rateOfSeven(partition => (partition === 0 ? 'hot' : null))
  assert.ok(besideHotKey >= 0.9 * fair, `${besideHotKey} of ${fair}`)
})

/** How many messages seven of eight partitions handle in 500 ms; `keyOf` is each partition's key. */
async function rateOfSeven(keyOf: (partition: number) => string | null): Promise<number> {
  const { dispatcher, clock } = new Harness({ concurrency: 32 })
  const claims = Array.from({ length: 8 }, (_, partition) => {
    return new FakeClaim(partition, new Array(4_000).fill(keyOf(partition)))
  })
  const handle = route(() => new Promise<void>(resolve => clock.after(5, resolve)))
  for (const claim of claims) dispatcher.add(claim, handle)
  await clock.advance(500)
  dispatcher.close()
  return claims.slice(1).reduce((sum, claim) => sum + claim.settled.length, 0)
}

test('keys of two partitions that collide only wait for each other', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const [first, second] = [new FakeClaim(0, ['a', 'a']), new FakeClaim(1, ['a'])]
  dispatcher.add(first, route(calls.handle))
  dispatcher.add(second, route(calls.handle))
  await clock.advance(1)
  for (let left = 3; left > 0; left--) {
    assert.equal(calls.running.length, 1)
    calls.all.at(-1)?.resolve()
    await clock.advance(1)
  }
  assert.deepEqual(first.settled, [0, 1])
  assert.deepEqual(second.settled, [0])
  dispatcher.close()
})

test('nothing is taken while the claim is not dispatchable, what waits included; a wake goes on', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a', 'a', 'b'])
  dispatcher.add(claim, route(calls.handle))
  await clock.advance(1)
  claim.dispatchable = false
  calls.of(0).resolve()
  calls.of(2).resolve()
  claim.write(['c'])
  dispatcher.wake(claim)
  await clock.advance(1)
  assert.deepEqual(calls.running, [])
  claim.dispatchable = true
  dispatcher.wake(claim)
  await clock.advance(1)
  assert.deepEqual(calls.running, ['1', '3'])
  dispatcher.close()
})
