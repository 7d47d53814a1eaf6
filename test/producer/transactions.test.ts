import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Backoff, constant, exponential } from '../../src/base/backoff.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Broker, type FaultAction } from '../../src/broker/index.ts'
import type { ProducerOptions } from '../../src/producer/options.ts'
import { Producer } from '../../src/producer/producer.ts'
import { TransactionError } from '../../src/producer/transaction-error.ts'
import type { Bytes } from '../../src/records/batch-builder.ts'
import { until } from '../until.ts'
import { LogReader } from './log-reader.ts'

const topic = 'orders'
const silent = new StderrLogger('silent', systemClock)

/** A broker, and producers that are quick to notice things. */
class Bench implements AsyncDisposable {
  readonly broker: Broker
  /** Deadlines pass when a test says so; what is waited for takes its time all the same. */
  readonly #clock: Clock = {
    ...systemClock,
    now: () => systemClock.now() + this.#passed,
    after: (ms, fn) => systemClock.after(ms === functionMs ? this.functionMs : ms, fn),
  }
  #passed = 0
  /** How long the function of a transaction may take. */
  functionMs = functionMs
  readonly #reader: LogReader
  readonly #producers: Producer[] = []

  private constructor(broker: Broker) {
    this.broker = broker
    this.#reader = new LogReader({ brokers: broker.brokers })
  }

  static async start(transactionVersion: 1 | 2, nodes = 1): Promise<Bench> {
    return new Bench(await Broker.start({ nodes, topics: { [topic]: 2 }, transactionVersion }))
  }

  pass(ms: number): void {
    this.#passed += ms
  }

  producer(options: Partial<ProducerOptions<Bytes, Bytes>> = {}, backoff: Backoff = exponential(1, 10)): Producer {
    const quick = { requestTimeoutMs: 200, deliveryTimeoutMs: 20_000, reconnect: { minMs: 1, maxMs: 5 } }
    const producer = new Producer(
      { brokers: this.broker.brokers, transactionalId: 'x', logger: silent, ...quick, ...options },
      { backoff, clock: this.#clock },
    )
    this.#producers.push(producer)
    return producer
  }

  /** What readers of committed messages see, of both partitions. */
  async committed(): Promise<string[]> {
    return [...(await this.#reader.values(topic, 0)), ...(await this.#reader.values(topic, 1))]
  }

  async offset(group = 'g'): Promise<number | undefined> {
    return (await this.broker.committed(group))[0]?.offset
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#producers.map(producer => producer.close({ drainMs: 0 })))
    await this.#reader.close()
    await this.broker.close()
  }
}

function write(producer: Producer, ...values: string[]): Promise<unknown> {
  return producer.transaction(tx => Promise.all(values.map((value, at) => tx.send(to(value, at % 2)))))
}

function to(value: string, partition = 0) {
  return { topic, partition, value }
}

/** That the transaction rejects with this code; answers the error. */
async function rejected(transaction: Promise<unknown>, code: string): Promise<TransactionError> {
  const error = await transaction.then(
    () => assert.fail(`it was committed, not ${code}`),
    thrown => thrown,
  )
  assert.ok(error instanceof TransactionError, String(error?.stack ?? error))
  assert.equal(error.code, code, error.message)
  return error
}

/** Nine tenths of the default. */
const functionMs = 54_000
const offsets = [{ topic, partition: 0, offset: 7 }]
const never = new Promise<never>(() => {})

for (const version of [1, 2] as const) {
  describe(`transactions of version ${version}`, () => {
    test('what is committed is read whole, what is aborted not at all, and the error of the function is told', async () => {
      await using bench = await Bench.start(version)
      const producer = bench.producer()
      assert.equal(await producer.transaction(async () => 'nothing in it'), 'nothing in it')
      await write(producer, 'a', 'b', 'c')
      const mine = new Error('of mine')
      const aborted = producer.transaction(async tx => {
        await tx.send(to('never'))
        throw mine
      })
      await assert.rejects(aborted, error => error === mine)
      await producer.transaction(async tx => void tx.send(to('not awaited')))
      const nothing = producer.transaction(() => Promise.reject(mine))
      await assert.rejects(nothing, error => error === mine)
      await write(producer, 'd')
      assert.deepEqual(await bench.committed(), ['a', 'c', 'not awaited', 'd', 'b'])
    })

    test('partitions and groups are asked for as that version does', async () => {
      await using bench = await Bench.start(version)
      const producer = bench.producer()
      const adds = bench.broker.fault({ api: ['AddPartitionsToTxn', 'AddOffsetsToTxn'], action: { observe: true } })
      const inits = bench.broker.fault({ api: 'InitProducerId', action: { observe: true } })
      await producer.transaction(async tx => {
        await tx.sendOffsets(offsets, { group: 'g' })
        await tx.sendBatch([to('a'), to('b', 1), to('c')])
      })
      await write(producer, 'd')
      // Both partitions in one request.
      assert.equal(adds.hits, version === 1 ? 3 : 0)
      assert.equal(inits.hits, 1)
    })

    test('offsets count if the transaction does', async () => {
      await using bench = await Bench.start(version)
      const producer = bench.producer()
      const sent = (offset: number, fails: boolean) =>
        producer.transaction(async tx => {
          await tx.sendOffsets([{ topic, partition: 0, offset, metadata: 'm' }], { group: 'g' })
          if (fails) throw new Error('no')
        })
      await assert.rejects(sent(5, true))
      assert.equal(await bench.offset(), undefined)
      await sent(6, false)
      await assert.rejects(sent(8, true))
      assert.equal(await bench.offset(), 6)
      await producer.transaction(tx => tx.sendOffsets([], { group: 'g' }))
      await producer.transaction(async tx => void tx.sendOffsets([{ topic, partition: 0, offset: 9 }], { group: 'g' }))
      assert.equal(await bench.offset(), 9, 'offsets that the function did not wait for')
    })

    test('a member that is none any more commits nothing, and its messages do not count', async () => {
      await using bench = await Bench.start(version)
      const producer = bench.producer()
      const zombie = { group: 'g', memberId: 'gone', generation: 3 }
      for (const swallows of [false, true]) {
        const aborted = producer.transaction(async tx => {
          await tx.send(to('never'))
          const sent = tx.sendOffsets(offsets, zombie)
          await (swallows ? sent.catch(() => {}) : sent)
        })
        const { cause, retriable } = await rejected(aborted, 'TRANSACTION_ABORTED')
        assert.equal((cause as { code?: string }).code, 'ILLEGAL_GENERATION')
        assert.equal(retriable, false)
      }
      await write(producer, 'a')
      assert.deepEqual(await bench.committed(), ['a'])
      assert.equal(await bench.offset(), undefined)
    })

    test('who says to be a member, and has no generation, commits nothing', async () => {
      await using bench = await Bench.start(version)
      const producer = bench.producer()
      for (const member of [
        { memberId: '', generation: -1 },
        { memberId: 'm' },
        { generation: 3 },
        { instanceId: 'i' },
      ]) {
        const aborted = producer.transaction(tx => tx.sendOffsets(offsets, { group: 'g', ...member }))
        const { cause } = await rejected(aborted, 'TRANSACTION_ABORTED')
        assert.equal((cause as { code?: string }).code, 'UNKNOWN_MEMBER_ID')
      }
      assert.equal(await bench.offset(), undefined)
    })

    test('offsets that are none are not sent', async () => {
      await using bench = await Bench.start(version)
      const producer = bench.producer()
      for (const wrong of [{ offset: -1 }, { offset: 1.5 }, { offset: Number.NaN }, { partition: -1 }]) {
        const aborted = producer.transaction(tx => {
          return tx.sendOffsets([...offsets, { topic, partition: 1, offset: 3, ...wrong }], { group: 'g' })
        })
        assert.match((await rejected(aborted, 'TRANSACTION_ABORTED')).message, /'orders', partition .* must be a whole/)
      }
      assert.equal(await bench.offset(), undefined)
    })

    test('a message that fails aborts all, whoever hears of it, and at once', async () => {
      await using bench = await Bench.start(version)
      const producer = bench.producer()
      const waits = Promise.withResolvers<unknown>()
      const aborted = producer.transaction(async tx => {
        const before = await tx.send(to('before'))
        assert.equal(before.offset, 0)
        const large = await tx.send(to('x'.repeat(2 ** 21))).catch(error => error)
        assert.equal(large.code, 'MESSAGE_TOO_LARGE')
        assert.equal(tx.signal.aborted, true)
        const after = await tx.send(to('after')).catch(error => error)
        assert.deepEqual([after.code, after.written], ['TRANSACTION_ABORTED', 'no'])
        const group = await tx.sendOffsets(offsets, { group: 'g' }).catch(error => error)
        assert.equal(group.code, 'MESSAGE_TOO_LARGE')
        waits.resolve(null)
      })
      const { cause } = await rejected(aborted, 'TRANSACTION_ABORTED')
      assert.equal((cause as { code?: string }).code, 'MESSAGE_TOO_LARGE')
      await write(producer, 'a')
      assert.deepEqual(await bench.committed(), ['a'])
    })

    test('what waits when a transaction breaks is given up, and not tried until its time is over', async () => {
      await using bench = await Bench.start(version)
      const producer = bench.producer({ deliveryTimeoutMs: 30_000 })
      const began = performance.now()
      const aborted = producer.transaction(async tx => {
        const unknown = tx.send({ topic: 'no such topic!', value: 'a' }).catch(error => error)
        await assert.rejects(tx.send({ topic, partition: 9, value: 'a' }), { code: 'UNKNOWN_PARTITION' })
        await unknown
      })
      await rejected(aborted, 'TRANSACTION_ABORTED')
      assert.ok(performance.now() - began < 10_000)
      await write(producer, 'a')
    })

    test('calls for a transaction that is broken are not repeated', { timeout: 30_000 }, async () => {
      await using bench = await Bench.start(version)
      const producer = bench.producer({ deliveryTimeoutMs: 60_000 })
      const api = version === 1 ? 'AddPartitionsToTxn' : 'TxnOffsetCommit'
      const loading = bench.broker.fault({ api, action: { error: 'COORDINATOR_LOAD_IN_PROGRESS' } })
      const aborted = producer.transaction(async tx => {
        void tx.sendOffsets(offsets, { group: 'g' })
        void tx.send(to('never'))
        await loading.hit()
        await tx.send(to('x'.repeat(2 ** 21)))
      })
      const { cause } = await rejected(aborted, 'TRANSACTION_ABORTED')
      assert.equal((cause as { code?: string }).code, 'MESSAGE_TOO_LARGE')
      loading.remove()
      await write(producer, 'a')
      assert.deepEqual(await bench.committed(), ['a'])
      assert.equal(await bench.offset(), undefined)
    })

    test('what is due when its transaction breaks is not sent, least of all as somebody else’s', async () => {
      await using bench = await Bench.start(version, 3)
      const producer = bench.producer({ requestTimeoutMs: 20_000 }, constant(5_000))
      const faults = { api: 'Produce', topic, count: 1 } as const
      const aborted = producer.transaction(async tx => {
        await tx.send(to('never 1', 1))
        const late = bench.broker.fault({ ...faults, partition: 1, action: { delayMs: 300 } })
        void tx.send(to('never 2', 1))
        await late.hit()
        const epoch = bench.broker.fault({ ...faults, partition: 0, action: { error: 'INVALID_PRODUCER_EPOCH' } })
        const refused = tx.send(to('never 3', 0))
        await epoch.hit()
        // Its answer is there when one that was asked for later is.
        await tx.sendOffsets(offsets, { group: 'g' })
        // Both are looked at together: this one first, and then the one that breaks the transaction.
        void tx.send(to('never 4', 1))
        bench.pass(5_000)
        await refused
      })
      await rejected(aborted, 'TRANSACTION_ABORTED')
      await write(producer, 'a')
      assert.deepEqual(await bench.committed(), ['a'])
    })

    test('nothing is sent outside of a transaction, or after it', async () => {
      await using bench = await Bench.start(version)
      const producer = bench.producer()
      await assert.rejects(producer.send(to('a')), { code: 'NO_TRANSACTION', written: 'no' })
      const late = await producer.transaction(async tx => tx)
      await assert.rejects(late.send(to('a')), { code: 'NO_TRANSACTION' })
      await assert.rejects(late.sendOffsets(offsets, { group: 'g' }), { code: 'NO_TRANSACTION' })
      const results = await late.sendBatch([to('a')])
      assert.equal((results[0] as { code?: string }).code, 'NO_TRANSACTION')
      assert.deepEqual(await bench.committed(), [])
    })

    test('one follows the other, also when both are begun before the producer is known', async () => {
      await using bench = await Bench.start(version)
      const producer = bench.producer()
      const gate = Promise.withResolvers<void>()
      const first = producer.transaction(async tx => {
        await tx.send(to('a'))
        await gate.promise
      })
      await assert.rejects(write(producer, 'b'), { code: 'TRANSACTION_OPEN' })
      gate.resolve()
      await first
      await write(producer, 'c')
      assert.deepEqual(await bench.committed(), ['a', 'c'])
    })

    test('a second producer with the id ends what the first one left open, and fences it', async () => {
      await using bench = await Bench.start(version)
      const [first, second] = [bench.producer(), bench.producer()]
      await write(first, 'a')
      const fenced = first.transaction(async tx => {
        await tx.send(to('never'))
        await write(second, 'b')
        await tx.send(to('never too')).catch(() => {})
      })
      await rejected(fenced, 'PRODUCER_FENCED')
      await rejected(write(first, 'c'), 'PRODUCER_FENCED')
      await write(second, 'd')
      assert.deepEqual(await bench.committed(), ['a', 'b', 'd'])
    })

    test('one that is fenced between two transactions is told at the next, and takes nothing from the other', async () => {
      await using bench = await Bench.start(version)
      const [first, second] = [bench.producer(), bench.producer()]
      await write(first, 'a')
      await second.transaction(async tx => {
        await tx.send(to('b'))
        await rejected(write(first, 'never'), 'PRODUCER_FENCED')
        await tx.send(to('c'))
      })
      assert.deepEqual(await bench.committed(), ['a', 'b', 'c'])
    })

    test('a function that never settles ends with the time of its transaction, and the next one goes on', async () => {
      await using bench = await Bench.start(version)
      bench.functionMs = 20
      const producer = bench.producer()
      let signal: AbortSignal | undefined
      const aborted = producer.transaction(async tx => {
        signal = tx.signal
        await tx.send(to('never'))
        await never
      })
      const { message, retriable } = await rejected(aborted, 'TRANSACTION_ABORTED')
      assert.match(message, /longer than 54000 ms/)
      assert.equal(retriable, true)
      assert.equal(signal?.aborted, true)
      bench.functionMs = functionMs
      await write(producer, 'a')
      assert.deepEqual(await bench.committed(), ['a'])
    })

    test('close aborts a transaction whose function runs, and waits for one that is being committed', async () => {
      await using bench = await Bench.start(version)
      const running = bench.producer()
      const aborted = running.transaction(async tx => {
        await tx.send(to('never'))
        await never
      })
      const { cause } = await closing(running, rejected(aborted, 'TRANSACTION_ABORTED'))
      assert.equal((cause as { code?: string }).code, 'CLOSED')
      await assert.rejects(write(running, 'never'), { code: 'CLOSED' })

      const ending = bench.producer()
      const held = bench.broker.fault({ api: 'EndTxn', count: 1, action: { delayMs: 50 } })
      const committed = write(ending, 'a')
      await held.hit()
      await closing(ending, committed)
      assert.deepEqual(await bench.committed(), ['a'])

      async function closing<T>(producer: Producer, transaction: Promise<T>): Promise<T> {
        await until('it writes', () => bench.broker.requests.some(({ api }) => api === 'Produce'))
        const [result] = await Promise.all([transaction, producer.close()])
        return result
      }
    })

    test('close while a transaction begins: its function is not called any more', async () => {
      await using bench = await Bench.start(version)
      const producer = bench.producer()
      const held = bench.broker.fault({ api: 'InitProducerId', action: { delayMs: 50 } })
      const aborted = producer.transaction(async () => assert.fail('it was called'))
      await held.hit()
      const told = rejected(aborted, 'TRANSACTION_ABORTED')
      await producer.close()
      assert.equal(((await told).cause as { code?: string }).code, 'CLOSED')
    })

    test('close does not wait for a coordinator that is silent longer than it may', async () => {
      await using bench = await Bench.start(version)
      const producer = bench.producer({ requestTimeoutMs: 20_000, deliveryTimeoutMs: 30_000 })
      await write(producer, 'a')
      const silence = bench.broker.fault({ api: 'EndTxn', action: { noReply: true } })
      const unknown = rejected(write(producer, 'b'), 'TRANSACTION_UNKNOWN')
      await silence.hit()
      await producer.close({ drainMs: 20 })
      await unknown
    })

    test('an end without an answer is asked for again, and counts once', async () => {
      await using bench = await Bench.start(version)
      const producer = bench.producer()
      for (const drop of ['before', 'after'] as const) {
        bench.broker.fault({ api: 'EndTxn', count: 3, action: { drop } })
        await write(producer, drop)
        bench.broker.fault({ api: 'EndTxn', count: 3, action: { drop } })
        await assert.rejects(
          producer.transaction(async tx => {
            await tx.send(to('never'))
            throw new Error('no')
          }),
          { message: 'no' },
        )
      }
      assert.deepEqual(await bench.committed(), ['before', 'after'])
    })

    test('a commit that nobody answers is unknown, all of it or nothing, and the next transaction goes on', async () => {
      await using bench = await Bench.start(version)
      const producer = bench.producer()
      for (const drop of ['before', 'after'] as const) {
        const silence = bench.broker.fault({ api: 'EndTxn', action: { drop } })
        const unknown = rejected(write(producer, `${drop} 1`, `${drop} 2`), 'TRANSACTION_UNKNOWN')
        await silence.hit(2)
        bench.pass(30_000)
        const { cause } = await unknown
        assert.match((cause as { code: string }).code, /CONNECTION|REQUEST_TIMEOUT/)
        silence.remove()
        await write(producer, `next to ${drop}`)
      }
      assert.deepEqual(await bench.committed(), ['next to before', 'after 1', 'next to after', 'after 2'])
    })

    test('after a commit that nobody answered, whoever took the id over is not fenced', async () => {
      await using bench = await Bench.start(version)
      const [first, second] = [bench.producer(), bench.producer()]
      const silence = bench.broker.fault({ api: 'EndTxn', action: { drop: 'before' } })
      const unknown = rejected(write(first, 'a'), 'TRANSACTION_UNKNOWN')
      await silence.hit(2)
      bench.pass(30_000)
      await unknown
      silence.remove()
      await second.transaction(async tx => {
        await tx.send(to('b'))
        await rejected(write(first, 'never'), 'PRODUCER_FENCED')
      })
      assert.deepEqual(await bench.committed(), ['b'])
    })

    test('a commit that was heard, whose repetition is refused for another producer, is unknown and not aborted', async () => {
      await using bench = await Bench.start(version)
      const [first, second] = [bench.producer(), bench.producer()]
      const lost = bench.broker.fault({ api: 'EndTxn', count: 1, action: { noReply: true } })
      const unknown = rejected(write(first, 'a'), 'TRANSACTION_UNKNOWN')
      await lost.hit()
      await write(second, 'b')
      await unknown
      await rejected(write(first, 'never'), 'PRODUCER_FENCED')
      assert.deepEqual(await bench.committed(), ['a', 'b'])
    })

    test('the abort of a transaction that cannot be reached does not hide why it is aborted', async () => {
      await using bench = await Bench.start(version)
      const producer = bench.producer()
      const silence = bench.broker.fault({ api: 'EndTxn', action: { drop: 'before' } })
      const mine = producer.transaction(async tx => {
        await tx.send(to('never'))
        throw new Error('of mine')
      })
      const told = assert.rejects(mine, { message: 'of mine' })
      await silence.hit(2)
      bench.pass(30_000)
      await told
      silence.remove()
      await write(producer, 'a')
      assert.deepEqual(await bench.committed(), ['a'])
    })

    const calls = [
      'FindCoordinator',
      'InitProducerId',
      'AddPartitionsToTxn',
      'Produce',
      'TxnOffsetCommit',
      'EndTxn',
    ] as const
    const apis =
      version === 1 ? ([...calls, 'AddOffsetsToTxn'] as const) : calls.filter(api => api !== 'AddPartitionsToTxn')
    const passing: Record<string, FaultAction> = {
      'dropped before': { drop: 'before' },
      'dropped after': { drop: 'after' },
      'never answered': { noReply: true },
      'cut short': { truncate: 7 },
      'a coordinator that moved': { error: 'NOT_COORDINATOR' },
      'a coordinator that is not there': { error: 'COORDINATOR_NOT_AVAILABLE' },
      'a coordinator that loads': { error: 'COORDINATOR_LOAD_IN_PROGRESS' },
      'the transaction before is being ended': { error: 'CONCURRENT_TRANSACTIONS' },
    }
    test('whatever call is lost or refused for a while, the transaction is committed', async () => {
      await using bench = await Bench.start(version, 3)
      const values: string[] = []
      for (const api of apis) {
        for (const [what, action] of Object.entries(passing)) {
          const about = (api === 'Produce' || api === 'FindCoordinator') && 'error' in action
          const producer = bench.producer({ transactionalId: `${api} ${what}` })
          using fault = bench.broker.fault({
            api,
            count: 1,
            action: about
              ? { error: api === 'Produce' ? 'NOT_LEADER_OR_FOLLOWER' : 'COORDINATOR_NOT_AVAILABLE' }
              : action,
          })
          values.push(`${api} ${what}`)
          await producer.transaction(async tx => {
            await tx.send(to(`${api} ${what}`))
            await tx.sendOffsets([{ topic, partition: 0, offset: values.length }], { group: 'g' })
          })
          assert.equal(fault.hits, 1, `${api} ${what}`)
          assert.equal(await bench.offset(), values.length, `${api} ${what}`)
          await producer.close()
        }
      }
      assert.deepEqual(await bench.committed(), values)
    })

    const breaking = [
      ['Produce', 'INVALID_PRODUCER_EPOCH', true],
      ['Produce', 'OUT_OF_ORDER_SEQUENCE_NUMBER', true],
      ['Produce', 'UNKNOWN_PRODUCER_ID', true],
      ['Produce', 'INVALID_TXN_STATE', true],
      ['Produce', 'INVALID_PRODUCER_ID_MAPPING', true],
      ['Produce', 'TRANSACTION_ABORTABLE', true],
      ['Produce', 'INVALID_RECORD', false],
      ['Produce', 'TOPIC_AUTHORIZATION_FAILED', false],
      ['TxnOffsetCommit', 'TRANSACTION_ABORTABLE', true],
      ['TxnOffsetCommit', 'INVALID_PRODUCER_EPOCH', true],
      ['TxnOffsetCommit', 'FENCED_INSTANCE_ID', false],
      ['TxnOffsetCommit', 'UNKNOWN_MEMBER_ID', false],
      ['TxnOffsetCommit', 'GROUP_AUTHORIZATION_FAILED', false],
      ['EndTxn', 'TRANSACTION_ABORTABLE', true],
      ['EndTxn', 'INVALID_TXN_STATE', true],
      ['EndTxn', 'INVALID_PRODUCER_ID_MAPPING', true],
      ['AddPartitionsToTxn', 'INVALID_TXN_STATE', true],
      ['AddPartitionsToTxn', 'TOPIC_AUTHORIZATION_FAILED', false],
      ['AddOffsetsToTxn', 'TRANSACTION_ABORTABLE', true],
    ] as const
    test('what a broker refuses aborts the transaction, says whether another may succeed, and the next one goes on', async () => {
      await using bench = await Bench.start(version)
      const producer = bench.producer()
      let value = 0
      for (const [api, error, retriable] of breaking) {
        if (version === 2 && api.startsWith('Add')) continue
        using fault = bench.broker.fault({ api, count: 1, action: { error } })
        const aborted = producer.transaction(async tx => {
          await tx.send(to('never'))
          await tx.sendOffsets(offsets, { group: 'g' })
        })
        const told = await rejected(aborted, 'TRANSACTION_ABORTED')
        assert.equal(fault.hits, 1)
        assert.equal(told.retriable, retriable, `${api} ${error}`)
        assert.match(told.message, new RegExp(error))
        await write(producer, String(value++))
      }
      assert.deepEqual(
        await bench.committed(),
        Array.from({ length: value }, (_, n) => String(n)),
      )
      assert.equal(await bench.offset(), undefined)
    })
  })
}

test('who begins while another one asks for its new epoch is not fenced by it', async () => {
  await using bench = await Bench.start(1)
  const [first, second] = [bench.producer(), bench.producer()]
  await write(first, 'a')
  const lost = bench.broker.fault({
    api: 'InitProducerId',
    when: ({ body }) => Number(body.producerId) >= 0,
    action: { drop: 'before' },
  })
  const aborted = first.transaction(async tx => {
    await tx.send(to('never'))
    void tx.send(to('x'.repeat(2 ** 21)))
  })
  await lost.hit()
  await write(second, 'b')
  lost.remove()
  await rejected(aborted, 'PRODUCER_FENCED')
  await write(second, 'c')
  assert.deepEqual(await bench.committed(), ['a', 'b', 'c'])
})

test('when the cluster is upgraded, or back, transactions go on in its new way', async () => {
  await using bench = await Bench.start(1)
  const producer = bench.producer()
  let level = 1
  bench.broker.fault({
    api: 'ApiVersions',
    action: {
      reply: answer => ({
        ...answer,
        finalizedFeatures: [{ name: 'transaction.version', minVersionLevel: level, maxVersionLevel: level }],
      }),
    },
  })
  const versions = () => {
    const last = bench.broker.requests.findLast(({ api }) => api === 'EndTxn')
    const begun = bench.broker.requests.filter(({ api }) => api === 'InitProducerId').length
    return [last?.version, begun]
  }
  await write(producer, 'a')
  level = 2
  await write(producer, 'b')
  assert.deepEqual(versions(), [4, 1], 'it does not ask each time')
  bench.pass(300_000)
  await write(producer, 'c')
  assert.deepEqual(versions(), [5, 2])
  level = 1
  bench.pass(300_000)
  await write(producer, 'd')
  assert.deepEqual(versions(), [4, 3])
  bench.pass(300_000)
  await write(producer, 'e')
  assert.deepEqual(versions(), [4, 3])
  assert.deepEqual(await bench.committed(), ['a', 'b', 'c', 'd', 'e'])
})

test('a deadline of messages beyond that of their transaction is refused', () => {
  const options = { brokers: ['localhost:1'], transactionalId: 'x', logger: silent }
  assert.throws(() => new Producer({ ...options, deliveryTimeoutMs: 60_001 }), {
    code: 'INVALID_OPTION',
    message: /deliveryTimeoutMs must be at most transactionTimeoutMs, 60000/,
  })
})
