import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { constant } from '../../src/base/backoff.ts'
import { systemClock } from '../../src/base/clock.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Broker, type BrokerOptions } from '../../src/broker/index.ts'
import {
  Admin,
  Consumer,
  type ConsumerOptions,
  type Handler,
  MillraceError,
  NativeClient,
  Producer,
  type ProducerOptions,
  writeBatch,
} from '../../src/index.ts'
import type { Bytes } from '../../src/records/batch-builder.ts'
import { SkippingClock } from '../skipping-clock.ts'
import { until } from '../until.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

/** A cluster with a topic `orders`, consumers and producers of it, and what they say on stderr, without the time, or reject with. */
class Trouble implements AsyncDisposable {
  readonly broker: Broker
  /** Of producers. */
  readonly clock = new SkippingClock()
  readonly lines: string[] = []
  readonly #consumers: Consumer[] = []
  readonly #producers: Producer[] = []
  readonly #logger = new StderrLogger('info', systemClock, line => this.lines.push(line.trimEnd().replace(/^\S+ /, '')))

  private constructor(broker: Broker) {
    this.broker = broker
  }

  static async start(options: BrokerOptions = {}): Promise<Trouble> {
    return new Trouble(await Broker.start({ topics: { orders: 3 }, autoCreateTopics: false, ...options }))
  }

  /** Three messages in each partition. */
  async write(): Promise<void> {
    const client = new NativeClient({ brokers: this.broker.brokers, logger: silent })
    const records = writeBatch(['a', 'b', 'c'].map(key => ({ key, value: 'an order' })))
    const written = await client.produce([0, 1, 2].map(partition => ({ topic: 'orders', partition, records })))
    await client.close()
    for (const { error } of written) assert.equal(error, null)
  }

  run(handler: Handler, options: Partial<ConsumerOptions> = {}, topic = 'orders'): Consumer {
    const consumer = new Consumer({ brokers: this.broker.brokers, group: 'shop', logger: this.#logger, ...options })
    this.#consumers.push(consumer.topic(topic, handler))
    consumer.run().catch(() => {}) // the log has it
    return consumer
  }

  producer(options: Partial<ProducerOptions<Bytes, Bytes>> = {}): Producer {
    const producer = new Producer(
      { brokers: this.broker.brokers, logger: this.#logger, ...options },
      { clock: this.clock },
    )
    this.#producers.push(producer)
    return producer
  }

  /** That it rejects is a line, with the code in front. */
  async rejects(sending: Promise<unknown>): Promise<void> {
    const error = await sending.then(
      () => null,
      (thrown: unknown) => thrown,
    )
    assert.ok(error instanceof MillraceError, String(error))
    this.lines.push(`${error.code}: ${error.message}`)
  }

  async owning(consumer: Consumer): Promise<void> {
    await until('it owns partitions', () => consumer.state().partitions.length > 0)
  }

  async says(text: string | RegExp): Promise<void> {
    const has = (line: string) => (typeof text === 'string' ? line.includes(text) : text.test(line))
    await until(`somebody says "${text}"`, () => this.lines.some(has)).catch(error => {
      throw new Error(`${error.message}, but:\n${this.lines.join('\n')}`)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#consumers.map(consumer => consumer.close({ drainMs: 0 })))
    await Promise.all(this.#producers.map(producer => producer.close({ drainMs: 0 })))
    await this.broker.close()
  }
}

/** What the page shows, as it is made. */
const troubles: Readonly<Record<string, (trouble: Trouble) => Promise<void>>> = {
  'nobody listens': async trouble => {
    trouble.run(() => {}, { brokers: ['127.0.0.1:1'] })
    await trouble.says('ECONNREFUSED')
  },
  'the broker hangs up': async trouble => {
    trouble.broker.fault({ api: 'ApiVersions', action: { drop: 'before' } })
    trouble.run(() => {})
    await trouble.says('it was closed at the first request')
  },
  'a topic is missing': async trouble => {
    trouble.run(() => {}, {}, 'oders')
    await trouble.says('assigned=0')
    await trouble.says('oders is waited for')
  },
  'a message fails': async trouble => {
    trouble.run(refuse, { work: { backoff: constant(5) } })
    await trouble.says('stopped at')
  },
  'a message is held': async trouble => {
    trouble.run(refuse, { work: { backoff: constant(5), onFailure: 'hold' } })
    await trouble.says('): hold')
  },
  'an offset is gone': async trouble => {
    const admin = new Admin({ brokers: trouble.broker.brokers, logger: silent })
    await admin.setGroupOffsets('shop', [{ topic: 'orders', partition: 0, offset: 1_000 }])
    await admin.close()
    trouble.run(() => {})
    await trouble.says('does not exist')
  },
  'no strategy in common': async trouble => {
    await trouble.owning(trouble.run(() => {}, { ownership: { strategies: ['range'] } }))
    trouble.run(() => {})
    await trouble.says('strategies')
  },
  'a topic may not be read': async trouble => {
    trouble.broker.fault({ api: 'Fetch', topic: 'orders', action: { error: 'TOPIC_AUTHORIZATION_FAILED' } })
    trouble.run(() => {})
    await trouble.says('TOPIC_AUTHORIZATION_FAILED')
  },
  'a group may not be joined': async trouble => {
    trouble.broker.fault({ api: 'JoinGroup', action: { error: 'GROUP_AUTHORIZATION_FAILED' } })
    trouble.run(() => {})
    await trouble.says('may not join')
  },
  'the event loop is blocked': async trouble => {
    trouble.run(() => {
      const end = performance.now() + 150
      while (performance.now() < end);
    })
    await trouble.says('blocked the event loop')
  },
  'a handler hangs': async trouble => {
    trouble.run(() => new Promise<void>(() => {}), { work: { timeoutMs: 100, abandonMs: 50 } })
    await trouble.says('did not settle')
  },
  'a forgotten pause': async trouble => {
    const options = { stallAfterMs: 1_000, work: { concurrency: 1 } }
    const consumer: Consumer = trouble.run(() => consumer.pause(), options)
    await trouble.says(/behind, and nothing of it was handed out for .* It waits for: paused/)
  },
  'a heartbeat gets no answer': async trouble => {
    const ownership = { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 200 }
    await trouble.owning(trouble.run(() => {}, { ownership }))
    trouble.broker.fault({ api: 'Heartbeat', count: 1, action: { noReply: true } })
    await trouble.says('a heartbeat got no answer')
  },
  'the group has put it out': async trouble => {
    await trouble.owning(trouble.run(() => {}, { ownership: { heartbeatIntervalMs: 200 } }))
    trouble.broker.fault({ api: 'Heartbeat', count: 1, action: { error: 'UNKNOWN_MEMBER_ID' } })
    await trouble.says('out of the group')
  },
}

/** The same of what is sent. */
const sendings: Readonly<Record<string, (trouble: Trouble) => Promise<void>>> = {
  'a topic to write to is missing': async trouble => {
    const sending = trouble.rejects(trouble.producer().send({ topic: 'oders', value: 'an order' }))
    await trouble.says('messages to oders wait')
    trouble.clock.skip(deliveryTimeoutMs)
    await sending
  },
  'no broker answers in time': async trouble => {
    const silence = trouble.broker.fault({ api: 'Metadata', action: { noReply: true } })
    const sending = trouble.rejects(trouble.producer().send(order))
    await silence.hit()
    trouble.clock.skip(deliveryTimeoutMs)
    await sending
  },
  'too few replicas are in sync': async trouble => {
    trouble.broker.fault({ api: 'Produce', action: { error: 'NOT_ENOUGH_REPLICAS' } })
    const producer = trouble.producer()
    const sending = trouble.rejects(producer.send(order))
    await trouble.says('a batch is sent again')
    await until('it waits for its next attempt', () => producer.state().partitions[0]?.underWay === 0)
    trouble.clock.skip(deliveryTimeoutMs)
    await sending
  },
  'nobody says whether it was written': async trouble => {
    const silence = trouble.broker.fault({ api: 'Produce', action: { noReply: true } })
    const sending = trouble.rejects(trouble.producer().send(order))
    await silence.hit()
    trouble.clock.skip(deliveryTimeoutMs)
    await sending
  },
  'the buffer is full': async trouble => {
    trouble.broker.fault({ api: 'Produce', action: { noReply: true } })
    const producer = trouble.producer({ bufferBytes: 100 })
    const first = producer.send(order)
    const second = trouble.rejects(producer.send(order))
    await until('the second one waits for room', () => producer.state().buffer.fullSince !== null)
    trouble.clock.skip(deliveryTimeoutMs)
    await second
    await first.catch(() => {})
  },
  'too large': async trouble => {
    const large = { ...order, value: 'x'.repeat(2_000_000) }
    await trouble.rejects(trouble.producer().send(large))
    await trouble.rejects(trouble.producer({ maxRequestBytes: 3_000_000 }).send(large))
  },
  'numbers are out of order': async trouble => {
    trouble.broker.fault({ api: 'Produce', count: 3, action: { error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' } })
    await trouble.producer({ retryBackoff: { minMs: 1, maxMs: 1 } }).send(order)
    await trouble.says('OUT_OF_ORDER_SEQUENCE_NUMBER')
  },
  'a topic may not be written to': async trouble => {
    await trouble.broker.setAcls([
      { principal: 'User:ANONYMOUS', operation: 'Describe', topic: 'orders' },
      { principal: 'User:ANONYMOUS', operation: 'Write', topic: 'payments' },
    ])
    await trouble.rejects(trouble.producer().send(order))
    await trouble.broker.setAcls([{ principal: 'User:ANONYMOUS', operation: 'Describe', topic: 'orders' }])
    await trouble.rejects(trouble.producer().send(order))
  },
  'two processes have one transactional id': async trouble => {
    const write = (producer: Producer) => producer.transaction(tx => tx.send(order))
    const first = trouble.producer({ transactionalId: 'billing' })
    await write(first)
    await write(trouble.producer({ transactionalId: 'billing' }))
    await trouble.rejects(write(first))
  },
}

const deliveryTimeoutMs = 120_000
const order = { topic: 'orders', partition: 0, value: 'an order' }

function refuse(): void {
  throw new Error('no such customer')
}

/** Numbers, member ids and waits are others each time; of keyed messages any may be first. */
function alike(line: string): string {
  return line.replaceAll(/millrace-[0-9a-f-]{36}/g, 'ID').replaceAll(/\d+(\.\d+)?/g, 'N')
}

const name =
  'the lines of the log that the page about troubles shows are those that consumers and producers in such trouble write'
test(name, { concurrency: true }, async t => {
  const page = await readFile(join(import.meta.dirname, '../../docs/troubleshooting.md'), 'utf8')
  const blocks = [...page.matchAll(/^ *```text\n(.*?)^ *```/gms)].flatMap(([, text = '']) => text.trim().split('\n'))
  const shown = blocks.map(line => line.trim())
  assert.ok(shown.length > 10, `only ${shown.length} lines were found`)
  const lines: string[] = []
  const make = (name: string, options: BrokerOptions, act: (trouble: Trouble) => Promise<void>) =>
    t.test(name, async () => {
      await using trouble = await Trouble.start(options)
      if (options.tls === undefined && options.sasl === undefined && options.advertisedHost === undefined)
        await trouble.write()
      await act(trouble)
      lines.push(...trouble.lines)
    })
  await Promise.all([
    ...Object.entries({ ...troubles, ...sendings }).map(([name, act]) => make(name, {}, act)),
    make(
      'credentials are refused',
      { sasl: { mechanisms: ['PLAIN', 'SCRAM-SHA-512'], users: { shop: 'tea' } } },
      async trouble => {
        const user = { username: 'shop', password: 'coffee' }
        trouble.run(() => {})
        trouble.run(() => {}, { sasl: { mechanism: 'PLAIN', ...user } })
        trouble.run(() => {}, { sasl: { mechanism: 'SCRAM-SHA-256', ...user } })
        await trouble.says('this listener may want SASL')
        await trouble.says(/^ERROR .* it refuses user/)
        await trouble.says(/^ERROR .* does not offer/)
      },
    ),
    make('a certificate is not trusted', { tls: true }, async trouble => {
      trouble.run(() => {}, { tls: true })
      await trouble.says(/^ERROR .* its certificate/)
    }),
    make('TLS to a plain port', {}, async trouble => {
      trouble.run(() => {}, { tls: true })
      await trouble.says('this port may expect plain text')
    }),
    make('a name that is advertised cannot be resolved', { advertisedHost: 'kafka.invalid' }, async trouble => {
      const [address = ''] = trouble.broker.brokers
      trouble.run(() => {})
      trouble.run(() => {}, { brokers: [address.replace('kafka.invalid', '127.0.0.1')] })
      await trouble.says('(node 1): the name')
      await until('the other one says it too', () => trouble.lines.some(line => /invalid:\d+: the name/.test(line)))
    }),
    make(
      'a partition has no leader',
      { nodes: 2, topics: { orders: { partitions: 3, replicas: 1 } } },
      async trouble => {
        await trouble.owning(trouble.run(() => {}))
        const leader = await trouble.broker.leader('orders', 1)
        await trouble.broker.setCoordinator('group', 'shop', 3 - leader)
        await trouble.broker.stopNode(leader)
        await trouble.says('cannot be fetched')
      },
    ),
  ])
  const said = new Set(lines.map(alike))
  assert.deepEqual(
    shown.filter(line => !said.has(alike(line))),
    [],
    lines.join('\n'),
  )
})
