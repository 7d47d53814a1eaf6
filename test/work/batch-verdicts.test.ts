import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HandlerContext } from '../../src/work/context.ts'
import { Poison, Retry } from '../../src/work/failure.ts'
import type { Order } from '../../src/work/route.ts'
import type { MessageBatch } from '../../src/work/verdicts.ts'
import { FakeClaim, type FakeMessage } from './fake-claim.ts'
import { batchRoute, Harness } from './harness.ts'

interface Options {
  readonly order?: Order
  readonly attempts?: number
  readonly onFailure?: 'skip' | 'hold' | 'leave'
  readonly timeoutMs?: number
}

type Body = (batch: MessageBatch<FakeMessage>, context: HandlerContext) => unknown

/** A partition whose batches are handled by one function after the other; the last of them goes on. */
async function handled(keys: readonly (string | null)[], bodies: readonly Body[], options: Options = {}) {
  const harness = new Harness()
  const calls: string[] = []
  const claim = new FakeClaim(0, keys)
  const handle: Body = (batch, context) => {
    const body = bodies[Math.min(calls.length, bodies.length - 1)]
    calls.push(`${batch.map(({ offset }) => offset).join('+')} ${context.attempt}`)
    return body?.(batch, context)
  }
  harness.dispatcher.add(claim, batchRoute(handle, { messages: keys.length, lingerMs: 10 }, options))
  await harness.clock.advance(1)
  return { ...harness, claim, calls, failed: () => harness.failures.map(({ message }) => message.offset) }
}

const at = (batch: MessageBatch<FakeMessage>, offset: number) =>
  batch.find(message => message.offset === offset) as FakeMessage
const nothing = () => {}

test('what a handler says is done is settled at once, and stays so when the batch fails', async () => {
  let settled: number[] = []
  const first: Body = batch => {
    batch.done(at(batch, 1))
    settled = [...claims.settled]
    throw new Error('no')
  }
  const claims = new FakeClaim(0, ['a', 'b', 'c'])
  const { dispatcher, clock } = new Harness()
  const calls: number[][] = []
  const handle: Body = (batch, context) => {
    calls.push(batch.map(({ offset }) => offset))
    return calls.length === 1 ? first(batch, context) : undefined
  }
  dispatcher.add(claims, batchRoute(handle, { messages: 3 }))
  await clock.advance(1)
  assert.deepEqual(settled, [1])
  await clock.advance(100)
  assert.deepEqual(calls, [
    [0, 1, 2],
    [0, 2],
  ])
  assert.deepEqual(claims.settled, [1, 0, 2])
  assert.deepEqual(dispatcher.state(claims), { inFlight: 0, waiting: 0, undone: 0, blocked: null })
  dispatcher.close()
})

test('what a handler says has failed is tried again alone; of the rest, all is done', async () => {
  const { dispatcher, clock, claim, calls, retries } = await handled(
    ['a', 'b', 'c'],
    [batch => batch.fail(at(batch, 1), new Error('no')), nothing],
  )
  assert.deepEqual(claim.settled, [0, 2])
  assert.deepEqual(retries, [{ offset: 1, attempts: 1, inMs: 100 }])
  await clock.advance(100)
  assert.deepEqual(calls, ['0+1+2 1', '1 2'])
  assert.deepEqual(claim.settled, [0, 2, 1])
  dispatcher.close()
})

test('Retry and Poison mean for a single message what they mean for a handler', async () => {
  const { dispatcher, clock, calls, failures, claim } = await handled(
    ['a', 'b', 'c'],
    [
      batch => {
        batch.fail(at(batch, 0), new Retry({ afterMs: 7 }))
        batch.fail(at(batch, 2), new Poison('never'))
      },
      nothing,
    ],
  )
  assert.deepEqual(
    failures.map(({ message, attempts, error }) => [message.offset, attempts, error.message]),
    [[2, 1, 'never']],
  )
  await clock.advance(7)
  assert.deepEqual(calls, ['0+1+2 1', '0 2'])
  assert.deepEqual(claim.settled, [1, 2, 0])
  dispatcher.close()
})

test('behind a message that failed, those of its key come again after it, unless they were said to be done', async () => {
  const { dispatcher, clock, claim, calls } = await handled(
    ['a', 'b', 'a', 'a', 'a'],
    [
      batch => {
        batch.fail(at(batch, 0), new Error('no'))
        batch.done(at(batch, 3))
      },
      nothing,
    ],
  )
  assert.deepEqual(claim.settled, [3, 1])
  await clock.advance(98)
  assert.equal(calls.length, 1)
  await clock.advance(30)
  assert.deepEqual(calls, ['0+1+2+3+4 1', '0 2', '2+4 1'])
  assert.deepEqual(claim.settled, [3, 1, 0, 2, 4])
  assert.deepEqual(dispatcher.state(claim), { inFlight: 0, waiting: 0, undone: 0, blocked: null })
  dispatcher.close()
})

test('without an order, and without a key, nothing waits behind a message that failed', async () => {
  for (const [keys, order] of [
    [['a', 'a'], 'none'],
    [[null, null], 'key'],
  ] as const) {
    const { dispatcher, claim } = await handled(keys, [batch => batch.fail(at(batch, 0), new Error('no')), nothing], {
      order,
    })
    assert.deepEqual(claim.settled, [1])
    dispatcher.close()
  }
})

test('when the handler rejects, what was not settled is tried again together, and what failed alone', async () => {
  const { dispatcher, clock, claim, calls } = await handled(
    ['a', 'b', 'c', 'd'],
    [
      batch => {
        batch.done(at(batch, 0))
        batch.fail(at(batch, 2), new Error('bad'))
        throw new Error('no')
      },
      nothing,
    ],
  )
  await clock.advance(100)
  assert.deepEqual(calls, ['0+1+2+3 1', '1+3 2', '2 2'])
  assert.deepEqual(claim.settled, [0, 1, 3, 2])
  dispatcher.close()
})

test('a message that failed waits for those of its key that wait in front of it', async () => {
  const { dispatcher, clock, calls, claim } = await handled(
    ['a', 'a', 'b'],
    [
      batch => {
        batch.fail(at(batch, 1), new Error('bad'))
        throw new Error('no')
      },
      nothing,
    ],
  )
  await clock.advance(120)
  assert.deepEqual(calls, ['0+1+2 1', '0+2 2', '1 1'])
  assert.deepEqual(claim.settled, [0, 2, 1])
  dispatcher.close()
})

test('the first word on a message counts, and after the end of the handler none does', async () => {
  const answers: boolean[] = []
  let kept: MessageBatch<FakeMessage> | undefined
  const { dispatcher, claim, failures } = await handled(
    ['a', 'b', 'c'],
    [
      batch => {
        kept = batch
        answers.push(batch.done(at(batch, 0)), batch.done(at(batch, 0)), batch.fail(at(batch, 0), new Error('no')))
        answers.push(batch.fail(at(batch, 1), new Error('no')), batch.done(at(batch, 1)))
      },
    ],
    { attempts: 1 },
  )
  assert.deepEqual(answers, [true, false, false, true, false])
  assert.deepEqual([claim.settled, failures.length], [[0, 1, 2].toSorted((a, b) => order(a) - order(b)), 1])
  assert.equal(kept?.fail(kept[2] as FakeMessage, new Error('late')), false)
  dispatcher.close()
})

/** The one that failed is settled last, by its decision. */
function order(offset: number): number {
  return offset === 1 ? 9 : offset
}

test('a message of another batch is refused, by name', async () => {
  const stranger = new FakeClaim(3, ['x']).messages[0] as FakeMessage
  let thrown: unknown
  const { dispatcher } = await handled(
    ['a'],
    [
      batch => {
        try {
          batch.done(stranger)
        } catch (error) {
          thrown = error
        }
      },
    ],
  )
  assert.match(String(thrown), /orders\[3\] offset 0 is not in this batch/)
  assert.equal((thrown as { code: string }).code, 'NOT_IN_BATCH')
  dispatcher.close()
})

test('of a batch that is left to itself, what was said to be done is done, and the rest is decided about', async () => {
  let kept: MessageBatch<FakeMessage> | undefined
  const { dispatcher, clock, claim, failures } = await handled(
    ['a', 'b', 'c'],
    [
      batch => {
        kept = batch
        batch.done(at(batch, 0))
        batch.fail(at(batch, 1), new Error('no'))
        return new Promise(() => {})
      },
    ],
    { timeoutMs: 100 },
  )
  await clock.advance(5_300)
  assert.deepEqual(
    failures.map(({ message, reason }) => [message.offset, reason]),
    [
      [1, 'abandoned'],
      [2, 'abandoned'],
    ],
  )
  assert.deepEqual(claim.settled, [0, 1, 2])
  assert.equal(kept?.done(kept[2] as FakeMessage), false)
  dispatcher.close()
})

test('a handler may say something after its timeout, as long as it runs', async () => {
  const { dispatcher, clock, claim, calls } = await handled(
    ['a', 'b'],
    [
      (batch, { signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            batch.done(at(batch, 0))
            reject(signal.reason)
          })
        }),
      nothing,
    ],
    { timeoutMs: 100 },
  )
  await clock.advance(160)
  assert.deepEqual(claim.settled, [0])
  await clock.advance(100)
  assert.deepEqual(calls, ['0+1 1', '1 2'])
  dispatcher.close()
})

test('nothing said of a lost partition counts', async () => {
  let answer: boolean | undefined
  let say = nothing
  const { dispatcher, clock, claim } = await handled(
    ['a', 'b'],
    [
      batch =>
        new Promise<void>(resolve => {
          say = () => {
            answer = batch.done(at(batch, 0))
            resolve()
          }
        }),
    ],
  )
  claim.live = false
  dispatcher.abandon([claim])
  say()
  await clock.advance(1)
  assert.deepEqual([answer, claim.settled], [false, []])
  dispatcher.close()
})
