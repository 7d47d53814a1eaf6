import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import { BrokerConfig } from './broker-config.ts'
import { FetchSessions } from './fetch-sessions.ts'
import { Groups } from './groups/groups.ts'
import { LogSpace } from './log/log-space.ts'
import { Nodes } from './nodes.ts'
import type { Acl } from './security/acl.ts'
import { Acls } from './security/acls.ts'
import { Topics } from './topics.ts'
import { Transactions } from './transactions/transactions.ts'

export interface ClusterSettings {
  readonly clock: Clock
  readonly random: Random
  /** Broker settings under Kafka's names, over the defaults (`broker-config.ts`). Values are strings, as Kafka shows them. */
  readonly config: ReadonlyMap<string, string>
  /** Whether asking for a topic that does not exist makes it. */
  readonly autoCreateTopics: boolean
  /** Null: everything is allowed, as by default. */
  readonly acls?: readonly Acl[] | null
  /** Who may do everything; none by default. */
  readonly superUsers?: readonly string[]
  /** Level of Kafka's feature `transaction.version`; 2 by default. */
  readonly transactionVersion?: number
  /** What nodes say of their ports. Default: `PLAINTEXT`. */
  readonly protocol?: string
  readonly limits?: {
    /** Memory for the logs of all partitions, in bytes; not bounded by default. */
    readonly logBytes?: number
  }
}

/**
 * What the cluster knows, in one place: one synchronous state machine that all nodes share. Nodes bring it requests, timers bring it
 * time, tests move leaders and stop nodes; each of these is applied whole before the next.
 */
export class Cluster {
  /** 22 letters of base64url, as Kafka's. */
  readonly id: string
  readonly clock: Clock
  readonly random: Random
  readonly settings: ClusterSettings
  /** Of the brokers: topics have settings of their own. */
  readonly config: BrokerConfig
  readonly nodes = new Nodes()
  readonly acls: Acls
  readonly logSpace: LogSpace
  readonly topics: Topics
  readonly groups: Groups
  readonly transactions: Transactions
  /** By node number. */
  readonly #fetchSessions = new Map<number, FetchSessions>()

  /** @throws {OptionError} that names the first wrong broker setting */
  constructor(id: string, settings: ClusterSettings) {
    this.id = id
    this.clock = settings.clock
    this.random = settings.random
    this.settings = settings
    const autoCreate = String(settings.autoCreateTopics)
    this.config = new BrokerConfig(new Map([...settings.config, ['auto.create.topics.enable', autoCreate]]))
    this.acls = new Acls(settings.acls ?? null, settings.superUsers ?? [])
    this.logSpace = new LogSpace(this.clock, {
      bytes: settings.limits?.logBytes ?? Number.POSITIVE_INFINITY,
      producers: 100_000,
      retentionCheckMs: this.config.number('log.retention.check.interval.ms'),
    })
    this.topics = new Topics(this)
    this.groups = new Groups(this)
    this.transactions = new Transactions(this)
  }

  /** Those of one node; there are none without a request to it. */
  fetchSessions(node: number): FetchSessions {
    let sessions = this.#fetchSessions.get(node)
    if (sessions === undefined) {
      sessions = new FetchSessions(this)
      this.#fetchSessions.set(node, sessions)
    }
    return sessions
  }

  /** It has lost what only it knew. */
  nodeStopped(node: number): void {
    this.#fetchSessions.delete(node)
  }

  /** Ends every timer and lets go of everybody who waits. */
  close(): void {
    this.topics.close()
    this.groups.close()
    this.transactions.close()
  }
}
