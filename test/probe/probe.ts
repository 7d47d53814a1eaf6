import { setTimeout as delay } from 'node:timers/promises'
import { type ApiName, api } from '../../src/protocol/apis.ts'
import { decodeResponse } from '../../src/protocol/frame.ts'
import type { Requests, Responses } from '../../src/protocol/messages.ts'
import type { Encodable } from '../../src/protocol/shapes.ts'
import { type BatchOptions, type RecordInput, writeBatch } from '../../src/records/batch-writer.ts'
import { RawConnection, requestFrame } from '../broker/raw-connection.ts'
import { authenticate, handshake, plain } from '../broker/sasl-client.ts'
import type { Cluster } from '../cluster.ts'
import { type View, Views } from './view.ts'

/** Requests of one purpose, sent alike to two clusters. */
export interface Script {
  readonly name: string
  readonly run: (probe: Probe) => Promise<void>
}

/** The same script in every version of an API, or from one on. Its name gets the version. */
export function everyVersion(
  name: string,
  called: ApiName,
  run: (probe: Probe, version: number) => Promise<void>,
  from = 0,
): Script[] {
  const { maxVersion } = api(called)
  const minVersion = Math.max(api(called).minVersion, from)
  return Array.from({ length: maxVersion - minVersion + 1 }, (_, i) => ({
    name: `${name} v${minVersion + i}`,
    run: probe => run(probe, minVersion + i),
  }))
}

export interface AskOptions<N extends ApiName> {
  /** Default: the script's own connection, to node 1. */
  readonly on?: RawConnection
  /** What of the answer is compared. Default: all. */
  readonly view?: (answer: Responses[N]) => unknown
  /** Asks again, until the answer is so: for what Kafka does in the background. */
  readonly until?: (answer: Responses[N]) => boolean
  /** Compares whether the answer took as long, in milliseconds. */
  readonly waits?: number
}

export interface ProbeTopic {
  readonly name: string
  readonly id: string
}

/** A topic id that no topic has. */
export const noId = 'no-such-topic-id-hereA'

export interface Login {
  readonly name: string
  readonly password: string
}

/** The script cannot go on; what happened is in its journal. */
class Ended extends Error {}

/** The step of a script that did not come to its end: why not. */
export const theEnd = 'the end'

const patienceMs = 15_000

/** One run of a script against one cluster. */
export class Probe {
  readonly cluster: Cluster
  /** What was answered, by the name of the step. */
  readonly journal = new Map<string, View>()
  readonly #prefix: string
  readonly #views: Views
  readonly #user: Login | null
  readonly #connections: RawConnection[] = []
  #own: RawConnection | undefined

  /** `prefix` keeps its topics and groups apart from those of others; views do not show it. `user`: who it connects as, by PLAIN. */
  constructor(cluster: Cluster, prefix: string, user: Login | null = null) {
    this.cluster = cluster
    this.#user = user
    this.#prefix = prefix
    this.#views = new Views(prefix)
  }

  async run(script: Script): Promise<void> {
    try {
      await script.run(this)
    } catch (error) {
      this.journal.set(theEnd, error instanceof Ended ? error.message : `failed: ${String(error)}`)
    } finally {
      for (const connection of this.#connections) connection[Symbol.dispose]()
    }
  }

  /** The name of a topic, group or transaction that only this script uses. */
  named(what: string): string {
    return this.#prefix + what
  }

  isOwn(name: string | null): boolean {
    return name?.startsWith(this.#prefix) ?? false
  }

  /** As the user of the script, or another one; null: as nobody yet. */
  async connect(node = 1, user: Login | null = this.#user): Promise<RawConnection> {
    const connection = await RawConnection.to(this.cluster.brokers[node - 1] as string)
    this.#connections.push(connection)
    if (user !== null) {
      await handshake(connection, 'PLAIN')
      const answer = await authenticate(connection, plain(user.name, user.password))
      if (answer?.errorCode !== 0) throw new Error(`${user.name} is not let in: ${answer?.errorMessage}`)
    }
    return connection
  }

  /** The script's own connection. */
  async connection(): Promise<RawConnection> {
    if (!this.#own?.open) this.#own = await this.connect()
    return this.#own
  }

  /** Sends a request, writes down the answer, and resolves to it. */
  async ask<N extends ApiName>(
    step: string,
    name: N,
    version: number,
    body: Encodable<Requests[N]>,
    options: AskOptions<N> = {},
  ): Promise<Responses[N]> {
    const begun = performance.now()
    const answer = await this.#answer(step, name, version, body, options)
    const view = this.#views.of(options.view ? options.view(answer) : answer)
    // A little early is in time: clocks have grains.
    const waited = performance.now() - begun > (options.waits ?? 0) * 0.9
    this.note(step, options.waits === undefined ? view : { waited, view })
    return answer
  }

  /** Sends a request for what comes after it: nothing is written down. */
  async setUp<N extends ApiName>(
    name: N,
    body: Encodable<Requests[N]>,
    options: AskOptions<N> = {},
  ): Promise<Responses[N]> {
    return this.#answer(`set up: ${name}`, name, api(name).maxVersion, body, options)
  }

  async #answer<N extends ApiName>(
    step: string,
    name: N,
    version: number,
    body: Encodable<Requests[N]>,
    { on, until }: AskOptions<N>,
  ): Promise<Responses[N]> {
    const frame = requestFrame(name, version, body)
    const end = performance.now() + patienceMs
    for (;;) {
      const answer = await this.answerTo(step, (on ?? (await this.connection())).exchange(frame))
      if (answer === null) this.#end(step, 'closed')
      const decoded = decodeResponse(name, version, answer)
      if (until === undefined || until(decoded) || performance.now() > end) return decoded
      await delay(5)
    }
  }

  /** Waits for an answer frame; null when the connection was closed instead. */
  async answerTo(step: string, exchange: Promise<Buffer | null>): Promise<Buffer | null> {
    const controller = new AbortController()
    const late = delay(patienceMs, 'late' as const, { signal: controller.signal, ref: false }).catch(() => null)
    const answer = await Promise.race([exchange, late])
    controller.abort()
    if (answer === 'late') this.#end(step, 'no answer')
    return answer
  }

  note(step: string, value: unknown): void {
    if (this.journal.has(step)) throw new Error(`two steps are called "${step}"`)
    this.journal.set(step, value as View)
  }

  #end(step: string, what: string): never {
    this.journal.set(step, what)
    throw new Ended(what)
  }

  /** A topic of this script's own that is there and served. */
  async topic(what: string, partitions = 1, config: Readonly<Record<string, string>> = {}): Promise<ProbeTopic> {
    const name = this.named(what)
    const configs = Object.entries(config).map(([key, value]) => ({ name: key, value }))
    const answer = await this.setUp('CreateTopics', {
      topics: [{ name, numPartitions: partitions, replicationFactor: -1, configs }],
    })
    const [made] = answer.topics
    if (made?.errorCode !== 0) throw new Error(`no topic ${name}: ${made?.errorCode} ${made?.errorMessage}`)
    await this.served(name, partitions)
    return { name, id: made.topicId }
  }

  /** Waits until the leader of each partition answers for it. */
  async served(topic: string, partitions = 1, on?: RawConnection): Promise<void> {
    const indexes = Array.from({ length: partitions }, (_, index) => ({ partitionIndex: index, timestamp: -1 }))
    const until = (answer: Responses['ListOffsets']) =>
      answer.topics.every(({ partitions }) => partitions.every(({ errorCode }) => errorCode === 0))
    await this.setUp(
      'ListOffsets',
      { replicaId: -1, topics: [{ name: topic, partitions: indexes }] },
      { until, ...(on && { on }) },
    )
  }

  /** Appends a batch to partition 0. */
  async append(topic: ProbeTopic, records: readonly RecordInput[], options: BatchOptions = {}): Promise<void> {
    const partitionData = [{ index: 0, records: writeBatch(records, options) }]
    const answer = await this.setUp('Produce', {
      acks: -1,
      timeoutMs: 5_000,
      topicData: [{ topicId: topic.id, partitionData }],
    })
    const error = answer.responses[0]?.partitionResponses[0]
    if (error?.errorCode !== 0) throw new Error(`nothing was appended: ${error?.errorCode} ${error?.errorMessage}`)
  }
}
