import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '../../src/base/errors.ts'
import { type Decision, Poison } from '../../src/work/failure.ts'
import { PendingDecision } from '../../src/work/pending-decision.ts'
import type { Order } from '../../src/work/route.ts'
import { FakeClaim, type FakeMessage } from './fake-claim.ts'
import { batchRoute, Calls, Harness } from './harness.ts'

test('a batch is handed over at the first of its limits: count', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  dispatcher.add(new FakeClaim(0, new Array(7).fill(null)), batchRoute(calls.handleBatch, { messages: 3 }))
  await clock.advance(1)
  assert.deepEqual(calls.running, ['0+1+2', '3+4+5'])
  await clock.advance(60)
  assert.deepEqual(calls.running, ['0+1+2', '3+4+5', '6'])
  dispatcher.close()
})

test('a batch is handed over at the first of its limits: bytes', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  // Ten bytes each.
  dispatcher.add(new FakeClaim(0, new Array(5).fill(null)), batchRoute(calls.handleBatch, { bytes: 20 }))
  await clock.advance(1)
  assert.deepEqual(calls.running, ['0+1', '2+3'])
  dispatcher.close()
})

test('a batch is handed over at the first of its limits: the time since its first message', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, [null])
  dispatcher.add(claim, batchRoute(calls.handleBatch, { lingerMs: 200 }))
  await clock.advance(150)
  claim.write([null])
  dispatcher.wake(claim)
  await clock.advance(40)
  assert.deepEqual(calls.running, [])
  assert.deepEqual(dispatcher.state(claim), { inFlight: 0, waiting: 2, undone: 0, blocked: null })
  await clock.advance(20)
  assert.deepEqual(calls.running, ['0+1'])
  assert.deepEqual(dispatcher.state(claim), { inFlight: 1, waiting: 0, undone: 0, blocked: null })
  dispatcher.close()
})

test('a batch is of one partition, one unit of concurrency, and settled as a whole', async () => {
  const { dispatcher, clock } = new Harness({ concurrency: 1 })
  const calls = new Calls()
  const claims = [new FakeClaim(0, [null, null]), new FakeClaim(1, [null, null])] as const
  for (const claim of claims) dispatcher.add(claim, batchRoute(calls.handleBatch, { messages: 2 }))
  await clock.advance(1)
  assert.equal(dispatcher.running, 1)
  calls.of(0).resolve()
  await clock.advance(1)
  assert.equal(claims.filter(claim => claim.settled.length === 2).length, 1)
  assert.equal(claims.filter(claim => claim.settled.length === 0).length, 1)
  assert.equal(calls.running.length, 1)
  dispatcher.close()
})

const rounds: readonly [Order, string[][]][] = [
  // Keys: a a b a b c, three to a batch.
  ['none', [['0+1+2', '3+4+5']]],
  ['partition', [['0+1+2'], ['3+4+5']]],
  ['key', [['0+1+2'], ['3+5+4']]],
]

for (const [order, expected] of rounds) {
  test(`under '${order}' batches take the lanes of all their messages`, async () => {
    const { dispatcher, clock } = new Harness()
    const calls = new Calls()
    const claim = new FakeClaim(0, ['a', 'a', 'b', 'a', 'b', 'c'])
    dispatcher.add(claim, batchRoute(calls.handleBatch, { messages: 3, lingerMs: 1_000 }, { order }))
    for (const round of expected) {
      await clock.advance(1)
      assert.deepEqual(sorted(calls.running), sorted(round))
      for (const call of [...calls.all]) call.resolve()
    }
    await clock.advance(1)
    assert.deepEqual(claim.settled.toSorted(), [0, 1, 2, 3, 4, 5])
    dispatcher.close()
  })
}

/** Which messages are together, whatever their order. */
function sorted(batches: readonly string[]): string[] {
  return batches.map(batch => batch.split('+').toSorted().join('+'))
}

test('a batch fails as a whole and is tried again as a whole', async () => {
  const { dispatcher, clock, retries } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a', 'b', 'a', 'a'])
  dispatcher.add(claim, batchRoute(calls.handleBatch, { messages: 3 }))
  await clock.advance(1)
  calls.of(0).reject(new Error('no'))
  await clock.advance(1)
  assert.deepEqual(retries, [{ offset: 0, attempts: 1, inMs: 100 }])
  assert.deepEqual(calls.running, [])
  assert.ok(claim.messages.slice(0, 3).every(message => message.detached))
  assert.deepEqual(dispatcher.state(claim), { inFlight: 0, waiting: 4, undone: 0, blocked: null })
  await clock.advance(100)
  assert.deepEqual(calls.running, ['0+1+2'])
  assert.equal(calls.of(0).context.attempt, 2)
  dispatcher.close()
})

test('when its attempts are spent, what fails of a batch is decided about message by message', async () => {
  const { dispatcher, clock, failures } = new Harness()
  const attempts: string[] = []
  const claim = new FakeClaim(0, ['a', 'b', 'c', 'd'])
  const decisions: Decision[] = ['skip', 'leave', 'hold', 'skip']
  const onFailure = async ({ message }: { message: FakeMessage }) => decisions[message.offset] as Decision
  let fails = true
  const handle = (batch: readonly FakeMessage[], { attempt }: { attempt: number }) => {
    attempts.push(`${batch.map(({ offset }) => offset).join('+')} ${attempt}`)
    if (fails) throw new Error('no')
  }
  dispatcher.add(claim, batchRoute(handle, { messages: 4 }, { onFailure, attempts: 2 }))
  await clock.advance(150)
  assert.deepEqual(
    failures.map(({ message, attempts, decision }) => [message.offset, attempts, decision]),
    [
      [0, 4, 'skip'],
      [1, 4, 'leave'],
      [2, 4, 'hold'],
      [3, 4, 'skip'],
    ],
  )
  assert.deepEqual(attempts, ['0+1+2+3 1', '0+1+2+3 2', '0+1 3', '0 4', '1 4', '2+3 3', '2 4', '3 4'])
  assert.deepEqual(claim.settled, [0, 3])
  assert.deepEqual(dispatcher.state(claim), { inFlight: 0, waiting: 2, undone: 2, blocked: null })
  fails = false
  await clock.advance(100)
  assert.deepEqual(claim.settled, [0, 3, 2])
  await clock.advance(30_100)
  assert.deepEqual(claim.settled, [0, 3, 2, 1])
  assert.deepEqual(attempts.slice(-2), ['2 5', '1 1'])
  dispatcher.close()
})

test('nothing more is asked about a batch whose claim has ended since its first decision was', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a', 'a', 'b', null])
  const asked: number[] = []
  const answer = Promise.withResolvers<Decision>()
  const onFailure = ({ message }: { message: FakeMessage }) => {
    asked.push(message.offset)
    return answer.promise
  }
  dispatcher.add(claim, batchRoute(calls.handleBatch, { messages: 4 }, { onFailure, timeoutMs: 100, abandonMs: 50 }))
  await clock.advance(200)
  claim.live = false
  dispatcher.abandon([claim])
  answer.resolve('hold')
  await clock.advance(1)
  assert.deepEqual(asked, [0])
  assert.deepEqual(claim.settled, [])
  assert.equal(dispatcher.running, 0)
  // Its lanes are free.
  const next = new FakeClaim(0, ['a', 'b', null])
  dispatcher.add(next, batchRoute(calls.handleBatch, { messages: 3 }))
  await clock.advance(1)
  assert.equal(calls.running.at(-1), '0+1+2')
  dispatcher.close()
})

test('a message of a batch that is held is asked about with all its attempts', async () => {
  const { dispatcher, clock, failures } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a', 'b'])
  const onFailure = ({ message }: { message: FakeMessage }) => (message.offset === 0 ? 'skip' : 'hold')
  dispatcher.add(claim, batchRoute(calls.handleBatch, { messages: 2 }, { onFailure, attempts: 1 }))
  await clock.advance(1)
  calls.of(0).reject(new Error('no'))
  await clock.advance(1)
  calls.of(0).reject(new Error('no'))
  for (const attempt of [2, 3, 4]) {
    assert.equal(calls.of(1).context.attempt, attempt)
    calls.of(1).reject(new Error('no'))
    await clock.advance(101)
  }
  assert.deepEqual(
    failures.map(({ message, attempts }) => [message.offset, attempts]),
    [
      [0, 2],
      [1, 2],
      [1, 3],
      [1, 4],
    ],
  )
  dispatcher.close()
})

test('a large batch whose decisions are made at once is decided about as a small one is', async () => {
  const { dispatcher, clock, failures, fatal } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, new Array(20_000).fill(null))
  const onFailure = () => {
    const pending = new PendingDecision()
    pending.decide('skip')
    return pending
  }
  const limits = { messages: 20_000, lingerMs: 20 }
  dispatcher.add(claim, batchRoute(calls.handleBatch, limits, { onFailure, attempts: 1, timeoutMs: 100, abandonMs: 0 }))
  await clock.advance(300)
  assert.deepEqual(fatal, [])
  assert.equal(failures.length, 20_000)
  assert.equal(claim.settled.length, 20_000)
  dispatcher.close()
})

test('behind a held message, those of its key in its batch wait without a decision of their own', async () => {
  const { dispatcher, clock, failures, stuck } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a', 'b', 'a', 'a'])
  const onFailure = ({ message }: { message: FakeMessage }) => (message.key === 'a' ? 'hold' : 'skip')
  dispatcher.add(claim, batchRoute(calls.handleBatch, { messages: 4 }, { onFailure, timeoutMs: 100, abandonMs: 0 }))
  // All of a batch whose handler never settles are decided about at once.
  await clock.advance(200)
  assert.equal(stuck.length, 1)
  assert.deepEqual(
    failures.map(({ message, reason }) => [message.offset, reason]),
    [
      [0, 'abandoned'],
      [1, 'abandoned'],
    ],
  )
  assert.deepEqual(dispatcher.state(claim), { inFlight: 0, waiting: 2, undone: 1, blocked: null })
  assert.deepEqual(claim.settled, [1])
  dispatcher.close()
})

/** All messages of a batch of these keys but those behind others fail at once; `decide` answers for one after the other. */
async function deciding(keys: readonly string[]) {
  const harness = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, keys)
  let answer = (_: Decision) => {}
  const onFailure = () => new Promise<Decision>(resolve => (answer = resolve))
  let decodable = false
  const decode = () => {
    if (!decodable) throw new Error('no')
  }
  const limits = { messages: keys.length, lingerMs: 20 }
  harness.dispatcher.add(claim, batchRoute(calls.handleBatch, limits, { onFailure, decode }))
  await harness.clock.advance(1)
  decodable = true
  const decide = async (decision: Decision) => {
    answer(decision)
    await harness.clock.advance(1)
  }
  return { ...harness, calls, claim, decide }
}

test('behind a held message, those of its key go on when it is done before all decisions are made', async () => {
  const { dispatcher, clock, calls, claim, decide } = await deciding(['a', 'b', 'a'])
  await decide('hold')
  await clock.advance(100)
  calls.of(0).resolve()
  await clock.advance(1)
  assert.deepEqual(claim.settled, [0])
  await decide('skip')
  await clock.advance(30)
  assert.deepEqual(claim.settled, [0, 1])
  assert.deepEqual(calls.running, ['2'])
  dispatcher.close()
})

test('a message waits behind one of its key that is being decided about, whatever batches are filled meanwhile', async () => {
  const { dispatcher, clock, calls, claim, decide } = await deciding(['a', 'b', 'c'])
  await decide('skip')
  claim.write(['d', 'c'])
  dispatcher.wake(claim)
  await clock.advance(30)
  assert.deepEqual(calls.running, ['3'])
  await decide('skip')
  await decide('skip')
  await clock.advance(30)
  assert.deepEqual(calls.running, ['3', '4'])
  dispatcher.close()
})

test('a message that was left comes back in another batch', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a'])
  dispatcher.add(claim, batchRoute(calls.handleBatch, {}, { onFailure: 'leave' }))
  await clock.advance(60)
  calls.of(0).reject(new Poison('no'))
  await clock.advance(29_990)
  claim.write(['b', 'c'])
  dispatcher.wake(claim)
  await clock.advance(60)
  assert.deepEqual(sorted(calls.running), ['0+1+2'])
  dispatcher.close()
})

/** A batch of which some cannot be decoded; the first attempts of `handleBatch` are the test's. */
async function undecodable(keys: readonly string[], bad: readonly number[], options: { retriable?: number } = {}) {
  const harness = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, keys)
  const decoded: number[] = []
  const decode = ({ offset }: FakeMessage) => {
    decoded.push(offset)
    if (!bad.includes(offset)) return
    const times = decoded.filter(other => other === offset).length
    const retriable = options.retriable !== undefined
    if (!retriable || times <= (options.retriable ?? 0)) throw new MillraceError('BAD', 'bad bytes', { retriable })
  }
  const limits = { messages: keys.length, lingerMs: 20 }
  harness.dispatcher.add(claim, batchRoute(calls.handleBatch, limits, { decode, onFailure: 'skip' }))
  await harness.clock.advance(1)
  return { ...harness, calls, claim }
}

test('members that cannot be decoded fail by themselves, and the others are handled without them', async () => {
  const { dispatcher, clock, calls, claim, failures } = await undecodable(['a', 'b', 'c', 'd'], [0, 2])
  assert.deepEqual(calls.running, ['1+3'])
  assert.equal(calls.of(1).context.attempt, 1)
  assert.deepEqual(
    failures.map(({ message, reason, attempts }) => [message.offset, reason, attempts]),
    [
      [0, 'decode', 1],
      [2, 'decode', 1],
    ],
  )
  assert.deepEqual(claim.settled, [0, 2])
  calls.of(1).resolve()
  await clock.advance(1)
  assert.deepEqual(claim.settled, [0, 2, 1, 3])
  assert.deepEqual(dispatcher.state(claim), { inFlight: 0, waiting: 0, undone: 0, blocked: null })
  dispatcher.close()
})

test('a member that cannot be decoded waits for those of its key in front of it', async () => {
  const { dispatcher, clock, calls, claim, failures } = await undecodable(['a', 'a', 'a', 'b'], [1])
  assert.deepEqual(calls.running, ['0+3'])
  assert.equal(failures.length, 0)
  calls.of(0).resolve()
  await clock.advance(30)
  assert.deepEqual(
    failures.map(({ message }) => message.offset),
    [1],
  )
  await clock.advance(30)
  assert.deepEqual(calls.running, ['2'])
  calls.of(2).resolve()
  await clock.advance(1)
  assert.deepEqual(claim.settled, [0, 3, 1, 2])
  dispatcher.close()
})

test('a member whose decoding is tried again holds those of its key behind it, and nothing else', async () => {
  const { dispatcher, clock, calls, claim, retries } = await undecodable(['a', 'a', 'b'], [0], { retriable: 1 })
  assert.deepEqual(retries, [{ offset: 0, attempts: 1, inMs: 100 }])
  assert.deepEqual(calls.running, ['2'])
  await clock.advance(100)
  assert.deepEqual(calls.running, ['2', '0'])
  calls.of(0).resolve()
  await clock.advance(30)
  assert.deepEqual(calls.running, ['2', '1'])
  calls.of(1).resolve()
  calls.of(2).resolve()
  await clock.advance(1)
  assert.deepEqual(claim.settled, [0, 1, 2])
  dispatcher.close()
})

test('members that can be decoded are handled although their claim drains meanwhile, the others are given up', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a', 'a', 'b', 'b'])
  const decode = async ({ offset }: FakeMessage) => {
    await new Promise<void>(resolve => clock.after(10, resolve))
    if (offset > 1) throw new Error('bad bytes')
  }
  dispatcher.add(claim, batchRoute(calls.handleBatch, { messages: 4 }, { decode, onFailure: 'hold' }))
  await clock.advance(1)
  const drained = dispatcher.drain([claim], { drainMs: 1_000, abandonMs: 0, reason: 'revoked' })
  await clock.advance(20)
  assert.deepEqual(calls.running, ['0+1'])
  calls.of(0).resolve()
  assert.equal(await drained, 0)
  assert.deepEqual(claim.settled, [0, 1])
  assert.equal(dispatcher.running, 0)
  // Its keys are free again.
  const next = new FakeClaim(1, ['a', 'b'])
  dispatcher.add(next, batchRoute(calls.handleBatch, { messages: 2 }))
  await clock.advance(1)
  assert.deepEqual(calls.running, ['0+1'])
  dispatcher.close()
})

test('messages with and without a key are handed over in the order of their offsets, and each settles once', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a', null, 'b', null, 'a', null])
  dispatcher.add(claim, batchRoute(calls.handleBatch, { messages: 6 }))
  await clock.advance(1)
  assert.deepEqual(calls.running, ['0+1+2+3+4+5'])
  calls.of(0).resolve()
  await clock.advance(1)
  assert.deepEqual([...claim.settled].sort(), [0, 1, 2, 3, 4, 5])
  dispatcher.close()
})

test('a batch larger than what is taken in one turn of the event loop is filled all the same', async () => {
  const { dispatcher, clock } = new Harness()
  const sizes: number[] = []
  const claim = new FakeClaim(0, new Array(12_000).fill(null))
  dispatcher.add(
    claim,
    batchRoute(messages => void sizes.push(messages.length), { messages: 5_000 }),
  )
  await clock.advance(1)
  assert.deepEqual(sizes, [5_000, 5_000])
  await clock.advance(60)
  assert.deepEqual(sizes, [5_000, 5_000, 2_000])
  dispatcher.close()
})
