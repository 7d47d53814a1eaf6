import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constant, exponential } from '../../src/base/backoff.ts'
import { MillraceError } from '../../src/base/errors.ts'
import { type Decision, type OnFailure, Poison, Retry } from '../../src/work/failure.ts'
import { PendingDecision } from '../../src/work/pending-decision.ts'
import { FakeClaim, type FakeMessage } from './fake-claim.ts'
import { batchRoute, Calls, Harness, route } from './harness.ts'

/** Fails for offset 0 as often as this, then succeeds; all other messages succeed at once. */
function failing(times: number, error: () => unknown = () => new Error('no luck')) {
  const attempts: { at: number; attempt: number }[] = []
  const handled: number[] = []
  return {
    attempts,
    handled,
    on({ clock }: Harness) {
      return (message: FakeMessage, { attempt }: { attempt: number }) => {
        if (message.offset === 0) {
          attempts.push({ at: clock.now() - 1_000, attempt })
          if (attempts.length <= times) throw error()
        }
        handled.push(message.offset)
      }
    },
  }
}

test('a failure is tried again after the backoff, with its key waiting behind it and others going on', async () => {
  const harness = new Harness()
  const { dispatcher, clock, retries } = harness
  const handler = failing(2)
  const claim = new FakeClaim(0, ['a', 'a', 'b'])
  dispatcher.add(claim, route(handler.on(harness), { backoff: exponential(100, 150) }))
  await clock.advance(1)
  assert.deepEqual(handler.handled, [2])
  assert.equal(claim.messages[0]?.detached, true)
  assert.deepEqual(dispatcher.state(claim), { inFlight: 0, waiting: 2, undone: 0, blocked: null })
  await clock.advance(400)
  assert.deepEqual(handler.handled, [2, 0, 1])
  assert.deepEqual(
    handler.attempts.map(({ attempt }) => attempt),
    [1, 2, 3],
  )
  const [first = 0, second = 0] = retries.map(({ inMs }) => inMs)
  assert.ok(first >= 80 && first <= 100 && second >= 120 && second <= 150, `${first} ${second}`)
  assert.deepEqual(claim.settled, [2, 0, 1])
  dispatcher.close()
})

test('a message that waits for its next attempt keeps its lane and not a place of its own', async () => {
  const harness = new Harness({ concurrency: 1 })
  const handler = failing(1)
  const claim = new FakeClaim(0, ['a', 'a', 'b'])
  harness.dispatcher.add(claim, route(handler.on(harness)))
  await harness.clock.advance(50)
  assert.equal(harness.dispatcher.running, 0)
  assert.deepEqual(handler.handled, [2])
  harness.dispatcher.close()
})

test('Retry sets the delay alone and uses an attempt', async () => {
  const harness = new Harness()
  const handler = failing(9, () => new Retry({ afterMs: 7 }))
  const claim = new FakeClaim(0, ['a'])
  harness.dispatcher.add(claim, route(handler.on(harness)))
  await harness.clock.advance(100)
  assert.deepEqual(handler.attempts, [
    { at: 0, attempt: 1 },
    { at: 7, attempt: 2 },
    { at: 14, attempt: 3 },
  ])
  assert.deepEqual(claim.settled, [0])
  assert.equal(harness.failures[0]?.attempts, 3)
  harness.dispatcher.close()
})

test('a backoff may depend on what the attempt failed with', async () => {
  const harness = new Harness()
  const errors = [new RangeError('busy'), new Error('down')]
  const handler = failing(2, () => errors.shift())
  const wait = (attempt: number, _: unknown, error: Error) => attempt * (error instanceof RangeError ? 5 : 1_000)
  const claim = new FakeClaim(0, ['a'])
  harness.dispatcher.add(claim, route(handler.on(harness), { backoff: Object.assign(wait, { maxMs: 2_000 }) }))
  await harness.clock.advance(3_000)
  assert.deepEqual(
    handler.attempts.map(({ at }) => at),
    [0, 5, 2_005],
  )
  harness.dispatcher.close()
})

test('Retry wants a delay that is one', () => {
  for (const afterMs of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
    assert.throws(() => new Retry({ afterMs }), { code: 'INVALID_OPTION' })
  }
})

test('Poison has no further attempt', async () => {
  const harness = new Harness()
  const handler = failing(9, () => new Poison('never'))
  harness.dispatcher.add(new FakeClaim(0, ['a']), route(handler.on(harness)))
  await harness.clock.advance(100)
  assert.equal(handler.attempts.length, 1)
  assert.equal(harness.failures[0]?.error.message, 'never')
  assert.equal(harness.failures[0]?.reason, 'error')
  harness.dispatcher.close()
})

for (const asynchronous of [false, true]) {
  const how = asynchronous ? 'asynchronous' : 'synchronous'

  test(`a decode error has no further attempt, nor its handler a first (${how})`, async () => {
    const harness = new Harness()
    const handler = failing(0)
    const decode = ({ offset }: FakeMessage) => (offset === 0 ? fail(new Error('bad bytes'), asynchronous) : undefined)
    const claim = new FakeClaim(0, ['a', 'a'])
    harness.dispatcher.add(claim, route(handler.on(harness), { decode }))
    await harness.clock.advance(1)
    assert.deepEqual(handler.handled, [1])
    assert.deepEqual(
      harness.failures.map(({ reason, attempts }) => ({ reason, attempts })),
      [{ reason: 'decode', attempts: 1 }],
    )
    assert.deepEqual(claim.settled, [0, 1])
    harness.dispatcher.close()
  })

  test(`a decode error that is retriable is tried again (${how})`, async () => {
    const harness = new Harness()
    const handler = failing(0)
    let decoded = 0
    const registry = new MillraceError('REGISTRY', 'unreachable', { retriable: true })
    const decode = () => (++decoded < 3 ? fail(registry, asynchronous) : undefined)
    harness.dispatcher.add(new FakeClaim(0, ['a']), route(handler.on(harness), { decode }))
    await harness.clock.advance(500)
    assert.deepEqual(handler.handled, [0])
    assert.deepEqual(handler.attempts, [{ at: 200, attempt: 3 }])
    harness.dispatcher.close()
  })
}

function fail(error: Error, asynchronous: boolean): Promise<never> {
  if (asynchronous) return Promise.reject(error)
  throw error
}

/** What becomes of three messages of one key when the first is decided about like this. */
async function decide(onFailure: OnFailure<FakeMessage>, failures = 1) {
  const harness = new Harness()
  const handler = failing(failures)
  const claim = new FakeClaim(0, ['a', 'a', 'b'])
  const handle = route(handler.on(harness), { attempts: 1, onFailure, backoff: exponential(10, 500) })
  harness.dispatcher.add(claim, handle)
  await harness.clock.advance(10)
  return { harness, handler, claim, ...harness }
}

const forms: readonly [string, (decision: Decision) => OnFailure<FakeMessage>][] = [
  ['given', decision => decision],
  ['answered', decision => () => decision],
  ['promised', decision => async () => decision],
  ['pending', decision => () => pending(decision, queueMicrotask)],
  ['pending and made', decision => () => pending(decision, make => make())],
]

function pending(decision: Decision, soon: (make: () => void) => void): PendingDecision {
  const made = new PendingDecision()
  soon(() => made.decide(decision))
  return made
}

for (const [form, as] of forms) {
  test(`'skip' settles the message and goes on (${form})`, async () => {
    const { dispatcher, claim, handler, failures } = await decide(as('skip'))
    assert.deepEqual(claim.settled.toSorted(), [0, 1, 2])
    assert.deepEqual(handler.handled.toSorted(), [1, 2])
    assert.equal(failures[0]?.decision, 'skip')
    dispatcher.close()
  })

  test(`'leave' lets its key pass, and brings the message again after redeliverMs (${form})`, async () => {
    const { dispatcher, clock, claim, handler } = await decide(as('leave'), 2)
    assert.deepEqual(claim.settled.toSorted(), [1, 2])
    assert.deepEqual(dispatcher.state(claim), { inFlight: 0, waiting: 1, undone: 1, blocked: null })
    assert.equal(claim.messages[0]?.detached, true)
    await clock.advance(30_000)
    assert.deepEqual(claim.settled.toSorted(), [1, 2])
    await clock.advance(30_000)
    assert.deepEqual(claim.settled.toSorted(), [0, 1, 2])
    assert.deepEqual(
      handler.attempts.map(({ attempt }) => attempt),
      [1, 1, 1],
    )
    assert.equal(dispatcher.state(claim)?.undone, 0)
    dispatcher.close()
  })

  test(`'hold' keeps its key waiting and probes at the largest backoff, asking each time (${form})`, async () => {
    const { dispatcher, clock, claim, handler, failures } = await decide(as('hold'), 3)
    assert.deepEqual(claim.settled, [2])
    assert.deepEqual(dispatcher.state(claim), { inFlight: 0, waiting: 2, undone: 1, blocked: null })
    await clock.advance(1_400)
    assert.deepEqual(claim.settled, [2])
    await clock.advance(200)
    assert.deepEqual(claim.settled, [2, 0, 1])
    assert.deepEqual(
      failures.map(({ attempts }) => attempts),
      [1, 2, 3],
    )
    assert.deepEqual(
      handler.attempts.map(({ at }) => at),
      [0, 500, 1_000, 1_500],
    )
    assert.equal(dispatcher.state(claim)?.undone, 0)
    dispatcher.close()
  })

  test(`'stop' leaves the message undone and starts nothing more (${form})`, async () => {
    const { dispatcher, clock, claim, fatal } = await decide(as('stop'))
    assert.equal(fatal.length, 1)
    assert.match(String(fatal[0]), /orders\[0\] offset 0 after 1 attempt: no luck/)
    assert.match(String(fatal[0]?.cause), /no luck/)
    claim.write(['c'])
    dispatcher.wake(claim)
    await clock.advance(1_000)
    assert.ok(!claim.settled.includes(0) && !claim.settled.includes(1) && !claim.settled.includes(3))
    dispatcher.close()
  })

  test(`'skip-and-stop' settles the message and starts nothing more (${form})`, async () => {
    const { dispatcher, clock, claim, fatal } = await decide(as('skip-and-stop'))
    assert.equal(fatal.length, 1)
    await clock.advance(1_000)
    assert.ok(claim.settled.includes(0) && !claim.settled.includes(1))
    dispatcher.close()
  })
}

const broken: readonly [string, OnFailure<FakeMessage>][] = [
  ['throws', () => assert.fail('broken')],
  ['rejects', () => Promise.reject(new Error('broken'))],
  ['answers nonsense', () => 'later' as Decision],
  ['promises nonsense', async () => 7 as unknown as Decision],
  ['answers nothing', () => undefined as unknown as Decision],
]

for (const [how, onFailure] of broken) {
  test(`an onFailure that ${how} stops the consumer and loses nothing`, async () => {
    const { dispatcher, claim, fatal, failures } = await decide(onFailure)
    assert.equal((fatal[0] as MillraceError).code, 'ON_FAILURE')
    assert.match(String(fatal[0]), /orders\[0\] offset 0/)
    assert.equal(failures[0]?.decision, 'stop')
    assert.ok(!claim.settled.includes(0))
    dispatcher.close()
  })
}

test('a decision that is awaited keeps its key waiting and its unit of concurrency', async () => {
  const harness = new Harness({ concurrency: 1 })
  const handler = failing(1)
  let answer = (_: Decision) => {}
  const onFailure = () => new Promise<Decision>(resolve => (answer = resolve))
  const claim = new FakeClaim(0, ['a', 'a', 'b'])
  harness.dispatcher.add(claim, route(handler.on(harness), { attempts: 1, onFailure }))
  await harness.clock.advance(1_000)
  assert.deepEqual(handler.handled, [])
  assert.equal(harness.dispatcher.running, 1)
  answer('skip')
  await harness.clock.advance(1)
  assert.deepEqual(handler.handled.toSorted(), [1, 2])
  harness.dispatcher.close()
})

test('a decision that is pending can be awaited as a promise is, before it is made and afterwards', async () => {
  const decision = new PendingDecision()
  const answered = (async () => decision)()
  decision.decide('leave')
  assert.equal(await answered, 'leave')
  assert.equal(await decision, 'leave')
})

test('a held message may be decided about differently after a probe', async () => {
  const decisions: Decision[] = ['hold', 'leave', 'hold', 'skip']
  const { dispatcher, clock, claim, handler } = await decide(() => decisions.shift() ?? 'stop', 9)
  await clock.advance(600)
  assert.deepEqual(claim.settled, [2, 1])
  await clock.advance(40_000)
  assert.deepEqual(claim.settled, [2, 1, 0])
  assert.deepEqual(
    handler.attempts.map(({ attempt }) => attempt),
    [1, 2, 1, 2],
  )
  assert.deepEqual(dispatcher.state(claim), { inFlight: 0, waiting: 0, undone: 0, blocked: null })
  dispatcher.close()
})

test('what is left or held is bounded: the partition is not taken from beyond, others are', async () => {
  const harness = new Harness({ maxUndone: 3 })
  const claim = new FakeClaim(0, [null, null, null, null, null])
  const other = new FakeClaim(1, [null, null])
  const handle = route(({ partition }) => (partition === 0 ? fail(new Error('no'), false) : undefined), {
    attempts: 1,
    onFailure: 'hold',
  })
  harness.dispatcher.add(claim, handle)
  harness.dispatcher.add(other, handle)
  await harness.clock.advance(1)
  assert.equal(claim.taken, 3)
  assert.equal(harness.dispatcher.state(claim)?.blocked, 'undone')
  assert.deepEqual(other.settled, [0, 1])
  harness.dispatcher.close()
})

test('handlers may throw anything', async () => {
  const harness = new Harness()
  const handler = failing(1, () => undefined)
  harness.dispatcher.add(new FakeClaim(0, ['a']), route(handler.on(harness), { attempts: 1 }))
  await harness.clock.advance(1)
  assert.equal(harness.failures[0]?.error.message, 'undefined')
  harness.dispatcher.close()
})

test('a promise of another kind is waited for as well', async () => {
  const { dispatcher, clock } = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a'])
  const handle = route((message, context) => {
    const promise = calls.handle(message, context) as Promise<void>
    // biome-ignore lint/suspicious/noThenProperty: this is what is tested
    return { then: promise.then.bind(promise) }
  })
  dispatcher.add(claim, handle)
  await clock.advance(1)
  assert.deepEqual(claim.settled, [])
  calls.of(0).resolve()
  await clock.advance(1)
  assert.deepEqual(claim.settled, [0])
  dispatcher.close()
})

test('an answer that throws when it is looked at is a failure like any other', async () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const { dispatcher, clock, failures } = new Harness()
  const claim = new FakeClaim(0, [null, null])
  dispatcher.add(
    claim,
    route(({ offset }) => (offset === 0 ? proxy : undefined), { attempts: 1, onFailure: 'skip' }),
  )
  await clock.advance(1)
  assert.deepEqual(claim.settled, [0, 1])
  assert.equal(failures.length, 1)
  dispatcher.close()
})

for (const [what, backoff] of [
  ['throws', () => assert.fail('no idea')],
  ['answers nonsense', () => Number.NaN],
] as const) {
  test(`a backoff that ${what} stops the consumer and leaves the message undone`, async () => {
    const { dispatcher, clock, fatal } = new Harness()
    const claim = new FakeClaim(0, ['a'])
    const handler = () => {
      throw new Error('no luck')
    }
    dispatcher.add(claim, route(handler, { backoff: Object.assign(backoff, { maxMs: 10 }) }))
    await clock.advance(1)
    assert.equal(fatal.length, 1)
    assert.deepEqual(claim.settled, [])
    dispatcher.close()
  })
}

test('attempts that owners before made count, and the last one decides', async () => {
  const before = new Harness()
  const first = new FakeClaim(0, ['a', 'b'])
  before.dispatcher.add(first, route(failing(9).on(before), { backoff: exponential(1_000, 1_000) }))
  await before.clock.advance(1_500)
  assert.deepEqual([...first.attempts], [[0, 2]])
  before.dispatcher.abandon([first])
  before.dispatcher.close()

  const harness = new Harness()
  const handler = failing(9)
  const claim = first.next()
  harness.dispatcher.add(claim, route(handler.on(harness)))
  await harness.clock.advance(1_000)
  assert.deepEqual(handler.attempts, [{ at: 0, attempt: 3 }])
  assert.deepEqual(
    harness.failures.map(({ message, attempts }) => [message.offset, attempts]),
    [[0, 3]],
  )
  assert.deepEqual([claim.settled, [...claim.attempts]], [[0, 1], []])
  harness.dispatcher.close()
})

test('what is held is asked about after one more attempt of the next owner, what was left or stopped at begins anew', async () => {
  for (const [decision, kept] of [
    ['hold', [[0, 3]]],
    ['leave', []],
    ['stop', []],
  ] as const) {
    const harness = new Harness()
    const claim = new FakeClaim(0, ['a'])
    harness.dispatcher.add(claim, route(failing(9).on(harness), { onFailure: decision }))
    await harness.clock.advance(250)
    assert.deepEqual([...claim.attempts], kept)
    harness.dispatcher.close()

    const second = new Harness()
    const again = claim.next()
    second.dispatcher.add(again, route(failing(9).on(second), { onFailure: decision }))
    await second.clock.advance(1)
    const attempts = second.failures.map(failure => failure.attempts)
    assert.deepEqual(attempts, decision === 'hold' ? [4] : [])
    second.dispatcher.close()
  }
})

test('what a revocation ended was no attempt', async () => {
  const harness = new Harness()
  const calls = new Calls()
  const claim = new FakeClaim(0, ['a'])
  harness.dispatcher.add(claim, route(calls.handle))
  await harness.turn()
  const drained = harness.dispatcher.drain([claim], { drainMs: 10, abandonMs: 10, reason: 'revoked' })
  await harness.clock.advance(11)
  calls.of(0).reject(new Error('revoked'))
  await harness.turn()
  await drained
  assert.deepEqual([...claim.attempts], [])
  harness.dispatcher.close()
})

test('a batch is of messages that owners before tried equally often, and those of a key stay in order', async () => {
  const harness = new Harness()
  const claim = new FakeClaim(0, [null, 'a', 'b', 'a', null, 'b'])
  for (const offset of [2, 3]) claim.attempts.set(offset, 2)
  const calls: string[] = []
  const handle = (batch: readonly FakeMessage[], { attempt }: { attempt: number }) => {
    calls.push(`${batch.map(({ offset }) => offset).join('+')} ${attempt}`)
    if (attempt === 1) throw new Error('no')
  }
  harness.dispatcher.add(claim, batchRoute(handle, { messages: 6, lingerMs: 10 }, { attempts: 3 }))
  await harness.clock.advance(50)
  assert.deepEqual(calls, ['0+1 1', '2 3', '4+5 1'])
  assert.deepEqual(harness.failures, [])
  await harness.clock.advance(200)
  assert.deepEqual(calls.slice(3), ['0+1 2', '4+5 2', '3 3'])
  assert.deepEqual([claim.settled.toSorted(), [...claim.attempts]], [[0, 1, 2, 3, 4, 5], []])
  harness.dispatcher.close()
})

test('attempts of the messages of a batch, and of its halves, count for the next owner', async () => {
  const policy = { order: 'none', attempts: 2, backoff: constant(100) } as const
  const before = new Harness({ concurrency: 1 })
  const calls = new Calls()
  const first = new FakeClaim(0, [null, null, null, null])
  before.dispatcher.add(first, batchRoute(calls.handleBatch, { messages: 4 }, policy))
  for (const running of ['0+1+2+3', '0+1+2+3', '0+1']) {
    await before.clock.advance(100)
    assert.deepEqual(calls.running, [running])
    calls.of(0).reject(new Error('never'))
  }
  await before.turn()
  assert.deepEqual(calls.running, ['0'])
  before.dispatcher.abandon([first])
  before.dispatcher.close()
  assert.deepEqual([...first.attempts.values()], [3, 3, 2, 2])

  const harness = new Harness({ concurrency: 1 })
  const claim = first.next()
  const seen: string[] = []
  const handle = (batch: readonly FakeMessage[], { attempt }: { attempt: number }) => {
    seen.push(`${batch.map(({ offset }) => offset).join('+')} ${attempt}`)
    if (batch.some(({ offset }) => offset === 1)) throw new Error('never')
  }
  harness.dispatcher.add(claim, batchRoute(handle, { messages: 4 }, policy))
  await harness.clock.advance(90)
  assert.deepEqual(seen, ['0+1 4', '0 5', '1 5', '2+3 3'])
  assert.deepEqual(
    harness.failures.map(({ message, attempts }) => [message.offset, attempts]),
    [[1, 5]],
  )
  assert.deepEqual([claim.settled.length, [...claim.attempts]], [4, []])
  harness.dispatcher.close()
})
