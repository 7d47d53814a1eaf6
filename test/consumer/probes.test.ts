import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AnyMessage } from '../../src/consumer/claim.ts'
import { probing } from '../../src/consumer/probes.ts'
import { Circuit } from '../../src/work/circuit.ts'
import { Attempt } from '../../src/work/context.ts'
import { Closing, HandlerTimeout } from '../../src/work/failure.ts'
import type { Route } from '../../src/work/route.ts'
import { batchOf, type MessageBatch } from '../../src/work/verdicts.ts'
import { settled, VirtualClock } from '../virtual-clock.ts'
import { quiet } from './written-topics.ts'

const PAUSE_MS = 100

function messageOf(partition: number, offset = 0): AnyMessage {
  return { topic: 'orders', partition, offset } as AnyMessage
}

/** A route of two partitions, each of which has a circuit that is half open. */
async function halfOpen(overrides: object) {
  const clock = new VirtualClock()
  const parts = { failures: 1, windowMs: 1_000, pauseMs: PAUSE_MS, clock, changed() {}, stop() {} }
  const circuits = [0, 1].map(() => new Circuit({ ...parts, decide: () => 'pause' }))
  for (const circuit of circuits) circuit.failed()
  await clock.advance(PAUSE_MS)
  const policy = { timeoutMs: 60_000, abandonMs: 5_000, decode: null, batch: {} }
  const route = probing(
    { ...policy, ...overrides } as unknown as Route<AnyMessage>,
    ({ partition }) => circuits[partition] as Circuit,
  )
  return {
    route: route as Route<AnyMessage> & { handle: (work: unknown, context: Attempt) => unknown },
    circuits: circuits as [Circuit, Circuit],
    phases: () => circuits.map(({ phase, allows }) => (phase === 'half-open' && !allows ? 'probing' : phase)),
    attempt: new Attempt(messageOf(0), 1, 60_000, { clock, logger: quiet }),
  }
}

const two = () => [messageOf(0, 0), messageOf(0, 1), messageOf(1, 0), messageOf(1, 1)]
const listening = (messages: AnyMessage[]) => batchOf(messages, { done: () => true, fail: () => true })

/** What of the first partition is said before the handler ends. */
type Say = (batch: MessageBatch<AnyMessage>, first: AnyMessage, second: AnyMessage) => void
const nothing: Say = () => {}
const no = new Error('no')

for (const [what, say, error, expected] of [
  ['is handled', nothing, null, ['closed', 'closed']],
  ['fails', nothing, no, ['open', 'open']],
  ['outlives its timeout', nothing, new HandlerTimeout(messageOf(0), 1), ['open', 'open']],
  ['is given up as the consumer closes', nothing, new Closing(), ['half-open', 'half-open']],
  [
    'is handled, but for all messages of one partition',
    (batch, first, second) => {
      batch.fail(first, no)
      batch.fail(second, no)
    },
    null,
    ['open', 'closed'],
  ],
  ['is handled, but for one message', (batch, first) => batch.fail(first, no), null, ['closed', 'closed']],
  ['fails, but for a message that is done', (batch, first) => batch.done(first), no, ['closed', 'open']],
] as [string, Say, Error | null, string[]][]) {
  test(`a batch that ${what} tells each circuit of its partitions so`, async () => {
    for (const later of [false, true]) {
      const { route, phases, attempt } = await halfOpen({
        handle: (batch: MessageBatch<AnyMessage>) => {
          const end = () => {
            say(batch, batch[0] as AnyMessage, batch[1] as AnyMessage)
            if (error instanceof Closing || error instanceof HandlerTimeout) attempt.abort(error)
            if (error !== null) throw error
          }
          return later ? Promise.resolve().then(end) : end()
        },
      })
      const handle = async () => route.handle(listening(two()), attempt)
      await handle().catch(thrown => assert.equal(thrown, error))
      await settled()
      assert.deepEqual(phases(), expected)
    }
  })
}

test('a word that does not count says nothing', async () => {
  const { route, phases, attempt } = await halfOpen({
    handle: (batch: MessageBatch<AnyMessage>) => {
      for (const message of batch) batch.fail(message, no)
    },
  })
  await route.handle(batchOf(two(), { done: () => false, fail: () => false }), attempt)
  assert.deepEqual(phases(), ['closed', 'closed'])
})

test('what is decoded is a probe from then on, until its handler ends, of whatever place in its batch', async () => {
  const ended = Promise.withResolvers<void>()
  const { route, phases, attempt } = await halfOpen({ decode: () => {}, handle: () => ended.promise })
  const messages = two()
  await Promise.all([...messages].reverse().map(message => route.decode?.(message)))
  assert.deepEqual(phases(), ['probing', 'probing'])
  const pending = route.handle(listening(messages), attempt)
  assert.deepEqual(phases(), ['probing', 'probing'])
  ended.resolve()
  await pending
  await settled()
  assert.deepEqual(phases(), ['closed', 'closed'])
})

test('what is not handed over after all lets another one probe, unless all of its partition failed', async () => {
  const { route, phases } = await halfOpen({ decode: () => {}, handle: () => assert.fail() })
  const messages = two()
  for (const message of messages) void route.decode?.(message)
  assert.deepEqual(phases(), ['probing', 'probing'])
  route.unentered?.(messages.slice(1), messages.slice(0, 1))
  assert.deepEqual(phases(), ['half-open', 'open'])
})

test('while nothing probes, a handler gets the very batch, and a word more costs nothing', async () => {
  const seen: unknown[] = []
  const { route, circuits, attempt } = await halfOpen({ handle: (batch: unknown) => seen.push(batch) })
  // Others do.
  for (const circuit of circuits) circuit.started(1_000)
  const batch = listening(two())
  route.handle(batch, attempt)
  assert.equal(seen[0], batch)
})
