import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import { Budget } from '../../src/fetch/budget.ts'
import type { Message } from '../../src/records/message.ts'
import type { Compression } from '../../src/records/record-batch.ts'
import { settled } from '../virtual-clock.ts'
import { benchOf, type TestClaim } from './bench.ts'
import { PartitionLog } from './log.ts'

interface Load {
  readonly seed: number
  readonly partitions: number
  readonly brokers: number
  readonly fetchers: number
  readonly limit: number
  readonly maxBytes: number
  readonly partitionMaxBytes: number
  readonly largest: number
  readonly messages: number
}

const load = fc.record({
  seed: fc.integer({ min: 1, max: 1 << 30 }),
  partitions: fc.integer({ min: 1, max: 12 }),
  brokers: fc.integer({ min: 1, max: 3 }),
  fetchers: fc.integer({ min: 1, max: 2 }),
  limit: fc.integer({ min: 1_000, max: 60_000 }),
  maxBytes: fc.integer({ min: 500, max: 20_000 }),
  partitionMaxBytes: fc.integer({ min: 500, max: 8_000 }),
  largest: fc.integer({ min: 200, max: 8_000 }),
  messages: fc.integer({ min: 5, max: 200 }),
})

function logsOf({ seed, partitions, brokers, largest }: Load, compressions: readonly Compression[]): PartitionLog[] {
  const random = seededRandom(seed)
  const upTo = (max: number) => Math.floor(random() * max)
  return Array.from({ length: partitions }, (_, partition) => {
    const log = new PartitionLog('orders', partition, 1 + (partition % brokers))
    for (let batches = 5 + upTo(20); batches > 0; batches--) {
      const count = 1 + upTo(8)
      const size = Math.floor((largest * random()) / count)
      const compression = compressions[upTo(compressions.length)] ?? 'none'
      log.append(
        Array.from({ length: count }, () => ({ value: Buffer.alloc(size, upTo(200)) })),
        { compression },
      )
    }
    return log
  })
}

interface Trouble {
  /** One partition never releases anything. */
  readonly stuck?: boolean
  /** Half of the messages wait for long before they are released. */
  readonly failing?: boolean
}

/** Runs random takes and releases until all is handled; answers the most that was ever held. */
async function run(
  load: Load,
  compressions: readonly Compression[],
  { stuck, failing }: Trouble = {},
): Promise<number> {
  const random = seededRandom(load.seed + 1)
  const logs = logsOf(load, compressions)
  const { clock, client, claim, fetching } = benchOf(logs, {
    reservoir: { messages: load.messages, bytes: load.limit },
    fetchers: load.fetchers,
    maxBytes: load.maxBytes,
    partitionMaxBytes: load.partitionMaxBytes,
  })
  const claims = logs.map(log => claim(log))
  client.onFetch = ({ partitions }) => {
    for (const { partition } of partitions) {
      assert.ok(!isHeavy(claims[partition] as TestClaim, claims, load.limit), `${partition} is fetched`)
    }
    return null
  }
  const asleep = stuck ? claims[0] : undefined
  const done = (one: TestClaim) => one.seen.length === one.log.visible.length
  const goal = claims.filter(one => one !== asleep)
  let peak = 0
  for (let steps = 0; !goal.every(done); steps++) {
    assert.ok(steps < 6000, `${goal.filter(one => !done(one)).map(one => one.partition)} do not get on`)
    await clock.advance(random() * 4)
    for (const one of claims) {
      if (random() < 0.5) one.take(Math.floor(random() * 12))
      peak = Math.max(peak, fetching.budget.held)
      if (failing) for (const message of one.open) if (message.offset % 2 === 0) one.reservoir.detach(message)
      if (one !== asleep && random() < 0.6) one.release(1 + Math.floor(random() * one.open.length))
    }
  }
  for (const one of goal) assert.deepEqual(one.seen, one.log.visible)
  for (const one of claims) one.release(one.open.length)
  if (!stuck) assert.equal(fetching.budget.held, 0)
  await fetching.close()
  assert.equal(fetching.budget.reserved, 0)
  for (const one of claims) one.reservoir.clear()
  assert.equal(fetching.budget.held, 0)
  return peak
}

test('whatever is taken and released in whatever order, memory stays within the budget and a batch, and all messages come', async () => {
  await fc.assert(
    fc.asyncProperty(load, async load => {
      const peak = await run(load, ['none'])
      const loops = Math.min(load.brokers, load.partitions) * load.fetchers
      const limit = load.limit + (loops + 1) * (load.largest + 300)
      assert.ok(peak <= limit, `${peak} of ${limit} bytes`)
    }),
    { seed: 3, numRuns: 40 },
  )
})

test('the same with compressed batches, which count with what they inflate to', async () => {
  await fc.assert(
    fc.asyncProperty(load, async load => {
      const peak = await run(load, ['none', 'gzip', 'zstd'])
      const loops = Math.min(load.brokers, load.partitions) * load.fetchers
      // Until a partition's first compressed batch has come, none is expected.
      const limit = load.limit + 5 * (load.maxBytes + (loops + 1) * (load.largest + 300))
      assert.ok(peak <= limit, `${peak} of ${limit} bytes`)
    }),
    { seed: 4, numRuns: 40 },
  )
})

test('one partition that never releases anything does not stop the others', async () => {
  await fc.assert(
    fc.asyncProperty(load, async load => {
      await run({ ...load, partitions: load.partitions + 1 }, ['none', 'zstd'], { stuck: true })
    }),
    { seed: 5, numRuns: 40 },
  )
})

test('while messages that wait for long take half of the budget, who has more than its part of them is not fetched, and all come', async () => {
  await fc.assert(
    fc.asyncProperty(load, async load => {
      await run(load, ['none', 'zstd'], { failing: true })
    }),
    { seed: 6, numRuns: 40 },
  )
})

/** Whether messages of all claims that wait for long take too much, and those of this one more than their part. */
function isHeavy(one: TestClaim, claims: readonly TestClaim[], limit: number): boolean {
  const all = claims.reduce((sum, { reservoir }) => sum + reservoir.detachedBytes, 0)
  return 2 * all > limit && 2 * one.reservoir.detachedBytes * claims.length > limit
}

/** Takes all that there is, one after the other: each fails and waits for long. */
function fail(claim: TestClaim): void {
  while (claim.take(1) > 0) for (const message of claim.open) claim.reservoir.detach(message)
}

function taken(claim: TestClaim): Message | undefined {
  return claim.take(1) > 0 ? claim.open.at(-1) : undefined
}

function logOf(partition: number, messages: number, size: number): PartitionLog {
  const log = new PartitionLog('orders', partition)
  for (let index = 0; index < messages; index++) log.append([{ value: 'x'.repeat(size) }])
  return log
}

test('a partition whose messages that wait take half of the budget is fetched again as they are done', async () => {
  const log = logOf(0, 8, 1_000)
  const { clock, claim, fetching } = benchOf([log], { reservoir: { messages: 100, bytes: 6_000 } })
  const one = claim(log, 0)
  const goesOn = async () => {
    for (let round = 0; round < 8; round++) {
      await clock.advance(200)
      fail(one)
    }
    return one.seen.length
  }
  assert.equal(await goesOn(), 3)
  assert.equal(one.reservoir.heavy, true)
  one.release(1)
  assert.equal(await goesOn(), 4)
  while (one.seen.length < 8) {
    one.release(1)
    await goesOn()
  }
  assert.deepEqual(one.seen, log.visible)
  one.release(3)
  assert.equal(fetching.budget.held, 0)
  await fetching.close()
})

test('where messages that wait take too much, others have their part of it, and so has who stays when others go', async () => {
  const logs = [logOf(0, 30, 1_000), logOf(1, 30, 1_000), logOf(2, 30, 100)]
  const { clock, claim, fetching } = benchOf(logs, {
    reservoir: { messages: 100, bytes: 24_000 },
    partitionMaxBytes: 1_000,
  })
  const [greedy, late, healthy] = logs.map(log => claim(log, 0)) as [TestClaim, TestClaim, TestClaim]
  const rounds = async (action: () => void) => {
    for (let round = 0; round < 40; round++) {
      await clock.advance(200)
      action()
    }
  }
  await rounds(() => fail(greedy))
  // Half of it, and what was fetched meanwhile.
  const most = greedy.seen.length
  assert.ok(most >= 11 && most <= 13, `${most}`)
  await rounds(() => fail(late))
  assert.ok(late.seen.length >= 4 && late.seen.length <= 5, `${late.seen.length} is a third of that`)
  await rounds(() => healthy.release(healthy.take(100)))
  assert.deepEqual(healthy.seen, healthy.log.visible, 'one that has none is not kept waiting')
  await rounds(() => fail(greedy))
  assert.equal(greedy.seen.length, most)
  greedy.reservoir.clear()
  fetching.remove(greedy)
  await rounds(() => fail(late))
  assert.ok(late.seen.length >= 11 && late.seen.length <= 13, `${late.seen.length}`)
  for (const one of [late, healthy]) one.reservoir.clear()
  assert.equal(fetching.budget.held, 0)
  await fetching.close()
})

for (const compression of ['none', 'gzip'] as const) {
  for (const failing of [3, 12]) {
    test(`beside ${failing} partitions where all fails another one is handled, and memory grows by a batch of each (${compression})`, async () => {
      const logs = Array.from({ length: failing + 1 }, (_, partition) => new PartitionLog('orders', partition))
      const batch = Array.from({ length: 10 }, (_, index) => ({ value: Buffer.alloc(300, index * 7 + failing) }))
      const limit = 10_000
      for (const log of logs.slice(1)) for (let count = 0; count < 20; count++) log.append(batch, { compression })
      const { clock, claim, fetching } = benchOf(logs, {
        reservoir: { messages: 5_000, bytes: limit },
        partitionMaxBytes: 3_500,
      })
      const [healthy, ...bad] = logs.map(log => claim(log, 0)) as [TestClaim, ...TestClaim[]]
      let peak = 0
      const rounds = async (count: number) => {
        for (let round = 0; round < count; round++) {
          await clock.advance(100)
          healthy.release(healthy.take(100))
          for (const one of bad) fail(one)
          peak = Math.max(peak, fetching.budget.held)
        }
      }
      await rounds(100)
      for (let count = 0; count < 10; count++) healthy.log.append([{ value: 'fine' }], { compression })
      await rounds(100)
      assert.deepEqual(healthy.seen, healthy.log.visible)
      // Batches that were not inflated count for what they are expected to become.
      const most = 2 * limit + (failing + 1) * 3_500 * (compression === 'none' ? 1 : 5)
      assert.ok(peak <= most, `${peak} of ${most} bytes`)
      for (const one of [healthy, ...bad]) one.reservoir.clear()
      assert.equal(fetching.budget.held, 0)
      await fetching.close()
    })
  }
}

for (const compression of ['none', 'gzip'] as const) {
  test(`one that stands still with a batch, as most of it waits, keeps no turn from others (${compression})`, async () => {
    const logs = Array.from({ length: 4 }, (_, partition) => new PartitionLog('orders', partition))
    const append = (log: PartitionLog, batches: number) => {
      for (let count = 0; count < batches; count++) {
        log.append(
          Array.from({ length: 10 }, (_, index) => ({ value: Buffer.alloc(300, index * 7) })),
          { compression },
        )
      }
    }
    const { clock, claim, fetching } = benchOf(logs, {
      reservoir: { messages: 5_000, bytes: 10_000 },
      partitionMaxBytes: 3_500,
    })
    const [healthy, last, ...first] = logs.map(log => claim(log, 0)) as [TestClaim, TestClaim, ...TestClaim[]]
    // All fail but one of each batch, which waits behind another of its key.
    const failMost = (one: TestClaim) => {
      for (let message = taken(one); message !== undefined; message = taken(one)) {
        if (message.offset % 10 < 9) one.reservoir.detach(message)
      }
    }
    const rounds = async (count: number) => {
      for (let round = 0; round < count; round++) {
        await clock.advance(50)
        for (const one of [last, ...first]) failMost(one)
        healthy.handle()
      }
    }
    for (const { log } of first) append(log, 20)
    await rounds(200)
    append(last.log, 3)
    await rounds(100)
    append(healthy.log, 3)
    await rounds(100)
    assert.deepEqual(healthy.seen, healthy.log.visible)
    for (const one of [healthy, last, ...first]) one.reservoir.clear()
    assert.equal(fetching.budget.held, 0)
    await fetching.close()
  })
}

test('who may not inflate, as its messages that wait take too much, has no turn beyond the limit, and is told when bytes return', async () => {
  const budget = new Budget(1_000)
  const one = { batchBytes: 100, surplus: 0, heavy: false }
  const other = { batchBytes: 0, surplus: 0, heavy: false }
  const costly = { batchBytes: 100, surplus: 300, heavy: false }
  let told = 0
  const retry = () => {
    told++
  }
  budget.hold(1_500)
  assert.equal(budget.overdraw(one), true)
  assert.equal(budget.overdraw(other), false)
  one.heavy = true
  assert.equal(budget.mayInflate(one, retry), false)
  assert.equal(budget.overdraw(other), true)
  budget.repay(other)
  // The turn to inflate, while others cost more than they were counted for.
  one.heavy = false
  assert.equal(budget.mayInflate(one, retry), true)
  budget.inflated(100, 200)
  assert.equal(budget.mayInflate(one, retry), true)
  budget.inflated(100, 200)
  assert.equal(budget.mayInflate(costly, retry), false)
  one.heavy = true
  assert.equal(budget.mayInflate(one, retry), false)
  assert.equal(budget.mayInflate(costly, retry), true)
  budget.inflated(0, 0)
  await settled()
  told = 0
  assert.equal(budget.mayInflate(one, retry), false)
  budget.return(10)
  await settled()
  assert.equal(told, 1)
})

test('who waits for a turn beyond the limit is told when so much waits that another one may have lost it', () => {
  const budget = new Budget(1_000)
  let told = 0
  budget.onReturn = () => {
    told++
  }
  budget.detach(500)
  assert.equal(told, 0)
  budget.detach(1)
  assert.equal(told, 1)
  budget.returnDetached(501)
  assert.equal(budget.held, 0)
})

test('a partition whose messages that wait fill its share of fetches is fetched, a batch at a time, beside one that has nothing new', async () => {
  const busy = logOf(0, 8, 100)
  const quiet = new PartitionLog('orders', 1)
  const { clock, claim, fetching } = benchOf([busy, quiet], {
    reservoir: { messages: 100, bytes: 2_000 },
    partitionMaxBytes: 200,
  })
  const one = claim(busy, 0)
  claim(quiet, 0)
  for (let round = 0; round < 20; round++) {
    await clock.advance(600)
    fail(one)
  }
  assert.deepEqual(one.seen, [0, 1, 2, 3, 4, 5, 6, 7])
  one.release(8)
  assert.equal(fetching.budget.held, 0)
  await fetching.close()
})
