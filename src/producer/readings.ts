import type { MetricDefinition } from '../metrics/definition.ts'
import type { Reading } from '../metrics/meters.ts'
import type { Engine } from './engine.ts'
import type { TopicCounts } from './ledger.ts'
import { metricDefinitions as metrics } from './metric-names.ts'

/** What a producer counts anyway, and where it is read. */
export function readings({ ledger, sender, accumulator }: Engine, bufferBytes: number): Reading[] {
  const one = (definition: MetricDefinition, value: () => number): Reading => [
    definition,
    report => report({}, value()),
  ]
  const byTopic = (definition: MetricDefinition, count: keyof TopicCounts): Reading => [
    definition,
    report => {
      for (const [topic, counts] of ledger.topics) report({ topic }, counts[count])
    },
  ]
  return [
    byTopic(metrics.delivered, 'delivered'),
    [metrics.failed, report => ledger.failed.read(report)],
    byTopic(metrics.batches, 'batches'),
    byTopic(metrics.retried, 'retried'),
    byTopic(metrics.bytes, 'bytes'),
    byTopic(metrics.uncompressedBytes, 'uncompressedBytes'),
    one(metrics.inFlight, () => [...sender.inFlight.values()].reduce((sum, requests) => sum + requests, 0)),
    [
      metrics.waiting,
      report => {
        for (const [topic, { length }] of accumulator.lines) report({ topic }, length)
      },
    ],
    one(metrics.bufferBytes, () => accumulator.bytes),
    one(metrics.bufferLimit, () => bufferBytes),
  ]
}
