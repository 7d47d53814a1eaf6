import { counter, gauge, histogram, type MetricDefinition, REQUEST_SECONDS } from '../metrics/definition.ts'

const HANDLER_SECONDS = [0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const PAUSE_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60]

/** Every metric of a consumer. Names stay; they are in dashboards and alerts. */
export const metricDefinitions = {
  messagesDone: counter(
    'messages_done_total',
    '{message}',
    ['topic'],
    'Messages that were settled: handled, left out by an option, or given up by a decision that commits',
  ),
  messagesFiltered: counter(
    'messages_filtered_total',
    '{message}',
    ['topic'],
    'Of these, those that work.filter left out',
  ),
  messagesExpired: counter(
    'messages_expired_total',
    '{message}',
    ['topic'],
    'Of these, those that were older than work.expireAfterMs when they were taken',
  ),
  handlerDuration: histogram(
    'handler_duration_seconds',
    HANDLER_SECONDS,
    ['topic'],
    'From calling a handler with a message, or a batch, until it settled; each attempt by itself',
  ),
  attemptsRetried: counter(
    'attempts_retried_total',
    '{attempt}',
    ['topic'],
    'Attempts that failed and are followed by another',
  ),
  handlerTimeouts: counter(
    'handler_timeouts_total',
    '{attempt}',
    ['topic'],
    'Handlers whose signal aborted because they outlived work.timeoutMs',
  ),
  failures: counter(
    'failures_total',
    '{message}',
    ['topic', 'reason', 'decision'],
    'Messages whose attempts were spent, by why they failed and what was decided',
  ),
  messagesKept: counter(
    'messages_kept_total',
    '{message}',
    ['topic'],
    'Messages that failed and are in a dead-letter or retry topic, or parked',
  ),
  handlersAbandoned: counter(
    'handlers_abandoned_total',
    '{handler}',
    ['topic'],
    'Handlers that did not settle and were left to themselves',
  ),
  inFlight: gauge('in_flight', '{handler}', ['topic'], 'Handlers that run'),
  concurrency: gauge('concurrency', '{handler}', [], 'Handlers that may run at the same time: work.concurrency'),
  abandoned: gauge('abandoned', '{handler}', [], 'Handlers that were left to themselves and have not settled since'),
  waiting: gauge(
    'waiting_messages',
    '{message}',
    ['topic'],
    'Messages taken that wait for their key, their batch or their next attempt',
  ),
  circuitsOpened: counter(
    'circuits_opened_total',
    '{circuit}',
    [],
    'How often too many messages had failed: work.breaker',
  ),
  circuitsOpen: gauge('circuits_open', '{circuit}', [], 'Circuits that are open or half open now'),
  undone: gauge('undone_messages', '{message}', ['topic'], 'Messages that were left or are held'),
  partitions: gauge('partitions', '{partition}', ['topic'], 'Partitions owned'),
  stalledPartitions: gauge(
    'stalled_partitions',
    '{partition}',
    ['topic'],
    'Partitions that are behind and of which nothing was handed out for stallAfterMs',
  ),
  lag: gauge('lag_messages', '{message}', ['topic'], 'Messages behind the end of the owned partitions, together'),
  lagMax: gauge('lag_max_messages', '{message}', ['topic'], 'The same of the partition that is furthest behind'),
  reservoirMessages: gauge(
    'reservoir_messages',
    '{message}',
    ['topic'],
    'Messages fetched and not taken by a handler yet',
  ),
  reservoirBytes: gauge(
    'reservoir_bytes',
    'By',
    ['topic'],
    'Memory of fetched messages, in front of the handlers and in them',
  ),
  reservoirLimit: gauge('reservoir_limit_bytes', 'By', [], 'fetch.reservoir.bytes'),
  fetchDuration: histogram(
    'fetch_duration_seconds',
    REQUEST_SECONDS,
    [],
    'From sending a fetch to its answer, the wait for messages included (fetch.maxWaitMs)',
  ),
  fetchedBytes: counter('fetched_bytes_total', 'By', [], 'Bytes of record batches in the answers to fetches'),
  fetchIdle: counter(
    'fetch_idle_seconds_total',
    's',
    [],
    'Time in which a fetch connection had nothing to ask: its reservoirs were full, paused or in trouble',
  ),
  commitDuration: histogram(
    'commit_duration_seconds',
    REQUEST_SECONDS,
    [],
    'From sending a commit to its answer, good or bad',
  ),
  commitsFailed: counter(
    'commits_failed_total',
    '{commit}',
    [],
    'Commits that failed, in whole or for some partitions',
  ),
  commitAge: gauge('commit_age_seconds', 's', [], 'How long the oldest thing done has waited to be committed'),
  rebalances: counter('rebalances_total', '{rebalance}', [], 'Assignments of the group that this member took over'),
  rebalanceTime: counter(
    'rebalance_seconds_total',
    's',
    [],
    'Time in which this member was joining, or waiting for its assignment, or draining for it',
  ),
  rebalancePause: histogram(
    'rebalance_pause_seconds',
    PAUSE_SECONDS,
    [],
    'From the revocation of partitions until they are given up: nothing new of them is handled meanwhile',
  ),
  events: counter('events_total', '{event}', ['event'], 'Events told, by name: reconnecting, blocked, lost and others'),
  eventLoopDelay: gauge(
    'event_loop_delay_seconds',
    's',
    ['quantile'],
    'How late timers were in the last ten seconds: median, 99th percentile, and the longest (quantile 1)',
  ),
} satisfies Record<string, MetricDefinition>
