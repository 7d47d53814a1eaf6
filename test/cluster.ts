import type { ClientOptions } from '../src/client/options.ts'

/**
 * A Kafka cluster that belongs to one test file. Tests are written against this and not against one kind of broker.
 * Nodes are numbered from 1. Every call rejects with an `Error` that says what was asked and what went wrong.
 */
export interface Cluster extends AsyncDisposable {
  /** Kafka's version, `4.1.1`. */
  readonly version: string
  /** `host:port` of every node, in the order of their numbers. They stay the same while nodes are killed and restarted. */
  readonly brokers: readonly string[]
  /** What clients need to speak to these. */
  readonly security: Pick<ClientOptions, 'tls' | 'sasl'>
  /** Resolves when every replica is in sync and the leaders serve them. */
  createTopic(topic: string, options?: TopicOptions): Promise<void>
  deleteTopic(topic: string): Promise<void>
  /**
   * Writes messages, waits for all in-sync replicas, and answers where each one went. What goes to one partition is one record
   * batch, as long as it is smaller than about 900 kB.
   */
  write(topic: string, messages: readonly TestMessage[], options?: WriteOptions): Promise<readonly Written[]>
  /** Begins a transaction; nothing is decided until `commit` or `abort`. */
  transaction(options?: WriteOptions): Transaction
  /** Number of the node that leads this partition, -1 while there is none. */
  leader(topic: string, partition: number): Promise<number>
  /** Makes another in-sync replica the leader (`to`, or any), and answers its number. */
  moveLeader(topic: string, partition: number, to?: number): Promise<number>
  /** Deletes what lies before this offset, as retention does. */
  truncate(topic: string, partition: number, before: number): Promise<void>
  /** What is committed for this group. */
  committed(group: string): Promise<readonly Committed[]>
  /** Ends a node at once, as a crash does. */
  kill(node: number): Promise<void>
  /** Starts a killed node again on its data and its port; a running one is stopped in good order first. What it leads is served again then. */
  restart(node: number): Promise<void>
  close(): Promise<void>
}

export interface ClusterOptions {
  /** Default 1. */
  nodes?: 1 | 3
  /** Topics to begin with: how many partitions, or more. */
  topics?: Readonly<Record<string, number | TopicOptions>>
  /** Kafka's version; default `KAFKA_VERSION` of the environment, else the newest supported. */
  version?: string
  /** Broker settings under Kafka's names, over the defaults. */
  config?: Readonly<Record<string, string>>
  /** Racks of the nodes in their order. Default: none. */
  racks?: readonly string[]
}

export interface TopicOptions {
  /** Default 1. */
  partitions?: number
  /** Default: one per node. */
  replicas?: number
  /** Topic settings under Kafka's names. */
  config?: Readonly<Record<string, string>>
}

/** Strings are UTF-8. Without `partition` and without a key, messages go round all partitions in turn, from 0. */
export interface TestMessage {
  key?: string | Uint8Array | null
  value?: string | Uint8Array | null
  headers?: readonly (readonly [string, string | Uint8Array | null])[]
  /** Milliseconds since 1970; default now. */
  timestamp?: number
  partition?: number
}

export interface WriteOptions {
  /** Default `none`. */
  compression?: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
}

export interface Written {
  readonly partition: number
  readonly offset: number
}

export interface Transaction {
  write(topic: string, messages: readonly TestMessage[]): Promise<readonly Written[]>
  commit(): Promise<void>
  abort(): Promise<void>
}

export interface Committed {
  readonly topic: string
  readonly partition: number
  /** The next one to read. */
  readonly offset: number
  readonly metadata: string
}
