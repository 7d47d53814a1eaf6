import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { MetricLabels } from '../base/metrics.ts'
import { graphite } from './graphite.ts'
import { metricPath } from './metric-path.ts'
import { type PushOptions, resolvePush } from './push-options.ts'
import { PushedMetrics, type PushingMetrics, type Wire } from './pushed-metrics.ts'

export type { GraphiteOptions } from './graphite.ts'
export type { PushOptions } from './push-options.ts'
export type { PushingMetrics } from './pushed-metrics.ts'
export { graphite }

export interface StatsdOptions extends PushOptions {
  /**
   * How labels are sent: `'path'` (default) as parts of the name, which every StatsD takes; `'tags'` as DogStatsD, Telegraf and others
   * have them.
   */
  labels?: 'path' | 'tags'
}

/** What fits a frame of Ethernet with room for tunnels, so that nothing is cut on the way. */
const PACKET_BYTES = 1_432
/** A name may have to be looked up. */
const SEND_MS = 5_000

/**
 * Pushes metrics to a StatsD server, in packets of 1,432 bytes at most: `metrics: statsd({ host: 'statsd' })`. Gauges as they are,
 * counters by how much they rose, and of each histogram the count, mean and percentiles (50, 95, 99) of the interval.
 *
 * @throws {OptionError}
 */
export function statsd(options: StatsdOptions = {}): PushingMetrics {
  const { section, push } = resolvePush('statsd', options, 8_125, ['labels'])
  const labels = section.oneOf('labels', 'path', ['path', 'tags'])
  const { host, port } = push
  const line = labels === 'path' ? pathLine : tagLine
  const wire: Wire = {
    value: ({ name, type }, given, value, delta) =>
      type === 'counter' ? line(name, given, '', delta, 'c') : line(name, given, '', value, 'g'),
    histogram({ name }, given, { count, mean, p50, p95, p99 }) {
      const gauges = Object.entries({ mean, p50, p95, p99 })
      return [
        line(name, given, 'count', count, 'c'),
        ...gauges.map(([suffix, value]) => line(name, given, suffix, value, 'g')),
      ]
    },
    send: lines => sendPackets(packets(lines), host, port),
  }
  return new PushedMetrics({ ...push, wire, target: `${host}:${port}` })
}

function pathLine(name: string, labels: MetricLabels, suffix: string, value: number, type: string): string {
  return `${metricPath(name, labels, suffix)}:${plain(value)}|${type}`
}

function tagLine(name: string, labels: MetricLabels, suffix: string, value: number, type: string): string {
  const tags = Object.entries(labels).flatMap(([label, text]) => (text === '' ? [] : `${label}:${tag(text)}`))
  return `${metricPath(name, {}, suffix)}:${plain(value)}|${type}${tags.length === 0 ? '' : `|#${tags.join(',')}`}`
}

/** What would end a tag, a line or a field is left out. */
function tag(text: string): string {
  return text.replaceAll(/[,|#\s]/g, '_')
}

/** Without an exponent, which few servers read. */
function plain(value: number): string {
  const text = String(value)
  return text.includes('e') ? value.toFixed(9) : text
}

function packets(lines: readonly string[]): Buffer[] {
  const packets: Buffer[] = []
  let packet = ''
  for (const line of lines) {
    const longer = packet === '' ? line : `${packet}\n${line}`
    if (Buffer.byteLength(longer) <= PACKET_BYTES) packet = longer
    else {
      if (packet !== '') packets.push(Buffer.from(packet))
      packet = line
    }
  }
  if (packet !== '') packets.push(Buffer.from(packet))
  return packets
}

/** One socket for each push: none is kept, and a name is looked up anew. */
function sendPackets(packets: readonly Buffer[], host: string, port: number): Promise<void> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const late = setTimeout(() => reject(new Error(`nothing was sent within ${SEND_MS} ms`)), SEND_MS)
  socket.on('error', reject)
  socket.connect(port, host, () => {
    let left = packets.length
    for (const packet of packets) {
      socket.send(packet, error => {
        if (error !== null) reject(error)
        else if (--left === 0) resolve()
      })
    }
  })
  return promise.finally(() => {
    clearTimeout(late)
    return new Promise<void>(closed => {
      socket.close(closed)
    })
  })
}
