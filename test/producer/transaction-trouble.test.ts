import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FaultAction } from '../../src/broker/index.ts'
import { Bench, offsets, rejected, to, topic, write } from './transaction-bench.ts'

for (const version of [1, 2] as const) {
  describe(`transactions of version ${version} in trouble`, () => {
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
      // A last request may still be on its way when nobody waits for it any more.
      const late = (await bench.committed()).filter(value => value.startsWith('before'))
      assert.ok(late.length === 0 || late.length === 2, late.join())
      const rest = (await bench.committed()).filter(value => !late.includes(value))
      assert.deepEqual(rest, ['next to before', 'after 1', 'next to after', 'after 2'])
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
      // As above, the first one may have been heard at last.
      assert.ok(['b', 'a,b'].includes((await bench.committed()).join()))
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
