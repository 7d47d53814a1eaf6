import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { after, before, test } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import { type Bytes, DeliveryError, int32, Producer, type ProducerMessage } from '../../src/index.ts'
import { until } from '../until.ts'
import { readTopic } from './read-topic.ts'

let broker: Broker
before(async () => {
  broker = await Broker.start()
})
after(() => broker.close())

async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const read: T[] = []
  for await (const result of results) read.push(result)
  return read
}

let made = 0
/** A topic of its own for each test. */
async function newTopic(partitions = 1): Promise<string> {
  const topic = `stream-${++made}`
  await broker.createTopic(topic, { partitions })
  return topic
}

const values = async (topic: string) => (await readTopic(broker.brokers, topic)).map(({ value }) => value?.toString())
const range = (count: number) => Array.from({ length: count }, (_, at) => at)

test('a pipeline into a stream ends when all is written, what lingers too', async () => {
  const topic = await newTopic()
  await using producer = new Producer({ brokers: broker.brokers, lingerMs: 600_000 })
  const messages = range(5_000).map(n => ({ topic, value: String(n) }))
  const stream = producer.writable({ inFlight: 100_000 })
  await pipeline(Readable.from(messages), stream)
  assert.ok(stream.writableFinished)
  assert.deepEqual(await values(topic), range(5_000).map(String))
})

test('with a topic, strings and bytes are values, and messages need not name it', async () => {
  const [topic, other] = [await newTopic(), await newTopic()]
  await using producer = new Producer({ brokers: broker.brokers })
  const chunks = ['text', Buffer.from('bytes'), { value: 'message', key: 'k' }, { topic: other, value: 'elsewhere' }]
  await pipeline(Readable.from(chunks), producer.writable({ topic }))
  assert.deepEqual(await values(topic), ['text', 'bytes', 'message'])
  assert.deepEqual(await values(other), ['elsewhere'])
  await pipeline(Readable.from([{ value: 5 }]), producer.writable({ topic: other, value: int32 }))
  assert.deepEqual(await values(other), ['elsewhere', '\0\0\0\u0005'])
})

test('a stream takes no more from its source than may be on its way', async () => {
  const topic = await newTopic()
  await using producer = new Producer({ brokers: broker.brokers, requestTimeoutMs: 200, logLevel: 'silent' })
  let taken = 0
  async function* source() {
    for (const n of range(500)) {
      taken++
      yield { topic, value: String(n) }
    }
  }
  const stalled = broker.fault({ api: 'Produce', action: { noReply: true } })
  const stream = producer.writable({ inFlight: 10 })
  const ended = pipeline(Readable.from(source(), { highWaterMark: 1 }), stream)
  await stalled.hit()
  // What streams themselves buffer comes on top.
  await until('the source is held back', () => stream.writableNeedDrain)
  assert.ok(taken < 60, `${taken} were taken`)
  stalled[Symbol.dispose]()
  await ended
  assert.equal((await values(topic)).length, 500)
})

test('a full buffer holds the source back too', async () => {
  const topic = await newTopic()
  const small = { bufferBytes: 10_000, batchBytes: 1_000, requestTimeoutMs: 200, logLevel: 'silent' } as const
  await using producer = new Producer({ brokers: broker.brokers, ...small })
  await producer.send({ topic, value: 'first' })
  const stalled = broker.fault({ api: 'Produce', action: { noReply: true } })
  const stream = producer.writable({ topic })
  const ended = pipeline(Readable.from(range(100).map(() => Buffer.alloc(1_000))), stream)
  await stalled.hit()
  await until('the source is held back', () => stream.writableNeedDrain)
  assert.ok(stream.writableLength > 10)
  stalled[Symbol.dispose]()
  await ended
  assert.equal((await values(topic)).length, 101)
})

test('the first message that is not delivered destroys the stream, and the pipeline rejects with its error', async () => {
  const topic = await newTopic()
  await using producer = new Producer({ brokers: broker.brokers })
  const messages = [
    { topic, value: 'good' },
    { topic, partition: 9, value: 'bad' },
    ...range(100).map(() => ({ topic, value: 'x' })),
  ]
  await assert.rejects(pipeline(Readable.from(messages), producer.writable()), (error: DeliveryError) => {
    assert.ok(error instanceof DeliveryError)
    assert.deepEqual([error.code, error.partition], ['UNKNOWN_PARTITION', 9])
    return true
  })
  // Nothing that is on its way keeps the producer from being used.
  await producer.send({ topic, value: 'after' })
  assert.ok((await values(topic)).includes('after'))
})

test('a message that cannot even be looked at fails its stream', async () => {
  const topic = await newTopic()
  await using producer = new Producer({ brokers: broker.brokers })
  const hostile = {
    topic,
    get value() {
      throw new RangeError('no value')
    },
  }
  await assert.rejects(pipeline(Readable.from([hostile]), producer.writable({ topic })), RangeError)
  await assert.rejects(pipeline(Readable.from([hostile]), producer.writable()), { code: 'INVALID_MESSAGE' })
})

test('with onError a stream goes on, and each failure is told with its message', async () => {
  const topic = await newTopic()
  await using producer = new Producer({ brokers: broker.brokers })
  const told: [string, unknown][] = []
  const bad = { topic, partition: 9, value: 'bad' }
  const chunks = [{ topic, value: 'a' }, bad, 5, { topic, value: 'b' }]
  await pipeline(
    Readable.from(chunks),
    producer.writable({ onError: (error, message) => void told.push([error.code, message]) }),
  )
  assert.deepEqual(told.map(([code]) => code).sort(), ['INVALID_MESSAGE', 'UNKNOWN_PARTITION'])
  assert.equal(told.find(([code]) => code === 'UNKNOWN_PARTITION')?.[1], bad)
  assert.deepEqual(await values(topic), ['a', 'b'])
  const angry = producer.writable({
    onError: () => {
      throw new RangeError('enough')
    },
  })
  await assert.rejects(pipeline(Readable.from([bad]), angry), RangeError)
})

test('a stream that is destroyed or aborted leaves no callback of a write uncalled', async () => {
  const topic = await newTopic()
  await using producer = new Producer({ brokers: broker.brokers, lingerMs: 600_000 })
  const stop = new AbortController()
  for (const end of [(stream: NodeJS.WritableStream & { destroy(): void }) => stream.destroy(), () => stop.abort()]) {
    const stream = producer.writable({ topic, inFlight: 1, signal: stop.signal })
    stream.on('error', () => {})
    const called = range(3).map(() => new Promise<unknown>(resolve => stream.write('x', resolve)))
    await until('one is held', () => stream.writableLength > 0)
    end(stream)
    const [, ...dropped] = await Promise.all(called)
    assert.ok(dropped.every(error => error instanceof Error))
  }
  await producer.close()
  const late = producer.writable({ topic })
  await assert.rejects(pipeline(Readable.from(['x']), late), { code: 'CLOSED' })
})

test('wrong options of a stream or a channel are told when it is made', async () => {
  await using producer = new Producer({ brokers: broker.brokers })
  for (const wrong of [{ inFlight: 0 }, { topic: 5 }, { onError: true }, { value: JSON }, { highWaterMark: 1 }]) {
    assert.throws(() => producer.writable(wrong as object), { code: 'INVALID_OPTION' })
  }
  for (const wrong of [{ capacity: 0 }, { successes: 'no' }, { errors: false }]) {
    assert.throws(() => producer.channel(wrong as object), { code: 'INVALID_OPTION' })
  }
})

interface Asked extends ProducerMessage<Bytes, Bytes> {
  readonly context: number
}

test('a channel tells of each message what became of it, with the very message', async () => {
  const topic = await newTopic(3)
  await using producer = new Producer({ brokers: broker.brokers })
  const channel = producer.channel<Asked>({ capacity: 50 })
  const written = range(1_000).map(n => ({
    topic,
    value: String(n),
    context: n,
    ...(n % 10 === 0 ? { partition: 7 } : {}),
  }))
  const told = new Map<unknown, number>()
  const good = (async () => {
    for await (const { message, delivery } of channel.successes) {
      assert.ok(delivery.offset >= 0)
      told.set(message, message.context)
    }
  })()
  const bad = (async () => {
    for await (const { message, error } of channel.errors) {
      assert.equal(error.code, 'UNKNOWN_PARTITION')
      assert.equal(message.context % 10, 0)
      told.set(message, message.context)
    }
  })()
  for (const message of written) await channel.input.write(message)
  await channel.close()
  await Promise.all([good, bad])
  assert.deepEqual(
    written.map(message => told.get(message)),
    range(1_000),
  )
  assert.equal((await values(topic)).length, 900)
})

test('what nobody reads holds the input back, and what is read lets it go on', async () => {
  const topic = await newTopic()
  await using producer = new Producer({ brokers: broker.brokers })
  const channel = producer.channel({ capacity: 5 })
  for (const n of range(5)) await channel.input.write({ topic, value: String(n) })
  let taken = false
  const sixth = channel.input.write({ topic, value: '5' }).then(() => {
    taken = true
  })
  await producer.flush()
  await until('all five are written', async () => (await values(topic)).length === 5)
  assert.equal(taken, false)
  for await (const { message } of channel.successes) {
    assert.equal(message.value, '0')
    break
  }
  await sixth
  // A loop that was left ends nothing.
  const rest: unknown[] = []
  const closed = channel.close()
  for await (const { message } of channel.successes) rest.push(message.value)
  await closed
  assert.deepEqual(rest, ['1', '2', '3', '4', '5'])
})

test('a channel without successes needs nobody to read them', async () => {
  const topic = await newTopic()
  await using producer = new Producer({ brokers: broker.brokers })
  await using channel = producer.channel({ capacity: 5, successes: false })
  for (const n of range(100)) await channel.input.write({ topic, value: String(n) })
  await channel.close()
  for await (const _ of channel.successes) assert.fail('none are kept')
  assert.equal((await values(topic)).length, 100)
})

test('a channel that is closed, or whose producer is, ends both outputs and rejects writes that wait', async () => {
  const topic = await newTopic()
  for (const close of ['channel', 'producer'] as const) {
    const producer = new Producer({ brokers: broker.brokers, lingerMs: 600_000 })
    const channel = producer.channel({ capacity: 1 })
    await channel.input.write({ topic, value: 'x' })
    const waits = channel.input.write({ topic, value: 'y' })
    const results = Promise.all([all(channel.successes), all(channel.errors)])
    const parked = producer.channel({ capacity: 1 })
    const ends = all(parked.errors)
    await producer.flush()
    await waits
    if (close === 'channel') await channel.close()
    else await producer.close({ drainMs: 10_000 })
    assert.deepEqual(
      (await results).map(each => each.length),
      [2, 0],
    )
    await assert.rejects(channel.input.write({ topic, value: 'z' }), { code: 'CLOSED' })
    await producer.close()
    assert.deepEqual(await ends, [])
  }
  await using producer = new Producer({ brokers: broker.brokers })
  const channel = producer.channel({ capacity: 1 })
  await channel.input.write({ topic, value: 'x' })
  const waits = assert.rejects(channel.input.write({ topic, value: 'y' }), { code: 'CLOSED' })
  await channel.close()
  await waits
})
