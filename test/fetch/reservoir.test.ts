import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { MillraceError } from '../../src/base/errors.ts'
import { Budget } from '../../src/fetch/budget.ts'
import { Reservoir } from '../../src/fetch/reservoir.ts'
import type { Message } from '../../src/records/message.ts'
import { settled } from '../virtual-clock.ts'
import { withoutPackage } from '../without-package.ts'
import { PartitionLog, seal } from './log.ts'

const MiB = 1024 * 1024

function reservoirOf(
  options: { position?: number; onCorrupt?: 'fail' | 'skip'; budget?: Budget; maxInflatedBytes?: number } = {},
) {
  const told = { filled: 0, corrupt: [] as MillraceError[], failed: [] as MillraceError[] }
  const budget = options.budget ?? new Budget(64 * MiB)
  const reservoir = new Reservoir({
    topic: 'orders',
    partition: 3,
    budget,
    position: options.position ?? 0,
    maxInflatedBytes: options.maxInflatedBytes ?? 64 * MiB,
    onCorrupt: options.onCorrupt ?? 'fail',
    events: {
      filled: () => {
        told.filled++
      },
      corrupt: error => told.corrupt.push(error),
      fail: error => told.failed.push(error),
    },
  })
  return { reservoir, budget, told }
}

function orders(): PartitionLog {
  return new PartitionLog('orders', 3)
}

function takeAll(reservoir: Reservoir): Message[] {
  const messages: Message[] = []
  for (let message = reservoir.take(); message !== null; message = reservoir.take()) messages.push(message)
  return messages
}

const piece = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('batch' as const),
      size: fc.integer({ min: 1, max: 6 }),
      hole: fc.integer({ min: 0, max: 3 }),
      zip: fc.constantFrom('none' as const, 'gzip' as const, 'zstd' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('empty' as const), hole: fc.integer({ min: 0, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('gap' as const), size: fc.integer({ min: 1, max: 9 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('abort' as const, 'commit' as const),
      sizes: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
      producer: fc.integer({ min: 1, max: 3 }),
    }),
  },
)

test('every visible message comes once and in order, and holes, markers and aborted records hold nothing back', () => {
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 25 }),
      fc.integer({ min: 0, max: 30 }),
      fc.array(
        fc.record({
          fetch: fc.integer({ min: 0, max: 400 }),
          take: fc.integer({ min: 0, max: 9 }),
          release: fc.integer({ min: 0, max: 9 }),
          detach: fc.boolean(),
        }),
        { minLength: 1, maxLength: 30 },
      ),
      (pieces, skipped, steps) => {
        const log = orders()
        for (const part of pieces) {
          if (part.kind === 'batch') log.append(part.size, { hole: part.hole, compression: part.zip })
          else if (part.kind === 'empty') log.append([], { hole: part.hole })
          else if (part.kind === 'gap') log.gap(part.size)
          else log.transaction(part.producer, part.sizes, part.kind)
        }
        const start = Math.min(skipped, log.end)
        const expected = log.visible.filter(offset => offset >= start)
        const { reservoir, budget, told } = reservoirOf({ position: start })
        const taken: Message[] = []
        const seen: number[] = []
        const laws = () => {
          const last = seen.at(-1) ?? start - 1
          assert.ok(reservoir.delivered > last, 'delivered is behind all that was taken')
          assert.ok(
            reservoir.delivered <= (expected[seen.length] ?? Number.POSITIVE_INFINITY),
            'and never behind what was not',
          )
          assert.ok(reservoir.delivered <= reservoir.position)
          assert.equal(budget.held, reservoir.bytes)
        }
        const fetch = (maxBytes: number) =>
          reservoir.fill(log.answer(log.read(reservoir.position, maxBytes, true), 'read_committed'))
        const take = () => {
          const message = reservoir.take()
          if (message === null) {
            assert.equal(reservoir.delivered, reservoir.position, 'nothing is left: all that was fetched is delivered')
            assert.equal(reservoir.messages, 0)
            return false
          }
          taken.push(message)
          seen.push(message.offset)
          return true
        }
        for (const step of steps) {
          fetch(step.fetch)
          laws()
          for (let index = 0; index < step.take && take(); index++) laws()
          for (let index = 0; index < step.release; index++) {
            const message = taken.splice((step.take * 7 + index) % Math.max(1, taken.length), 1)[0]
            if (message === undefined) break
            if (step.detach) reservoir.detach(message)
            reservoir.release(message)
          }
          laws()
        }
        for (let before = -1; before !== reservoir.position; ) {
          before = reservoir.position
          fetch(1000)
          while (take()) laws()
        }
        for (const message of taken) reservoir.release(message)
        assert.deepEqual(seen, expected)
        assert.equal(
          reservoir.delivered,
          Math.max(start, log.batches.at(-1) === undefined ? 0 : (log.batches.at(-1)?.lastOffset ?? 0) + 1),
        )
        assert.equal(reservoir.bytes, 0)
        assert.equal(budget.held, 0)
        assert.deepEqual(told.failed, [])
      },
    ),
    { seed: 11, numRuns: 300 },
  )
})

test('records of an aborted transaction are left out when its marker comes in a later answer', () => {
  const log = orders()
  log.append(2)
  log.transaction(7, [3, 3], 'abort')
  log.append(1)
  const { reservoir } = reservoirOf()
  for (let index = 0; index < 10; index++) {
    reservoir.fill(log.answer(log.read(reservoir.position, 1, true), 'read_committed'))
  }
  assert.deepEqual(
    takeAll(reservoir).map(message => message.offset),
    log.visible,
  )
  assert.equal(reservoir.delivered, log.end)
})

test('aborted records are handed out under read_uncommitted, markers never', () => {
  const log = orders()
  log.transaction(7, [3], 'abort')
  log.append(1)
  const { reservoir } = reservoirOf()
  reservoir.fill(log.answer(log.batches, 'read_uncommitted'))
  assert.deepEqual(
    takeAll(reservoir).map(message => message.offset),
    [0, 1, 2, 4],
  )
})

test('the bytes of a batch return when it is exhausted and its last message was released, in whatever order', () => {
  const log = orders()
  const size = log.append(3).buffer.length
  log.append(1)
  const { reservoir, budget } = reservoirOf()
  reservoir.fill(log.answer(log.batches, 'read_committed'))
  const all = budget.held
  const [first, second] = [reservoir.take(), reservoir.take()]
  assert.ok(first !== null && second !== null)
  reservoir.release(second)
  reservoir.release(first)
  assert.equal(budget.held, all, 'one message of the batch was not taken yet')
  const third = reservoir.take()
  assert.ok(third !== null)
  reservoir.release(third)
  assert.equal(budget.held, all - size)
})

test('a detached message holds none of its batch, and its own bytes are counted until it is released', () => {
  const log = orders()
  log.append([
    { key: 'k', value: 'x'.repeat(1_000) },
    { key: 'k', value: 'y'.repeat(5_000) },
  ])
  const { reservoir, budget } = reservoirOf()
  reservoir.fill(log.answer(log.batches, 'read_committed'))
  const [first, second] = takeAll(reservoir)
  assert.ok(first !== undefined && second !== undefined)
  reservoir.detach(first)
  reservoir.detach(first)
  reservoir.release(second)
  assert.equal(first.value?.length, 1_000)
  assert.equal(budget.held, first.memory)
  assert.equal(reservoir.bytes, first.memory)
  assert.ok(first.memory >= 1_001 && first.memory < 1_100)
  reservoir.release(first)
  assert.equal(budget.held, 0)
  assert.equal(reservoir.bytes, 0)
})

test('after the claim ended all bytes are back, and late releases change nothing', () => {
  const log = orders()
  for (let index = 0; index < 4; index++) log.append(2)
  const { reservoir, budget } = reservoirOf()
  reservoir.fill(log.answer(log.batches, 'read_committed'))
  const taken = [reservoir.take(), reservoir.take(), reservoir.take()]
  reservoir.clear()
  reservoir.clear()
  assert.equal(budget.held, 0)
  assert.equal(reservoir.take(), null)
  for (const message of taken) if (message !== null) reservoir.release(message)
  reservoir.fill(log.answer(log.batches, 'read_committed'))
  assert.equal(budget.held, 0)
})

test('a batch with a wrong checksum fails the claim with topic, partition and offset, after all before it was taken', () => {
  const log = orders()
  log.append(2)
  const bad = log.append(2)
  log.append(2)
  bad.buffer[bad.buffer.length - 1] = 99
  const { reservoir, told } = reservoirOf()
  reservoir.fill(log.answer(log.batches, 'read_committed'))
  assert.equal(takeAll(reservoir).length, 2)
  assert.equal(reservoir.take(), null)
  assert.equal(told.failed.length, 1)
  const { code, topic, partition, offset } = told.failed[0] as MillraceError
  assert.deepEqual([code, topic, partition, offset], ['CORRUPT_BATCH', 'orders', 3, 2])
  assert.equal(reservoir.delivered, 2, 'a commit does not pass it')
})

test("under 'skip' a corrupt batch is told and left out, with its bytes", () => {
  const log = orders()
  log.append(2)
  const bad = log.append(2, { compression: 'gzip' })
  log.append(2)
  bad.buffer[bad.buffer.length - 1] = 99
  const { reservoir, told, budget } = reservoirOf({ onCorrupt: 'skip' })
  reservoir.fill(log.answer(log.batches, 'read_committed'))
  const messages = takeAll(reservoir)
  assert.deepEqual(
    messages.map(message => message.offset),
    [0, 1, 4, 5],
  )
  assert.deepEqual(
    told.corrupt.map(error => error.offset),
    [2],
  )
  for (const message of messages) reservoir.release(message)
  assert.equal(budget.held, 0)
  assert.equal(reservoir.delivered, 6)
})

test('a record that makes no sense in a batch with a right checksum ends that batch only', () => {
  const log = orders()
  const bad = log.append([{ value: 'a' }, { value: 'b' }])
  log.append(1)
  bad.buffer[bad.buffer.length - 8] = 0x7f
  seal(bad.buffer)
  const skip = reservoirOf({ onCorrupt: 'skip' })
  skip.reservoir.fill(log.answer(log.batches, 'read_committed'))
  const messages = takeAll(skip.reservoir)
  assert.deepEqual(
    messages.map(message => message.offset),
    [0, 2],
  )
  assert.equal(skip.told.corrupt[0]?.offset, 1)
  for (const message of messages) skip.reservoir.release(message)
  assert.equal(skip.budget.held, 0)

  const fail = reservoirOf()
  fail.reservoir.fill(log.answer(log.batches, 'read_committed'))
  assert.equal(takeAll(fail.reservoir).length, 1)
  assert.equal(fail.reservoir.take(), null)
  assert.equal(fail.told.failed.length, 1)
  assert.equal(fail.reservoir.delivered, 1)
})

test('a compression whose package is missing is no corruption: it fails the claim whatever the option says', () => {
  const log = orders()
  const batch = log.append(2)
  batch.buffer[22] = 2
  seal(batch.buffer)
  const { reservoir, told } = reservoirOf({ onCorrupt: 'skip' })
  log.batches = [new (batch.constructor as new (buffer: Buffer) => typeof batch)(batch.buffer)]
  using _missing = withoutPackage('snappy')
  reservoir.fill(log.answer(log.batches, 'read_committed'))
  assert.equal(reservoir.take(), null)
  assert.equal(told.failed[0]?.code, 'UNSUPPORTED_COMPRESSION')
})

test('a large batch is inflated beside the event loop: filled is told when its messages are there', async () => {
  const log = orders()
  log.append(1)
  log.append(
    Array.from({ length: 50 }, (_, index) => ({ value: Buffer.alloc(100_000, index) })),
    { compression: 'zstd' },
  )
  log.append(1)
  const { reservoir, told, budget } = reservoirOf()
  reservoir.fill(log.answer(log.batches, 'read_committed'))
  const first = reservoir.take()
  assert.equal(reservoir.take(), null)
  assert.equal(reservoir.delivered, 1)
  while (told.filled === 0) await settled()
  const rest = takeAll(reservoir)
  assert.equal(rest.length, 51)
  assert.ok(budget.held > 5_000_000, 'an inflated batch counts with its inflated size')
  for (const message of [first, ...rest]) if (message !== null) reservoir.release(message)
  assert.equal(budget.held, 0)
})

test('a claim that ends while a batch is inflated holds nothing afterwards', async () => {
  const log = orders()
  log.append(
    Array.from({ length: 50 }, (_, index) => ({ value: Buffer.alloc(100_000, index) })),
    { compression: 'zstd' },
  )
  const budget = new Budget(64 * MiB)
  const { reservoir, told } = reservoirOf({ budget })
  reservoir.fill(log.answer(log.batches, 'read_committed'))
  assert.equal(reservoir.take(), null)
  reservoir.clear()
  const other = reservoirOf({ budget })
  other.reservoir.fill(log.answer(log.batches, 'read_committed'))
  assert.equal(other.reservoir.take(), null, 'one batch is inflated at a time')
  while (other.told.filled === 0) await settled()
  other.reservoir.take()
  while (other.told.filled === 1) await settled()
  assert.equal(told.filled, 0)
  assert.equal(takeAll(other.reservoir).length, 50)
  other.reservoir.clear()
  assert.equal(budget.held, 0)
})

test('batches that inflate a thousandfold wait for one another once they are beyond the budget', () => {
  const budget = new Budget(2 * MiB)
  const log = orders()
  log.append([{ value: Buffer.alloc(MiB - 100) }], { compression: 'gzip' })
  const all = Array.from({ length: 20 }, () => reservoirOf({ budget }))
  for (const { reservoir } of all) reservoir.fill(log.answer(log.batches, 'read_committed'))
  let peak = 0
  let handled = 0
  for (let round = 0; handled < 20 && round < 100; round++) {
    const taken = all.map(({ reservoir }) => [reservoir, reservoir.take()] as const)
    peak = Math.max(peak, budget.held)
    for (const [reservoir, message] of taken) {
      if (message === null) continue
      handled++
      reservoir.release(message)
      assert.equal(reservoir.take(), null)
    }
  }
  assert.equal(handled, 20)
  assert.ok(peak < 5 * MiB, `${peak} bytes`)
  assert.equal(budget.held, 0)
})

test('room is told once, when as few messages are left as was asked', () => {
  const log = orders()
  log.append(10)
  const { reservoir } = reservoirOf()
  const told: number[] = []
  reservoir.onRoom = () => told.push(reservoir.messages)
  reservoir.fill(log.answer(log.batches, 'read_committed'))
  reservoir.tellRoom(4)
  takeAll(reservoir)
  assert.deepEqual(told, [4])
})
