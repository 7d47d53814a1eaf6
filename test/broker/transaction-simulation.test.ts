import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { splitBatches } from '../../src/records/split-batches.ts'
import { ClusterBench } from './cluster-bench.ts'
import { messagesIn } from './log-bench.ts'

const timeoutMs = 10_000
const place = { topic: 't', partition: 0 }

/**
 * A process that writes under a transactional id that others have too, in the ways of transaction version 1 or 2. All have the same one:
 * Kafka takes the first end of version 2 after one of version 1 for a repeated one when it comes from the producer fenced last.
 */
class Writer {
  readonly #world: World
  readonly #version: 1 | 2
  #producer = { producerId: -1 as number | bigint, producerEpoch: -1 }
  #sequences = [0, 0]
  /** What it calls the transaction that it writes. */
  #transaction = ''
  /** How it last asked for an end, in case it asks again. */
  #asked: { readonly body: object; readonly transaction: string; readonly committed: boolean } | null = null

  constructor(world: World, version: 1 | 2) {
    this.#world = world
    this.#version = version
  }

  async anything(): Promise<void> {
    const what = this.#world.below(20)
    if (what < 2 || this.#transaction === '') await this.#begin(this.#world.below(2) === 0)
    else if (what < 13) await this.#write(this.#world.below(2))
    else if (what < 18) await this.#end(this.#world.below(3) > 0)
    else if (this.#asked !== null && this.#mayAskAgain(this.#asked.transaction)) await this.#tell(this.#asked)
  }

  /** In version 1, what comes late ends the next transaction, which is why there is a version 2 (KIP-890). */
  #mayAskAgain(transaction: string): boolean {
    return this.#version === 2 || transaction === this.#transaction
  }

  async #begin(goesOn: boolean): Promise<void> {
    const more = goesOn && this.#producer.producerEpoch >= 0 ? this.#producer : {}
    const body = { transactionalId: 'x', transactionTimeoutMs: timeoutMs, ...more }
    const { errorCode, producerId, producerEpoch } = await this.#world.bench.ask('InitProducerId', 5, body)
    if (errorCode === errorCodes.NONE) this.#become({ producerId, producerEpoch })
  }

  #become(producer: { producerId: number | bigint; producerEpoch: number }): void {
    this.#producer = producer
    this.#sequences = [0, 0]
    this.#transaction = this.#world.newName()
  }

  async #write(partition: number): Promise<void> {
    const { bench } = this.#world
    const { producerId, producerEpoch } = this.#producer
    if (this.#version === 1) {
      const topics = [{ name: 't', partitions: [partition] }]
      await bench.ask('AddPartitionsToTxn', 3, {
        v3AndBelowTransactionalId: 'x',
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: producerEpoch,
        v3AndBelowTopics: topics,
      })
    }
    const baseSequence = this.#sequences[partition] as number
    const now = bench.clock.wallTime()
    const options = { producerId, producerEpoch, baseSequence, transactional: true, now }
    const records = writeBatch([{ value: this.#transaction }], options)
    const topicData = [{ name: 't', partitionData: [{ index: partition, records }] }]
    const body = { transactionalId: 'x', acks: -1, timeoutMs: 1_000, topicData }
    const answer = await bench.ask('Produce', this.#version === 1 ? 11 : 12, body)
    if (answer.responses[0]?.partitionResponses[0]?.errorCode !== errorCodes.NONE) return
    this.#sequences[partition] = baseSequence + 1
    this.#world.wrote(this.#transaction)
  }

  async #end(committed: boolean): Promise<void> {
    const body = { transactionalId: 'x', ...this.#producer, committed }
    this.#asked = { body, transaction: this.#transaction, committed }
    await this.#tell(this.#asked)
  }

  async #tell({
    body,
    transaction,
    committed,
  }: {
    body: object
    transaction: string
    committed: boolean
  }): Promise<void> {
    const version = this.#version === 1 ? 4 : 5
    const { errorCode, producerId, producerEpoch } = await this.#world.bench.ask('EndTxn', version, body)
    if (errorCode !== errorCodes.NONE) return
    this.#world.ended(transaction, committed)
    if (transaction !== this.#transaction) return
    if (this.#version === 2) this.#become({ producerId, producerEpoch })
    else this.#transaction = this.#world.newName()
  }
}

/** Writers that do not know of one another, and what was acknowledged to them. */
class World {
  readonly bench = new ClusterBench()
  readonly #random: Random
  /** How many records each transaction has. */
  readonly written = new Map<string, number>()
  readonly #fates = new Map<string, 'commit' | 'abort'>()
  #names = 0

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  /** A number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  newName(): string {
    return `transaction ${this.#names++}`
  }

  wrote(transaction: string): void {
    assert.equal(this.#fates.get(transaction), undefined, `${transaction} was written to after its end`)
    this.written.set(transaction, (this.written.get(transaction) ?? 0) + 1)
  }

  ended(transaction: string, committed: boolean): void {
    const fate = committed ? 'commit' : 'abort'
    assert.equal(this.#fates.get(transaction) ?? fate, fate, `${transaction} ended in two ways`)
    this.#fates.set(transaction, fate)
  }

  /** How many records of each transaction a reader of what is committed gets from both partitions. */
  async read(): Promise<Map<string, number>> {
    const counts = new Map<string, number>()
    const partitions = [0, 1].map(partition => ({ partition, fetchOffset: 0, partitionMaxBytes: 1 << 24 }))
    const limits = { maxWaitMs: 0, minBytes: 0, maxBytes: 1 << 24, isolationLevel: 1 }
    const { responses } = await this.bench.ask('Fetch', 12, { ...limits, topics: [{ topic: 't', partitions }] })
    for (const { records, abortedTransactions, highWatermark, lastStableOffset } of responses[0]?.partitions ?? []) {
      assert.equal(lastStableOffset, highWatermark, 'a transaction is still open')
      const { batches } = splitBatches(records ?? Buffer.alloc(0), 0, records?.length ?? 0, place)
      for (const [, , value] of await messagesIn(batches, abortedTransactions)) {
        counts.set(String(value), (counts.get(String(value)) ?? 0) + 1)
      }
    }
    return counts
  }

  get committed(): Map<string, number> {
    return new Map([...this.written].filter(([name]) => this.#fates.get(name) === 'commit'))
  }
}

test('what was acknowledged as committed is read whole, and nothing else, whoever fences whom', async () => {
  let [written, committed] = [0, 0]
  await fc.assert(
    fc.asyncProperty(fc.integer(), async seed => {
      const world = new World(seed)
      const { clock, cluster } = world.bench
      const idle = clock.timers
      const version = world.below(2) === 0 ? 1 : 2
      const writers = Array.from({ length: 4 }, () => new Writer(world, version))
      for (let step = 0; step < 80; step++) {
        // A writer is mostly left to go on for a while.
        const writer = writers[world.below(writers.length)] as Writer
        for (let at = world.below(6); at >= 0; at--) await writer.anything()
        if (world.below(15) === 0) await clock.advance(world.below(2 * timeoutMs))
      }
      await clock.advance(timeoutMs)
      assert.deepEqual(new Map([...(await world.read())].sort()), new Map([...world.committed].sort()))
      assert.ok(clock.timers <= idle + 1, 'timeouts of transactions outlive them')
      written += world.written.size
      committed += world.committed.size
      cluster.close()
      assert.equal(clock.timers, 0)
    }),
    { numRuns: 40 },
  )
  assert.ok(committed > 100 && written - committed > 100, `${committed} of ${written} transactions were committed`)
})
