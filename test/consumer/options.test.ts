import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { batch, Consumer, type ConsumerOptions, MillraceError, OptionError } from '../../src/index.ts'

const brokers = ['localhost:1']

/** What the constructor says about these options. */
function complaint(options: unknown): string {
  try {
    new Consumer(options as ConsumerOptions)
  } catch (error) {
    assert.ok(error instanceof OptionError)
    assert.equal(error.code, 'INVALID_OPTION')
    return error.message
  }
  return ''
}

describe('a wrong option is named with what was expected', () => {
  const cases: [unknown, RegExp][] = [
    [{}, /^brokers must be a list of addresses such as .*, not undefined$/],
    [{ brokers: [] }, /^brokers must be/],
    [{ brokers: 'localhost' }, /not 'localhost'$/],
    [{ brokers, grup: 'x' }, /^grup is not an option; known here: brokers, .*, group,/],
    [{ brokers, group: 7 }, /^group must be a string, not 7$/],
    [{ brokers, work: { concurrency: 0 } }, /^work\.concurrency must be a whole number of at least 1, not 0$/],
    [{ brokers, work: { concurrency: '5' } }, /^work\.concurrency must be .* not '5'$/],
    [{ brokers, work: { order: 'any' } }, /^work\.order must be 'key' or 'partition' or 'none', not 'any'$/],
    [{ brokers, work: { onFailure: 'ignore' } }, /^work\.onFailure must be 'skip' or .*, not 'ignore'$/],
    [{ brokers, work: { backoff: 5 } }, /^work\.backoff must be exponential\(minMs, maxMs\)/],
    [{ brokers, work: 5 }, /^work must be an object, not 5$/],
    [{ brokers, fetch: { reservoir: { mesages: 1 } } }, /^fetch\.reservoir\.mesages is not an option/],
    [{ brokers, fetch: { fetchers: 65 } }, /^fetch\.fetchers must be a whole number from 1 to 64, not 65$/],
    [{ brokers, fetch: { onCorrupt: 'ignore' } }, /^fetch\.onCorrupt must be 'fail' or 'skip'/],
    [{ brokers, offsets: { start: 'beginning' } }, /^offsets\.start must be 'earliest', 'latest'/],
    [{ brokers, offsets: { storage: { load() {}, commit() {} } } }, /^offsets\.storage needs a group/],
    [{ brokers, reconnect: { minMs: 100, maxMs: 50 } }, /^reconnect\.maxMs must be a whole number from 100 to /],
    [{ brokers, ownership: { strategies: [] } }, /^ownership\.strategies must be a list of 'range', 'round-robin', /],
    [{ brokers, ownership: { strategies: ['roundrobin'] } }, /^ownership\.strategies must be .*, not 'roundrobin'$/],
    [{ brokers, ownership: { strategies: ['range', 'range'] } }, /^ownership\.strategies holds two of one name$/],
    [{ brokers, ownership: { strategies: [{ name: 'x' }] } }, /^ownership\.strategies must be .*, not an object$/],
    [{ brokers, ownership: { instanceId: 'a b' } }, /^ownership\.instanceId must be a name of 1 to 249 letters/],
    [
      { brokers, ownership: { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 2_001 } },
      /^ownership\.heartbeatIntervalMs must be a whole number from 1 to 2000, not 2001$/,
    ],
    [{ brokers, ownership: { startup: { minMembers: 0 } } }, /^ownership\.startup\.minMembers must be/],
    [
      { brokers, ownership: { rebalanceTimeoutMs: 20_000, startup: { waitMs: 10_001 } } },
      /^ownership\.startup\.waitMs must be a whole number from 0 to 10000, not 10001$/,
    ],
    [{ brokers, ownership: { onRevoked: 5 } }, /^ownership\.onRevoked must be a function, not 5$/],
    [
      { brokers, group: 'g', ownership: { drainMs: 50_001 } },
      /^ownership\.rebalanceTimeoutMs is 60000, and a drain may take 60001: drainMs 50001, abandonMs 5000 and 5000/,
    ],
  ]
  for (const [options, expected] of cases) {
    test(JSON.stringify(options), () => assert.match(complaint(options), expected))
  }
})

test('a drain may take all the time that the group waits for it, and without a group any', () => {
  assert.equal(complaint({ brokers, group: 'g', ownership: { drainMs: 50_000 } }), '')
  assert.equal(complaint({ brokers, ownership: { drainMs: 500_000 } }), '')
})

test('a strategy may be a function with a name', () => {
  const assign = { inHalves: () => new Map() }
  assert.equal(complaint({ brokers, ownership: { strategies: [assign.inHalves, 'range'] } }), '')
  assert.match(
    complaint({ brokers, ownership: { strategies: [() => new Map()] } }),
    /needs a name: members agree by it$/,
  )
})

test('the defaults need only brokers', () => assert.equal(complaint({ brokers }), ''))

describe('routes', () => {
  const consumer = () => new Consumer({ brokers })
  const wrong = (add: (consumer: Consumer) => unknown, expected: RegExp) => {
    assert.throws(
      () => add(consumer()),
      (error: unknown) => error instanceof MillraceError && expected.test(error.message),
    )
  }

  test('a handler is needed', () =>
    wrong(c => c.topic('a', {} as never), /needs a handler: a function, batch\(…\) or threads\(…\)/))
  test('a match is needed', () => wrong(c => c.topic(5 as never, () => {}), /must be a topic name, a list of names/))
  test('a name is one that Kafka takes', () => wrong(c => c.topic('a b', () => {}), /Names have 1 to 249 letters/))
  test('partitions are numbers', () =>
    wrong(c => c.topic({ topic: 'a', partitions: [-1] }, () => {}), /must be a topic name/))
  test('a topic has one route', () =>
    wrong(c => c.topic('a', () => {}).topic(['b', 'a'], () => {}), /topic a is matched by 'a' and/))
  test('options of a route are checked', () =>
    wrong(c => c.topic('a', { work: { attempts: 0 } }, () => {}), /^topic\('a'\)\.work\.attempts/))
  test('a route cannot set what all share', () =>
    wrong(
      c => c.topic('a', { work: { concurrency: 1 } as never }, () => {}),
      /^topic\('a'\)\.work\.concurrency is not an option/,
    ))
  test('a serde can deserialize', () =>
    wrong(c => c.topic('a', { value: {} as never }, () => {}), /value must be a serde/))
  test('limits of a batch are checked', () =>
    wrong(
      c =>
        c.topic(
          'a',
          batch({ messages: 0 }, () => {}),
        ),
      /^batch\.messages/,
    ))

  test('what may be in a batch is one of three', () =>
    wrong(
      c =>
        c.topic(
          'a',
          batch({ by: 'topic' as never }, () => {}),
        ),
      /^batch\.by must be 'route' or 'partition' or 'key', not 'topic'/,
    ))
  for (const [by, needs, orders] of [
    ['route', 'none', ['key', 'partition']],
    ['key', 'key', ['partition', 'none']],
  ] as const) {
    for (const order of orders) {
      test(`batches by '${by}' are refused under '${order}'`, () =>
        wrong(
          c =>
            c.topic(
              'a',
              { work: { order } },
              batch({ by }, () => {}),
            ),
          new RegExp(`^batch\\(\\{ by: '${by}' \\}\\) needs topic\\('a'\\)\\.work\\.order '${needs}', not '${order}'`),
        ))
    }
  }
  test('the order of batches may be that of all routes', () => {
    const all = new Consumer({ brokers, work: { order: 'none' } })
    assert.doesNotThrow(() =>
      all.topic(
        'a',
        batch({ by: 'route' }, () => {}),
      ),
    )
    assert.throws(
      () =>
        all.topic(
          'b',
          batch({ by: 'key' }, () => {}),
        ),
      OptionError,
    )
  })

  test('the time that a route takes for a drain is checked as well', () => {
    const group = new Consumer({ brokers, group: 'g', ownership: { drainMs: 50_000 } })
    assert.throws(() => group.topic('a', { work: { abandonMs: 5_001 } }, () => {}), /a drain may take 60001/)
  })
  test('a pattern says whether it is for internal topics', () =>
    wrong(c => c.topic(/a/, { internal: 1 } as never, () => {}), /internal must be false or true, not 1$/))

  test('run needs a route', async () => {
    await assert.rejects(consumer().run(), /needs a route/)
  })
  test('all routes name partitions, or none does', async () => {
    const mixed = consumer()
      .topic('a', () => {})
      .topic({ topic: 'b', partitions: [0] }, () => {})
    await assert.rejects(mixed.run(), /all routes name their partitions, or none does/)
  })
  test('a consumer runs once, and closing one that never ran is fine', async () => {
    const once = consumer().topic('a', () => {})
    assert.deepEqual(await once.close(), { drained: true, undone: 0 })
    await assert.rejects(once.run(), (error: MillraceError) => error.code === 'ALREADY_RUN')
  })
})
