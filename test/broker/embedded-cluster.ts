import { Broker, type BrokerOptions } from '../../src/broker/index.ts'
import type {
  Cluster,
  ClusterOptions,
  Committed,
  TestMessage,
  TopicOptions,
  Transaction,
  WriteOptions,
  Written,
} from '../cluster.ts'
import { TestProducer } from './test-producer.ts'

/** As real clusters of tests are set up (`test/kafka/kafka-cluster.ts`), where it shows. */
const config = {
  'auto.create.topics.enable': 'false',
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '100',
  'log.index.size.max.bytes': '1048576',
  'offsets.topic.num.partitions': '4',
}

/** The embedded broker as a cluster for tests: what a test asks of a cluster, it is asked of in this process. */
export class EmbeddedCluster implements Cluster {
  /** The one that it imitates. */
  readonly version = '4.1.1'
  readonly security = {}
  readonly #broker: Broker
  readonly #producer: TestProducer

  private constructor(broker: Broker) {
    this.#broker = broker
    this.#producer = new TestProducer(broker.brokers)
  }

  /** `own`: options of this broker. Its own writer does not get past those about security. */
  static async start(
    { nodes = 1, topics = {}, racks, ...options }: ClusterOptions = {},
    own: Pick<BrokerOptions, 'sasl' | 'acls' | 'superUsers' | 'transactionVersion'> = {},
  ): Promise<EmbeddedCluster> {
    const copies = { 'default.replication.factor': String(nodes) }
    const settings = { ...config, ...copies, ...options.config }
    const broker = await Broker.start({ ...own, nodes, topics, config: settings, ...(racks && { racks }) })
    return new EmbeddedCluster(broker)
  }

  /** For what only this one can be asked. */
  get broker(): Broker {
    return this.#broker
  }

  get brokers(): readonly string[] {
    return this.#broker.brokers
  }

  async createTopic(topic: string, options: TopicOptions = {}): Promise<void> {
    await this.#broker.createTopic(topic, options)
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#broker.deleteTopic(topic)
  }

  write(topic: string, messages: readonly TestMessage[], options: WriteOptions = {}): Promise<readonly Written[]> {
    return this.#producer.write(topic, messages, options)
  }

  transaction(options: WriteOptions = {}): Transaction {
    return this.#producer.transaction(options)
  }

  async leader(topic: string, partition: number): Promise<number> {
    return (
      (await this.#producer.topic(topic)).partitions.find(each => each.partitionIndex === partition)?.leaderId ?? -1
    )
  }

  async moveLeader(topic: string, partition: number, to?: number): Promise<number> {
    return this.#broker.moveLeader(topic, partition, to)
  }

  async truncate(topic: string, partition: number, before: number): Promise<void> {
    await this.#broker.deleteRecords(topic, partition, before)
  }

  async committed(group: string): Promise<readonly Committed[]> {
    return this.#broker.committed(group)
  }

  async kill(node: number): Promise<void> {
    await this.#broker.stopNode(node)
  }

  async restart(node: number): Promise<void> {
    await this.#broker.stopNode(node)
    await this.#broker.startNode(node)
  }

  async close(): Promise<void> {
    await this.#broker.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
