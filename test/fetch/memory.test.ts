import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../src/base/random.ts'
import type { Compression } from '../../src/records/record-batch.ts'
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

/** Runs random takes and releases until all is handled; answers the most that was ever held. */
async function run(load: Load, compressions: readonly Compression[], stuck: boolean): Promise<number> {
  const random = seededRandom(load.seed + 1)
  const logs = logsOf(load, compressions)
  const { clock, claim, fetching } = benchOf(logs, {
    reservoir: { messages: load.messages, bytes: load.limit },
    fetchers: load.fetchers,
    maxBytes: load.maxBytes,
    partitionMaxBytes: load.partitionMaxBytes,
  })
  const claims = logs.map(log => claim(log))
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
      const peak = await run(load, ['none'], false)
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
      const peak = await run(load, ['none', 'gzip', 'zstd'], false)
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
      await run({ ...load, partitions: load.partitions + 1 }, ['none', 'zstd'], true)
    }),
    { seed: 5, numRuns: 40 },
  )
})

test('a partition whose detached messages fill the whole budget is still fetched, a batch at a time', async () => {
  const log = new PartitionLog('orders', 0)
  for (let index = 0; index < 6; index++) log.append([{ value: 'x'.repeat(1_000) }])
  const { clock, claim, fetching } = benchOf([log], { reservoir: { messages: 100, bytes: 1_500 } })
  const one = claim(log, 0)
  for (let round = 0; round < 8; round++) {
    await clock.advance(200)
    // Each of them fails and waits for long.
    while (one.take(1) > 0) for (const message of one.open) one.reservoir.detach(message)
  }
  assert.deepEqual(one.seen, [0, 1, 2, 3, 4, 5])
  one.release(6)
  assert.equal(fetching.budget.held, 0)
  await fetching.close()
})

test('a partition whose detached messages fill its share is fetched, a batch at a time, beside one that has nothing new', async () => {
  const busy = new PartitionLog('orders', 0)
  for (let index = 0; index < 8; index++) busy.append([{ value: 'x'.repeat(100) }])
  const quiet = new PartitionLog('orders', 1)
  const { clock, claim, fetching } = benchOf([busy, quiet], {
    reservoir: { messages: 100, bytes: 1_500 },
    partitionMaxBytes: 200,
  })
  const one = claim(busy, 0)
  claim(quiet, 0)
  for (let round = 0; round < 20; round++) {
    await clock.advance(600)
    while (one.take(1) > 0) for (const message of one.open) one.reservoir.detach(message)
  }
  assert.deepEqual(one.seen, [0, 1, 2, 3, 4, 5, 6, 7])
  one.release(8)
  assert.equal(fetching.budget.held, 0)
  await fetching.close()
})
