import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { Producer } from '../../src/index.ts'
import { readTopic } from '../producer/read-topic.ts'
import { until } from '../until.ts'
import { hex, known, produceAll, readAll, readsProducer, type Told, writeOne } from './millrace.ts'
import { fresh, type Sessions, values } from './sessions.ts'

type Done<T = unknown> = (error: Error | null, result: T) => void
type Config = Readonly<Record<string, unknown>>
type TopicPartition = { readonly topic: string; readonly partition: number }

interface Client {
  connect(options: object, done: Done): void
  disconnect(done: Done): void
  on(event: string, listener: (...args: never[]) => void): void
}

interface ItsProducer extends Client {
  setPollInterval(ms: number): void
  produce(topic: string, partition: number | null, value: Buffer | null, key?: string | null): void
  flush(timeoutMs: number, done: Done): void
  initTransactions(timeoutMs: number, done: Done): void
  beginTransaction(done: Done): void
  commitTransaction(timeoutMs: number, done: Done): void
  abortTransaction(timeoutMs: number, done: Done): void
  sendOffsetsToTransaction(offsets: (TopicPartition & { offset: number })[], consumer: Consumer, done: Done): void
}

interface Received {
  readonly timestamp: number
  readonly key: Buffer | string | null
  readonly value: Buffer | null
  readonly headers?: readonly Readonly<Record<string, Buffer>>[]
}

interface Consumer extends Client {
  subscribe(topics: readonly string[]): void
  setDefaultConsumeTimeout(ms: number): void
  consume(count: number, done: Done<Received[]>): void
  assignments(): TopicPartition[]
  committed(partitions: TopicPartition[], timeoutMs: number, done: Done<{ offset?: number }[]>): void
}

interface Admin {
  createTopic(topic: object, done: Done): void
  createPartitions(topic: string, count: number, done: Done): void
  deleteTopic(topic: string, done: Done): void
  disconnect(): void
}

interface Rdkafka {
  readonly Producer: new (config: Config, topicConfig: Config) => ItsProducer
  readonly KafkaConsumer: new (config: Config, topicConfig: Config) => Consumer
  readonly AdminClient: { create(config: Config): Admin }
}

/** What is used of node-rdkafka. It is a dependency of the benchmarks only, which few install. */
export const rdkafka = ((): Rdkafka | undefined => {
  try {
    return createRequire(new URL('../../bench/package.json', import.meta.url))('node-rdkafka')
  } catch {
    return undefined
  }
})()

const patienceMs = 30_000

/** node-rdkafka, and so librdkafka, which speaks the protocol in its own way: requests pipelined, versions mixed. */
export const rdkafkaSessions: Sessions = {
  'what an idempotent producer writes, in every compression that it always has, a consumer reads in order':
    async brokers => {
      const topic = await createTopic(brokers, 'plain', 1)
      const codecs = ['none', 'gzip', 'snappy', 'lz4']
      for (const codec of codecs) {
        await using producer = await Writer.start(brokers, { 'compression.codec': codec, 'enable.idempotence': true })
        await producer.write(topic, values(100, `${codec} `))
      }
      await using reader = await Reader.start(brokers, topic, topic)
      await until('all is read', () => reader.values.length === 400)
      assert.deepEqual(
        reader.values,
        codecs.flatMap(codec => values(100, `${codec} `)),
      )
    },

  'Millrace reads what it compresses, and it reads what Millrace compresses': async brokers => {
    const topic = await createTopic(brokers, 'compressed', 1)
    const codecs = ['none', 'gzip', 'snappy', 'lz4'] as const
    for (const codec of codecs) {
      await using producer = await Writer.start(brokers, { 'compression.codec': codec })
      await producer.write(topic, values(3_000, `its ${codec} `))
      await writeOne(brokers, topic, codec, values(3_000, `our ${codec} `))
    }
    const expected = codecs.flatMap(name => [...values(3_000, `its ${name} `), ...values(3_000, `our ${name} `)])
    assert.deepEqual(await readAll(brokers, topic, expected.length), expected)
    await using reader = await Reader.start(brokers, topic, topic)
    await until('it has all', () => reader.values.length === expected.length)
    assert.deepEqual(reader.values, expected)
  },

  [readsProducer]: async brokers => {
    const topic = await createTopic(brokers, 'produced', 1)
    const sent = await produceAll(brokers, topic, ['none', 'gzip', 'snappy', 'lz4'])
    await using reader = await Reader.start(brokers, topic, topic)
    await until('it has all', () => reader.values.length === sent.length)
    // Its binding to JavaScript takes null in a header for an empty value.
    const expected = sent.map(each => ({ ...each, headers: each.headers.map(([name, value]) => [name, value ?? '']) }))
    assert.deepEqual(reader.messages, expected)
  },

  'keys go where it puts them: crc32, murmur2 and fnv1a': async brokers => {
    const names = { crc32: 'consistent', murmur2: 'murmur2', fnv1a: 'fnv1a' } as const
    const keys = values(500, 'key ').map((key, at) => key.repeat(at % 5) + at)
    for (const [ours, its] of Object.entries(names) as [keyof typeof names, string][]) {
      const topic = await createTopic(brokers, ours, 17)
      await using writer = await Writer.start(brokers, { 'compression.codec': 'none' }, { partitioner: its })
      await writer.writeKeys(topic, keys)
      const places = new Map<string, number>()
      for (const { key, partition } of await readTopic(brokers, topic)) places.set(String(key), partition)
      await using producer = new Producer({ brokers, partitioner: ours })
      const results = await producer.sendBatch(keys.map(key => ({ topic, key, value: null })))
      assert.deepEqual(
        results.map(result => result.partition),
        keys.map(key => places.get(key)),
      )
    }
  },

  'two members share a topic, and one goes on alone where the other stopped': async brokers => {
    const topic = await createTopic(brokers, 'shared', 4)
    await using producer = await Writer.start(brokers, {})
    await using one = await Reader.start(brokers, topic, topic)
    await producer.write(topic, values(40, 'first '))
    await until('it reads all', () => one.values.length === 40)
    const two = await Reader.start(brokers, topic, topic)
    await until('each has half', () => one.partitions === 2 && two.partitions === 2)
    const read = () => new Set([...one.values, ...two.values]).size
    await producer.write(topic, values(40, 'second '))
    await until('both read', () => read() === 80)
    await two[Symbol.asyncDispose]()
    await until('one has all', () => one.partitions === 4)
    await producer.write(topic, values(40, 'third '))
    await until('the rest is read', () => read() === 120)
  },

  'of transactions only what was committed is read, messages and offsets alike': async brokers => {
    const topic = await createTopic(brokers, 'ledger', 2)
    await using input = await Reader.start(brokers, topic, topic)
    await using writer = await Writer.start(brokers, { 'transactional.id': topic })
    const { producer } = writer
    await promisify(producer.initTransactions.bind(producer))(patienceMs)
    for (const [index, end] of (['commit', 'abort', 'commit'] as const).entries()) {
      await promisify(producer.beginTransaction.bind(producer))()
      await writer.write(topic, values(10, `${end} ${index} `))
      await until('the group is joined', () => input.partitions === 2)
      const offsets = [{ topic, partition: 0, offset: (index + 1) * 10 }]
      await promisify(producer.sendOffsetsToTransaction.bind(producer))(offsets, input.consumer)
      await promisify(producer[`${end}Transaction`].bind(producer))(patienceMs)
    }
    await using reader = await Reader.start(brokers, fresh('committed'), topic)
    await until('what was committed is read', () => reader.values.length === 20)
    assert.deepEqual(reader.values.sort(), [...values(10, 'commit 0 '), ...values(10, 'commit 2 ')].sort())
    const committed = promisify(input.consumer.committed.bind(input.consumer))
    assert.equal((await committed([{ topic, partition: 0 }], patienceMs))[0]?.offset, 30)
  },

  'topics are made, enlarged and deleted': async brokers => {
    const topic = await createTopic(brokers, 'admin', 1)
    await administer(brokers, async admin => {
      await promisify(admin.createPartitions.bind(admin))(topic, 3)
      await assert.rejects(promisify(admin.createPartitions.bind(admin))(topic, 2), { code: 37 })
      await promisify(admin.deleteTopic.bind(admin))(topic)
      await assert.rejects(promisify(admin.deleteTopic.bind(admin))(topic), { code: 3 })
    })
  },
}

class Writer implements AsyncDisposable {
  readonly producer: ItsProducer
  #delivered = 0

  private constructor(brokers: string[], config: Config, topicConfig: Config) {
    assert.ok(rdkafka)
    this.producer = new rdkafka.Producer({ ...common(brokers), ...config, dr_cb: true }, topicConfig)
    this.producer.setPollInterval(10)
    this.producer.on('delivery-report', (error: Error | null) => {
      assert.ifError(error)
      this.#delivered += 1
    })
  }

  static async start(brokers: string[], config: Config, topicConfig: Config = {}): Promise<Writer> {
    const writer = new Writer(brokers, config, topicConfig)
    await promisify(writer.producer.connect.bind(writer.producer))({})
    return writer
  }

  /** Resolves when all were acknowledged. */
  write(topic: string, texts: readonly string[]): Promise<void> {
    return this.#write(
      topic,
      texts.map((text, index) => [`key ${index % 7}`, text]),
    )
  }

  /** Each key in a message of its own. */
  writeKeys(topic: string, keys: readonly string[]): Promise<void> {
    return this.#write(
      topic,
      keys.map(key => [key, '']),
    )
  }

  async #write(topic: string, messages: readonly (readonly [key: string, value: string])[]): Promise<void> {
    const expected = this.#delivered + messages.length
    for (const [key, value] of messages) this.producer.produce(topic, null, Buffer.from(value), key)
    await promisify(this.producer.flush.bind(this.producer))(patienceMs)
    await until('all is acknowledged', () => this.#delivered >= expected)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await promisify(this.producer.disconnect.bind(this.producer))()
  }
}

/** One member of a group that reads a topic from its beginning, and remembers what it got. */
class Reader implements AsyncDisposable {
  readonly consumer: Consumer
  readonly values: string[] = []
  readonly messages: Told[] = []
  readonly #reading = new AbortController()
  #read: Promise<void> | undefined

  private constructor(brokers: string[], group: string) {
    assert.ok(rdkafka)
    const config = { ...common(brokers), 'group.id': group, 'heartbeat.interval.ms': 50, 'fetch.wait.max.ms': 50 }
    this.consumer = new rdkafka.KafkaConsumer(config, { 'auto.offset.reset': 'earliest' })
  }

  static async start(brokers: string[], group: string, topic: string): Promise<Reader> {
    const reader = new Reader(brokers, group)
    await promisify(reader.consumer.connect.bind(reader.consumer))({})
    reader.consumer.setDefaultConsumeTimeout(20)
    reader.consumer.subscribe([topic])
    reader.#read = reader.#run()
    return reader
  }

  /** How many it has. */
  get partitions(): number {
    return this.consumer.assignments().length
  }

  async #run(): Promise<void> {
    const consume = promisify(this.consumer.consume.bind(this.consumer))
    while (!this.#reading.signal.aborted) {
      for (const message of await consume(1_000)) {
        this.values.push(String(message.value))
        this.messages.push(told(message))
      }
    }
  }

  /** Leaves; what was read is committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#reading.abort()
    await this.#read
    await promisify(this.consumer.disconnect.bind(this.consumer))()
  }
}

function told({ timestamp, key, value, headers = [] }: Received): Told {
  const pairs = headers.flatMap(each => Object.entries(each).map(([name, value]) => [name, hex(value)] as const))
  return { timestamp, key: hex(key), value: hex(value), headers: pairs }
}

function common(brokers: string[]): Config {
  return { 'metadata.broker.list': brokers.join(), 'client.id': 'rdkafka', 'broker.address.family': 'v4' }
}

async function administer(brokers: string[], act: (admin: Admin) => Promise<void>): Promise<void> {
  assert.ok(rdkafka)
  const admin = rdkafka.AdminClient.create(common(brokers))
  await act(admin)
  admin.disconnect()
}

async function createTopic(brokers: string[], name: string, partitions: number): Promise<string> {
  const topic = fresh(name)
  await administer(brokers, async admin => {
    const wanted = { topic, num_partitions: partitions, replication_factor: brokers.length }
    await promisify(admin.createTopic.bind(admin))(wanted)
  })
  await known(brokers, topic)
  return topic
}
