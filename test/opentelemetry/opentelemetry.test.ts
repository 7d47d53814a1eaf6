import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { DataPointType, type HistogramMetricData, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { batch, Consumer, constant } from '../../src/index.ts'
import { opentelemetry, traced } from '../../src/opentelemetry/index.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { lag, running } from '../spine/running.ts'
import { until } from '../until.ts'

const exporter = new InMemorySpanExporter()
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
let cluster: EmbeddedCluster

before(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  trace.setGlobalTracerProvider(provider)
  cluster = await EmbeddedCluster.start({ topics: { orders: 1, audit: 1, measured: 1 } })
})
beforeEach(() => exporter.reset())
after(async () => {
  await cluster.close()
  await provider.shutdown()
})

const quiet = { logLevel: 'silent' } as const

/** Headers of a message whose producer has this span. */
function parent(n: number): [string, string][] {
  return [['traceparent', `00-${`${n}`.padStart(32, '0')}-${`${n}`.padStart(16, '0')}-01`]]
}

test('a handler runs in a span whose parent its message names, and what it does belongs to that span', async () => {
  await cluster.write('orders', [
    { key: 'k1', value: 'a', headers: parent(7) },
    { value: 'b', headers: [['traceparent', null]] },
    { value: 'c', headers: [['traceparent', 'nonsense']] },
  ])
  const consumer = new Consumer({ ...quiet, brokers: cluster.brokers }).topic(
    { topic: 'orders', partitions: [0] },
    traced(
      async () => {
        await new Promise(resolve => setImmediate(resolve))
        trace.getTracer('test').startSpan('inside').end()
      },
      { attributes: { 'messaging.consumer.group.name': 'shop' } },
    ),
  )
  await using _ = running(consumer)
  await until('all is done', () => lag(consumer) === 0)
  const spans = exporter.getFinishedSpans()
  const [first, ...others] = spans
    .filter(({ name }) => name === 'process orders')
    .toSorted((a, b) => Number(a.attributes['messaging.kafka.offset']) - Number(b.attributes['messaging.kafka.offset']))
  assert.equal(first?.spanContext().traceId, `${7}`.padStart(32, '0'))
  assert.equal(first?.parentSpanContext?.spanId, `${7}`.padStart(16, '0'))
  assert.equal(first?.kind, SpanKind.CONSUMER)
  assert.deepEqual(first?.attributes, {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': 'orders',
    'messaging.destination.partition.id': '0',
    'messaging.kafka.offset': 0,
    'messaging.kafka.message.key': 'k1',
    'messaging.consumer.group.name': 'shop',
    'millrace.attempt': 1,
  })
  for (const span of others) assert.equal(span.parentSpanContext, undefined, 'a bad header begins a trace')
  const inside = spans.filter(({ name }) => name === 'inside')
  assert.equal(inside.length, 3)
  assert.ok(inside.some(span => span.parentSpanContext?.spanId === first?.spanContext().spanId))
})

test('a batch has one span with links to what its messages name; each attempt has a span, and its error is in it', async () => {
  await cluster.write('audit', [{ value: 'a', headers: parent(1) }, { value: 'b' }, { value: 'c', headers: parent(2) }])
  const handler = batch({ messages: 3, lingerMs: 1_000 }, (_, { attempt }) => {
    if (attempt === 1) throw new Error('no')
  })
  const consumer = new Consumer({ ...quiet, brokers: cluster.brokers, work: { backoff: constant(1) } }).topic(
    { topic: 'audit', partitions: [0] },
    traced(handler),
  )
  await using _ = running(consumer)
  await until('all is done', () => lag(consumer) === 0)
  const [failed, done, ...more] = exporter.getFinishedSpans()
  assert.deepEqual(more, [])
  const attempts = [failed, done].map(span => span?.attributes['millrace.attempt'])
  assert.deepEqual(attempts, [1, 2])
  assert.deepEqual(failed?.status, { code: SpanStatusCode.ERROR, message: 'no' })
  assert.equal(failed?.attributes['error.type'], 'Error')
  assert.equal(failed?.events[0]?.name, 'exception')
  assert.equal(done?.attributes['messaging.batch.message_count'], 3)
  assert.deepEqual(
    done?.links.map(({ context: { spanId } }) => Number(spanId)),
    [1, 2],
  )
})

class PulledReader extends MetricReader {
  protected override async onShutdown() {}
  protected override async onForceFlush() {}
}

test('a meter is given counters, gauges and histograms with their units and bounds', async () => {
  await cluster.write('measured', [{ value: 'a' }, { value: 'b' }])
  const reader = new PulledReader()
  const meters = new MeterProvider({ readers: [reader] })
  const consumer = new Consumer({ ...quiet, brokers: cluster.brokers, metrics: opentelemetry(meters.getMeter('shop')) })
  consumer.topic({ topic: 'measured', partitions: [0] }, () => {})
  await using _ = running(consumer)
  await until('all is done', () => lag(consumer) === 0)
  const { resourceMetrics } = await reader.collect()
  const metrics = resourceMetrics.scopeMetrics.flatMap(scope => scope.metrics)
  const named = (name: string) => metrics.find(({ descriptor }) => descriptor.name === name)
  const counted = named('millrace_messages_done_total')
  assert.deepEqual(counted?.dataPointType, DataPointType.SUM)
  assert.deepEqual(counted?.dataPoints[0]?.attributes, { client: 'millrace', group: '', topic: 'measured' })
  assert.equal(counted?.dataPoints[0]?.value, 2)
  assert.equal(named('millrace_lag_messages')?.dataPoints[0]?.value, 0)
  const durations = named('millrace_handler_duration_seconds') as HistogramMetricData
  assert.equal(durations.descriptor.unit, 's')
  assert.equal(durations.dataPoints[0]?.value.count, 2)
  assert.ok(durations.dataPoints[0]?.value.buckets.boundaries.includes(0.005))
  await consumer.close()
  await meters.shutdown()
})
