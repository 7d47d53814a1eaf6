import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { Kafka, logLevel } from 'kafkajs'
import { Broker } from '../../src/broker/index.ts'
import '../millrace-from-source.ts'
import { until } from '../until.ts'

const page = join(import.meta.dirname, '../../docs/broker.md')

/** A broker as the page has it, with a member of a group that reads what is written all the time. */
async function startTraffic(): Promise<{ broker: Broker; stop(): Promise<void> }> {
  const broker = await Broker.start({ nodes: 3, topics: { orders: 6 } })
  const kafka = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 20 } })
  const producer = kafka.producer()
  const consumer = kafka.consumer({ groupId: 'shop', maxWaitTimeInMs: 50, heartbeatInterval: 100 })
  await Promise.all([producer.connect(), consumer.connect()])
  await consumer.subscribe({ topic: 'orders' })
  await consumer.run({ autoCommitThreshold: 1, eachMessage: async () => {} })
  let stopped = false
  const writing = (async () => {
    while (!stopped) {
      await producer.send({ topic: 'orders', messages: [{ value: 'tea' }] })
      await delay(10)
    }
  })()
  await until('offsets are committed', async () => (await broker.committed('shop')).some(({ offset }) => offset > 0))
  return {
    broker,
    async stop() {
      stopped = true
      await writing
      await Promise.all([producer.disconnect(), consumer.disconnect()])
      await broker.close()
    },
  }
}

test('all that the page about the broker shows runs, from its first line to its last', { timeout: 20_000 }, async t => {
  const text = await readFile(page, 'utf8')
  const blocks = [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = '']) => code)
  assert.ok(blocks.length > 6, `only ${blocks.length} blocks were found`)
  const imports = new Set(blocks.flatMap(code => code.match(/^import .*$/gm) ?? []))
  assert.deepEqual(
    [...imports].filter(line => !line.endsWith("from 'millrace/broker'")),
    [],
  )
  const folder = await mkdtemp(join(tmpdir(), 'millrace-page-'))
  const traffic = await startTraffic()
  t.after(async () => {
    await traffic.stop()
    await rm(folder, { recursive: true })
  })
  const program = join(folder, 'page.mts')
  const steps = blocks.map(code => `await (async () => {\n${code.replaceAll(/^import .*$/gm, '')}})()`)
  const names = "import { Broker, HeldClock } from 'millrace/broker'"
  await writeFile(program, `${names}\nexport async function run(broker, console) {\n${steps.join('\n')}\n}\n`)
  const { run } = await import(pathToFileURL(program).href)
  const said: unknown[][] = []
  await run(traffic.broker, { log: (...line: unknown[]) => said.push(line) })
  assert.match(String(said[0]), /^127\.0\.0\.1:\d+$/)
  assert.ok(
    said.some(line => line[0] === 'orders' && Number(line[2]) > 0),
    'nothing is committed',
  )
})
