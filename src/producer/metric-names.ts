import { counter, gauge, histogram, type MetricDefinition, REQUEST_SECONDS } from '../metrics/definition.ts'

const MESSAGES = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000]

/** Every metric of a producer. Names stay; they are in dashboards and alerts. */
export const metricDefinitions = {
  delivered: counter('producer_delivered_total', '{message}', ['topic'], 'Messages that were written, as acks says'),
  failed: counter(
    'producer_failed_total',
    '{message}',
    ['topic', 'code'],
    'Messages that were not, by the code of their error',
  ),
  batches: counter('producer_batches_total', '{batch}', ['topic'], 'Batches sent; each attempt by itself'),
  retried: counter('producer_retried_total', '{batch}', ['topic'], 'Attempts that failed and are followed by another'),
  bytes: counter('producer_bytes_total', 'By', ['topic'], 'Bytes of batches as sent; each attempt by itself'),
  uncompressedBytes: counter(
    'producer_uncompressed_bytes_total',
    'By',
    ['topic'],
    'The same before compression: divided by producer_bytes_total, what compression saves',
  ),
  batchMessages: histogram('producer_batch_messages', MESSAGES, [], 'Messages in a batch', '{message}'),
  queueTime: histogram(
    'producer_queue_seconds',
    REQUEST_SECONDS,
    [],
    'From the first message of a batch until its first attempt: lingering, and waiting for requests before it',
  ),
  requestDuration: histogram(
    'producer_request_duration_seconds',
    REQUEST_SECONDS,
    [],
    'From sending a request to its answer, good or bad',
  ),
  inFlight: gauge('producer_in_flight_requests', '{request}', [], 'Requests that have no answer yet'),
  waiting: gauge(
    'producer_waiting_messages',
    '{message}',
    ['topic'],
    'Messages that are in no batch yet: their topic is not known, the buffer is full, or a serde is not through',
  ),
  bufferBytes: gauge('producer_buffer_bytes', 'By', [], 'Memory of messages in batches'),
  bufferLimit: gauge('producer_buffer_limit_bytes', 'By', [], 'bufferBytes'),
} satisfies Record<string, MetricDefinition>
