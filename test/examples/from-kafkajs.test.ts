import { test } from 'node:test'
import * as kafkajs from 'kafkajs'
import { compareAll, type Library, type Opened, shareGroup } from './migration.ts'

const page = 'migrating/from-kafkajs.md'

const library: Library = {
  name: 'kafkajs',
  installed: true,
  give(brokers, opened) {
    const Kafka = recorded(opened)
    return { names: { kafka: new Kafka({ brokers: [...brokers] }) }, packages: { kafkajs: { ...kafkajs, Kafka } } }
  },
}

/** kafkajs, silent and quick to notice things, which tells of its consumers and producers. */
function recorded(opened: Opened): typeof kafkajs.Kafka {
  return class extends kafkajs.Kafka {
    constructor(config: kafkajs.KafkaConfig) {
      super({ logLevel: kafkajs.logLevel.NOTHING, retry: { initialRetryTime: 20 }, ...config })
    }

    override consumer(config: kafkajs.ConsumerConfig): kafkajs.Consumer {
      const consumer = super.consumer({ maxWaitTimeInMs: 50, ...config })
      opened(() => consumer.disconnect())
      return consumer
    }

    override producer(config?: kafkajs.ProducerConfig): kafkajs.Producer {
      const producer = super.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner, ...config })
      opened(() => producer.disconnect())
      return producer
    }
  }
}

test('on the page about kafkajs, both sides of each example do the same', { concurrency: true }, async t => {
  const owned = 1
  await compareAll(
    page,
    library,
    {
      'Only new messages': { written: 9, calls: owned + 9, committed: 69 },
      Failures: { refused: 'order 7' },
      Seek: { calls: 15, committed: null },
      Sending: { calls: 1, committed: 0, sent: 20 },
      'Sending many': { calls: 1, committed: 0, sent: 100 },
      'What cannot be written': { calls: 1, committed: 0, sent: 2 },
      Transactions: { calls: 1, committed: 5, sent: 2 },
      'TLS and SASL': { secured: true },
      Logging: { calls: 0, committed: 0 },
      Admin: { calls: 1, committed: 10 },
    },
    (name, run) => t.test(name, run),
  )
})

test('members of kafkajs and Millrace share a group, as the page has it, and Millrace goes on alone', () =>
  shareGroup(page, library, 'Many at once'))
