import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../src/base/clock.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Broker, type BrokerOptions } from '../../src/broker/index.ts'
import { Admin, Consumer, type ConsumerOptions, type Handler, NativeClient, writeBatch } from '../../src/index.ts'
import { until } from '../until.ts'

/** What a consumer in trouble says, as it stands on stderr, without the time; and what `run()` rejects with at the end. */
export class Trouble implements AsyncDisposable {
  readonly broker: Broker
  readonly lines: string[] = []
  readonly #consumers: Consumer[] = []

  private constructor(broker: Broker) {
    this.broker = broker
  }

  static async start(options: BrokerOptions = {}, messages = 9): Promise<Trouble> {
    const broker = await Broker.start({ topics: { orders: 3 }, autoCreateTopics: false, ...options })
    const trouble = new Trouble(broker)
    if (messages > 0) await trouble.write(messages)
    return trouble
  }

  async write(count: number): Promise<void> {
    const client = new NativeClient({ brokers: this.broker.brokers, logger: silent })
    const records = writeBatch(Array.from({ length: count / 3 }, (_, n) => ({ key: `k${n}`, value: `order ${n}` })))
    await client.produce([0, 1, 2].map(partition => ({ topic: 'orders', partition, records })))
    await client.close()
  }

  /** Runs a consumer, whose log goes to `lines`; so does the error that ends it. */
  run(handler: Handler, options: Partial<ConsumerOptions> = {}, topic = 'orders'): Consumer {
    const logger = new StderrLogger('info', systemClock, line => this.lines.push(line.trimEnd().replace(/^\S+ /, '')))
    const consumer = new Consumer({ brokers: this.broker.brokers, group: 'shop', logger, ...options })
    consumer.topic(topic, handler)
    this.#consumers.push(consumer)
    consumer.run().catch(error => this.lines.push(`run() rejected: ${error.code}: ${error.message}`))
    return consumer
  }

  /** Resolves with the first line that has this text. */
  async says(text: string): Promise<string> {
    await until(`the log says "${text}"`, () => this.lines.some(line => line.includes(text)))
    return this.lines.find(line => line.includes(text)) as string
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#consumers.map(consumer => consumer.close({ drainMs: 0 })))
    await this.broker.close()
  }
}

export const silent = { debug() {}, info() {}, warn() {}, error() {} }
const never = () => new Promise<void>(() => {})
const quick = { work: { backoff: Object.assign(() => 5, { maxMs: 5 }) } }

export const troubles = {
  async unreachable() {
    await using trouble = await Trouble.start()
    trouble.run(() => {}, { brokers: ['127.0.0.1:1'] })
    await delay(500)
    return trouble.lines
  },
  async advertised() {
    await using trouble = await Trouble.start({ advertisedHost: 'kafka.invalid' }, 0)
    trouble.run(() => {})
    await delay(1000)
    return trouble.lines
  },
  async 'plain to TLS'() {
    await using trouble = await Trouble.start({ tls: true } as BrokerOptions, 0)
    trouble.run(() => {})
    await delay(500)
    return trouble.lines
  },
  async missing() {
    await using trouble = await Trouble.start()
    const c = trouble.run(() => {}, {}, 'oders')
    await delay(1000)
    trouble.lines.push(JSON.stringify(c.state().ownership))
    return trouble.lines
  },
  async stuck() {
    await using trouble = await Trouble.start()
    trouble.run(never, { work: { timeoutMs: 100, abandonMs: 50 } })
    await delay(800)
    return trouble.lines
  },
  async blocked() {
    await using trouble = await Trouble.start()
    trouble.run(() => {
      const end = performance.now() + 150
      while (performance.now() < end);
    })
    await delay(1500)
    return trouble.lines
  },
  async failed() {
    await using trouble = await Trouble.start()
    trouble.run(() => {
      throw new Error('no such customer')
    }, quick)
    await delay(800)
    return trouble.lines
  },
  async left() {
    await using trouble = await Trouble.start()
    const c = trouble.run(
      () => {
        throw new Error('no such customer')
      },
      { work: { ...quick.work, onFailure: 'hold' } },
    )
    await delay(800)
    trouble.lines.push(JSON.stringify(c.state().partitions[0]))
    return trouble.lines
  },
  async 'out of range'() {
    await using trouble = await Trouble.start()
    const admin = new Admin({ brokers: trouble.broker.brokers, logger: silent })
    await admin.setGroupOffsets('shop', [{ topic: 'orders', partition: 0, offset: 1000 }])
    await admin.close()
    trouble.run(() => {})
    await delay(1500)
    return trouble.lines
  },
  async commits() {
    await using trouble = await Trouble.start()
    trouble.broker.fault({ api: 'OffsetCommit', skip: 1, action: { error: 'COORDINATOR_NOT_AVAILABLE' } })
    const c = trouble.run(() => {}, { offsets: { commitIntervalMs: 50, maxCommitAgeMs: 400 } })
    await delay(600)
    await trouble.write(9)
    await delay(1500)
    trouble.lines.push(JSON.stringify(c.state().commits), JSON.stringify(c.state().partitions[0]?.waitsFor))
    return trouble.lines
  },
  async strategy() {
    await using trouble = await Trouble.start()
    const a = trouble.run(() => {}, { ownership: { strategies: ['range'] } })
    await until('joined', () => a.state().partitions.length === 3)
    trouble.run(() => {})
    await delay(500)
    return trouble.lines
  },
  async leader() {
    await using trouble = await Trouble.start({ nodes: 2, topics: { orders: { partitions: 3, replicas: 1 } } })
    const c = trouble.run(() => {})
    await until('joined', () => c.state().partitions.length === 3)
    await trouble.broker.stopNode(await trouble.broker.leader('orders', 1))
    await delay(1500)
    trouble.lines.push(JSON.stringify(c.state().partitions[1]?.waitsFor))
    return trouble.lines
  },
  async heartbeat() {
    await using trouble = await Trouble.start()
    const c = trouble.run(never)
    await until('joined', () => c.state().partitions.length === 3)
    trouble.broker.fault({ api: 'Heartbeat', count: 1, action: { error: 'UNKNOWN_MEMBER_ID' } })
    await delay(4500)
    return trouble.lines
  },
  async silentHeartbeat() {
    await using trouble = await Trouble.start()
    const c = trouble.run(never, {
      ownership: { sessionTimeoutMs: 6000, heartbeatIntervalMs: 500 },
      requestTimeoutMs: 1000,
    })
    await until('joined', () => c.state().partitions.length === 3)
    trouble.broker.fault({ api: 'Heartbeat', action: { noReply: true } })
    await delay(7500)
    trouble.lines.push(JSON.stringify(c.state().ownership), JSON.stringify(c.state().partitions[1]?.waitsFor))
    return trouble.lines
  },
  async acl() {
    await using trouble = await Trouble.start()
    trouble.broker.fault({ api: 'Fetch', topic: 'orders', action: { error: 'TOPIC_AUTHORIZATION_FAILED' } })
    trouble.run(() => {})
    await delay(800)
    return trouble.lines
  },
  async groupAcl() {
    await using trouble = await Trouble.start()
    trouble.broker.fault({ api: 'JoinGroup', action: { error: 'GROUP_AUTHORIZATION_FAILED' } })
    trouble.run(() => {})
    await delay(800)
    return trouble.lines
  },
  async sasl() {
    await using trouble = await Trouble.start()
    trouble.broker.fault({ api: 'Metadata', action: { drop: 'before' } })
    trouble.broker.fault({ api: 'ApiVersions', action: { drop: 'before' } })
    trouble.run(() => {})
    await delay(800)
    return trouble.lines
  },
  async members() {
    await using trouble = await Trouble.start()
    const a = trouble.run(() => {})
    await until('joined', () => a.state().partitions.length === 3)
    const c = new Consumer({ brokers: trouble.broker.brokers, group: 'shop', logLevel: 'silent' }).topic(
      { topic: 'orders', partitions: [0] },
      () => {},
    )
    await c.run().catch(error => trouble.lines.push(`run() rejected: ${error.code}: ${error.message}`))
    return trouble.lines
  },
}
for (const [name, trouble] of Object.entries(troubles)) {
  console.log(`--- ${name}`)
  console.log((await trouble()).join('\n'))
}
