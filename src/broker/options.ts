import { type Clock, systemClock } from '../base/clock.ts'
import { OptionError } from '../base/errors.ts'
import { SectionCheck } from '../base/option-check.ts'
import { type Random, seededRandom } from '../base/random.ts'
import { type Acl, type AclOptions, aclSettings, superUserSettings } from './security/acl.ts'
import { type BrokerSaslOptions, type SaslSettings, saslSettings } from './security/sasl.ts'
import { type BrokerTlsOptions, type TlsSettings, tlsSettings } from './security/tls.ts'

const MiB = 1024 * 1024
const longestMs = 2 ** 31 - 1

export interface TopicOptions {
  /** Default: `num.partitions` of the broker, which is 1. */
  readonly partitions?: number
  /** Default: `default.replication.factor` of the broker, which is one on each node, at most 3. */
  readonly replicas?: number
  /** Topic settings under Kafka's names. */
  readonly config?: Readonly<Record<string, string>>
}

/** What clients may make the broker keep, or hold open. */
export interface LimitOptions {
  /** Longest request, in bytes; Kafka's `socket.request.max.bytes`. Default 100 MiB. */
  readonly frameBytes?: number
  /**
   * Requests that arrive or wait, in bytes, those of all connections together; and as many bytes of answers that clients have not taken.
   * Default 512 MiB.
   */
  readonly waitingBytes?: number
  /** Elements of all lists in a request together (topics, partitions, settings, …); with more, its connection is closed. Default 100,000. */
  readonly elements?: number
  /** Connections to each node. Default 10,000. */
  readonly connections?: number
  /** A connection on which nothing happens for so long is closed; Kafka's `connections.max.idle.ms`. Default 600,000. */
  readonly idleMs?: number
  /**
   * Memory for the logs of all partitions, in bytes. Beyond it the partition that has most gives up its oldest batches, as with
   * `retention.bytes`. Default 256 MiB.
   */
  readonly logBytes?: number
}

export interface BrokerOptions {
  /** Brokers of the cluster, numbered from 1. Default 1. */
  readonly nodes?: number
  /** Topics to begin with: how many partitions, or more. */
  readonly topics?: Readonly<Record<string, number | TopicOptions>>
  /** Broker settings under Kafka's names, over Kafka's defaults. */
  readonly config?: Readonly<Record<string, string>>
  /** Whether asking for a topic that does not exist makes it; Kafka's `auto.create.topics.enable`. Default true. */
  readonly autoCreateTopics?: boolean
  /**
   * Level of Kafka's feature `transaction.version`: below 2, clients are to write transactions as they did before KIP-890. Default 2, as in
   * a new cluster of Kafka 4.
   */
  readonly transactionVersion?: 0 | 1 | 2
  /** Address to listen on. Default `'127.0.0.1'`: nobody else can connect. */
  readonly host?: string
  /** Where clients are told to connect. Default: `host`. */
  readonly advertisedHost?: string
  /** Ports of the nodes in their order. Default: free ones. */
  readonly ports?: readonly number[]
  /** Racks of the nodes in their order. Default: none. */
  readonly racks?: readonly (string | null)[]
  /** TLS on all ports; true: with certificates that are made at the start, and `broker.ca` for clients. Default: none. */
  readonly tls?: boolean | BrokerTlsOptions
  /** SASL on all ports: users and their passwords, and more. Default: none, everybody is let in. */
  readonly sasl?: BrokerSaslOptions
  /** Access rules: who may do what. What no rule allows is denied. Default: none, everything is allowed. */
  readonly acls?: readonly AclOptions[]
  /** Who may do everything, whatever the rules say; Kafka's `super.users`. Default: none. */
  readonly superUsers?: readonly string[]
  /** Time as the broker knows it: a `HeldClock` only moves when a test moves it. Default: the real time. */
  readonly clock?: Clock
  /** What is drawn by lot (ids, member names) is the same for the same seed. Default: another one each time. */
  readonly seed?: number
  readonly limits?: LimitOptions
  /** How many requests the log of requests remembers. Default 1,000. */
  readonly requestLog?: number
  /** Runs the cluster in a thread of its own. Neither `clock` nor functions of faults can cross to it. Default false. */
  readonly thread?: boolean
}

/** All options with their defaults, checked. */
export interface Settings {
  readonly nodes: number
  readonly topics: ReadonlyMap<string, TopicOptions>
  readonly config: ReadonlyMap<string, string>
  readonly autoCreateTopics: boolean
  readonly transactionVersion: number
  readonly host: string
  readonly advertisedHost: string
  readonly ports: readonly number[]
  readonly racks: readonly (string | null)[]
  readonly tls: TlsSettings | null
  readonly sasl: SaslSettings | null
  readonly acls: readonly Acl[] | null
  readonly superUsers: readonly string[]
  readonly clock: Clock
  readonly random: Random
  readonly limits: Required<LimitOptions>
  readonly requestLog: number
  readonly thread: boolean
}

const names = [
  'nodes',
  'topics',
  'config',
  'autoCreateTopics',
  'transactionVersion',
  'host',
  'advertisedHost',
  'ports',
  'racks',
  'tls',
  'sasl',
  'acls',
  'superUsers',
  'clock',
  'seed',
  'limits',
  'requestLog',
  'thread',
]

/** @throws {OptionError} that names the first wrong option */
export function resolveOptions(options: BrokerOptions): Settings {
  const top = new SectionCheck('', options, names)
  const nodes = top.number('nodes', 1, { min: 1, max: 100 })
  const config = new Map([replication(nodes), ...texts('config', options.config)])
  const host = top.string('host') ?? '127.0.0.1'
  const seed = top.optional('seed', { min: 0, max: 2 ** 32 - 1 })
  return {
    nodes,
    topics: topics(options.topics),
    config,
    autoCreateTopics: top.oneOf('autoCreateTopics', config.get('auto.create.topics.enable') !== 'false', [true, false]),
    transactionVersion: top.oneOf('transactionVersion', 2, [0, 1, 2]),
    host,
    advertisedHost: top.string('advertisedHost') ?? advertised(host),
    ports: ports(top, nodes),
    racks: racks(top, nodes),
    tls: tlsSettings(top.get('tls')),
    sasl: saslSettings(top.get('sasl')),
    acls: aclSettings(top.get('acls')),
    superUsers: superUserSettings(top.get('superUsers')),
    clock: clock(top),
    random: seed === undefined ? Math.random : seededRandom(seed),
    limits: limits(options.limits),
    requestLog: top.number('requestLog', 1_000, { min: 0, max: 1_000_000 }),
    thread: thread(top),
  }
}

function topics(given: unknown): ReadonlyMap<string, TopicOptions> {
  const section = new SectionCheck('topics', given, Object.keys(given ?? {}))
  return new Map(Object.keys(given ?? {}).map(name => [name, topicOptions(name, section.get(name))]))
}

/** Options of a topic, where a number stands for so many partitions. What they may be is known to whoever makes the topic. */
export function topicOptions(name: string, given: unknown): TopicOptions {
  if (typeof given === 'number') return topicOptions(name, { partitions: given })
  const path = `topics.${name}`
  const section = new SectionCheck(path, given, ['partitions', 'replicas', 'config'])
  const partitions = section.optional('partitions', { min: 1, max: 10_000 })
  const replicas = section.optional('replicas', { min: 1, max: 100 })
  return {
    ...(partitions !== undefined && { partitions }),
    ...(replicas !== undefined && { replicas }),
    config: Object.fromEntries(texts(`${path}.config`, section.get('config'))),
  }
}

function clock(top: SectionCheck): Clock {
  const given = (top.get('clock') ?? systemClock) as Record<keyof Clock, unknown>
  const methods = ['now', 'wallTime', 'after', 'every', 'soon'] as const
  if (!methods.every(name => typeof given[name] === 'function')) {
    throw top.wrong('clock', `a clock with the methods ${methods.join(', ')}`)
  }
  return given as Clock
}

function thread(top: SectionCheck): boolean {
  const thread = top.oneOf('thread', false, [true, false])
  if (thread && top.get('clock') !== undefined) {
    throw new OptionError('clock cannot be set beside thread: the broker would be in another thread than its clock')
  }
  if (thread && saslSettings(top.get('sasl'))?.oauth) {
    throw new OptionError('sasl.oauth cannot be set beside thread: functions cannot cross to the thread of the broker')
  }
  return thread
}

function texts(path: string, given: unknown): Map<string, string> {
  const section = new SectionCheck(path, given, Object.keys(given ?? {}))
  const values = Object.entries(given ?? {})
  for (const [name, value] of values) if (typeof value !== 'string') throw section.wrong(name, 'a string')
  return new Map(values)
}

/** Kafka's default is 1: topics of a cluster would not survive that their node stops. */
function replication(nodes: number): [string, string] {
  return ['default.replication.factor', String(Math.min(nodes, 3))]
}

/** Nobody can connect to "all addresses". */
function advertised(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}

function ports(top: SectionCheck, nodes: number): readonly number[] {
  const given = top.get('ports') ?? new Array(nodes).fill(0)
  const sound = (port: unknown) => typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= 65_535
  if (!Array.isArray(given) || given.length !== nodes || !given.every(sound)) {
    throw top.wrong('ports', `a list of ${nodes} ports, one for each node, 0 for any that is free`)
  }
  return given
}

function racks(top: SectionCheck, nodes: number): readonly (string | null)[] {
  const given = top.get('racks') ?? new Array(nodes).fill(null)
  const sound = (rack: unknown) => rack === null || (typeof rack === 'string' && rack !== '')
  if (!Array.isArray(given) || given.length !== nodes || !given.every(sound)) {
    throw top.wrong('racks', `a list of ${nodes} names, one for each node, null for none`)
  }
  return given
}

function limits(options: LimitOptions | undefined): Required<LimitOptions> {
  const section = new SectionCheck('limits', options, [
    'frameBytes',
    'waitingBytes',
    'elements',
    'connections',
    'idleMs',
    'logBytes',
  ])
  const frameBytes = section.number('frameBytes', 100 * MiB, { min: 1024, max: 1024 * MiB })
  return {
    frameBytes,
    waitingBytes: section.number('waitingBytes', Math.max(512 * MiB, frameBytes), { min: frameBytes }),
    elements: section.number('elements', 100_000, { min: 1 }),
    connections: section.number('connections', 10_000, { min: 1, max: 1_000_000 }),
    idleMs: section.number('idleMs', 600_000, { min: 1, max: longestMs }),
    logBytes: section.number('logBytes', 256 * MiB, { min: MiB }),
  }
}
