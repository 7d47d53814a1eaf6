import { ClosedError, OptionError } from '../base/errors.ts'
import type { ApiName } from '../protocol/apis.ts'
import type { Broker, CommittedOffset, GroupView } from './broker.ts'
import { Cluster } from './cluster.ts'
import { Dispatcher } from './dispatcher.ts'
import type { FaultOptions } from './fault.ts'
import { type Fault, Faults } from './faults.ts'
import { type GroupState, groupStates } from './groups/group.ts'
import type { GroupSnapshot } from './groups/groups.ts'
import { Node } from './node.ts'
import { type CoordinatorType, coordinatorTypes, type NodeInfo } from './nodes.ts'
import { type Settings, type TopicOptions, topicOptions } from './options.ts'
import type { Partition } from './partition.ts'
import { randomId } from './random-id.ts'
import { Refusal } from './refusal.ts'
import { type LoggedRequest, RequestLog } from './request-log.ts'
import { type AclOptions, aclSettings } from './security/acl.ts'
import { Authority, type Certificate } from './security/authority.ts'
import { Sasl } from './security/sasl.ts'
import { type TlsServerOptions, tlsServerOptions } from './security/tls.ts'
import type { Topic } from './topics.ts'
import { Untaken } from './untaken.ts'

/** A cluster in this very thread. */
export class LocalBroker implements Broker {
  readonly #settings: Settings
  readonly #cluster: Cluster
  readonly #faults: Faults
  readonly #log: RequestLog
  readonly #nodes: readonly Node[]
  /** Null: it has a certificate of others, or none. */
  readonly #authority: Authority | null
  /** Rejects when the broker is closed. */
  readonly #closing = Promise.withResolvers<never>()
  /** Nodes stop and start one after another. */
  #changed: Promise<void> = Promise.resolve()
  #closed: Promise<void> | null = null

  private constructor(settings: Settings) {
    const { clock, limits, random } = settings
    this.#settings = settings
    this.#cluster = new Cluster(randomId(random), { ...settings, protocol: protocolOf(settings) })
    this.#faults = new Faults(this.#cluster)
    this.#log = new RequestLog(clock, settings.requestLog)
    const dispatcher = new Dispatcher({
      cluster: this.#cluster,
      faults: this.#faults,
      log: this.#log,
      elements: limits.elements,
    })
    // Clients judge certificates by the real time, whatever the clock of the broker shows.
    this.#authority = settings.tls?.certificate === null ? new Authority('millrace broker authority', Date.now()) : null
    const shared = {
      clock,
      dispatcher,
      load: { bytes: 0 },
      untaken: new Untaken(limits.waitingBytes),
      tls: this.#tls(),
      sasl: settings.sasl && new Sasl(settings.sasl, clock),
      ...limits,
    }
    this.#nodes = settings.ports.map((_, at) => new Node({ node: at + 1, ...shared }))
    // Whoever waits is told; maybe nobody does.
    this.#closing.promise.catch(() => {})
  }

  static async start(settings: Settings): Promise<LocalBroker> {
    const broker = new LocalBroker(settings)
    try {
      await broker.#listen()
      for (const [name, options] of settings.topics) await broker.createTopic(name, options)
      return broker
    } catch (error) {
      await broker.close()
      throw error
    }
  }

  #tls(): TlsServerOptions | null {
    const { tls, host, advertisedHost } = this.#settings
    const hosts = ['localhost', '127.0.0.1', '::1', host, advertisedHost]
    return tls === null ? null : tlsServerOptions(tls, this.#authority, hosts)
  }

  async #listen(): Promise<void> {
    const { host, advertisedHost, ports, racks } = this.#settings
    const bound = await Promise.allSettled(this.#nodes.map((node, at) => node.listen(host, ports[at] ?? 0)))
    for (const [at, result] of bound.entries()) {
      if (result.status === 'rejected') throw result.reason
      const port = result.value
      this.#cluster.nodes.all.push({ id: at + 1, host: advertisedHost, port, rack: racks[at] ?? null, running: true })
    }
  }

  get brokers(): readonly string[] {
    return this.#cluster.nodes.all.map(({ host, port }) =>
      host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    )
  }

  get ca(): string | null {
    return this.#authority?.certificate ?? null
  }

  async issueCertificate(name: string): Promise<Certificate> {
    if (typeof name !== 'string' || name === '') throw new OptionError('the name of a client must be a string')
    if (this.#authority !== null) return this.#authority.forClient(name)
    throw new OptionError('this broker issues no certificates: start it with tls, without tls.cert and tls.key')
  }

  get requests(): readonly LoggedRequest[] {
    return this.#log.requests
  }

  onRequest(listener: (request: LoggedRequest) => void): () => void {
    return this.#log.listen(listener)
  }

  async createTopic(name: string, options: number | TopicOptions = {}): Promise<void> {
    this.#checkOpen()
    const { config = {}, ...counts } = topicOptions(name, options)
    this.#cluster.topics.create({ name, ...counts, config: new Map(Object.entries(config)) })
  }

  async setAcls(acls: readonly AclOptions[] | null): Promise<void> {
    this.#checkOpen()
    this.#cluster.acls.replace(aclSettings(acls))
  }

  async deleteTopic(topic: string): Promise<void> {
    this.#cluster.topics.delete(this.#topic(topic))
  }

  async leader(topic: string, partition: number): Promise<number> {
    return this.#partition(topic, partition).leader
  }

  async moveLeader(topic: string, partition: number, to?: number): Promise<number> {
    const led = this.#partition(topic, partition)
    if (to !== undefined && to === led.leader) return to
    const next = led.isr.filter(node => node !== led.leader)
    const chosen = to ?? next.find(node => node > led.leader) ?? next[0]
    if (chosen === undefined || !next.includes(chosen)) {
      const where = `${topic}-${partition}, led by node ${led.leader}`
      throw new Refusal(
        'ELIGIBLE_LEADERS_NOT_AVAILABLE',
        `Of ${where}, ${to === undefined ? 'no other replica is in sync' : `${to} is no in-sync replica`}.`,
      )
    }
    led.elect(chosen)
    return chosen
  }

  async lagFollower(
    topic: string,
    partition: number,
    node: number,
    messages: number,
    options: { readonly inSync?: boolean } = {},
  ): Promise<void> {
    const led = this.#partition(topic, partition)
    if (!led.replicas.includes(node) || node === led.leader) {
      const followers = led.replicas.filter(each => each !== led.leader).join(', ')
      throw new OptionError(
        `node ${node} is no follower of ${topic}-${partition}; its followers: ${followers || 'none'}`,
      )
    }
    if (!Number.isSafeInteger(messages) || messages < 0) {
      throw new OptionError(`a follower cannot be ${messages} messages behind; expected a whole number from 0 on`)
    }
    led.lagFollower(node, messages, options.inSync ?? true)
  }

  async deleteRecords(topic: string, partition: number, before: number): Promise<void> {
    const { log } = this.#partition(topic, partition)
    if (!Number.isInteger(before) || before < 0 || before > log.highWatermark) {
      const range = `from 0 to ${log.highWatermark}`
      throw new Refusal('OFFSET_OUT_OF_RANGE', `${topic}-${partition} has no offset ${before}; it may be ${range}.`)
    }
    log.deleteBefore(before)
  }

  async compact(topic: string): Promise<void> {
    for (const { log } of this.#topic(topic).partitions) await log.compact()
  }

  async committed(group: string): Promise<readonly CommittedOffset[]> {
    this.#checkOpen()
    const offsets = this.#cluster.groups.get(group)?.offsets
    return (offsets?.topics() ?? []).flatMap(({ name, partitionIndexes }) =>
      partitionIndexes.flatMap(partition => {
        const commit = offsets?.get(name, partition)
        return commit === undefined
          ? []
          : [{ topic: name, partition, offset: commit.offset, metadata: commit.metadata }]
      }),
    )
  }

  group(name: string): GroupView {
    const now = () => this.#cluster.groups.snapshot(name)
    return {
      now: async () => now(),
      until: (state, members) => this.#until(name, now, state, members),
    }
  }

  async #until(name: string, now: () => GroupSnapshot, state: GroupState, members?: number): Promise<GroupSnapshot> {
    this.#checkOpen()
    if (!groupStates.includes(state)) {
      throw new OptionError(`no group has the state '${state}'; expected one of ${groupStates.join(', ')}`)
    }
    const reached = Promise.withResolvers<GroupSnapshot>()
    const look = () => {
      const snapshot = now()
      if (snapshot.state === state && (members ?? snapshot.members.length) === snapshot.members.length) {
        reached.resolve(snapshot)
      }
    }
    const stop = this.#cluster.groups.watch(name, look)
    look()
    try {
      return await Promise.race([reached.promise, this.#closing.promise])
    } finally {
      stop()
    }
  }

  async setCoordinator(type: CoordinatorType, key: string, node: number): Promise<void> {
    this.#node(node)
    if (!coordinatorTypes.includes(type)) {
      throw new OptionError(`there is no coordinator of '${type}'; expected 'group' or 'transaction'`)
    }
    this.#cluster.nodes.setCoordinator(type, key, node)
    this.#cluster.groups.coordinatorsChanged()
  }

  stopNode(node: number): Promise<void> {
    return this.#change(async () => {
      const { info, listener } = this.#node(node)
      if (!info.running) return
      const stopped = listener.stop()
      info.running = false
      this.#cluster.nodeStopped(node)
      this.#nodesChanged()
      await stopped
    })
  }

  startNode(node: number): Promise<void> {
    return this.#change(async () => {
      const { info, listener } = this.#node(node)
      if (info.running) return
      await listener.listen(this.#settings.host, info.port)
      info.running = true
      this.#nodesChanged()
    })
  }

  #change(change: () => Promise<void>): Promise<void> {
    const done = this.#changed.then(change)
    this.#changed = done.catch(() => {})
    return done
  }

  #nodesChanged(): void {
    this.#cluster.topics.nodesChanged()
    this.#cluster.groups.coordinatorsChanged()
  }

  fault<const N extends ApiName = ApiName>(options: FaultOptions<N>): Fault {
    return this.#faults.add(options)
  }

  close(): Promise<void> {
    this.#closed ??= this.#end()
    return this.#closed
  }

  async #end(): Promise<void> {
    this.#closing.reject(new ClosedError('The broker'))
    this.#faults.close()
    await this.#changed
    await Promise.all(this.#nodes.map(node => node.stop()))
    this.#cluster.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #checkOpen(): void {
    if (this.#closed !== null) throw new ClosedError('The broker')
  }

  #topic(name: string): Topic {
    this.#checkOpen()
    const topic = this.#cluster.topics.get(name)
    if (topic === undefined) throw new Refusal('UNKNOWN_TOPIC_OR_PARTITION', `There is no topic '${name}'.`)
    return topic
  }

  #partition(name: string, index: number): Partition {
    const partition = this.#topic(name).partitions[index]
    if (partition === undefined) {
      throw new Refusal('UNKNOWN_TOPIC_OR_PARTITION', `Topic '${name}' has no partition ${index}.`)
    }
    return partition
  }

  #node(id: number): { readonly info: NodeInfo; readonly listener: Node } {
    this.#checkOpen()
    const info = this.#cluster.nodes.get(id)
    const listener = this.#nodes[id - 1]
    if (info === undefined || listener === undefined) {
      throw new OptionError(`there is no node ${id}; expected a whole number from 1 to ${this.#nodes.length}`)
    }
    return { info, listener }
  }
}

/** Kafka's name of what is spoken on all ports. */
function protocolOf({ tls, sasl }: Settings): string {
  if (sasl === null) return tls === null ? 'PLAINTEXT' : 'SSL'
  return tls === null ? 'SASL_PLAINTEXT' : 'SASL_SSL'
}
