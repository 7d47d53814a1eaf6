import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { Dispatcher } from '../../src/work/dispatcher.ts'
import { PendingDecision } from '../../src/work/pending-decision.ts'
import { FakeClaim, type FakeMessage } from './fake-claim.ts'
import { batchRoute, Harness, route } from './harness.ts'

test('starting handlers gives way after two milliseconds, and goes on in the next turn', async () => {
  const { dispatcher, clock } = new Harness()
  const claim = new FakeClaim(0, new Array(100).fill(null))
  dispatcher.add(
    claim,
    route(() => clock.skip(0.5)),
  )
  clock.step()
  assert.ok(claim.settled.length >= 4 && claim.settled.length <= 6, `${claim.settled.length} in one turn`)
  await clock.advance(100)
  assert.equal(claim.settled.length, 100)
  dispatcher.close()
})

test('a handler that blocks the event loop is named', async () => {
  const { dispatcher, clock, blocked } = new Harness()
  const claim = new FakeClaim(0, new Array(10).fill(null))
  dispatcher.add(
    claim,
    route(({ offset }) => clock.skip(offset === 7 ? 250 : 0)),
  )
  await clock.advance(1_000)
  assert.deepEqual(blocked, [{ offset: 7, ms: 250, among: 1 }])
  dispatcher.close()
})

test('among quick handlers one that blocks is named as one of few, and then by itself', async () => {
  const { dispatcher, clock, blocked } = new Harness()
  const claim = new FakeClaim(0, new Array(2_000).fill(null))
  dispatcher.add(
    claim,
    route(({ offset }) => clock.skip(offset === 1_000 || offset === 1_500 ? 250 : 0)),
  )
  await clock.advance(1_000)
  const [first, second] = blocked
  assert.equal(blocked.length, 2)
  assert.ok(first && first.among > 1 && first.offset >= 1_000 && first.offset < 1_000 + first.among)
  assert.deepEqual(second, { offset: 1_500, ms: 250, among: 1 })
  dispatcher.close()
})

for (const [kind, handleOf] of [
  ['a handler', (seen: unknown[]) => route(({ offset }) => enter(offset, seen))],
  ['a batch handler', (seen: unknown[]) => batchRoute(([first]) => enter(first?.offset, seen), { messages: 1 })],
  [
    'an asynchronous handler',
    (seen: unknown[]) =>
      route(
        async ({ offset }) => {
          await null
          enter(offset, seen)
          await null
        },
        { order: 'partition' },
      ),
  ],
] as const) {
  test(`what ${kind} stores in its async context is not seen by the next`, async () => {
    const { dispatcher, clock } = storage.run('outside', () => new Harness())
    const seen: unknown[] = []
    dispatcher.add(new FakeClaim(0, ['a', 'a', 'b', null]), handleOf(seen))
    await clock.advance(1)
    assert.deepEqual(seen, ['outside', 'outside', 'outside', 'outside'])
    dispatcher.close()
  })
}

const storage = new AsyncLocalStorage<unknown>()

function enter(offset: unknown, seen: unknown[]): void {
  seen.push(storage.getStore())
  storage.enterWith(offset)
}

test('decisions are made outside of the async contexts of handlers', async () => {
  const { dispatcher, clock } = storage.run('outside', () => new Harness())
  const seen: unknown[] = []
  const fail = ({ offset }: FakeMessage) => {
    storage.enterWith(offset)
    throw new Error('no')
  }
  const onFailure = () => {
    seen.push(storage.getStore())
    return 'skip' as const
  }
  dispatcher.add(new FakeClaim(0, ['a', 'b']), route(fail, { attempts: 1, onFailure }))
  await clock.advance(1)
  assert.deepEqual(seen, ['outside', 'outside'])
  dispatcher.close()
})

test('what was decided is told outside of the async context of who decided', async () => {
  const { dispatcher, clock, failures } = storage.run('outside', () => new Harness())
  const seen: unknown[] = []
  const pending = new PendingDecision()
  const fail = () => {
    throw new Error('no')
  }
  failures.push = () => seen.push(storage.getStore())
  dispatcher.add(new FakeClaim(0, ['a']), route(fail, { attempts: 1, onFailure: () => pending }))
  await clock.advance(1)
  storage.run('of another', () => pending.decide('skip'))
  assert.deepEqual(seen, ['outside'])
  dispatcher.close()
})

test('a log line of a handler tells its place', async () => {
  const lines: object[] = []
  const note = (fields: object, message: string) => lines.push({ ...fields, message })
  const { clock } = new Harness()
  const dispatcher = new Dispatcher<FakeMessage>({
    options: { concurrency: 1, perPartition: 1, maxAbandoned: 1, maxUndone: 1 },
    clock,
    random: seededRandom(1),
    logger: { debug: note, info: note, warn: note, error: note },
    events: { retrying() {}, failed() {}, timedOut() {}, stuck() {}, blocked() {}, fatal() {} },
  })
  dispatcher.add(
    new FakeClaim(3, ['a']),
    route((_, { log }) => void log.warn({ more: 1 }, 'look')),
  )
  await clock.advance(1)
  assert.deepEqual(lines, [{ topic: 'orders', partition: 3, offset: 0, attempt: 1, more: 1, message: 'look' }])
  dispatcher.close()
})

test('timers fire while handlers that settle at once are kept coming', async () => {
  const dispatcher = new Dispatcher<FakeMessage>({
    options: { concurrency: 16, perPartition: 16, maxAbandoned: 1, maxUndone: 1 },
    clock: systemClock,
    random: seededRandom(1),
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    events: { retrying() {}, failed() {}, timedOut() {}, stuck() {}, blocked() {}, fatal: assert.fail },
  })
  const claim = new FakeClaim(0)
  let handled = 0
  // Always one more.
  claim.take = () => claim.messages[claim.messages.length - 1] ?? null
  claim.write([null])
  claim.track = () => 0
  claim.settle = () => {}
  dispatcher.add(
    claim,
    route(async () => {
      handled++
    }),
  )
  await new Promise(resolve => setTimeout(resolve, 20))
  assert.ok(handled > 0)
  dispatcher.close()
})
