import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LogHistogram } from '../../src/metrics/log-histogram.ts'

/** Values between its bounds, as evenly over their magnitudes as durations are. */
const values = fc.array(
  fc.double({ min: -20, max: 14.9, noNaN: true }).map(exponent => 2 ** exponent),
  { minLength: 1, maxLength: 300 },
)
const ERROR = 1 / 64

test('a quantile is right to 1.6 %', () => {
  fc.assert(
    fc.property(values, fc.double({ min: 0.001, max: 1, noNaN: true }), (observed, part) => {
      const histogram = new LogHistogram()
      for (const value of observed) histogram.observe(value)
      const exact = observed.toSorted((a, b) => a - b)[Math.ceil(part * observed.length) - 1] as number
      const [found = 0] = histogram.quantiles([part])
      assert.ok(Math.abs(found - exact) <= ERROR * exact * 1.0001, `${found} for ${exact}`)
    }),
    { seed: 1, numRuns: 500 },
  )
})

test('buckets count what lies up to their bound, which is right to 1.6 %', () => {
  const bounds = [0.001, 0.1, 1, 60]
  fc.assert(
    fc.property(values, observed => {
      const histogram = new LogHistogram()
      for (const value of observed) histogram.observe(value)
      histogram.cumulative(bounds).forEach((count, at) => {
        const bound = bounds[at] as number
        const upTo = (limit: number) => observed.filter(value => value <= limit).length
        assert.ok(count >= upTo(bound * (1 - 2 * ERROR)) && count <= upTo(bound * (1 + 2 * ERROR)))
      })
    }),
    { seed: 2, numRuns: 300 },
  )
})

test('count, sum and maximum are exact; what lies outside of its bounds is counted at them', () => {
  const histogram = new LogHistogram()
  for (const value of [0, 1e-9, 0.5, 1e6, Number.POSITIVE_INFINITY, -1]) histogram.observe(value)
  assert.equal(histogram.count, 6)
  assert.equal(histogram.max, Number.POSITIVE_INFINITY)
  assert.deepEqual(histogram.cumulative([1, 40_000]), [4, 6])
})

test('quantiles of what came since an earlier copy leave out what came before', () => {
  const histogram = new LogHistogram()
  for (let n = 0; n < 1_000; n++) histogram.observe(10)
  const earlier = histogram.copy()
  for (let n = 0; n < 10; n++) histogram.observe(1)
  const [all = 0] = histogram.quantiles([0.5])
  const [late = 0] = histogram.quantiles([0.5], earlier)
  assert.ok(Math.abs(all - 10) < 0.2 && Math.abs(late - 1) < 0.02)
})
