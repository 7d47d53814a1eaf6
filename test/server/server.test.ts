import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { Registry } from 'prom-client'
import type { ConsumerState } from '../../src/consumer/state.ts'
import { Consumer } from '../../src/index.ts'
import { prometheus } from '../../src/metrics/prometheus.ts'
import { type Readiness, serve } from '../../src/server/index.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import { lag, running } from '../spine/running.ts'
import { until } from '../until.ts'

let cluster: EmbeddedCluster
before(async () => {
  cluster = await EmbeddedCluster.start({ topics: { orders: 2 } })
  await cluster.write('orders', [{ value: 'x' }, { value: 'y' }])
})
after(() => cluster.close())

const quiet = { logLevel: 'silent' } as const

async function get(port: number, path: string, method = 'GET') {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

test('a consumer that runs is ready, tells its metrics and state, and its server ends with it', async () => {
  const options = { ...quiet, brokers: cluster.brokers, group: 'served', metrics: true }
  const consumer = new Consumer(options).topic('orders', () => {})
  const server = await serve(consumer, { port: 0 })
  const idle = await get(server.port, '/readyz')
  assert.deepEqual([idle.status, JSON.parse(idle.body).reasons], [503, ['the consumer is idle']])
  assert.equal((await get(server.port, '/livez')).status, 200)
  await using run = running(consumer)
  await until('all is done', () => lag(consumer) === 0)
  const ready = await get(server.port, '/readyz?verbose')
  const { partitions } = JSON.parse(ready.body) as Readiness
  assert.equal(ready.status, 200, ready.body)
  assert.deepEqual(
    partitions.map(({ topic, partition, fetching, stalled }) => [topic, partition, fetching, stalled]),
    [0, 1].map(partition => ['orders', partition, true, false]),
  )
  const metrics = await get(server.port, '/metrics')
  assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  assert.match(metrics.body, /^millrace_messages_done_total\{client="millrace",group="served",topic="orders"\} 2$/m)
  const state = JSON.parse((await get(server.port, '/state')).body) as ConsumerState
  assert.equal(state.partitions.length, 2)
  await consumer.close()
  await run.ended
  await server.close()
  await assert.rejects(get(server.port, '/livez'))
})

test('HEAD has no body, other methods are refused, other paths are not found', async () => {
  const consumer = new Consumer({ ...quiet, brokers: cluster.brokers })
  await using server = await serve(consumer, { port: 0 })
  const head = await get(server.port, '/state', 'HEAD')
  assert.deepEqual([head.status, head.body], [200, ''])
  assert.ok(Number(head.headers.get('content-length')) > 100)
  const post = await get(server.port, '/state', 'POST')
  assert.deepEqual([post.status, post.headers.get('allow')], [405, 'GET, HEAD'])
  assert.equal((await get(server.port, '/etc')).status, 404)
  const off = await get(server.port, '/metrics')
  assert.deepEqual([off.status, /without the option `metrics`/.test(off.body)], [404, true])
})

test('a register of prom-client is what /metrics tells, and its errors are answered', async () => {
  const register = new Registry()
  const consumer = new Consumer({ ...quiet, brokers: cluster.brokers, metrics: prometheus(register) })
  consumer.topic({ topic: 'orders', partitions: [0, 1] }, () => {})
  await using server = await serve(consumer, { port: 0, register })
  await using _ = running(consumer)
  await until('all is done', () => lag(consumer) === 0)
  assert.match((await get(server.port, '/metrics')).body, /millrace_messages_done_total\{[^}]*topic="orders"\} 2/)
  const broken = { contentType: 'text/plain', metrics: () => Promise.reject(new Error('no metrics today')) }
  await using other = await serve(consumer, { port: 0, register: broken })
  assert.deepEqual((await get(other.port, '/metrics')).status, 500)
})

test('errors are told in the state, with their code and cause, and readiness says why not', async () => {
  const consumer = new Consumer({ ...quiet, brokers: ['127.0.0.1:1'], group: 'lost' }).topic('orders', () => {})
  await using server = await serve(consumer, { port: 0 })
  await using _ = running(consumer)
  const told = async () => (await get(server.port, '/state')).body
  await until('trouble is told', async () => (await told()).includes('ECONNREFUSED'))
  const { status, body } = await get(server.port, '/readyz')
  assert.equal(status, 503)
  assert.match(body, /the consumer is starting/)
})

test('a client that sends nothing, or too much, is let go, and does not keep the server from closing', async () => {
  const consumer = new Consumer({ ...quiet, brokers: cluster.brokers })
  const server = await serve(consumer, { port: 0 })
  const silent = connect(server.port, '127.0.0.1')
  const talkative = connect(server.port, '127.0.0.1')
  talkative.write(`GET /state HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)
  const [answer] = await once(talkative, 'data')
  assert.match(String(answer), /^HTTP\/1\.1 431 /)
  const ended = once(silent, 'close')
  await server.close()
  silent.resume()
  await ended
})

test('what cannot be served is refused at once', async () => {
  const consumer = new Consumer({ ...quiet, brokers: cluster.brokers })
  await using server = await serve(consumer, { port: 0 })
  await assert.rejects(serve(consumer, { port: server.port }), /EADDRINUSE/)
  await assert.rejects(serve(consumer, { port: -1 }), /serve\.port must be/)
  await assert.rejects(serve({} as Consumer, { port: 0 }), /serve needs a Consumer/)
})
