import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { exponential } from '../../src/base/backoff.ts'
import { systemClock } from '../../src/base/clock.ts'
import { MillraceError } from '../../src/base/errors.ts'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Broker, type FaultOptions } from '../../src/broker/index.ts'
import { Producer } from '../../src/producer/producer.ts'
import { inLanes } from './lanes.ts'
import { LogReader } from './log-reader.ts'

const topic = 'orders'
const source = 'source'
const group = 'g'
const partitions = 3
const nodes = 3
const transactionalId = 'x'
const silent = new StderrLogger('silent', systemClock)

const apis = [
  'Produce',
  'EndTxn',
  'EndTxn',
  'InitProducerId',
  'AddPartitionsToTxn',
  'AddOffsetsToTxn',
  'TxnOffsetCommit',
  'FindCoordinator',
] as const

/** What may be answered whatever happened before. */
const errors = {
  Produce: [
    'NOT_LEADER_OR_FOLLOWER',
    'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
    'CONCURRENT_TRANSACTIONS',
    'INVALID_RECORD',
    'INVALID_PRODUCER_EPOCH',
    'TRANSACTION_ABORTABLE',
  ],
  EndTxn: ['CONCURRENT_TRANSACTIONS', 'NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE'],
  InitProducerId: ['CONCURRENT_TRANSACTIONS', 'NOT_COORDINATOR', 'COORDINATOR_LOAD_IN_PROGRESS'],
  AddPartitionsToTxn: ['CONCURRENT_TRANSACTIONS', 'NOT_COORDINATOR', 'UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TXN_STATE'],
  AddOffsetsToTxn: ['CONCURRENT_TRANSACTIONS', 'NOT_COORDINATOR', 'TRANSACTION_ABORTABLE'],
  TxnOffsetCommit: ['NOT_COORDINATOR', 'COORDINATOR_LOAD_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'],
  FindCoordinator: ['COORDINATOR_NOT_AVAILABLE'],
} as const

export interface TransactionReport {
  committed: number
  aborted: number
  unknown: number
  fenced: number
}

type Fate = keyof TransactionReport

interface Written {
  /** In the order in which they were sent, by partition. */
  readonly values: string[][]
  /** That is committed with it. */
  offset: number | null
  /** When its function was called, among all: a producer that begins late takes over from those that began after it was made. */
  turn: number
  fate: Fate
}

/** Stories of as many seeds, some at a time. */
export async function runTransactionSchedules(seed: number, stories: number): Promise<TransactionReport> {
  const sum: TransactionReport = { committed: 0, aborted: 0, unknown: 0, fenced: 0 }
  await inLanes(seed, stories, async (each, host) => {
    const report = await runTransactionSchedule(each, host)
    for (const fate of Object.keys(sum) as Fate[]) sum[fate] += report[fate]
  })
  return sum
}

/**
 * One random story: transactions with messages and offsets, some of which fail by themselves, while calls are lost, late or refused,
 * leaders and coordinators move, nodes stop, and other producers take the transactional id over. Then what each promise said is held
 * against what readers of committed messages see.
 */
async function runTransactionSchedule(seed: number, host: string): Promise<TransactionReport> {
  const story = new Story(seed, host)
  try {
    return await story.tell()
  } finally {
    await story.close()
  }
}

class Story {
  readonly #seed: number
  readonly #host: string
  readonly #random: Random
  readonly #version: 1 | 2
  readonly #told: Written[] = []
  readonly #producers: Producer[] = []
  #turns = 0
  #broker: Broker | null = null
  #stopped = 0

  constructor(seed: number, host: string) {
    this.#seed = seed
    this.#host = host
    this.#random = seededRandom(seed)
    this.#version = this.#chance(0.5) ? 1 : 2
  }

  async tell(): Promise<TransactionReport> {
    const broker = await Broker.start({
      host: this.#host,
      nodes,
      topics: { [topic]: partitions, [source]: 1 },
      transactionVersion: this.#version,
    })
    this.#broker = broker
    let producer = this.#begin()
    let before: Promise<void> = Promise.resolve()
    for (let left = 8; left > 0; left--) {
      using _ = broker.fault(this.#fault())
      using __ = broker.fault(this.#fault())
      const written = this.#transaction(producer)
      if (this.#chance(0.2)) await broker.moveLeader(topic, this.#upTo(partitions - 1))
      await this.#turnNode(broker)
      if (this.#chance(0.15)) {
        // Another process takes over in the midst of it.
        await delay(this.#upTo(10))
        producer = this.#begin()
        before = Promise.all([before, written]).then(() => {})
      } else await written
    }
    await before
    if (this.#stopped > 0) await broker.startNode(this.#stopped)
    // Ends what is open still.
    await this.#begin(20_000, 10_000).transaction(async () => {})
    return this.#judge(broker)
  }

  async close(): Promise<void> {
    await Promise.all(this.#producers.map(producer => producer.close({ drainMs: 0 })))
    await this.#broker?.close()
  }

  #begin(
    deliveryTimeoutMs = this.#chance(0.3) ? 100 + this.#upTo(200) : 2_000,
    requestTimeoutMs = 60 + this.#upTo(60),
  ): Producer {
    const { brokers } = this.#broker as Broker
    const producer = new Producer(
      {
        brokers,
        transactionalId,
        logger: silent,
        requestTimeoutMs,
        deliveryTimeoutMs,
        transactionTimeoutMs: Math.max(2_000, deliveryTimeoutMs),
        batchBytes: 100 + this.#upTo(200),
        maxInFlight: 1 + this.#upTo(4),
        reconnect: { minMs: 1, maxMs: 10 },
      },
      { random: this.#another(this.#producers.length), backoff: exponential(1, 10) },
    )
    this.#producers.push(producer)
    return producer
  }

  async #transaction(producer: Producer): Promise<void> {
    const name = this.#told.length
    const written: Written = {
      values: Array.from({ length: partitions }, () => []),
      offset: null,
      turn: 0,
      fate: 'aborted',
    }
    this.#told.push(written)
    const given = new Error('given up')
    const random = this.#another(100 + name)
    const upTo = (most: number) => Math.floor(random() * (most + 1))
    try {
      await producer.transaction(async tx => {
        written.turn = ++this.#turns
        for (let n = 0, count = 1 + upTo(8); n < count; n++) {
          const partition = upTo(partitions - 1)
          const value = `${name}.${n}`
          written.values[partition]?.push(value)
          const sent = tx.send({ topic, partition, value })
          if (random() < 0.2) await sent.catch(() => {})
        }
        if (random() < 0.5) {
          written.offset = name + 1
          const sent = tx.sendOffsets([{ topic: source, partition: 0, offset: name + 1 }], { group })
          if (random() < 0.5) await sent
        }
        if (random() < 0.2) throw given
      })
      written.fate = 'committed'
    } catch (thrown) {
      const code = thrown instanceof MillraceError ? thrown.code : ''
      assert.ok(thrown === given || code !== '', String(thrown))
      if (code === 'TRANSACTION_UNKNOWN') written.fate = 'unknown'
      else if (code === 'PRODUCER_FENCED') written.fate = 'fenced'
    }
  }

  async #turnNode(broker: Broker): Promise<void> {
    if (this.#stopped === 0 && this.#chance(0.1)) {
      this.#stopped = 1 + this.#upTo(nodes - 1)
      await broker.stopNode(this.#stopped)
    } else if (this.#stopped > 0 && this.#chance(0.6)) {
      await broker.startNode(this.#stopped)
      this.#stopped = 0
    }
  }

  #fault(): FaultOptions {
    const api = apis[this.#upTo(apis.length - 1)] as (typeof apis)[number]
    const where = { api, skip: this.#upTo(2), count: 1 + this.#upTo(this.#chance(0.2) ? 30 : 2) }
    switch (this.#upTo(5)) {
      case 0:
        return { ...where, action: { drop: 'before' } }
      case 1:
        return { ...where, action: { drop: 'after' } }
      case 2:
        return { ...where, action: { delayMs: this.#upTo(150) } }
      case 3:
        return { ...where, action: { noReply: true } }
      case 4:
        return { ...where, action: { truncate: this.#upTo(30) } }
      default: {
        const known = errors[api]
        return { ...where, action: { error: known[this.#upTo(known.length - 1)] ?? 'REQUEST_TIMED_OUT' } }
      }
    }
  }

  async #judge(broker: Broker): Promise<TransactionReport> {
    await using reader = new LogReader(broker)
    const logs = await Promise.all(Array.from({ length: partitions }, (_, at) => reader.values(topic, at)))
    const seen = logs.map(log => new Set(log))
    const report: TransactionReport = { committed: 0, aborted: 0, unknown: 0, fenced: 0 }
    const counted = this.#told.filter(({ values, fate }, name) => {
      report[fate]++
      const there = values.flatMap((sent, at) => sent.map(value => seen[at]?.has(value) === true))
      // One that could not begin has none.
      const whole = there.length > 0 && !there.includes(false)
      assert.ok(whole || !there.includes(true), `half of transaction ${name}, which is ${fate}, can be read`)
      if (fate === 'committed') assert.ok(whole, `transaction ${name} was committed, and cannot be read`)
      else if (fate !== 'unknown') assert.ok(!whole, `transaction ${name} is ${fate}, and can be read`)
      return whole
    })
    counted.sort((a, b) => a.turn - b.turn)
    for (const [at, log] of logs.entries()) {
      const expected = counted.flatMap(({ values }) => values[at] ?? [])
      assert.deepEqual(log, expected, `partition ${at} has other messages than were sent, or in another order`)
    }
    const offset = counted.findLast(each => each.offset !== null)?.offset ?? undefined
    const committed = await broker.committed(group)
    assert.equal(committed[0]?.offset, offset, 'the offset is not that of the last transaction that counts')
    return report
  }

  /** Lots of its own, for what goes on at the same time. */
  #another(at: number): Random {
    return seededRandom(this.#seed * 1_000 + at)
  }

  #upTo(most: number): number {
    return Math.floor(this.#random() * (most + 1))
  }

  #chance(share: number): boolean {
    return this.#random() < share
  }
}
