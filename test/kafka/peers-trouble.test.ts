import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import { copied } from '../peers/java-sessions.ts'
import { until } from '../until.ts'
import { Child } from './child.ts'
import { startJava } from './java.ts'

const topic = 'traffic'
const group = 'traffic'

/** What the verifiable clients say, a JSON object per line. */
interface Said {
  readonly name: string
  readonly value: string
  readonly partition: number
  readonly offset: number
  readonly success: boolean
  readonly acked: number
}

/** Kafka's verifiable producer and consumer, made for the system tests of Kafka itself: they tell each message, sent and read. */
class Traffic implements AsyncDisposable {
  readonly #written = new Map<string, string>()
  readonly #read = new Set<string>()
  readonly #wrong: string[] = []
  #committed = 0
  /** How many the producer says it wrote, when it ends. */
  #sum = -1
  readonly #programs: Child[] = []
  #folder = ''

  static async start(broker: Broker): Promise<Traffic> {
    const traffic = new Traffic()
    await traffic.#start(broker.brokers.join())
    return traffic
  }

  async #start(brokers: string): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'millrace-traffic-'))
    // Its own default is not to try again.
    const config = join(this.#folder, 'producer.properties')
    await writeFile(config, 'enable.idempotence=true\nretries=2147483647\n')
    const common = ['--bootstrap-server', brokers, '--topic', topic]
    const write = ['--throughput', '200', '--repeating-keys', '20', '--producer.config', config]
    const read = ['--group-id', group, '--reset-policy', 'earliest', '--verbose']
    await this.#run('VerifiableProducer', [...common, ...write], said => this.#hearProducer(said))
    await this.#run('VerifiableConsumer', [...common, ...read], said => this.#hearConsumer(said))
  }

  async #run(name: string, args: readonly string[], hear: (said: Said) => void): Promise<void> {
    const process = await startJava(`org.apache.kafka.tools.${name}`, args)
    this.#programs.push(new Child(name, process, line => line.startsWith('{') && hear(JSON.parse(line))))
  }

  #hearProducer(said: Said): void {
    if (said.name === 'producer_send_success') this.#written.set(place(said), said.value)
    if (said.name === 'producer_send_error') this.#wrong.push(JSON.stringify(said))
    if (said.name === 'tool_data') this.#sum = said.acked
  }

  #hearConsumer(said: Said): void {
    if (said.name === 'record_data') this.#read.add(place(said))
    if (said.name === 'offsets_committed' && said.success) this.#committed += 1
  }

  /** Resolves when more was acknowledged, all of that is read, and offsets were committed again. */
  async flows(): Promise<void> {
    const more = this.#written.size + 100
    await this.#until('messages are acknowledged', () => this.#written.size >= more)
    const acknowledged = [...this.#written.keys()]
    await this.#until('they are read', () => acknowledged.every(each => this.#read.has(each)))
    const commits = this.#committed
    await this.#until('offsets are committed', () => this.#committed > commits)
  }

  async #until(what: string, condition: () => boolean): Promise<void> {
    const ended = () => this.#programs.find(program => !program.running)
    await until(what, () => condition() || ended()).catch(error => this.#fail(error))
    const program = ended()
    if (program) throw program.failure(`should run until ${what}`)
  }

  #fail(error: Error): never {
    const failures = this.#programs.map(program => program.failure('was waited for').message)
    throw new Error([...failures, ...this.#wrong].join('\n'), { cause: error })
  }

  /** Ends the writing. Each message was acknowledged, and is in the log once and without a gap. */
  async end(): Promise<void> {
    const [producer] = this.#programs
    await producer?.end('SIGTERM')
    assert.deepEqual(this.#wrong, [])
    await until('the producer told all', () => this.#written.size === this.#sum)
    await until('all is read', () => this.#read.size >= this.#written.size)
    assert.deepEqual([...this.#read].toSorted(), [...this.#written.keys()].toSorted())
    const numbers = [...this.#written.values()].map(Number).toSorted((a, b) => a - b)
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#programs.map(program => program.end('SIGKILL')))
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** A message is known by where it is: what was written twice is in two places. */
function place({ partition, offset }: Said): string {
  return `${partition}:${offset}`
}

test("Kafka's own clients carry on while leaders, nodes and coordinators move and answers are errors, and lose nothing", async t => {
  await using broker = await Broker.start({ nodes: 3, topics: { [topic]: 3 } })
  await using traffic = await Traffic.start(broker)
  await t.test('to begin with', () => traffic.flows())

  await t.test('leaders move', async () => {
    for (let round = 0; round < 3; round++) {
      for (const partition of [0, 1, 2]) await broker.moveLeader(topic, partition)
      await traffic.flows()
    }
  })

  await t.test('nodes stop and come back', async () => {
    for (const node of [1, 2, 3]) {
      await broker.stopNode(node)
      await traffic.flows()
      await broker.startNode(node)
      await traffic.flows()
    }
  })

  await t.test('the coordinator moves', async () => {
    for (const node of [1, 2, 3]) {
      await broker.setCoordinator('group', group, node)
      await traffic.flows()
    }
  })

  await t.test('answers are errors, or never come', async () => {
    const faults = [
      broker.fault({ api: 'Produce', topic, count: 2, action: { error: 'NOT_LEADER_OR_FOLLOWER' } }),
      broker.fault({ api: 'Produce', topic, skip: 2, count: 1, action: { drop: 'after' } }),
      broker.fault({ api: 'Produce', topic, skip: 3, count: 1, action: { drop: 'before' } }),
      broker.fault({ api: 'Fetch', topic, count: 2, action: { error: 'NOT_LEADER_OR_FOLLOWER' } }),
      broker.fault({ api: 'Fetch', topic, skip: 2, count: 1, action: { drop: 'before' } }),
      broker.fault({ api: 'OffsetCommit', group, count: 2, action: { error: 'COORDINATOR_LOAD_IN_PROGRESS' } }),
      broker.fault({ api: 'Heartbeat', group, count: 1, action: { error: 'REBALANCE_IN_PROGRESS' } }),
    ]
    for (const fault of faults) await fault.hit(1)
    await traffic.flows()
  })

  await t.test('all that was acknowledged is there, once', () => traffic.end())
})

test("Kafka's own clients copy in transactions while all that happens, and what arrives is all of it, once", async () => {
  await using broker = await Broker.start({ nodes: 3, topics: { from: 3, to: 3 } })
  const faults = [
    broker.fault({ api: 'EndTxn', skip: 3, count: 2, action: { drop: 'after' } }),
    broker.fault({ api: 'EndTxn', skip: 4, count: 2, action: { drop: 'before' } }),
    broker.fault({ api: 'EndTxn', skip: 6, count: 2, action: { error: 'CONCURRENT_TRANSACTIONS' } }),
    broker.fault({ api: 'TxnOffsetCommit', skip: 3, count: 2, action: { drop: 'after' } }),
    broker.fault({ api: 'TxnOffsetCommit', skip: 6, count: 2, action: { error: 'COORDINATOR_LOAD_IN_PROGRESS' } }),
    broker.fault({ api: 'Produce', topic: 'to', skip: 5, count: 2, action: { drop: 'after' } }),
    broker.fault({ api: 'Produce', topic: 'to', skip: 9, count: 2, action: { error: 'NOT_LEADER_OR_FOLLOWER' } }),
  ]
  let copying = true
  const copy = copied(broker.brokers, 'from', 'to', 500).finally(() => {
    copying = false
  })
  const more = async () => {
    using written = broker.fault({ api: 'EndTxn', count: 3, action: { observe: true } })
    await Promise.race([copy, written.hit(3)])
  }
  for (let node = 1; copying; node = (node % 3) + 1) {
    await more()
    await broker.setCoordinator('transaction', 'to', node)
    await more()
    await broker.setCoordinator('group', 'from', node)
    await more()
    for (const partition of [0, 1, 2]) await broker.moveLeader('to', partition)
    await more()
    await broker.stopNode(node)
    await more()
    await broker.startNode(node)
  }
  await copy
  for (const fault of faults) await fault.hit(2)
})
