import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Grant } from '../../src/consumer/grant.ts'
import { replace } from '../replace.ts'
import { type Story, tell } from './at-most-once-story.ts'

function stories(trouble: boolean): fc.Arbitrary<Story> {
  const end = trouble ? fc.constantFrom('crash' as const, 'close' as const) : fc.constant('close' as const)
  return fc.record({
    seed: fc.nat(2 ** 31 - 1),
    order: fc.constantFrom('key', 'partition', 'none'),
    concurrency: fc.constantFrom(1, 4, 64),
    batch: fc.constantFrom(0, 7),
    messages: fc.constantFrom(40, 400),
    keys: fc.constantFrom(1, 5, 100),
    trouble: trouble ? fc.constantFrom(0, 5, 30) : fc.constant(0),
    talk: fc.constantFrom(0, 20),
    storageTrouble: fc.constantFrom(0, 0, 30),
    drainMs: trouble ? fc.constantFrom(0, 20, 20_000) : fc.constant(20_000),
    processes: fc.array(fc.record({ steps: fc.nat(150), end }), { maxLength: 5 }),
  })
}

test('at most once, no handler is entered twice for a message, nor before a commit above it was acknowledged', async () => {
  let missed = 0
  await fc.assert(
    fc.asyncProperty(stories(true), async story => {
      const told = await tell(story)
      assert.equal(told.violation, null)
      missed += told.missed
    }),
    { seed: 1, numRuns: 40 },
  )
  assert.ok(missed > 0, 'crashes lost something')
})

test('at most once, consumers that close in good order miss nothing', async () => {
  await fc.assert(
    fc.asyncProperty(stories(false), async story => {
      const { violation, missed } = await tell(story)
      assert.deepEqual({ violation, missed }, { violation: null, missed: 0 })
    }),
    { seed: 2, numRuns: 40 },
  )
})

const bugs: readonly { readonly name: string; readonly install: () => () => void }[] = [
  {
    name: 'messages are handed out before the commit is acknowledged',
    install: () =>
      replace(
        Grant.prototype,
        'admits',
        admits =>
          function (message) {
            return admits.call(this, message) || message.offset < this.asked
          },
      ),
  },
  {
    name: 'one message too many is handed out',
    install: () =>
      replace(
        Grant.prototype,
        'acknowledged',
        acknowledged =>
          function (offset) {
            acknowledged.call(this, offset + 1)
          },
      ),
  },
  {
    name: 'a message that was begun is given back',
    install: () =>
      replace(
        Grant.prototype,
        'stop',
        stop =>
          function (begun) {
            stop.call(this, begun - 1)
          },
      ),
  },
]

for (const { name, install } of bugs) {
  test(`finds that ${name}`, async () => {
    const undo = install()
    try {
      const { failed } = await fc.check(
        fc.asyncProperty(stories(true), async story => (await tell(story)).violation === null),
        { seed: 1, numRuns: 40, endOnFailure: true },
      )
      assert.ok(failed)
    } finally {
      undo()
    }
  })
}
