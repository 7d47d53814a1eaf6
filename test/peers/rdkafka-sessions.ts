import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { until } from '../until.ts'
import { readAll, writeOne } from './millrace.ts'
import { fresh, type Sessions, values } from './sessions.ts'

type Done<T = unknown> = (error: Error | null, result: T) => void
type Config = Readonly<Record<string, unknown>>
type TopicPartition = { readonly topic: string; readonly partition: number }

interface Client {
  connect(options: object, done: Done): void
  disconnect(done: Done): void
  on(event: string, listener: (...args: never[]) => void): void
}

interface Producer extends Client {
  setPollInterval(ms: number): void
  produce(topic: string, partition: number | null, value: Buffer | null, key?: string | null): void
  flush(timeoutMs: number, done: Done): void
  initTransactions(timeoutMs: number, done: Done): void
  beginTransaction(done: Done): void
  commitTransaction(timeoutMs: number, done: Done): void
  abortTransaction(timeoutMs: number, done: Done): void
  sendOffsetsToTransaction(offsets: (TopicPartition & { offset: number })[], consumer: Consumer, done: Done): void
}

interface Consumer extends Client {
  subscribe(topics: readonly string[]): void
  setDefaultConsumeTimeout(ms: number): void
  consume(count: number, done: Done<{ value: Buffer | null }[]>): void
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
  readonly Producer: new (config: Config) => Producer
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
  readonly producer: Producer
  #delivered = 0

  private constructor(brokers: string[], config: Config) {
    assert.ok(rdkafka)
    this.producer = new rdkafka.Producer({ ...common(brokers), ...config, dr_cb: true })
    this.producer.setPollInterval(10)
    this.producer.on('delivery-report', (error: Error | null) => {
      assert.ifError(error)
      this.#delivered += 1
    })
  }

  static async start(brokers: string[], config: Config): Promise<Writer> {
    const writer = new Writer(brokers, config)
    await promisify(writer.producer.connect.bind(writer.producer))({})
    return writer
  }

  /** Resolves when all were acknowledged. */
  async write(topic: string, texts: readonly string[]): Promise<void> {
    const expected = this.#delivered + texts.length
    for (const [index, text] of texts.entries())
      this.producer.produce(topic, null, Buffer.from(text), `key ${index % 7}`)
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
      for (const { value } of await consume(1_000)) this.values.push(String(value))
    }
  }

  /** Leaves; what was read is committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#reading.abort()
    await this.#read
    await promisify(this.consumer.disconnect.bind(this.consumer))()
  }
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
  return topic
}
