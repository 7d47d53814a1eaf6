import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Metric, MetricLabels, ReportValue } from '../../src/base/metrics.ts'
import { metricDefinitions } from '../../src/consumer/metric-names.ts'
import { batch, Consumer, constant, type Metrics, type MetricsSnapshot, OptionError } from '../../src/index.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { lag, running } from '../spine/running.ts'
import { until } from '../until.ts'

let cluster: EmbeddedCluster
before(async () => {
  cluster = await EmbeddedCluster.start({ topics: { orders: 3, audit: 1 } })
  const orders = Array.from({ length: 30 }, (_, n) => ({ key: `k${n}`, value: String(n), partition: n % 3 }))
  await cluster.write('orders', orders)
  await cluster.write('audit', [{ value: 'x' }, { value: 'y' }])
})
after(() => cluster.close())

const quiet = { logLevel: 'silent' } as const

function value(snapshot: MetricsSnapshot | null, name: string, labels: MetricLabels = {}): number | undefined {
  const found = snapshot?.series.find(
    series => series.name === name && Object.entries(labels).every(([label, value]) => series.labels[label] === value),
  )
  return found?.type === 'histogram' ? found.count : found?.value
}

/** An adapter that keeps what it is given. */
class Kept implements Metrics {
  readonly observed: string[] = []
  readonly read = new Map<Metric, (report: ReportValue) => void>()

  histogram({ name }: Metric) {
    return {
      observe: (seconds: number) => {
        if (name.endsWith('commit_duration_seconds')) throw new Error('full')
        this.observed.push(`${name} ${seconds >= 0}`)
      },
    }
  }

  sampled(metric: Metric, read: (report: ReportValue) => void) {
    this.read.set(metric, read)
    return () => void this.read.delete(metric)
  }
}

test('a consumer counts what it does, by topic', async () => {
  const consumer = new Consumer({
    ...quiet,
    brokers: cluster.brokers,
    group: 'counted',
    metrics: { labels: { service: 'shop' } },
    work: { attempts: 2, backoff: constant(1), onFailure: 'skip' },
  })
    .topic('orders', async ({ offset, partition }, { attempt }) => {
      if (offset === 3 && partition === 0) throw new Error('always')
      if (offset === 4 && attempt === 1) throw new Error('once')
    })
    .topic(
      'audit',
      batch({ messages: 2, lingerMs: 5 }, () => {}),
    )
  assert.deepEqual(consumer.metrics()?.series, [])
  await using _ = running(consumer)
  await until('all is done', () => lag(consumer) === 0)
  const taken = consumer.metrics()
  const orders = { topic: 'orders', client: 'millrace', group: 'counted', service: 'shop' }
  assert.equal(value(taken, 'millrace_messages_done_total', orders), 30)
  // Three that failed once, and one of these again.
  assert.equal(value(taken, 'millrace_handler_duration_seconds', orders), 34)
  assert.equal(value(taken, 'millrace_handler_duration_seconds', { topic: 'audit' }), 1)
  assert.equal(value(taken, 'millrace_attempts_retried_total', orders), 4)
  assert.equal(value(taken, 'millrace_failures_total', { ...orders, reason: 'error', decision: 'skip' }), 1)
  assert.equal(value(taken, 'millrace_partitions', orders), 3)
  assert.equal(value(taken, 'millrace_lag_messages', orders), 0)
  assert.equal(value(taken, 'millrace_rebalances_total'), 1)
  assert.equal(value(taken, 'millrace_events_total', { event: 'assigned' }), 1)
  assert.ok((value(taken, 'millrace_fetched_bytes_total') ?? 0) > 300)
  assert.ok((value(taken, 'millrace_fetch_duration_seconds') ?? 0) > 0)
  await consumer.close()
  assert.ok((value(consumer.metrics(), 'millrace_commit_duration_seconds') ?? 0) > 0)
  assert.equal(
    value(consumer.metrics(), 'millrace_messages_done_total', orders),
    30,
    'counted on after partitions are given up',
  )
  assert.equal(value(consumer.metrics(), 'millrace_rebalance_pause_seconds'), 0)
})

test('every metric has a value, and an adapter is given the same; when the consumer is closed it reads nothing more', async () => {
  const kept = new Kept()
  const consumer = new Consumer({
    ...quiet,
    brokers: cluster.brokers,
    group: 'kept',
    metrics: { to: kept, prefix: 'mill_' },
    work: { timeoutMs: 1, abandonMs: 200, attempts: 1, onFailure: 'skip' },
  }).topic('orders', ({ offset, partition }, { signal }) => {
    if (offset === 1 && partition === 1) return new Promise(() => {})
    if (offset === 0) return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    return undefined
  })
  await using _ = running(consumer)
  await until('all is done', () => lag(consumer) === 0)
  const names = new Set(consumer.metrics()?.series.map(series => series.name))
  // Nothing fails and is tried again here.
  const absent = ['attempts_retried_total', 'messages_kept_total'].map(name => `mill_${name}`)
  const all = Object.values(metricDefinitions).map(({ name }) => `mill_${name}`)
  assert.deepEqual(
    all.filter(name => !names.has(name)),
    absent,
  )
  assert.equal(value(consumer.metrics(), 'mill_handler_timeouts_total'), 4)
  assert.equal(value(consumer.metrics(), 'mill_handlers_abandoned_total'), 1)
  assert.ok(kept.observed.includes('mill_handler_duration_seconds true'))
  for (const [{ name, labels, type }, read] of kept.read) {
    assert.notEqual(type, 'histogram')
    read((given, now) => {
      assert.deepEqual(Object.keys(given), labels, name)
      assert.ok(Number.isFinite(now) && now >= 0, `${name} ${now}`)
    })
  }
  await consumer.close()
  assert.equal(kept.read.size, 0)
})

test('without the option there are no metrics', () => {
  const consumer = new Consumer({ ...quiet, brokers: cluster.brokers })
  assert.equal(consumer.metrics(), null)
  assert.equal(consumer.prometheusText(), null)
})

test('a wrong option of metrics is named', () => {
  const wrong: [metrics: unknown, message: RegExp][] = [
    ['yes', /metrics must be true, an adapter/],
    [{ to: 3 }, /metrics\.to must be an adapter/],
    [{ prefix: '1a' }, /metrics\.prefix must be letters/],
    [{ labels: { 'a-b': 'c' } }, /metrics\.labels must be names and strings/],
    [{ labels: { topic: 'c' } }, /metrics\.labels\.topic is a label that metrics have already/],
    [{ interval: 3 }, /metrics\.interval is not an option/],
  ]
  for (const [metrics, message] of wrong) {
    const make = () => new Consumer({ brokers: ['localhost'], metrics: metrics as boolean })
    assert.throws(make, (error: unknown) => error instanceof OptionError && message.test(error.message))
  }
})
