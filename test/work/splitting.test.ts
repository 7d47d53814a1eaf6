import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { constant } from '../../src/base/backoff.ts'
import { type Decision, Poison } from '../../src/work/failure.ts'
import { halves } from '../../src/work/halves.ts'
import type { Order } from '../../src/work/route.ts'
import { NO_LANE, Slot } from '../../src/work/slot.ts'
import { FakeClaim, type FakeMessage } from './fake-claim.ts'
import { batchRoute, Calls, Harness } from './harness.ts'

function slots(lanes: readonly number[]): Slot[] {
  return lanes.map(lane =>
    Object.assign(
      new Slot(
        () => {},
        () => {},
      ),
      { lane },
    ),
  )
}

test('halves have all messages, no lane in both unless it is the only one, each lane in its order, and are as even as lanes allow', () => {
  const lane = fc.constantFrom(NO_LANE, NO_LANE, 1, 2, 3, 4, 5)
  fc.assert(
    fc.property(fc.array(lane, { minLength: 2, maxLength: 50 }), lanes => {
      const members = slots(lanes)
      const { first, second, chained } = halves(members)
      assert.ok(first.length > 0 && second.length > 0)
      assert.deepEqual(new Set([...first, ...second]), new Set(members))
      assert.equal(first.length + second.length, members.length)
      assert.equal(chained, new Set(lanes).size === 1 && lanes[0] !== NO_LANE)
      const inOrder = [...first, ...second]
      for (const each of new Set(lanes)) {
        if (each === NO_LANE) continue
        const of = (list: readonly Slot[]) => list.filter(slot => slot.lane === each)
        assert.deepEqual(of(inOrder), of(members))
        if (!chained) assert.ok(of(first).length === 0 || of(second).length === 0)
      }
      const sizes = [...Map.groupBy(lanes, each => each).entries()].filter(([each]) => each !== NO_LANE)
      const largest = Math.max(1, ...sizes.map(([, those]) => those.length))
      assert.ok(Math.abs(first.length - second.length) <= (chained ? 1 : largest))
    }),
    { seed: 8, numRuns: 500 },
  )
})

/** What becomes of one batch of these keys, when these offsets always fail. */
async function poisoned(
  keys: readonly (string | null)[],
  poison: readonly number[],
  options: { order?: Order; attempts?: number; error?: Error; decision?: Decision } = {},
) {
  const { order = 'key', attempts = 1, error = new Error('never'), decision = 'skip' } = options
  const harness = new Harness()
  const claim = new FakeClaim(0, keys)
  const calls: string[] = []
  const handle = (batch: readonly FakeMessage[]) => {
    calls.push(batch.map(({ offset }) => offset).join('+'))
    if (batch.some(({ offset }) => poison.includes(offset))) throw error
  }
  const policy = { order, attempts, onFailure: decision, backoff: constant(100) }
  harness.dispatcher.add(claim, batchRoute(handle, { messages: keys.length }, policy))
  await harness.clock.advance(90)
  const failed = () => harness.failures.map(({ message }) => message.offset)
  return { ...harness, claim, calls, failed }
}

test('a message that always fails is found by halving, and asked about alone; all others are done', async () => {
  const { dispatcher, claim, calls, failed } = await poisoned(new Array(8).fill(null), [5])
  assert.deepEqual(calls, ['0+1+2+3+4+5+6+7', '0+1+2+3', '4+5+6+7', '4+5', '4', '5', '6+7'])
  assert.deepEqual(failed(), [5])
  assert.deepEqual(claim.settled.toSorted(), [0, 1, 2, 3, 4, 5, 6, 7])
  dispatcher.close()
})

for (const [what, keys, order] of [
  ['without keys', new Array(500).fill(null), 'key'],
  ['of one key', new Array(500).fill('a'), 'key'],
  ['of a partition in order', new Array(500).fill(null), 'partition'],
  ['of some keys', Array.from({ length: 500 }, (_, index) => 'abcdefg'[index % 7] ?? ''), 'key'],
] as const) {
  test(`so many that fail cost so many times the logarithm of the batch in calls, whatever they are: messages ${what}`, async () => {
    const poison = [3, 77, 210, 499]
    const { dispatcher, calls, failed, claim } = await poisoned(keys, poison, { order })
    assert.deepEqual(
      failed().toSorted((a, b) => a - b),
      poison,
    )
    assert.equal(claim.settled.length, 500)
    assert.ok(calls.length <= 1 + 2 * poison.length * (2 + Math.log2(500)), `${calls.length} calls`)
    dispatcher.close()
  })
}

test('halves of one key come one after the other', async () => {
  const { dispatcher, calls } = await poisoned(new Array(4).fill('a'), [1])
  assert.deepEqual(calls, ['0+1+2+3', '0+1', '0', '1', '2+3'])
  dispatcher.close()
})

test('behind a message that is held, its key waits as long, and the rest of its batch does not', async () => {
  const { dispatcher, clock, calls, claim } = await poisoned(['a', 'b', 'a', 'b'], [0], { decision: 'hold' })
  assert.deepEqual(calls, ['0+1+2+3', '0+2', '0', '1+3'])
  assert.deepEqual(claim.settled, [1, 3])
  assert.deepEqual(dispatcher.state(claim), { inFlight: 0, waiting: 2, undone: 1, blocked: null })
  await clock.advance(10)
  assert.deepEqual(calls.slice(4), ['0'])
  dispatcher.close()
})

test('behind a message that is left, its key goes on', async () => {
  const { dispatcher, calls, claim } = await poisoned(['a', 'a', 'a'], [0], { decision: 'leave' })
  assert.deepEqual(calls, ['0+1+2', '0+1', '0', '1', '2'])
  assert.deepEqual(claim.settled, [1, 2])
  dispatcher.close()
})

test('Poison splits a batch at once, and what fails for another reason in its halves has the rest of its attempts', async () => {
  const { dispatcher, calls, failed, failures } = await poisoned(['a', 'b'], [1], {
    attempts: 9,
    error: new Poison('never'),
  })
  assert.deepEqual([calls, failed(), failures[0]?.attempts], [['0+1', '0', '1'], [1], 2])
  dispatcher.close()
  const others = await poisoned(['a', 'b'], [1], { attempts: 3 })
  await others.clock.advance(200)
  assert.deepEqual([others.calls, others.failures[0]?.attempts], [['0+1', '0+1', '0+1', '0', '1'], 4])
  others.dispatcher.close()
})

test('when the decision is to stop, it is made before what is sound behind it is tried', async () => {
  const { dispatcher, calls, fatal, claim } = await poisoned(new Array(8).fill(null), [0, 6], { decision: 'stop' })
  assert.equal(fatal.length, 1)
  assert.equal(calls.at(-1), '0')
  assert.ok(!claim.settled.includes(0) && !claim.settled.includes(6))
  dispatcher.close()
})

test('a batch that timed out is split as well, one that is left to itself is not', async () => {
  for (const obeys of [true, false]) {
    const { dispatcher, clock, failures } = new Harness()
    const sizes: number[] = []
    const handle = (batch: readonly FakeMessage[], { signal }: { signal: AbortSignal }) => {
      sizes.push(batch.length)
      if (!batch.some(({ offset }) => offset === 1)) return undefined
      return new Promise((_, reject) => {
        if (obeys) signal.addEventListener('abort', () => reject(signal.reason))
      })
    }
    const claim = new FakeClaim(0, ['a', 'b', 'c', 'd'])
    dispatcher.add(claim, batchRoute(handle, { messages: 4 }, { attempts: 1, timeoutMs: 100, abandonMs: 100 }))
    await clock.advance(1_000)
    assert.deepEqual(sizes, obeys ? [4, 2, 2, 1, 1] : [4])
    assert.deepEqual(
      failures.map(({ message, reason }) => [message.offset, reason]),
      obeys ? [[1, 'timeout']] : [0, 1, 2, 3].map(offset => [offset, 'abandoned']),
    )
    dispatcher.close()
  }
})

test('a drain finishes what is being split in front of something done, and gives up the rest', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a', 'a', 'a', 'a', 'b', 'c'])
  const policy = { attempts: 1, onFailure: 'hold' } as const
  dispatcher.add(claim, batchRoute(calls.handleBatch, { messages: 4, lingerMs: 0 }, policy))
  await clock.advance(1)
  calls.of(4).resolve()
  calls.of(0).reject(new Error('no'))
  await clock.advance(1)
  assert.deepEqual(calls.running, ['0+1'])
  const drained = dispatcher.drain([claim], { drainMs: 1_000, abandonMs: 0, reason: 'revoked' })
  calls.of(0).reject(new Error('no'))
  await clock.advance(1)
  calls.of(0).resolve()
  await clock.advance(1)
  assert.deepEqual(calls.running, ['1'])
  // It is not held here: it comes again where the partition goes, and what is behind it too.
  calls.of(1).reject(new Error('no'))
  assert.equal(await drained, 0)
  assert.deepEqual(claim.settled, [4, 5, 0])
  assert.deepEqual(calls.running, [])
  dispatcher.close()
  assert.equal(clock.timers, 0)
})
