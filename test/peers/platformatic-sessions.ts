import assert from 'node:assert/strict'
import {
  Admin,
  Consumer,
  type Message,
  ProduceAcks,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { COMPRESSIONS } from '../../src/records/record-batch.ts'
import { until } from '../until.ts'
import { hex, produceAll, readAll, readsProducer, writeOne } from './millrace.ts'
import { fresh, type Sessions, values } from './sessions.ts'

type Text = Message<string, string, string, string>

/** @platformatic/kafka: it speaks later versions than kafkajs, and fetches by topic id. */
export const platformaticSessions: Sessions = {
  'what a producer writes, compressed or not, a consumer reads in order': async brokers => {
    const topic = await createTopic(brokers, 'plain', 1)
    await using producer = startProducer(brokers)
    const head = { topic, key: 'k', value: 'full', headers: { trace: 'a' }, timestamp: 1_700_000_000_000n }
    const written = await producer.send({ messages: [head] })
    assert.deepEqual(written.offsets, [{ topic, partition: 0, offset: 0n }])
    await producer.send({ messages: messages(topic, ['unheard']), acks: ProduceAcks.NO_RESPONSE })
    for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
      await producer.send({ messages: messages(topic, [compression]), compression, acks: ProduceAcks.LEADER })
    }
    await using member = await Member.join(brokers, fresh('plain'), topic)
    await until('all is read', () => member.messages.length === 6)
    assert.deepEqual(member.values, ['full', 'unheard', 'gzip', 'snappy', 'lz4', 'zstd'])
    const [first] = member.messages
    assert.deepEqual([first?.key, first?.timestamp, first?.headers.get('trace')], ['k', 1_700_000_000_000n, 'a'])
  },

  'Millrace reads what it compresses, and it reads what Millrace compresses': async brokers => {
    const topic = await createTopic(brokers, 'compressed', 1)
    await using producer = startProducer(brokers)
    const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const
    for (const compression of codecs) {
      await producer.send({ messages: messages(topic, values(3_000, `its ${compression} `)), compression })
      await writeOne(brokers, topic, compression, values(3_000, `our ${compression} `))
    }
    const expected = codecs.flatMap(name => [...values(3_000, `its ${name} `), ...values(3_000, `our ${name} `)])
    assert.deepEqual(await readAll(brokers, topic, expected.length), expected)
    await using member = await Member.join(brokers, topic, topic)
    await until('it has all', () => member.messages.length === expected.length)
    assert.deepEqual(member.values, expected)
  },

  [readsProducer]: async brokers => {
    const topic = await createTopic(brokers, 'produced', 1)
    const sent = await produceAll(brokers, topic, COMPRESSIONS)
    const common = { clientId: 'platformatic', bootstrapBrokers: brokers, maxWaitTime: 50 }
    await using consumer = disposable(new Consumer({ ...common, groupId: topic, autocommit: false }))
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest' })
    const read: Message<Buffer, Buffer, Buffer, Buffer>[] = []
    stream.on('data', message => read.push(message))
    await until('all is read', () => read.length >= sent.length)
    await stream.close()
    assert.deepEqual(
      read.map(({ timestamp, key, value, headers }) => ({
        timestamp: Number(timestamp),
        key: hex(key),
        value: hex(value),
        headers: [...headers].map(([name, value]) => [String(name), hex(value)]),
      })),
      sent,
    )
  },

  'what an idempotent producer writes is there once': async brokers => {
    const topic = await createTopic(brokers, 'idempotent', 2)
    await using producer = startProducer(brokers, { idempotent: true })
    for (let round = 0; round < 5; round++) await producer.send({ messages: messages(topic, values(10, `${round}.`)) })
    await using member = await Member.join(brokers, topic, topic)
    await until('all is read', () => member.messages.length >= 50)
    const expected = [0, 1, 2, 3, 4].flatMap(round => values(10, `${round}.`))
    assert.deepEqual(member.values.sort(), expected.sort())
  },

  'two members share a topic, and one goes on alone where the other stopped': async brokers => {
    const topic = await createTopic(brokers, 'shared', 4)
    await using producer = startProducer(brokers)
    const write = (prefix: string) => producer.send({ messages: messages(topic, values(40, prefix)) })
    await using one = await Member.join(brokers, topic, topic)
    await write('first ')
    await until('it reads all', () => one.messages.length === 40)
    const two = await Member.join(brokers, topic, topic)
    await until('each has half', () => one.partitions === 2 && two.partitions === 2)
    await write('second ')
    const read = () => new Set([...one.values, ...two.values]).size
    await until('both read', () => read() === 80)
    await two[Symbol.asyncDispose]()
    await until('one has all', () => one.partitions === 4)
    await write('third ')
    await until('the rest is read', () => read() === 120)
  },

  'of transactions only what was committed is read, messages and offsets alike': async brokers => {
    const topic = await createTopic(brokers, 'ledger', 1)
    await using input = startProducer(brokers)
    await input.send({ messages: messages(topic, ['in 0', 'in 1', 'in 2']) })
    const output = await createTopic(brokers, 'output', 1)
    await using producer = startProducer(brokers, { idempotent: true, transactionalId: topic })
    {
      await using member = await Member.join(brokers, topic, topic, false)
      await until('the input is read', () => member.messages.length === 3)
      for (const [index, end] of (['commit', 'abort', 'commit'] as const).entries()) {
        const transaction = await producer.beginTransaction()
        await transaction.addConsumer(member.consumer)
        await transaction.send({ messages: messages(output, [`${end} ${index}`]) })
        await transaction.addOffset(member.messages[index] as Text)
        await transaction[end]()
      }
    }
    await using reader = await Member.join(brokers, fresh('output'), output)
    await until('the output is read', () => reader.messages.length === 2)
    assert.deepEqual(reader.values, ['commit 0', 'commit 2'])
    await using admin = startAdmin(brokers)
    assert.deepEqual(await committed(admin, topic), [3n])
  },

  'topics, settings and offsets of groups are administered': async brokers => {
    await using admin = startAdmin(brokers)
    const topic = await createTopic(brokers, 'administered', 2)
    const resource = { resourceType: 2, resourceName: topic } as const
    const setting = async () => {
      const [told] = await admin.describeConfigs({ resources: [{ ...resource, configurationKeys: ['retention.ms'] }] })
      return told?.configs[0]?.value
    }
    const configs = [{ name: 'retention.ms', configOperation: 0 as const, value: '60000' }]
    await admin.incrementalAlterConfigs({ resources: [{ ...resource, configs }] })
    await until('the setting is told', async () => (await setting()) === '60000')
    const partitionOffsets = [
      { partition: 0, offset: 7n },
      { partition: 1, offset: 8n },
    ]
    await admin.alterConsumerGroupOffsets({ groupId: topic, topics: [{ name: topic, partitionOffsets }] })
    assert.deepEqual(await committed(admin, topic), [7n, 8n])
    await admin.deleteConsumerGroupOffsets({ groupId: topic, topics: [{ name: topic, partitionIndexes: [0] }] })
    assert.deepEqual(await committed(admin, topic), [8n])
    assert.equal((await admin.listGroups()).get(topic)?.state, 'Empty')
    await admin.deleteGroups({ groups: [topic] })
    assert.deepEqual(await committed(admin, topic), [])
    await admin.deleteTopics({ topics: [topic] })
    await until('the topic is gone', async () => !(await admin.listTopics()).includes(topic))
  },
}

/** One member of a group that reads a topic from its beginning, and remembers what it got. */
class Member implements AsyncDisposable {
  readonly consumer: Consumer<string, string, string, string>
  readonly messages: Text[] = []
  #close: () => Promise<void> = async () => {}

  private constructor(brokers: string[], groupId: string, autocommit: boolean) {
    this.consumer = new Consumer({
      groupId,
      clientId: 'platformatic',
      bootstrapBrokers: brokers,
      deserializers: stringDeserializers,
      autocommit,
      heartbeatInterval: 50,
      maxWaitTime: 50,
    })
  }

  /** Resolves when it has joined. */
  static async join(brokers: string[], groupId: string, topic: string, autocommit = true): Promise<Member> {
    const member = new Member(brokers, groupId, autocommit)
    const stream = await member.consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
    stream.on('data', message => member.messages.push(message))
    member.#close = async () => {
      await stream.close()
      await member.consumer.close(true)
    }
    return member
  }

  /** How many it has. */
  get partitions(): number | undefined {
    return this.consumer.assignments?.[0]?.partitions.length
  }

  get values(): string[] {
    return this.messages.map(({ value }) => value)
  }

  /** Leaves; what was read is committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }
}

function startAdmin(brokers: string[]): Admin & AsyncDisposable {
  return disposable(new Admin({ clientId: 'platformatic', bootstrapBrokers: brokers, retryDelay: 20 }))
}

function startProducer(brokers: string[], options: { idempotent?: boolean; transactionalId?: string } = {}) {
  const common = { clientId: 'platformatic', bootstrapBrokers: brokers, retryDelay: 20 }
  const serializers = stringSerializers
  return disposable(new Producer<string, string, string, string>({ ...common, serializers, ...options }))
}

function disposable<T extends { close(): Promise<void> }>(client: T): T & AsyncDisposable {
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() })
}

async function createTopic(brokers: string[], name: string, partitions: number): Promise<string> {
  const topic = fresh(name)
  await using admin = startAdmin(brokers)
  await admin.createTopics({ topics: [topic], partitions, replicas: brokers.length })
  // What the controller has made, brokers know a moment later.
  const known = async () =>
    (await admin.metadata({ topics: [topic] })).topics.get(topic)?.partitionsCount === partitions
  await until(`${topic} is known`, () => known().catch(() => false))
  return topic
}

async function committed(admin: Admin, groupId: string): Promise<bigint[] | undefined> {
  const [group] = await admin.listConsumerGroupOffsets({ groups: [groupId], requireStable: true })
  return group?.topics.flatMap(({ partitions }) => partitions.map(({ committedOffset }) => committedOffset))
}

/** One message for each of these values, with seven keys. */
function messages(topic: string, texts: readonly string[]) {
  return texts.map((value, index) => ({ topic, key: `key ${index % 7}`, value }))
}
