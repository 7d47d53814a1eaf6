import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../src/base/clock.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Broker } from '../../src/broker/index.ts'
import { Consumer, DeliveryError, NativeClient, Producer } from '../../src/index.ts'
import { until } from '../until.ts'
import { readTopic } from './read-topic.ts'

let broker: Broker
before(async () => {
  broker = await Broker.start({ topics: { orders: 3 } })
})
after(() => broker.close())

const program = fileURLToPath(new URL('programs/send.ts', import.meta.url))

/** Runs the program, and tells what it wrote and how it ended. */
function start(options: object, ...args: string[]) {
  const settings = JSON.stringify({ brokers: broker.brokers, logLevel: 'silent', ...options })
  const child = spawn(process.execPath, [program, settings, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ended = once(child, 'exit') as Promise<[code: number | null, signal: string | null]>
  const line = async (): Promise<string> => String((await lines.next()).value)
  return { child, line, ended }
}

const values = async () =>
  (await readTopic(broker.brokers, 'orders')).map(({ value }) => Number(value)).sort((a, b) => a - b)
const range = (count: number) => Array.from({ length: count }, (_, at) => at)

test('a process that is told to stop right after 10,000 sends delivers them all, and ends by that signal', async () => {
  const { child, line, ended } = start({ handleSignals: true, lingerMs: 600_000 }, '10000')
  assert.equal(await line(), 'sent')
  child.kill('SIGTERM')
  assert.deepEqual(JSON.parse(await line()), { fulfilled: 10_000 })
  assert.deepEqual(await ended, [null, 'SIGTERM'])
  assert.deepEqual(await values(), range(10_000))
})

test('what cannot be delivered before the deadline is told, and a second signal waits no longer', async () => {
  for (const drainMs of [50, 600_000]) {
    using stalled = broker.fault({ api: 'Produce', action: { noReply: true } })
    const { child, line, ended } = start({ handleSignals: { drainMs }, logLevel: 'info' }, '1000')
    let logged = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      logged += text
    })
    await line()
    await stalled.hit()
    child.kill('SIGINT')
    await until('the first signal is heard', () => logged.includes('the producer closes'))
    if (drainMs > 50) child.kill('SIGTERM')
    assert.deepEqual(JSON.parse(await line()), { 'CLOSED unknown': 1_000 })
    const [code, signal] = await ended
    assert.equal(code, null)
    assert.match(String(signal), /^SIG(INT|TERM)$/)
  }
})

test('a program that ends without waiting for what it sent delivers it all the same', async () => {
  const before = (await values()).length
  const { line, ended } = start({}, '1000', 'close')
  await line()
  assert.deepEqual(JSON.parse(await line()), { fulfilled: 1_000 })
  assert.deepEqual(await ended, [0, null])
  assert.equal((await values()).length, before + 1_000)
  // One that does not even close lives on, as an open server does.
  const open = start({ lingerMs: 50 }, '10')
  await open.line()
  assert.deepEqual(JSON.parse(await open.line()), { fulfilled: 10 })
  assert.equal(open.child.exitCode, null)
  open.child.kill('SIGTERM')
  assert.deepEqual(await open.ended, [null, 'SIGTERM'])
})

test('a signal is left to whoever else listens to it', async () => {
  const listening = process.listenerCount('SIGTERM')
  const heard = Promise.withResolvers<void>()
  const listener = () => heard.resolve()
  process.on('SIGTERM', listener)
  try {
    const both = [1, 2].map(() => new Producer({ brokers: broker.brokers, handleSignals: true, lingerMs: 600_000 }))
    const sent = both.map(producer => producer.send({ topic: 'orders', value: '0' }))
    process.kill(process.pid, 'SIGTERM')
    await Promise.all([...sent, heard.promise])
    await Promise.all(both.map(producer => producer.close()))
    await until('only the other listens', () => process.listenerCount('SIGTERM') === listening + 1)
  } finally {
    process.off('SIGTERM', listener)
  }
})

test('without handleSignals, or once it is closed, a producer listens to no signal', async () => {
  const listening = process.listenerCount('SIGINT')
  for (const handleSignals of [false, true, { drainMs: 5 }]) {
    const producer = new Producer({ brokers: broker.brokers, handleSignals })
    assert.equal(process.listenerCount('SIGINT'), listening + (handleSignals === false ? 0 : 1))
    await producer.close()
    assert.equal(process.listenerCount('SIGINT'), listening)
  }
  for (const wrong of ['yes', { drainMs: -1 }, { ms: 5 }, 5]) {
    const make = () => new Producer({ brokers: broker.brokers, handleSignals: wrong as unknown as boolean })
    assert.throws(make, { code: 'INVALID_OPTION', message: /handleSignals/ })
  }
})

test('close sends what lingers, and what is sent afterwards is refused', async () => {
  const producer = new Producer({ brokers: broker.brokers, lingerMs: 600_000 })
  const sent = producer.send({ topic: 'orders', value: '0' })
  const closed = producer.close()
  const late = await producer.send({ topic: 'orders', value: '1' }).catch(error => error)
  assert.ok(late instanceof DeliveryError)
  assert.deepEqual([late.code, late.written], ['CLOSED', 'no'])
  assert.equal(producer.close(), closed)
  await closed
  assert.ok((await sent).offset >= 0)
})

test('leaving the scope of a producer closes it', async () => {
  let sent: Promise<unknown>
  {
    await using producer = new Producer({ brokers: broker.brokers, lingerMs: 600_000 })
    sent = producer.send({ topic: 'orders', value: '0' })
  }
  await sent
})

test('a producer and a consumer on one client share its connections, and closing the one leaves the other be', async () => {
  await broker.createTopic('shared', { partitions: 1 })
  const client = new NativeClient({ brokers: broker.brokers, logger: new StderrLogger('warn', systemClock) })
  const seen: string[] = []
  const consumer = new Consumer({ brokers: broker.brokers, client, offsets: { start: 'earliest' } }).topic(
    'shared',
    ({ value }) => void seen.push(String(value)),
  )
  const running = consumer.run()
  const producer = new Producer({ brokers: broker.brokers, client })
  await producer.send({ topic: 'shared', value: 'one' })
  await producer.close()
  await using next = new Producer({ brokers: broker.brokers, client })
  await next.send({ topic: 'shared', value: 'two' })
  await until('both are read', () => seen.length === 2)
  const [node] = client.state().brokers
  assert.deepEqual(node?.connections.map(({ role }) => role).sort(), ['fetch', 'general'])
  await consumer.close()
  await running
  await next.send({ topic: 'shared', value: 'three' })
  await next.close()
  assert.ok((await client.metadata(['shared'])).topics.has('shared'))
  await client.close()
})
