import {
  type Attributes,
  type Context,
  context,
  type Link,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { BatchHandler, Handler } from '../consumer/route.ts'
import type { Headers } from '../records/headers.ts'
import type { Message } from '../records/message.ts'
import type { HandlerContext } from '../work/context.ts'
import { promised } from '../work/invocation.ts'

export interface TracedOptions {
  /** Default: that of the global provider under the name `millrace`. */
  tracer?: Tracer
  /** For each span, beside those of the conventions: `{ 'messaging.consumer.group.name': 'shop' }`. */
  attributes?: Attributes
}

const getter: TextMapGetter<Headers> = {
  keys: headers => headers.raw.map(([name]) => name),
  get: (headers, name) => headers.get(name)?.toString(),
}

/**
 * The same handler, in a span of its own whose parent is what the message's headers say (`traceparent`, or whatever the global
 * propagator reads). Within it the span is active, so that what the handler calls belongs to it. A batch has a span with links to what
 * each of its messages says.
 *
 * Attributes follow the conventions of OpenTelemetry for messaging. An error of the handler is recorded, and each attempt has a span.
 *
 * ```ts
 * shop.topic('orders', traced(async order => save(order)))
 * ```
 */
export function traced<K = Buffer | null, V = Buffer | null>(
  handler: Handler<K, V>,
  options?: TracedOptions,
): Handler<K, V>
export function traced<K = Buffer | null, V = Buffer | null>(
  handler: BatchHandler<K, V>,
  options?: TracedOptions,
): BatchHandler<K, V>
export function traced<K, V>(
  handler: Handler<K, V> | BatchHandler<K, V>,
  options: TracedOptions = {},
): Handler<K, V> | BatchHandler<K, V> {
  if (typeof handler === 'function') {
    return (message, work) => {
      const parent = propagation.extract(context.active(), message.headers, getter)
      const own = ownAttributes(message)
      return inSpan([message], parent, [], { ...own, ...options.attributes }, work, options, () =>
        handler(message, work),
      )
    }
  }
  return {
    limits: handler.limits,
    handle(messages, work) {
      const links = messages.flatMap(message => linkOf(message))
      const attributes = { 'messaging.batch.message_count': messages.length, ...options.attributes }
      return inSpan(messages, context.active(), links, attributes, work, options, () => handler.handle(messages, work))
    },
  }
}

function ownAttributes({ offset, rawKey }: Message<unknown, unknown>): Attributes {
  const key = rawKey === null ? {} : { 'messaging.kafka.message.key': rawKey.toString() }
  return { 'messaging.kafka.offset': offset, ...key }
}

function linkOf({ headers }: Message<unknown, unknown>): Link[] {
  const spanContext = trace.getSpanContext(propagation.extract(context.active(), headers, getter))
  return spanContext === undefined ? [] : [{ context: spanContext }]
}

function inSpan(
  messages: readonly Message<unknown, unknown>[],
  parent: Context,
  links: Link[],
  given: Attributes,
  { attempt }: HandlerContext,
  { tracer = trace.getTracer('millrace') }: TracedOptions,
  handle: () => unknown,
): unknown {
  const [first] = messages
  const topic = first?.topic ?? ''
  const attributes = {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': topic,
    'messaging.destination.partition.id': String(first?.partition),
    'millrace.attempt': attempt,
    ...given,
  }
  const span = tracer.startSpan(`process ${topic}`, { kind: SpanKind.CONSUMER, attributes, links }, parent)
  return context.with(trace.setSpan(parent, span), () => {
    try {
      const pending = promised(handle())
      if (pending === null) {
        span.end()
        return undefined
      }
      return pending.then(
        value => {
          span.end()
          return value
        },
        error => {
          failed(span, error)
          throw error
        },
      )
    } catch (error) {
      failed(span, error)
      throw error
    }
  })
}

function failed(span: Span, thrown: unknown): void {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  span.recordException(error)
  span.setAttribute('error.type', 'code' in error && typeof error.code === 'string' ? error.code : error.name)
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
  span.end()
}
