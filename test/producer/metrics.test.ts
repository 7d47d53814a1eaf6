import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Metric, MetricLabels, ReportValue } from '../../src/base/metrics.ts'
import { Broker } from '../../src/broker/index.ts'
import { constant, type Metrics, Producer } from '../../src/index.ts'
import { metricDefinitions } from '../../src/producer/metric-names.ts'

let broker: Broker
before(async () => {
  broker = await Broker.start({ topics: { orders: 1, audit: 1 } })
})
after(() => broker.close())

const quiet = { logLevel: 'silent' } as const

function value(producer: Producer, name: string, labels: MetricLabels = {}): number | undefined {
  const found = producer
    .metrics()
    ?.series.find(
      series =>
        series.name === `millrace_${name}` &&
        Object.entries(labels).every(([label, expected]) => series.labels[label] === expected),
    )
  return found?.type === 'histogram' ? found.count : found?.value
}

test('a producer counts what it sends and what becomes of it, by topic', async () => {
  await using producer = new Producer(
    {
      ...quiet,
      brokers: broker.brokers,
      clientId: 'counted',
      compression: 'gzip',
      metrics: { labels: { service: 'shop' } },
    },
    { backoff: constant(1) },
  )
  const orders = { topic: 'orders', client: 'counted', service: 'shop' }
  const text = 'x'.repeat(1_000)
  await producer.sendBatch(Array.from({ length: 10 }, () => ({ topic: 'orders', value: text })))
  using _ = broker.fault({ api: 'Produce', count: 1, action: { error: 'NOT_LEADER_OR_FOLLOWER' } })
  await producer.send({ topic: 'orders', value: text })
  await producer.sendBatch([
    { topic: 'audit', value: 'x', partition: 5 },
    { topic: 'audit', value: 'y' },
  ])
  assert.equal(value(producer, 'producer_delivered_total', orders), 11)
  assert.equal(value(producer, 'producer_delivered_total', { topic: 'audit' }), 1)
  assert.equal(value(producer, 'producer_failed_total', { topic: 'audit', code: 'UNKNOWN_PARTITION' }), 1)
  assert.equal(value(producer, 'producer_batches_total', orders), 3)
  assert.equal(value(producer, 'producer_retried_total', orders), 1)
  const [sent = 0, before = 0] = ['producer_bytes_total', 'producer_uncompressed_bytes_total'].map(name =>
    value(producer, name, orders),
  )
  assert.ok(before > 12_000 && sent > 0 && sent < before / 5, `${sent} of ${before}`)
  // Each batch once, however often it is sent.
  assert.equal(value(producer, 'producer_batch_messages'), 3)
  assert.equal(value(producer, 'producer_queue_seconds'), 3)
  assert.equal(value(producer, 'producer_request_duration_seconds'), 4)
  assert.equal(value(producer, 'producer_in_flight_requests'), 0)
  assert.equal(value(producer, 'producer_buffer_bytes'), 0)
  assert.equal(value(producer, 'producer_buffer_limit_bytes'), 64 * 1024 * 1024)
  assert.match(producer.prometheusText() ?? '', /^millrace_producer_delivered_total\{.*topic="orders".*\} 11$/m)
})

test('what is in flight and what waits is told while it lasts', async () => {
  await using producer = new Producer({ ...quiet, brokers: broker.brokers, metrics: true, requestTimeoutMs: 300 })
  await producer.send({ topic: 'audit', value: 'first' })
  const stalled = broker.fault({ api: 'Produce', action: { noReply: true } })
  const sent = producer.send({ topic: 'audit', value: 'x' })
  const missing = producer.send({ topic: 'missing', value: 'x' }).catch(() => {})
  await stalled.hit()
  assert.equal(value(producer, 'producer_in_flight_requests'), 1)
  assert.equal(value(producer, 'producer_waiting_messages', { topic: 'missing' }), 1)
  assert.ok((value(producer, 'producer_buffer_bytes') ?? 0) > 0)
  stalled[Symbol.dispose]()
  await sent
  await producer.close({ drainMs: 0 })
  await missing
})

test('an adapter is given every metric, under the prefix of the option, until the producer is closed', async () => {
  const observed = new Set<string>()
  const read = new Map<string, (report: ReportValue) => void>()
  const kept: Metrics = {
    histogram: ({ name }) => ({ observe: () => void observed.add(name) }),
    sampled(metric: Metric, reader) {
      read.set(metric.name, reader)
      return () => void read.delete(metric.name)
    },
  }
  const producer = new Producer({ ...quiet, brokers: broker.brokers, metrics: { to: kept, prefix: 'mill_' } })
  await producer.send({ topic: 'orders', value: 'x' })
  const all = Object.values(metricDefinitions).map(({ name }) => `mill_${name}`)
  assert.deepEqual([...observed, ...read.keys()].sort(), all.sort())
  const told: unknown[] = []
  read.get('mill_producer_delivered_total')?.((labels, count) => told.push([labels, count]))
  assert.deepEqual(told, [[{ client: 'millrace', topic: 'orders' }, 1]])
  await producer.close()
  assert.equal(read.size, 0)
  assert.equal(value(producer, 'producer_delivered_total'), undefined)
})

test('without the option there are no metrics, and a wrong one is told', async () => {
  await using producer = new Producer({ ...quiet, brokers: broker.brokers })
  assert.equal(producer.metrics(), null)
  assert.equal(producer.prometheusText(), null)
  const make = () => new Producer({ brokers: broker.brokers, metrics: { labels: { code: 'x' } } })
  assert.throws(make, { code: 'INVALID_OPTION', message: /labels.code/ })
})
