import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Metric } from '../../src/base/metrics.ts'
import { prometheusText } from '../../src/metrics/prometheus-text.ts'
import { MetricRegistry } from '../../src/metrics/registry.ts'
import type { CounterSnapshot, HistogramSnapshot } from '../../src/metrics/snapshot.ts'
import { VirtualClock } from '../virtual-clock.ts'

function metric(name: string, type: Metric['type'], buckets: readonly number[] = []): Metric {
  return { name, type, buckets, help: `What "${name}"\nis`, unit: 's', labels: ['topic'] }
}

test('rates follow what is counted: at once at the start, and slower the longer their time', async () => {
  const clock = new VirtualClock()
  const registry = new MetricRegistry(clock)
  let count = 0
  registry.sampled(metric('done_total', 'counter'), report => report({ topic: 'a' }, count))
  registry.start()
  const rates = () => (registry.snapshot().series[0] as CounterSnapshot).rates
  assert.deepEqual(rates(), { oneMinute: 0, fiveMinutes: 0, fifteenMinutes: 0 })
  await clock.advance(5_000)
  for (let tick = 0; tick < 3; tick++) {
    count += 500
    await clock.advance(5_000)
  }
  assert.deepEqual(rates(), { oneMinute: 100, fiveMinutes: 100, fifteenMinutes: 100 })
  await clock.advance(60_000)
  const { oneMinute, fiveMinutes, fifteenMinutes } = rates()
  assert.ok(Math.abs(oneMinute - 100 / Math.E) < 1, `${oneMinute} after a minute of nothing`)
  assert.ok(oneMinute < fiveMinutes && fiveMinutes < fifteenMinutes)
  registry.stop()
})

test('percentiles are of the last one to two minutes, counts and means of all', async () => {
  const clock = new VirtualClock()
  const registry = new MetricRegistry(clock)
  registry.start()
  const histogram = registry.histogram(metric('seconds', 'histogram'), { topic: 'a' })
  const taken = () => registry.snapshot().series[0] as HistogramSnapshot
  assert.deepEqual([taken().percentiles, taken().mean], [null, null])
  for (let n = 0; n < 100; n++) histogram.observe(4)
  assert.ok(Math.abs((taken().percentiles?.p99 ?? 0) - 4) < 0.07)
  await clock.advance(60_000)
  histogram.observe(1)
  assert.ok((taken().percentiles?.p50 ?? 0) > 3, 'the window before still counts')
  await clock.advance(60_000)
  assert.ok(Math.abs((taken().percentiles?.p50 ?? 0) - 1) < 0.02)
  await clock.advance(60_000)
  const { count, sum, mean, max, percentiles } = taken()
  assert.deepEqual(
    { count, sum, mean, max, percentiles },
    { count: 101, sum: 401, mean: 401 / 101, max: 4, percentiles: null },
  )
  registry.stop()
})

test('the text for Prometheus has every value once, with its labels escaped', () => {
  const registry = new MetricRegistry(new VirtualClock())
  registry.sampled(metric('lag', 'gauge'), report => {
    report({ topic: 'a' }, 7)
    report({ topic: 'b"\\\n' }, 0.5)
  })
  const stop = registry.sampled(metric('lag', 'gauge'), report => report({ topic: 'a' }, 1))
  const histogram = registry.histogram(metric('seconds', 'histogram', [0.1, 1]), { topic: 'a' })
  for (const value of [0.05, 0.5, 2]) histogram.observe(value)
  const text = prometheusText(registry)
  assert.equal(
    text,
    [
      '# HELP lag What "lag"\\nis',
      '# TYPE lag gauge',
      'lag{topic="a"} 8',
      'lag{topic="b\\"\\\\\\n"} 0.5',
      '# HELP seconds What "seconds"\\nis',
      '# TYPE seconds histogram',
      'seconds_bucket{topic="a",le="0.1"} 1',
      'seconds_bucket{topic="a",le="1"} 2',
      'seconds_bucket{topic="a",le="+Inf"} 3',
      'seconds_sum{topic="a"} 2.55',
      'seconds_count{topic="a"} 3',
      '',
    ].join('\n'),
  )
  stop()
  assert.match(prometheusText(registry), /^lag\{topic="a"\} 7$/m)
})
