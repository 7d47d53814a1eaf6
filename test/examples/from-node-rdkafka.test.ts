import { test } from 'node:test'
import { rdkafka } from '../peers/rdkafka-sessions.ts'
import { compareAll, type Library, type Opened, shareGroup } from './migration.ts'

const page = 'migrating/from-node-rdkafka.md'
const skip = rdkafka === undefined && 'node-rdkafka is not installed: npm ci --prefix bench'

type Config = Readonly<Record<string, unknown>>

/** What is used of it here: more than its sessions with a broker need. */
interface Client {
  disconnect(done: () => void): void
}
interface Stream {
  close(done: () => void): void
}
interface KafkaConsumer {
  new (config: Config, topics: Config): Client
  createReadStream(config: Config, topics: Config, options: Config): Stream
}

const library: Library = {
  name: 'node-rdkafka',
  installed: rdkafka !== undefined,
  give: (_, opened) => ({
    packages: { 'node-rdkafka': { default: { ...rdkafka, ...recorded(opened) } } },
  }),
}

/** Its consumer, quick to notice things, and its producer, which tell that they were made. */
function recorded(opened: Opened): object {
  const { KafkaConsumer, Producer } = rdkafka as unknown as {
    KafkaConsumer: KafkaConsumer
    Producer: new (config: Config) => Client
  }
  const quick = { 'heartbeat.interval.ms': 50, 'fetch.wait.max.ms': 50, 'auto.commit.interval.ms': 100 }
  function make(config: Config, topics: Config): Client {
    const consumer = new KafkaConsumer({ ...quick, ...config }, topics)
    opened(() => new Promise<void>(resolve => consumer.disconnect(resolve)))
    return consumer
  }
  function createReadStream(config: Config, topics: Config, options: Config): Stream {
    const stream = KafkaConsumer.createReadStream({ ...quick, ...config }, topics, options)
    opened(() => new Promise<void>(resolve => stream.close(resolve)))
    return stream
  }
  function makeProducer(config: Config): Client {
    const producer = new Producer({ 'linger.ms': 1, ...config })
    opened(() => new Promise<void>(resolve => producer.disconnect(resolve)))
    return producer
  }
  return { KafkaConsumer: Object.assign(make, { createReadStream }), Producer: makeProducer }
}

const sides = skip === false ? 'both sides of each example do the same' : 'our side of each example does what it says'

test(`on the page about node-rdkafka, ${sides}`, { concurrency: true }, async t => {
  await compareAll(
    page,
    library,
    {
      Sending: { calls: 1, committed: 0, sent: 20 },
      Transactions: { calls: 1, committed: 0, sent: 2 },
      'TLS and SASL': { secured: true },
      Rebalances: { calls: 61 },
      'One partition, from an offset': { calls: 15, committed: 0 },
    },
    (name, run) => t.test(name, run),
  )
})

test(
  'members of node-rdkafka and Millrace share a group, as the page has it, and Millrace goes on alone',
  { skip },
  () => shareGroup(page, library, 'Flowing mode'),
)
