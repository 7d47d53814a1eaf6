import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { Registry, type RegistryContentType } from 'prom-client'
import type { Metric } from '../../src/base/metrics.ts'
import { prometheus } from '../../src/metrics/prometheus.ts'
import { graphite, statsd } from '../../src/metrics/statsd.ts'
import { until } from '../until.ts'

const done: Metric = {
  name: 'mill_done_total',
  type: 'counter',
  help: 'Done',
  unit: '1',
  labels: ['topic'],
  buckets: [],
}
const lag: Metric = { name: 'mill_lag', type: 'gauge', help: 'Lag', unit: '1', labels: ['topic'], buckets: [] }
const time: Metric = {
  name: 'mill_seconds',
  type: 'histogram',
  help: 'Time',
  unit: 's',
  labels: ['topic'],
  buckets: [0.1, 1],
}
const quiet = { debug() {}, info() {}, warn() {}, error() {} }

test('a register of prom-client tells the same as the text of our own, and counters by their name in OpenMetrics', async () => {
  const register = new Registry()
  const metrics = prometheus(register)
  assert.equal(prometheus(register), metrics, 'for one register there is one adapter')
  let count = 3
  const stop = metrics.sampled(done, report => report({ topic: 'a"b' }, count))
  metrics.histogram(time, { topic: 'a' }).observe(0.5)
  count = 4
  const text = await register.metrics()
  assert.match(text, /^# TYPE mill_done_total counter\nmill_done_total\{topic="a\\"b"\} 4$/m)
  assert.match(text, /^mill_seconds_bucket\{topic="a",le="0.1"\} 0\nmill_seconds_bucket\{topic="a",le="1"\} 1$/m)
  assert.match(text, /^mill_seconds_sum\{topic="a"\} 0.5\nmill_seconds_count\{topic="a"\} 1$/m)
  const [json] = await register.getMetricsAsJSON()
  assert.deepEqual([json?.name, json?.type, json?.aggregator], ['mill_done_total', 'counter', 'sum'])
  register.clear()
  prometheus(register).sampled(lag, report => report({ topic: 'a' }, 1))
  assert.match(await register.metrics(), /mill_lag/, 'a register that was cleared is filled again')
  stop()

  const open = new Registry<RegistryContentType>()
  open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  prometheus(open).sampled(done, report => report({ topic: 'a' }, 1))
  assert.match(await open.metrics(), /^mill_done_total\{topic="a"\} 1$/m)
  assert.throws(() => prometheus({} as Registry), /takes a Registry of prom-client/)
})

/** A StatsD server that keeps packets. */
async function statsdServer() {
  const socket = createSocket('udp4')
  const packets: string[] = []
  socket.on('message', packet => packets.push(packet.toString()))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    port: socket.address().port,
    packets,
    lines: () => packets.flatMap(packet => packet.split('\n')),
    [Symbol.dispose]: () => void socket.close(),
  }
}

test('StatsD is sent gauges, rises of counters and the percentiles of the interval, and a last push when nobody reads any more', async () => {
  using server = await statsdServer()
  const metrics = statsd({ port: server.port, intervalMs: 3_600_000, logger: quiet })
  let count = 10
  const stopLag = metrics.sampled(lag, report => report({ topic: 'my topic', group: '' }, 7))
  const stopDone = metrics.sampled(done, report => report({ topic: 'a' }, count))
  const histogram = metrics.histogram(time, { topic: 'a' })
  for (let n = 0; n < 100; n++) histogram.observe(2)
  await metrics.flush()
  await until('all lines came', () => server.lines().length === 7)
  assert.deepEqual(server.lines().slice(0, 2), ['mill_lag.my_topic.none:7|g', 'mill_done_total.a:10|c'])
  assert.equal(server.lines()[2], 'mill_seconds.a.count:100|c')
  assert.match(server.lines()[6] ?? '', /^mill_seconds\.a\.p99:(2|1\.9|2\.0)\d*\|g$/)
  count = 12
  stopDone()
  stopDone()
  stopLag()
  await until('the last lines came', () => server.lines().length === 9)
  assert.deepEqual(server.lines().slice(7), ['mill_lag.my_topic.none:7|g', 'mill_done_total.a:2|c'])
})

test('packets for StatsD are no longer than 1,432 bytes, and tags are tags if asked for', async () => {
  using server = await statsdServer()
  await using metrics = statsd({ port: server.port, labels: 'tags', logger: quiet })
  const topics = Array.from({ length: 200 }, (_, n) => `topic-${n}-äöü`)
  metrics.sampled(lag, report => {
    for (const topic of topics) report({ topic, group: '', client: 'a,b|c' }, 1e-7)
  })
  await metrics.flush()
  await until('all came', () => server.lines().length === topics.length)
  assert.equal(server.lines()[0], 'mill_lag:0.000000100|g|#topic:topic-0-äöü,client:a_b_c')
  const sizes = server.packets.map(packet => Buffer.byteLength(packet))
  assert.ok(Math.max(...sizes) <= 1_432 && Math.min(...sizes.slice(0, -1)) > 1_300, `${sizes}`)
})

test('Graphite is sent values with their time over a connection that ends; what cannot be sent is told once', async () => {
  const received: string[] = []
  const server = createServer(socket => socket.on('data', data => received.push(data.toString())))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const told: string[] = []
  const logger = { ...quiet, warn: (_: object, message: string) => void told.push(message) }
  const metrics = graphite({ port, labels: 'tags', logger })
  metrics.sampled(done, report => report({ topic: 'a;b c', client: '' }, 12))
  metrics.histogram(time, { topic: 'a' }).observe(1)
  await metrics.flush()
  const lines = received.join('').trimEnd().split('\n')
  assert.match(lines[0] ?? '', /^mill_done_total;topic=a_b_c 12 \d{10}$/)
  assert.match(lines[1] ?? '', /^mill_seconds\.count;topic=a 1 \d{10}$/)
  assert.equal(lines.length, 6)
  await new Promise(closed => server.close(closed))
  await metrics.flush()
  await metrics.flush()
  assert.equal(told.length, 1)
  assert.match(told[0] ?? '', /^metrics cannot be sent to 127\.0\.0\.1:\d+: .*ECONNREFUSED/)
  await metrics.close()
  await metrics.close()
})

test('wrong options of the adapters are named', () => {
  assert.throws(() => statsd({ port: 0 }), /statsd\.port must be/)
  assert.throws(() => statsd({ labels: 'dots' as 'tags' }), /statsd\.labels must be 'path' or 'tags'/)
  assert.throws(() => graphite({ intervalMs: 1 }), /graphite\.intervalMs must be/)
})
