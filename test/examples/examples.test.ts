import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, suite, test } from 'node:test'
import { brotliDecompressSync } from 'node:zlib'
import { systemClock } from '../../src/base/clock.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Broker } from '../../src/broker/index.ts'
import { Admin, NativeClient, writeBatch } from '../../src/index.ts'
import { freePorts } from '../kafka/ports.ts'
import { LogReader } from '../producer/log-reader.ts'
import { readTopic } from '../producer/read-topic.ts'
import { until } from '../until.ts'
import { Programs } from './programs.ts'

const root = join(import.meta.dirname, '../..')

/** The trace in which all messages were written. */
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'

let broker: Broker
let client: NativeClient
let folder: string
const programs = new Programs()

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-examples-'))
  broker = await Broker.start({ topics: { orders: 3, audit: 3, invoices: 1 } })
  client = new NativeClient({ brokers: broker.brokers, logger: new StderrLogger('warn', systemClock) })
  await write('orders', 60)
  await write('audit', 600)
})
after(async () => {
  await programs.end()
  await client.close()
  await broker.close()
  await rm(folder, { recursive: true })
})

/** So many messages under seven keys, to three partitions in turn. */
async function write(topic: string, count: number): Promise<void> {
  const headers = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` }
  const all = Array.from({ length: count }, (_, n) => ({ key: `k${n % 7}`, value: JSON.stringify({ n }), headers }))
  const answers = await client.produce(
    [0, 1, 2].map(partition => ({ topic, partition, records: writeBatch(all.filter((_, n) => n % 3 === partition)) })),
  )
  for (const { error } of answers) assert.equal(error, null)
}

function start(program: string, env: Record<string, string> = {}, args: readonly string[] = []) {
  return programs.start(program, folder, { BROKERS: broker.brokers.join(), ...env }, args)
}

async function committed(group: string): Promise<number> {
  return (await new Admin(client).groupOffsets(group)).reduce((sum, { offset }) => sum + offset, 0)
}

// Most of their time they wait for the next commit.
suite('the examples', { concurrency: true }, () => {
  test('the first example of the README handles and commits', async () => {
    const readme = await readFile(join(root, 'README.md'), 'utf8')
    const code = /^```ts\n(.*?)^```/ms.exec(readme)?.[1] ?? ''
    const program = join(folder, 'first.ts')
    await writeFile(
      program,
      code.replace('localhost:9092', String(broker.brokers[0])).replace("group: 'shop'", "group: 'first'"),
    )
    const { child, exited } = start(program)
    await until('all is committed', async () => (await committed('first')) === 60)
    await child.end('SIGTERM')
    assert.deepEqual(await exited, [0, null], child.failure('should have ended well').message)
  })

  test('read-once reads to the end and ends by itself', async () => {
    const { lines, child, exited } = start(join(root, 'examples/read-once.ts'))
    assert.deepEqual(await exited, [0, null], child.failure('should have ended well').message)
    // A busy machine may have it log that it was held up.
    const counts = lines.filter(line => /^\d+\t/.test(line))
    assert.equal(counts.length, 7)
    assert.match(counts[0] ?? '', /^9\tk\d$/)
  })

  test('produce writes every line of a file, keyed by its id, and tells which one was not written', async () => {
    await broker.createTopic('imported', { partitions: 3, config: { 'max.message.bytes': '20000' } })
    const lines = Array.from({ length: 500 }, (_, n) => JSON.stringify({ id: n % 7, total: n }))
    lines[41] = JSON.stringify({ id: 'large', text: randomBytes(1_000_000).toString('hex') })
    await writeFile(join(folder, 'imported.ndjson'), `${lines.join('\n')}\n`)
    const program = join(root, 'examples/produce.ts')
    const { lines: said, exited } = start(program, { TOPIC: 'imported' }, ['imported.ndjson'])
    assert.deepEqual(await exited, [1, null])
    assert.equal(said.filter(line => /written, /.test(line)).at(-1), '499 written, 1 not')
    const written = await readTopic(broker.brokers, 'imported')
    assert.deepEqual(
      written.map(({ value }) => JSON.parse(String(value)).total).sort((a, b) => a - b),
      Array.from({ length: 500 }, (_, n) => n).filter(n => n !== 41),
    )
    for (const { key, value } of written) assert.equal(String(key), String(JSON.parse(String(value)).id))
  })

  test('batch-insert inserts every message once', async () => {
    const database = join(folder, 'audit.db')
    const { child, exited } = start(join(root, 'examples/batch-insert.ts'), { DATABASE: database })
    await until('all is committed', async () => (await committed('audit')) === 600)
    await child.end('SIGTERM')
    assert.deepEqual(await exited, [0, null], child.failure('should have ended well').message)
    const rows = new DatabaseSync(database, { readOnly: true }).prepare('SELECT count(*) AS n FROM audit').get()
    assert.deepEqual({ ...rows }, { n: 600 })
  })

  test('cpu-bound compresses every message in threads, with a broker of its own, and ends by itself', async () => {
    const archive = await mkdtemp(join(folder, 'archive-'))
    const { lines, child, exited } = start(join(root, 'examples/cpu-bound.ts'), { BROKERS: '', ARCHIVE: archive })
    assert.deepEqual(await exited, [0, null], child.failure('should have ended well').message)
    assert.ok(lines.includes('100 documents are compressed'), lines.join('\n'))
    const files = await readdir(archive)
    assert.deepEqual([files.length, files.every(file => file.endsWith('.br'))], [100, true])
    const text = brotliDecompressSync(await readFile(join(archive, files[0] ?? ''))).toString()
    assert.match(text, /^\d+\{.*"openssl"/)
  })

  test('retries skips what is refused, and tries again what may work', async () => {
    const seen = new Map<string, number>()
    const payments = createServer((request, response) => {
      const id = String(request.headers['idempotency-key'])
      const times = (seen.get(id) ?? 0) + 1
      seen.set(id, times)
      request.resume()
      if (id === '0-3') response.writeHead(422)
      else if (id === '1-5' && times === 1) response.writeHead(503)
      response.end()
    })
    payments.listen(0, '127.0.0.1')
    await once(payments, 'listening')
    const { port } = payments.address() as AddressInfo
    const { child, exited } = start(join(root, 'examples/retries.ts'), { PAYMENTS: `http://127.0.0.1:${port}/` })
    await until('all is committed', async () => (await committed('payments')) === 60)
    await child.end('SIGTERM')
    assert.deepEqual(await exited, [0, null], child.failure('should have ended well').message)
    payments.close()
    assert.deepEqual([seen.get('0-3'), seen.get('1-5'), seen.size], [1, 2, 60])
    const refused = (await readFile(join(folder, 'refused.ndjson'), 'utf8')).trim().split('\n')
    assert.deepEqual(
      refused.map(line => JSON.parse(line).offset),
      [3],
    )
  })

  test('exactly-once writes each line of each order once, on a broker of its own', async () => {
    const { lines, exited } = start(join(root, 'examples/exactly-once.ts'), { BROKERS: '' })
    assert.deepEqual(await exited, [0, null], lines.join('\n'))
    assert.match(lines[0] ?? '', /^133 lines, 133 different ones; the last one: (saw|nail) for order \d+$/)
    assert.match(lines[1] ?? '', /^\d+ transactions, \d+ aborted$/)
  })

  test('transaction makes an invoice of each order once, and commits how far it read with them', async () => {
    const { child, exited } = start(join(root, 'examples/transaction.ts'))
    await until('all is committed', async () => (await committed('invoices')) === 60)
    await child.end('SIGTERM')
    assert.deepEqual(await exited, [0, null], child.failure('should have ended well').message)
    await using reader = new LogReader(broker)
    const invoices = (await reader.values('invoices')).map(value => JSON.parse(value).order)
    const orders = Array.from({ length: 60 }, (_, n) => `orders/${n % 3}/${Math.floor(n / 3)}`)
    assert.deepEqual(invoices.toSorted(), orders.toSorted())
  })

  test('graceful-shutdown tells its health, drains and ends with 0', async () => {
    const [port] = await freePorts(1)
    // In a group of its own: the example of OpenTelemetry is to have all partitions.
    const program = join(folder, 'graceful-shutdown.ts')
    const code = await readFile(join(root, 'examples/graceful-shutdown.ts'), 'utf8')
    await writeFile(program, code.replace("group: 'shop'", "group: 'graceful'"))
    const { lines, child, exited } = start(program, { PORT: String(port) })
    const health = () => fetch(`http://127.0.0.1:${port}/`).catch(() => null)
    await until('it is healthy', async () => (await health())?.status === 200)
    await child.end('SIGTERM')
    assert.deepEqual(await exited, [0, null], child.failure('should have ended well').message)
    assert.ok(lines.includes('drained and committed'))
  })

  test('opentelemetry tells spans whose parents the headers name, and metrics', async () => {
    const { lines, child, exited } = start(join(root, 'examples/opentelemetry.ts'))
    const told = (text: string) => lines.some(line => line.includes(text))
    await until('all is committed', async () => (await committed('shop')) === 60)
    await child.end('SIGTERM')
    assert.deepEqual(await exited, [0, null], child.failure('should have ended well').message)
    assert.ok(told(`traceId: '${TRACE}'`), 'a handler belongs to the trace of its message')
    for (const text of ['process orders', "'save'", 'assigned 3 partitions', 'millrace_handler_duration_seconds']) {
      assert.ok(told(text), `${text} is told`)
    }
    // Partitions whose messages are done at different times are committed by different requests.
    const commits = lines.map(line => Number(/'commit (\d) partitions?'/.exec(line)?.[1] ?? 0))
    assert.ok(commits.reduce((sum, each) => sum + each, 0) >= 3, 'commits of all partitions are told')
  })

  test('the examples of tests pass', async () => {
    const tests = ['kafkajs.test.ts', 'millrace.test.ts'].map(file => start(join(root, 'examples/testing', file)))
    for (const { child, exited } of tests) {
      assert.deepEqual(await exited, [0, null], child.failure('should have passed').message)
    }
  })
})
