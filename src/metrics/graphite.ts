import { connect } from 'node:net'
import type { MetricLabels } from '../base/metrics.ts'
import { metricPath } from './metric-path.ts'
import { type PushOptions, resolvePush } from './push-options.ts'
import { PushedMetrics, type PushingMetrics, type Wire } from './pushed-metrics.ts'

export interface GraphiteOptions extends PushOptions {
  /** How labels are sent: `'path'` (default) as parts of the name; `'tags'` as Graphite 1.1 and later have them. */
  labels?: 'path' | 'tags'
}

/** To connect, to send and to end, each. */
const SILENCE_MS = 5_000

/**
 * Pushes metrics to Graphite, as lines over TCP: `metrics: graphite({ host: 'graphite' })`. Gauges and counters as they are (use
 * `perSecond`), and of each histogram the count so far, and mean and percentiles (50, 95, 99) of the interval.
 *
 * @throws {OptionError}
 */
export function graphite(options: GraphiteOptions = {}): PushingMetrics {
  const { section, push } = resolvePush('graphite', options, 2_003, ['labels'])
  const labels = section.oneOf('labels', 'path', ['path', 'tags'])
  const { host, port, clock } = push
  const name = labels === 'path' ? metricPath : taggedName
  const line = (metric: string, given: MetricLabels, suffix: string, value: number) =>
    `${name(metric, given, suffix)} ${value} ${Math.floor(clock.wallTime() / 1_000)}`
  const wire: Wire = {
    value: (metric, given, value) => line(metric.name, given, '', value),
    histogram(metric, given, { total, mean, p50, p95, p99 }) {
      return Object.entries({ count: total, mean, p50, p95, p99 }).map(([suffix, value]) =>
        line(metric.name, given, suffix, value),
      )
    },
    send: lines => sendLines(lines, host, port),
  }
  return new PushedMetrics({ ...push, wire, target: `${host}:${port}` })
}

/** `name.p99;client=shop;topic=orders` */
function taggedName(name: string, labels: MetricLabels, suffix: string): string {
  const tags = Object.entries(labels).filter(([, value]) => value !== '')
  return [metricPath(name, {}, suffix), ...tags.map(([label, value]) => `${label}=${tag(value)}`)].join(';')
}

/** A tag's value ends with a semicolon or a space, and may not begin with `~`. */
function tag(value: string): string {
  return value.replaceAll(/[;\s]/g, '_').replace(/^~/, '_')
}

/** One connection for each push: none is kept open. */
function sendLines(lines: readonly string[], host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = connect(port, host)
  socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error(`no progress within ${SILENCE_MS} ms`)))
  socket.on('error', reject)
  socket.on('close', () => resolve())
  // What the other side says is of no interest, but it must be read for its end to be seen.
  socket.resume()
  socket.end(`${lines.join('\n')}\n`)
  return promise
}
