import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { GroupBench, type Membership } from './group-bench.ts'

const minuteMs = 60_000

/** A producer that commits offsets of `t`, partition 0, in its transactions. */
class Writer {
  readonly #bench: GroupBench
  readonly #id: string
  #producerId = -1
  #producerEpoch = -1

  private constructor(bench: GroupBench, id: string) {
    this.#bench = bench
    this.#id = id
  }

  static async start(bench: GroupBench, id = 'writer'): Promise<Writer> {
    const writer = new Writer(bench, id)
    const body = { transactionalId: id, transactionTimeoutMs: 600_000, producerId: -1, producerEpoch: -1 }
    await writer.#take(bench.ask('InitProducerId', 5, body))
    return writer
  }

  /** Answers the error code; what `who` does not say is not told. */
  async commit(offset: number, who: Partial<Membership> = {}, version = 5): Promise<number> {
    const answer = await this.#bench.ask('TxnOffsetCommit', version, {
      transactionalId: this.#id,
      groupId: who.group ?? 'g',
      producerId: this.#producerId,
      producerEpoch: this.#producerEpoch,
      generationId: who.generation ?? -1,
      memberId: who.memberId ?? '',
      groupInstanceId: who.instanceId ?? null,
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: offset, committedMetadata: null }] }],
    })
    return answer.topics[0]?.partitions[0]?.errorCode ?? -1
  }

  async end(committed: boolean): Promise<void> {
    const body = { transactionalId: this.#id, producerId: this.#producerId, producerEpoch: this.#producerEpoch }
    await this.#take(this.#bench.ask('EndTxn', 5, { ...body, committed }))
  }

  async #take(
    answer: Promise<{ errorCode: number; producerId: number | bigint; producerEpoch: number }>,
  ): Promise<void> {
    const { errorCode, producerId, producerEpoch } = await answer
    assert.equal(errorCode, 0)
    this.#producerId = Number(producerId)
    this.#producerEpoch = producerEpoch
  }
}

/** What is committed for `t`, partition 0, or the error code. */
async function offset(bench: GroupBench, requireStable = false): Promise<string> {
  const topics = [{ name: 't', partitionIndexes: [0] }]
  const answer = await bench.ask('OffsetFetch', 9, { groups: [{ groupId: 'g', topics }], requireStable })
  const partition = answer.groups[0]?.topics[0]?.partitions[0]
  return partition?.errorCode ? `error ${partition.errorCode}` : String(partition?.committedOffset)
}

const unstable = `error ${errorCodes.UNSTABLE_OFFSET_COMMIT}`

test('offsets of a transaction count when it is committed; until then a fetch of stable offsets is told to wait', async () => {
  const bench = new GroupBench()
  const [writer, other] = [await Writer.start(bench), await Writer.start(bench, 'other')]
  await bench.commit({}, 1)
  assert.deepEqual([await writer.commit(5), await other.commit(6)], [0, 0])
  assert.deepEqual([await offset(bench), await offset(bench, true)], ['1', unstable])
  await other.end(false)
  assert.equal(await offset(bench, true), unstable)
  await writer.end(true)
  assert.equal(await offset(bench, true), '5')
  bench.cluster.close()
})

test('of two commits the later one counts, whenever the transaction of the earlier one ends', async () => {
  const bench = new GroupBench()
  const writer = await Writer.start(bench)
  await writer.commit(5)
  await bench.commit({}, 9)
  await writer.end(true)
  assert.equal(await offset(bench, true), '9')
  bench.cluster.close()
})

test('a deleted topic takes its offsets with it, those of open transactions too', async () => {
  const bench = new GroupBench()
  const { topics } = bench.cluster
  const writer = await Writer.start(bench)
  await bench.commit({}, 1)
  await writer.commit(5)
  const topic = topics.get('t')
  assert.ok(topic)
  topics.delete(topic)
  assert.equal(await offset(bench, true), '-1')
  await writer.end(true)
  assert.equal(await offset(bench, true), '-1')
  bench.cluster.close()
})

test('who commits in a transaction is checked as far as the client tells who it is', async () => {
  const bench = new GroupBench()
  const writer = await Writer.start(bench)
  const [a, b] = await bench.stable(2)
  assert.ok(a && b)
  const { FENCED_INSTANCE_ID, ILLEGAL_GENERATION, INVALID_GROUP_ID, UNKNOWN_MEMBER_ID } = errorCodes
  assert.equal(await writer.commit(1), 0, 'older clients tell nothing')
  assert.equal(await writer.commit(1, a), 0)
  assert.equal(await writer.commit(1, { ...a, generation: 1 }), ILLEGAL_GENERATION)
  assert.equal(await writer.commit(1, { ...a, memberId: 'nobody' }), UNKNOWN_MEMBER_ID)
  assert.ok(await bench.join({ instanceId: 'one' }).waits())
  assert.equal(await writer.commit(1, { ...a, instanceId: 'one' }), FENCED_INSTANCE_ID)
  assert.equal(await writer.commit(1, a), 0, 'the state of the group does not matter')
  assert.equal(await writer.commit(1, { group: 'other', memberId: 'm', generation: 1 }), ILLEGAL_GENERATION)
  assert.equal(await writer.commit(1, { group: '' }), INVALID_GROUP_ID)
  bench.cluster.close()
})

test('a group that is not part of the transaction refuses in the words of each version, and from version 5 on becomes one', async () => {
  const bench = new GroupBench()
  const writer = await Writer.start(bench)
  assert.equal(await writer.commit(1, {}, 3), errorCodes.INVALID_TXN_STATE)
  assert.equal(await writer.commit(1, {}, 4), errorCodes.TRANSACTION_ABORTABLE)
  assert.equal(bench.state, 'Dead', 'no group was made')
  assert.equal(await writer.commit(1, {}, 5), 0)
  assert.equal(await writer.commit(2, {}, 3), 0)
  await Writer.start(bench)
  assert.equal(await writer.commit(3), errorCodes.INVALID_PRODUCER_EPOCH)
  assert.equal(await offset(bench, true), '-1', 'a producer that begins anew aborts what was open')
  bench.cluster.close()
})

test('a group that is deleted takes its offsets in open transactions with it', async () => {
  const bench = new GroupBench()
  const writer = await Writer.start(bench)
  await writer.commit(5)
  await bench.ask('DeleteGroups', 2, { groupsNames: ['g'] })
  await writer.end(true)
  assert.deepEqual([bench.state, await offset(bench)], ['Dead', '-1'])
  bench.cluster.close()
})

test('an open transaction keeps the group and what it is about to replace', async () => {
  const bench = new GroupBench({ 'offsets.retention.minutes': '1', 'offsets.retention.check.interval.ms': '60000' })
  const writer = await Writer.start(bench)
  await bench.commit({}, 1)
  await writer.commit(2)
  await bench.clock.advance(5 * minuteMs)
  assert.equal(await offset(bench), '1')
  await bench.ask('OffsetDelete', 0, { groupId: 'g', topics: [{ name: 't', partitions: [{ partitionIndex: 0 }] }] })
  await writer.commit(3)
  await bench.clock.advance(minuteMs)
  assert.equal(bench.state, 'Empty', 'with nothing but what waits')
  await writer.end(false)
  await bench.clock.advance(minuteMs)
  assert.equal(bench.state, 'Dead')
  bench.cluster.close()
})
