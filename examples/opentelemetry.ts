/**
 * Each message is handled in a span whose parent its producer has put into its headers (W3C `traceparent`), so that a trace goes from
 * the request that wrote an order to what its handler does. Commits and rebalances have spans of their own; metrics go to a meter.
 *
 *     npm run example -- opentelemetry    here, with a broker of its own
 *     BROKERS=localhost:9092 node opentelemetry.ts
 *
 * A real program has an exporter of its own, such as OTLP, in place of the console.
 */
import { tracingChannel } from 'node:diagnostics_channel'
import { context, metrics, propagation, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { ConsoleMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, ConsoleSpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { type CommitTrace, Consumer, type RebalanceTrace } from 'millrace'
import { opentelemetry, traced } from 'millrace/opentelemetry'

const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(new ConsoleSpanExporter())] })
const meters = new MeterProvider({
  readers: [new PeriodicExportingMetricReader({ exporter: new ConsoleMetricExporter() })],
})
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
propagation.setGlobalPropagator(new W3CTraceContextPropagator())
trace.setGlobalTracerProvider(tracers)
metrics.setGlobalMeterProvider(meters)

const tracer = trace.getTracer('shop')
const spans = new WeakMap<object, Span>()

/** A span for each operation of a channel. */
function spansOf<T extends { error?: unknown }>(channel: string, name: (operation: T) => string): void {
  tracingChannel<unknown, T>(channel).subscribe({
    start: operation => void spans.set(operation, tracer.startSpan(name(operation))),
    end() {},
    asyncStart() {},
    asyncEnd: operation => spans.get(operation)?.end(),
    error: operation =>
      spans.get(operation)?.setStatus({ code: SpanStatusCode.ERROR, message: String(operation.error) }),
  })
}
spansOf<CommitTrace>('millrace:commit', ({ offsets }) => `commit ${offsets.length} partitions`)
spansOf<RebalanceTrace>('millrace:rebalance', ({ kind, partitions }) => `${kind} ${partitions.length} partitions`)

const group = 'shop'
const shop = new Consumer({
  brokers: (process.env.BROKERS ?? 'localhost:9092').split(','),
  group,
  metrics: opentelemetry(metrics.getMeter('millrace')),
}).topic(
  'orders',
  traced(
    async order => {
      // What is called in here belongs to the span: instrumented clients of HTTP and databases see to it by themselves.
      const span = tracer.startSpan('save')
      await new Promise(saved => setTimeout(saved, 1))
      span.setAttribute('order.bytes', order.value?.length ?? 0).end()
    },
    { attributes: { 'messaging.consumer.group.name': group } },
  ),
)

await shop.run({ handleSignals: true })
await Promise.all([tracers.shutdown(), meters.shutdown()])
