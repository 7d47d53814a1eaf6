import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Broker } from '../../src/broker/index.ts'
import { Admin, NativeClient, writeBatch } from '../../src/index.ts'
import { freePorts } from '../kafka/ports.ts'
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
  broker = await Broker.start({ topics: { orders: 3 } })
  client = new NativeClient({ brokers: broker.brokers, logger: new StderrLogger('warn', systemClock) })
  await write('orders', 60)
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
