import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
import { kafkaVersion } from './jars.ts'
import { KafkaDriver } from './kafka-driver.ts'
import { KafkaNode } from './kafka-node.ts'
import { KafkaSecurity, type SecuredListener, securedListeners } from './kafka-security.ts'
import { freePorts } from './ports.ts'

export interface KafkaClusterOptions extends ClusterOptions {
  /** Options of the brokers' JVMs. Default: 512 MB and quick to start; a benchmark wants others. */
  jvm?: readonly string[]
  /** Listeners with TLS and SASL too: `brokers` and `security` are those of `SASL_SSL` with SCRAM. */
  secured?: boolean
}

/** Real Apache Kafka on loopback, its data in a temporary folder. All of it is gone when `close` resolves, or when this process is. */
export class KafkaCluster implements Cluster {
  readonly version: string
  /** Where the nodes keep their data. */
  readonly folder: string
  /** Certificates and users of a secured cluster. */
  readonly keys: KafkaSecurity | null
  readonly #ports: Ports
  readonly #nodes: readonly KafkaNode[]
  #driver: Promise<KafkaDriver> | undefined

  private constructor(version: string, folder: string, ports: Ports, options: KafkaClusterOptions) {
    this.version = version
    this.keys = options.secured ? new KafkaSecurity() : null
    this.#ports = ports
    this.folder = folder
    // Kafka's tool takes an id that begins with a dash for an option.
    const clusterId = `M${randomBytes(16).toString('base64url').slice(1)}`
    this.#nodes = ports.plain.map((_, index) => {
      const rack = options.racks?.[index]
      const own = { ...nodeProperties(index, ports, this.keys), ...(rack !== undefined && { 'broker.rack': rack }) }
      const properties = { ...own, ...options.config }
      return new KafkaNode(index + 1, { version, clusterId, folder, jvm: options.jvm, properties })
    })
  }

  static async start(options: KafkaClusterOptions = {}): Promise<KafkaCluster> {
    // A port may be taken between the look and its use: then all begins again with others.
    for (let attempt = 1; ; attempt += 1) {
      const ports = await findPorts(options)
      const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-'))
      const cluster = new KafkaCluster(options.version ?? kafkaVersion, folder, ports, options)
      try {
        await cluster.#start(options.topics ?? {})
        return cluster
      } catch (error) {
        await cluster.close()
        if (attempt === 3 || !String(error).includes('Address already in use')) throw error
      }
    }
  }

  /** Process ids of the running nodes, by number; for measuring them. */
  get pids(): ReadonlyMap<number, number> {
    return new Map(this.#nodes.flatMap(node => (node.running && node.pid !== undefined ? [[node.id, node.pid]] : [])))
  }

  get brokers(): readonly string[] {
    return this.at(this.keys === null ? 'PLAINTEXT' : 'SASL_SSL')
  }

  get security(): Cluster['security'] {
    return this.keys === null ? {} : { tls: this.keys.tls, sasl: this.keys.sasl('SCRAM-SHA-512') }
  }

  /** The addresses of one listener; all but the plain one are of a secured cluster. */
  at(listener: SecuredListener | 'PLAINTEXT'): readonly string[] {
    const { plain, secured } = this.#ports
    const ports = listener === 'PLAINTEXT' ? plain : secured.map(of => of[securedListeners.indexOf(listener)])
    return ports.map(port => `127.0.0.1:${port}`)
  }

  async #start(topics: Readonly<Record<string, number | TopicOptions>>): Promise<void> {
    const names = Object.entries(topics)
    // It takes as long as the nodes do, so it starts beside them.
    if (names.length > 0) void this.#theDriver().catch(() => {})
    const started = await Promise.allSettled(this.#nodes.map(node => node.start()))
    const failed = started.find(result => result.status === 'rejected')
    if (failed) throw failed.reason
    if (this.keys !== null) await this.keys.addUser(this.at('PLAINTEXT'), this.brokers)
    await Promise.all(
      names.map(([name, given]) => this.createTopic(name, typeof given === 'number' ? { partitions: given } : given)),
    )
  }

  #theDriver(): Promise<KafkaDriver> {
    this.#driver ??= KafkaDriver.start(this.version, this.at('PLAINTEXT'))
    return this.#driver
  }

  async #do(command: string, parameters: Readonly<Record<string, unknown>>): Promise<unknown> {
    return (await this.#theDriver()).call({ do: command, ...parameters })
  }

  async createTopic(topic: string, options: TopicOptions = {}): Promise<void> {
    const { partitions = 1, replicas = this.#nodes.length, config = {} } = options
    await this.#do('createTopic', { topic, partitions, replicas, config })
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.#do('deleteTopic', { topic })
  }

  async write(
    topic: string,
    messages: readonly TestMessage[],
    options: WriteOptions = {},
  ): Promise<readonly Written[]> {
    return this.#write(topic, messages, options)
  }

  transaction(options: WriteOptions = {}): Transaction {
    const transaction = `test-${randomUUID()}`
    const end = async (commit: boolean) => void (await this.#do('end', { transaction, commit, ...options }))
    return {
      write: (topic, messages) => this.#write(topic, messages, { ...options, transaction }),
      commit: () => end(true),
      abort: () => end(false),
    }
  }

  async #write(topic: string, messages: readonly TestMessage[], options: object): Promise<Written[]> {
    const result = await this.#do('write', { topic, messages: messages.map(encode), ...options })
    const { partitions, offsets } = result as { partitions: number[]; offsets: number[] }
    return partitions.map((partition, index) => ({ partition, offset: offsets[index] as number }))
  }

  async leader(topic: string, partition: number): Promise<number> {
    return (await this.#do('leader', { topic, partition })) as number
  }

  async moveLeader(topic: string, partition: number, to?: number): Promise<number> {
    return (await this.#do('moveLeader', { topic, partition, to })) as number
  }

  async truncate(topic: string, partition: number, before: number): Promise<void> {
    await this.#do('truncate', { topic, partition, before })
  }

  async committed(group: string): Promise<readonly Committed[]> {
    return (await this.#do('committed', { group })) as Committed[]
  }

  async kill(node: number): Promise<void> {
    await this.#node(node).kill()
  }

  /** Ends a node in good order, so that its logs are not checked when it starts again. */
  async stop(node: number): Promise<void> {
    await this.#node(node).stop()
  }

  async restart(node: number): Promise<void> {
    await this.#node(node).stop()
    await this.#node(node).start()
    await this.#do('settle', { node })
  }

  #node(id: number): KafkaNode {
    const node = this.#nodes[id - 1]
    if (!node) throw new Error(`There is no node ${id}: nodes are 1 to ${this.#nodes.length}.`)
    return node
  }

  async close(): Promise<void> {
    const driver = await this.#driver?.catch(() => undefined)
    await Promise.all([driver?.close(), ...this.#nodes.map(node => node.kill())])
    await rm(this.folder, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function encode(message: TestMessage): object {
  const headers = message.headers?.map(([name, value]) => [name, base64(value)])
  return { ...message, key: base64(message.key), value: base64(message.value), headers }
}

function base64(bytes: string | Uint8Array | null | undefined): string | null {
  return bytes == null ? null : Buffer.from(bytes).toString('base64')
}

/** Of each node. */
interface Ports {
  readonly plain: readonly number[]
  readonly controllers: readonly number[]
  /** One for each of `securedListeners`. */
  readonly secured: readonly (readonly number[])[]
}

async function findPorts({ nodes = 1, secured = false }: KafkaClusterOptions): Promise<Ports> {
  const each = secured ? securedListeners.length : 0
  const free = await freePorts(nodes * (2 + each))
  return {
    plain: free.splice(0, nodes),
    controllers: free.splice(0, nodes),
    secured: Array.from({ length: nodes }, () => free.splice(0, each)),
  }
}

/** Small and quick where production would be large and patient. */
function nodeProperties(index: number, ports: Ports, keys: KafkaSecurity | null): Record<string, string> {
  const { controllers } = ports
  const nodes = controllers.length
  const more = keys?.properties(ports.secured[index] ?? [])
  const listeners = [`PLAINTEXT://127.0.0.1:${ports.plain[index]}`, `CONTROLLER://127.0.0.1:${controllers[index]}`]
  const protocols = ['PLAINTEXT:PLAINTEXT', 'CONTROLLER:PLAINTEXT']
  return {
    'process.roles': 'broker,controller',
    'node.id': String(index + 1),
    listeners: [...listeners, ...(more?.listeners ?? [])].join(),
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': [...protocols, ...(more?.protocols ?? [])].join(),
    ...more?.settings,
    'controller.quorum.voters': controllers.map((port, index) => `${index + 1}@127.0.0.1:${port}`).join(','),
    'auto.create.topics.enable': 'false',
    'default.replication.factor': String(nodes),
    'offsets.topic.num.partitions': '4',
    'offsets.topic.replication.factor': String(nodes),
    'transaction.state.log.num.partitions': '4',
    'transaction.state.log.replication.factor': String(nodes),
    'transaction.state.log.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '100',
    'broker.heartbeat.interval.ms': '500',
    'broker.session.timeout.ms': '3000',
    'log.cleaner.dedupe.buffer.size': '8388608',
    'log.cleaner.backoff.ms': '200',
    'log.index.size.max.bytes': '1048576',
  }
}
