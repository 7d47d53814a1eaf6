import assert from 'node:assert/strict'
import test from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import { until } from '../until.ts'
import { connect, connectProducer, Member } from './kafkajs.ts'

const topic = 'traffic'
const group = 'readers'

/** A producer that writes one message after the other, and a member of a group that reads them. */
class Traffic implements AsyncDisposable {
  readonly broker: Broker
  readonly member: Member
  readonly #written: string[] = []
  #writing: Promise<void> = Promise.resolve()
  #ending = false

  private constructor(broker: Broker, member: Member) {
    this.broker = broker
    this.member = member
  }

  static async start(): Promise<Traffic> {
    const broker = await Broker.start({
      nodes: 3,
      topics: { [topic]: 3 },
      config: { 'group.min.session.timeout.ms': '100' },
    })
    // When it begins anew, the group waits for the member that it was before.
    const options = { sessionTimeout: 1_000 }
    const traffic = new Traffic(broker, await Member.join(connect([...broker.brokers]), group, topic, options))
    traffic.#writing = traffic.#write()
    // Whoever waits for the writing is told; nobody may, while a test fails for another reason.
    traffic.#writing.catch(() => {})
    return traffic
  }

  async #write(): Promise<void> {
    await using producer = await connectProducer(connect([...this.broker.brokers]), { idempotent: true })
    for (let next = 0; !this.#ending; next++) {
      await producer.send({ topic, messages: [{ key: `key ${next % 20}`, value: String(next) }] })
      this.#written.push(String(next))
      await until('the reader keeps up', () => this.#ending || this.member.messages.length > next - 20)
    }
  }

  /** Resolves when that is so, unless the writing failed before. */
  async until(what: Promise<unknown>): Promise<void> {
    await Promise.race([this.#writing, what])
  }

  /** Resolves when more was acknowledged, and all of that is read. */
  async flows(): Promise<void> {
    const more = this.#written.length + 20
    await this.until(until('messages are acknowledged', () => this.#written.length >= more))
    const acknowledged = [...this.#written]
    const all = () => {
      const read = new Set(this.member.values)
      return acknowledged.every(value => read.has(value))
    }
    await until('they are read', all)
  }

  /** Ends the writing. Each message must be in the log once, and its partition's messages in the order in which they were sent. */
  async end(): Promise<void> {
    this.#ending = true
    await this.#writing
    await using witness = await Member.join(connect([...this.broker.brokers]), 'witness', topic)
    await witness.has(this.#written.length)
    assert.deepEqual(witness.values.toSorted(), this.#written.toSorted())
    for (const key of new Set(witness.messages.map(({ key }) => String(key)))) {
      const numbers = witness.messages.filter(message => String(message.key) === key).map(({ value }) => Number(value))
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
        key,
      )
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true
    await this.#writing.catch(() => {})
    await this.member[Symbol.asyncDispose]()
    await this.broker.close()
  }
}

test('kafkajs carries on, and loses and doubles nothing', { concurrency: true }, async t => {
  await Promise.all([
    t.test('when leaders move', async () => {
      await using traffic = await Traffic.start()
      const { broker } = traffic
      for (let round = 0; round < 3; round++) {
        for (const partition of [0, 1, 2]) await broker.moveLeader(topic, partition)
        await traffic.flows()
      }
      await traffic.end()
    }),

    t.test('when nodes stop and come back', async () => {
      await using traffic = await Traffic.start()
      for (const node of [1, 2, 3]) {
        await traffic.broker.stopNode(node)
        await traffic.flows()
        await traffic.broker.startNode(node)
        await traffic.flows()
      }
      await traffic.end()
    }),

    t.test('when the coordinator moves', async () => {
      await using traffic = await Traffic.start()
      for (const node of [1, 2, 3]) {
        await traffic.broker.setCoordinator('group', group, node)
        await traffic.flows()
      }
      await traffic.end()
    }),

    t.test('when answers are errors, or never come', async () => {
      await using traffic = await Traffic.start()
      const { broker } = traffic
      // To begin with all must go well: kafkajs tries nothing twice while it connects.
      await traffic.flows()
      const faults = [
        broker.fault({ api: 'Produce', topic, count: 2, action: { error: 'NOT_LEADER_OR_FOLLOWER' } }),
        broker.fault({ api: 'Produce', topic, skip: 2, count: 1, action: { drop: 'after' } }),
        broker.fault({ api: 'Produce', topic, skip: 5, count: 1, action: { drop: 'before' } }),
        broker.fault({ api: 'Fetch', topic, count: 2, action: { error: 'NOT_LEADER_OR_FOLLOWER' } }),
        broker.fault({ api: 'Fetch', topic, skip: 2, count: 1, action: { drop: 'before' } }),
        broker.fault({ api: 'OffsetCommit', group, count: 1, action: { error: 'COORDINATOR_LOAD_IN_PROGRESS' } }),
        broker.fault({ api: 'Heartbeat', group, count: 1, action: { error: 'REBALANCE_IN_PROGRESS' } }),
        broker.fault({ api: 'Heartbeat', group, skip: 1, count: 1, action: { error: 'UNKNOWN_MEMBER_ID' } }),
        broker.fault({ api: 'Metadata', count: 1, action: { drop: 'before' } }),
      ]
      for (const fault of faults) await traffic.until(fault.hit())
      await traffic.flows()
      await traffic.end()
    }),
  ])
})
