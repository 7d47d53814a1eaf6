import type { Meter } from '@opentelemetry/api'
import type { Metric, Metrics } from '../base/metrics.ts'

/** What the meter made for one name: for the same name, the same. */
function once<T>(make: (metric: Metric) => T): (metric: Metric) => T {
  const made = new Map<string, T>()
  return metric => {
    const known = made.get(metric.name) ?? make(metric)
    made.set(metric.name, known)
    return known
  }
}

/**
 * Metrics of an OpenTelemetry meter: `metrics: opentelemetry(metrics.getMeter('shop'))`. Counters and gauges are observable: read when a
 * reader collects. Each value of a histogram is recorded when it comes, which costs what the SDK's `record` does.
 */
export function opentelemetry(meter: Meter): Metrics {
  const histograms = once(({ name, help: description, unit, buckets }) => {
    return meter.createHistogram(name, { description, unit, advice: { explicitBucketBoundaries: [...buckets] } })
  })
  const observables = once(({ name, help: description, unit, type }) => {
    const options = { description, unit }
    return type === 'counter'
      ? meter.createObservableCounter(name, options)
      : meter.createObservableGauge(name, options)
  })
  return {
    histogram(metric, labels) {
      const histogram = histograms(metric)
      return { observe: value => histogram.record(value, labels) }
    },
    sampled(metric, read) {
      const observable = observables(metric)
      const collect = (result: { observe(value: number, attributes: Record<string, string>): void }) =>
        read((labels, value) => result.observe(value, labels))
      observable.addCallback(collect)
      return () => observable.removeCallback(collect)
    },
  }
}
