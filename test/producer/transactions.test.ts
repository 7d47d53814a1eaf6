import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { constant } from '../../src/base/backoff.ts'
import { Producer } from '../../src/producer/producer.ts'
import type { Transaction } from '../../src/producer/transaction.ts'
import { until } from '../until.ts'
import { Bench, functionMs, offsets, rejected, silent, to, topic, write } from './transaction-bench.ts'

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
      let late: Transaction | undefined
      const aborted = producer.transaction(async tx => {
        late = tx
        await tx.send(to('never'))
        await never
      })
      const { message, retriable } = await rejected(aborted, 'TRANSACTION_ABORTED')
      assert.match(message, /longer than 54000 ms/)
      assert.equal(retriable, true)
      assert.equal(late?.signal.aborted, true)
      // Rejected, and unheard: the function was told.
      void late.send(to('never'))
      void late.sendOffsets(offsets, { group: 'g' })
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
  })
}

test('a deadline of messages beyond that of their transaction is refused', () => {
  const options = { brokers: ['localhost:1'], transactionalId: 'x', logger: silent }
  assert.throws(() => new Producer({ ...options, deliveryTimeoutMs: 60_001 }), {
    code: 'INVALID_OPTION',
    message: /deliveryTimeoutMs must be at most transactionTimeoutMs, 60000/,
  })
})
