import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import { NativeClient, type RecordInput, writeBatch } from '../../src/index.ts'

export const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** An embedded broker for the tests of one file, and topics with messages in it. */
export class WrittenTopics {
  #broker: Broker | null = null
  #client: NativeClient | null = null
  #made = 0

  constructor() {
    before(async () => {
      this.#broker = await Broker.start({ config: { 'group.initial.rebalance.delay.ms': '0' } })
      this.#client = new NativeClient({ brokers: this.#broker.brokers, logger: quiet })
    })
    after(async () => {
      await this.#client?.close()
      await this.#broker?.close()
    })
  }

  /** There from the first test on. */
  get broker(): Broker {
    return this.#broker as Broker
  }

  get client(): NativeClient {
    return this.#client as NativeClient
  }

  /** The name of a new topic that has these messages in each of its `written` partitions, by default in the first one. */
  async make(records: readonly RecordInput[], { partitions = 1, written = 1 } = {}): Promise<string> {
    const topic = `t${++this.#made}`
    await this.broker.createTopic(topic, { partitions })
    await this.client.metadata([topic])
    const bytes = writeBatch(records)
    const batches = Array.from({ length: written }, (_, partition) => ({ topic, partition, records: bytes }))
    for (const { error } of await this.client.produce(batches)) assert.equal(error, null)
    return topic
  }
}
