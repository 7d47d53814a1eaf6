import {
  type Admin,
  type Consumer,
  type ConsumerConfig,
  Kafka,
  type KafkaMessage,
  logLevel,
  type Message,
  type Producer,
  type ProducerConfig,
} from 'kafkajs'
import { until } from '../until.ts'
import { fresh, values } from './sessions.ts'

/** kafkajs as an application has it, but quick to notice things. It is silent: what goes wrong is told by what it rejects. */
export function connect(brokers: string[]): Kafka {
  return new Kafka({ brokers, clientId: 'kafkajs', logLevel: logLevel.NOTHING, retry: { initialRetryTime: 20 } })
}

export async function connectProducer(kafka: Kafka, config?: ProducerConfig): Promise<Producer & AsyncDisposable> {
  const producer = kafka.producer(config)
  await producer.connect()
  return { ...producer, [Symbol.asyncDispose]: () => producer.disconnect() }
}

export async function connectAdmin(kafka: Kafka): Promise<Admin & AsyncDisposable> {
  const admin = kafka.admin()
  await admin.connect()
  return { ...admin, [Symbol.asyncDispose]: () => admin.disconnect() }
}

/** Makes a topic that has a replica on each node, and answers its name. */
export async function createTopic(kafka: Kafka, name: string, numPartitions: number): Promise<string> {
  const topic = fresh(name)
  await using admin = await connectAdmin(kafka)
  const { brokers } = await admin.describeCluster()
  const wanted = { topic, numPartitions, replicationFactor: brokers.length }
  await admin.createTopics({ topics: [wanted], waitForLeaders: false })
  await known(admin, topic)
  return topic
}

/** What the controller has made, brokers know a moment later, and kafkajs does not wait for that. */
export async function known(admin: Admin, topic: string): Promise<void> {
  const describe = () => admin.fetchTopicMetadata({ topics: [topic] })
  await until(`${topic} is known`, () => describe().catch(() => false))
}

/** One message for each of these values, with seven keys. */
export function messages(count: number, prefix?: string): Message[] {
  return values(count, prefix).map((value, index) => ({ key: `key ${index % 7}`, value }))
}

/** One member of a group that reads a topic from its beginning, and remembers what it got. */
export class Member implements AsyncDisposable {
  readonly messages: KafkaMessage[] = []
  /** Their names, as `topic-partition@offset`. */
  readonly handled: string[] = []
  /** Numbers of the partitions that it has; undefined while it never joined. */
  partitions: number[] | undefined
  readonly consumer: Consumer
  readonly #topic: string

  private constructor(consumer: Consumer, topic: string) {
    this.consumer = consumer
    this.#topic = topic
    consumer.on('consumer.group_join', ({ payload }) => {
      this.partitions = payload.memberAssignment[topic] ?? []
    })
  }

  /** Resolves when it has joined. */
  static async join(
    kafka: Kafka,
    groupId: string,
    topic: string,
    options: Partial<ConsumerConfig> = {},
  ): Promise<Member> {
    const consumer = kafka.consumer({ groupId, heartbeatInterval: 50, maxWaitTimeInMs: 50, ...options })
    const member = new Member(consumer, topic)
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ topic, partition, message }) => {
        member.messages.push(message)
        member.handled.push(`${topic}-${partition}@${message.offset}`)
      },
    })
    await until(`a member joins ${groupId}`, () => member.partitions)
    return member
  }

  get values(): string[] {
    return this.messages.map(({ value }) => String(value))
  }

  async has(count: number): Promise<void> {
    await until(`${count} messages of ${this.#topic} are read`, () => this.messages.length >= count)
  }

  /** Leaves; what was read is committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.consumer.disconnect()
  }
}
