import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { Broker, type FaultAction } from '../../src/broker/index.ts'
import { batch, Consumer, constant, type Message, NativeClient, writeBatch } from '../../src/index.ts'
import { LogReader } from '../producer/log-reader.ts'
import { until } from '../until.ts'
import { quiet } from './written-topics.ts'

const nodes = 2
const partitions = 3
const keys = 8
const group = 'g'
const source = 'in'
const target = 'out'
/** How long a killed process's transaction keeps others waiting. */
const timeoutMs = 1_000

const apis = [
  'Produce',
  'AddPartitionsToTxn',
  'AddOffsetsToTxn',
  'TxnOffsetCommit',
  'EndTxn',
  'InitProducerId',
  'OffsetFetch',
] as const
const actions: readonly FaultAction[] = [
  { drop: 'before' },
  { drop: 'after' },
  { noReply: true },
  { error: 'NOT_COORDINATOR' },
  { error: 'COORDINATOR_NOT_AVAILABLE' },
  { error: 'CONCURRENT_TRANSACTIONS' },
  { error: 'UNKNOWN_SERVER_ERROR' },
]

/** What came of a story. */
export interface ExactlyOnceReport {
  readonly messages: number
  readonly kills: number
  readonly committed: number
  readonly aborted: number
  readonly recalled: number
}

/** A member of the group, which may be killed. */
interface Member {
  readonly consumer: Consumer
  readonly client: NativeClient
  readonly ended: Promise<Error | null>
}

/**
 * A random story: members of a group make one message of each that they read, some attempts fail after they sent, some are slow, while
 * members are killed and others come, calls are lost, late or refused, and coordinators move. In the end what readers of committed messages see
 * must be one for each, in the order of its key.
 */
export async function exactlyOnce(seed: number, perPartition = 150): Promise<ExactlyOnceReport> {
  const story = new Story(seed, perPartition)
  try {
    return await story.tell()
  } finally {
    await story.close()
  }
}

class Story {
  readonly #seed: number
  readonly #random: Random
  readonly #count: number
  readonly #members: Member[] = []
  readonly #all: Member[] = []
  #broker: Broker | null = null
  #attempts = 0
  #kills = 0

  constructor(seed: number, count: number) {
    this.#seed = seed
    this.#random = seededRandom(seed)
    this.#count = count
  }

  async tell(): Promise<ExactlyOnceReport> {
    const broker = await Broker.start({
      nodes,
      topics: { [source]: partitions, [target]: 2 },
      config: { 'group.initial.rebalance.delay.ms': '0', 'group.min.session.timeout.ms': '100' },
      transactionVersion: this.#chance(0.5) ? 1 : 2,
    })
    this.#broker = broker
    await this.#write(broker)
    this.#join()
    while (!(await this.#done())) {
      using _ = broker.fault(this.#fault())
      if (this.#members.length < 3 && this.#chance(0.4)) this.#join()
      else if (this.#members.length > 1 && this.#chance(0.4)) this.#kill()
      else if (this.#members.length > 1 && this.#chance(0.2)) await this.#leave()
      if (this.#chance(0.2)) await broker.setCoordinator('group', group, 1 + this.#upTo(nodes - 1))
      await this.#goesOn(20 + this.#upTo(60))
    }
    return this.#judge(broker)
  }

  /** So many attempts more are made, or all is done. */
  async #goesOn(attempts: number): Promise<void> {
    const enough = this.#attempts + attempts
    await until(`seed ${this.#seed} goes on`, async () => {
      for (const { consumer } of this.#members) {
        const { error } = consumer.state()
        if (error !== null) throw error
      }
      return this.#attempts >= enough || (await this.#done())
    })
  }

  async close(): Promise<void> {
    for (const member of this.#members.splice(0)) void member.consumer.close({ drainMs: 0 })
    await Promise.all(this.#all.map(({ ended }) => ended))
    await Promise.all(this.#all.map(({ client }) => client.close()))
    await this.#broker?.close()
  }

  async #write({ brokers }: Broker): Promise<void> {
    const client = new NativeClient({ brokers, logger: quiet })
    await client.metadata([source])
    const records = Array.from({ length: this.#count }, (_, n) => ({ key: `k${n % keys}`, value: String(n) }))
    const bytes = writeBatch(records)
    const all = Array.from({ length: partitions }, (_, partition) => ({ topic: source, partition, records: bytes }))
    for (const { error } of await client.produce(all)) assert.equal(error, null)
    await client.close()
  }

  #join(): void {
    const { brokers } = this.#broker as Broker
    const client = new NativeClient({
      brokers,
      logger: quiet,
      requestTimeoutMs: 400,
      reconnect: { minMs: 1, maxMs: 20 },
    })
    const consumer = new Consumer({
      brokers,
      client,
      group,
      logger: quiet,
      fetch: { maxWaitMs: 50 },
      ownership: { sessionTimeoutMs: 1_500, heartbeatIntervalMs: 200, rebalanceTimeoutMs: 20_000, drainMs: 500 },
      offsets: { metadataLimit: this.#chance(0.3) ? 120 : 4_096 },
      work: {
        concurrency: 8,
        attempts: 100,
        backoff: constant(5),
        abandonMs: 1_000,
        transaction: { intervalMs: 10 + this.#upTo(40), timeoutMs },
      },
    })
    const random = seededRandom(this.#seed * 1_000 + this.#all.length)
    if (this.#chance(0.3)) {
      consumer.topic(
        source,
        batch({ messages: 5, lingerMs: 5 }, async (messages, { send }) => {
          for (const message of messages) send(this.#made(message))
          await this.#work(random)
        }),
      )
    } else {
      consumer.topic(source, async (message, { send }) => {
        send(this.#made(message))
        await this.#work(random)
      })
    }
    const ended = consumer.run().then(
      () => null,
      error => error,
    )
    const member = { consumer, client, ended }
    this.#members.push(member)
    this.#all.push(member)
  }

  #made({ key, value, partition }: Message) {
    // Tells attempts apart.
    return { topic: target, key, value: `${partition}/${value}#${this.#attempts++}` }
  }

  async #work(random: Random): Promise<void> {
    if (random() < 0.5) await null
    else await delay(random() < 0.05 ? 150 : random() * 4)
    if (random() < 0.15) throw new Error('an attempt that fails')
  }

  /** Its process is gone: nobody hears of it any more, nor does it hear of anybody. */
  #kill(): void {
    this.#kills++
    const [member] = this.#members.splice(this.#upTo(this.#members.length - 1), 1)
    if (member === undefined) return
    void member.client.close()
    void member.consumer.close({ drainMs: 0 })
  }

  async #leave(): Promise<void> {
    const [member] = this.#members.splice(this.#upTo(this.#members.length - 1), 1)
    await member?.consumer.close()
  }

  #fault() {
    const action = this.#of(actions)
    const about = this.#of(apis)
    // Not every call can be answered so.
    const sound =
      'error' in action && (about === 'Produce' || about === 'OffsetFetch') ? ({ drop: 'after' } as const) : action
    return { api: about, count: 1 + this.#upTo(3), skip: this.#upTo(3), action: sound }
  }

  async #done(): Promise<boolean> {
    const { committed } = this.#broker as Broker
    const offsets = await committed.call(this.#broker, group)
    return offsets.filter(({ offset }) => offset === this.#count).length === partitions
  }

  async #judge(broker: Broker): Promise<ExactlyOnceReport> {
    const states = this.#all.map(({ consumer }) => consumer.state())
    for (const member of this.#members.splice(0)) await member.consumer.close()
    await using reader = new LogReader(broker)
    const values = [...(await reader.values(target, 0)), ...(await reader.values(target, 1))].map(
      text => text.split('#')[0],
    )
    const where = `seed ${this.#seed}`
    for (let partition = 0; partition < partitions; partition++) {
      for (let key = 0; key < keys; key++) {
        const expected = Array.from({ length: this.#count }, (_, n) => n).filter(n => n % keys === key)
        const own = values.filter(value => value?.startsWith(`${partition}/`)).map(value => Number(value?.slice(2)))
        const found = own.filter(n => n % keys === key)
        assert.deepEqual(found, expected, `${where}: in[${partition}], key ${key}: not each once, in order`)
      }
    }
    const sum = (of: (state: (typeof states)[number]) => number) =>
      states.reduce((total, state) => total + of(state), 0)
    return {
      messages: values.length,
      kills: this.#kills,
      committed: sum(({ transaction }) => transaction?.committed ?? 0),
      aborted: sum(({ transaction }) => transaction?.aborted ?? 0),
      recalled: sum(state => state.partitions.reduce((total, { recalled }) => total + recalled, 0)),
    }
  }

  #of<T>(list: readonly T[]): T {
    return list[this.#upTo(list.length - 1)] as T
  }

  #upTo(most: number): number {
    return Math.floor(this.#random() * (most + 1))
  }

  #chance(probability: number): boolean {
    return this.#random() < probability
  }
}
