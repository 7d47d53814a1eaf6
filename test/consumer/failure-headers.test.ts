import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AnyMessage } from '../../src/consumer/claim.ts'
import { failureHeaders } from '../../src/consumer/failure-headers.ts'
import { BatchBuilder } from '../../src/records/batch-builder.ts'
import type { Failure, FailureReason } from '../../src/work/failure.ts'
import { first, openNow } from '../records/batches.ts'

class Declined extends Error {}

/** As programs without types may have it. */
class Nameless extends Error {
  static override readonly name: string = undefined as unknown as string
}

/** Few of each, so that a letter has much, little or nothing in common with the one before. */
const letter = fc.record({
  headers: fc.constantFrom<readonly (readonly [string, string])[]>(
    [],
    [['trace', 'a']],
    [
      ['trace', 'ä'],
      ['millrace.topic', 'first'],
      ['millrace.offset', '70'],
      ['millrace.attempts', '4'],
    ],
  ),
  topic: fc.constantFrom('orders', 'returns'),
  partition: fc.nat(1),
  offset: fc.constantFrom(0, 7, 123_456_789),
  timestamp: fc.constantFrom(1_700_000_000_000, 1_700_000_000_001),
  error: fc.constantFrom(
    new Error('no'),
    new Error('nö'),
    new Declined('no'),
    new Declined('x'.repeat(3_000)),
    new Nameless('no'),
    Object.assign(new Error(), { message: { code: 7 } }),
  ),
  attempts: fc.constantFrom(1, 3),
  reason: fc.constantFrom<FailureReason>('error', 'timeout'),
  group: fc.constantFrom('shop', null),
  now: fc.constantFrom(0, 1_700_000_000_000),
  dueAt: fc.constantFrom(null, 5, 6),
  again: fc.boolean(),
})

type Letter = typeof letter extends fc.Arbitrary<infer T> ? T : never

test('the headers of a letter are its own, whatever the letters before it had', () => {
  const letters = fc.array(letter, { minLength: 2, maxLength: 20 })
  fc.assert(
    fc.property(letters, all => {
      // They are read when all are made.
      const made = all.map(one => failureHeaders(failureOf(one), one))
      const told = made.map(headers => headers.read().raw.map(([name, value]) => [name, String(value)] as const))
      assert.deepEqual(
        told.map(ordered),
        all.map(one => ordered(expected(one))),
      )
    }),
    { seed: 1, numRuns: 300 },
  )
})

function failureOf({
  headers,
  topic,
  partition,
  offset,
  timestamp,
  error,
  attempts,
  reason,
}: Letter): Failure<AnyMessage> {
  const batch = new BatchBuilder()
  batch.append({ headers }, timestamp)
  const message = first(openNow(batch.finish({ baseOffset: offset }), { topic, partition }))
  return { message, error, attempts, reason }
}

function expected({ headers, error, group, now, dueAt, again, ...one }: Letter): (readonly [string, string])[] {
  const said = (name: string) => (again ? headers.find(header => header[0] === `millrace.${name}`)?.[1] : undefined)
  const added = {
    topic: said('topic') ?? one.topic,
    partition: one.partition,
    offset: said('offset') ?? one.offset,
    timestamp: one.timestamp,
    group,
    attempts: Number(said('attempts') ?? 0) + one.attempts,
    reason: one.reason,
    'error.class': String(error.constructor.name),
    'error.message': String(error.message).slice(0, 2_000),
    'failed.at': new Date(now).toISOString(),
    due: dueAt,
  }
  const given = Object.entries(added).filter(([, value]) => value !== null)
  return [
    ...headers.filter(([name]) => name === 'trace'),
    ...given.map(([name, value]) => [`millrace.${name}`, String(value)] as const),
  ]
}

/** The order of those that are added is nobody's business. */
function ordered(headers: readonly (readonly [string, string])[]) {
  return headers.toSorted(([name], [other]) => (name < other ? -1 : 1))
}
