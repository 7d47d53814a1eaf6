import type { Random } from '../base/random.ts'
import { Cluster } from './cluster.ts'
import { Dispatcher } from './dispatcher.ts'
import { Node } from './node.ts'
import { type BrokerOptions, resolveOptions, type Settings } from './options.ts'

/** A Kafka cluster inside this process. */
export class Broker implements AsyncDisposable {
  readonly #settings: Settings
  readonly #cluster: Cluster
  readonly #nodes: Node[] = []

  private constructor(settings: Settings) {
    this.#settings = settings
    this.#cluster = new Cluster(clusterId(settings.random), settings)
  }

  static async start(options: BrokerOptions = {}): Promise<Broker> {
    const broker = new Broker(resolveOptions(options))
    await broker.#listen()
    return broker
  }

  /** `host:port` of every node, in the order of their numbers. */
  get brokers(): readonly string[] {
    return this.#cluster.nodes.all.map(({ host, port }) => `${host}:${port}`)
  }

  async #listen(): Promise<void> {
    const { limits, clock, host, advertisedHost, ports, racks } = this.#settings
    const dispatcher = new Dispatcher(this.#cluster)
    for (const id of ports.keys()) {
      this.#nodes.push(new Node({ id: id + 1, clock, dispatcher, ...limits }))
    }
    const bound = await Promise.all(this.#nodes.map((node, index) => node.listen(host, ports[index] ?? 0)))
    for (const [index, port] of bound.entries()) {
      const rack = racks[index] ?? null
      this.#cluster.nodes.all.push({ id: index + 1, host: advertisedHost, port, rack, running: true })
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map(node => node.stop()))
    this.#cluster.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** Sixteen bytes in base64url. Kafka's tools take an id that begins with a dash for an option. */
function clusterId(random: Random): string {
  const bytes = Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256)))
  return bytes.toString('base64url').replace(/^-/, 'M')
}
