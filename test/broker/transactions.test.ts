import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import type { Requests } from '../../src/protocol/messages.ts'
import type { Encodable } from '../../src/protocol/shapes.ts'
import { type BenchOptions, ClusterBench } from './cluster-bench.ts'

interface Producer {
  readonly producerId: number | bigint
  readonly producerEpoch: number
}

const {
  NONE,
  INVALID_TXN_STATE,
  INVALID_PRODUCER_EPOCH,
  INVALID_PRODUCER_ID_MAPPING,
  INVALID_REQUEST,
  INVALID_TRANSACTION_TIMEOUT,
  NOT_COORDINATOR,
  OPERATION_NOT_ATTEMPTED,
  PRODUCER_FENCED,
  TRANSACTION_ABORTABLE,
  UNKNOWN_TOPIC_OR_PARTITION,
} = errorCodes

/** The coordinator of the transactional id `x`, and what partitions and groups are told of its ends. */
class TransactionBench extends ClusterBench {
  readonly ends: string[] = []

  constructor(options: BenchOptions = {}) {
    super(options)
    for (const { name, partitions } of this.cluster.topics) {
      for (const partition of partitions) {
        partition.endTransaction = (id, epoch, result) =>
          void this.ends.push(`${result} ${name}-${partition.index} ${id}/${epoch}`)
      }
    }
    this.cluster.groups.endTransaction = (group, id, result) => void this.ends.push(`${result} ${group} ${id}`)
  }

  init(version = 5, more: Encodable<Requests['InitProducerId']> = {}, node = 1) {
    const body = { transactionalId: 'x', transactionTimeoutMs: 60_000, ...more }
    return this.ask('InitProducerId', version, body, node)
  }

  /** The producer that has the transactional id now. */
  async begin(more: Encodable<Requests['InitProducerId']> = {}): Promise<Producer> {
    const { errorCode, producerId, producerEpoch } = await this.init(5, more)
    assert.equal(errorCode, NONE)
    return { producerId, producerEpoch }
  }

  async add(producer: Producer, version = 3, topics = [{ name: 't', partitions: [0, 1] }]): Promise<number[]> {
    const answer = await this.ask('AddPartitionsToTxn', version, {
      v3AndBelowTransactionalId: 'x',
      v3AndBelowProducerId: producer.producerId,
      v3AndBelowProducerEpoch: producer.producerEpoch,
      v3AndBelowTopics: topics,
    })
    return answer.resultsByTopicV3AndBelow.flatMap(({ resultsByPartition }) => {
      return resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode)
    })
  }

  async end(producer: Producer, committed: boolean, version = 5) {
    const { errorCode, ...next } = await this.ask('EndTxn', version, { transactionalId: 'x', committed, ...producer })
    return errorCode || { producerId: next.producerId, producerEpoch: next.producerEpoch }
  }

  /** Whether a batch of a client with transaction version 2, or 1, is let into `t-0`. */
  admit({ producerId, producerEpoch }: Producer, implicit = true, id = 'x'): number {
    return this.cluster.transactions.admit(id, Number(producerId), producerEpoch, 't', 0, implicit)
  }
}

const told = { producerId: -1, producerEpoch: -1 }

test('a producer without transactions gets an id of its own each time', async () => {
  using bench = new TransactionBench()
  const ids = new Set<unknown>()
  for (let at = 0; at < 3; at++) {
    const { producerId, producerEpoch } = await bench.begin({ transactionalId: null, transactionTimeoutMs: 0 })
    ids.add(producerId)
    assert.equal(producerEpoch, 0)
  }
  assert.equal(ids.size, 3)
})

test('who begins under a transactional id fences those before, and may go on after an error of its own', async () => {
  using bench = new TransactionBench()
  const first = await bench.begin()
  const second = await bench.begin()
  assert.deepEqual(second, { producerId: first.producerId, producerEpoch: 1 })
  const third = await bench.begin(second)
  assert.equal(third.producerEpoch, 2)
  assert.deepEqual(await bench.begin(second), third, 'the same question again gets the same answer')
  const code = async (more: object, version = 5) => (await bench.init(version, more)).errorCode
  assert.equal(await code(first), PRODUCER_FENCED)
  assert.equal(await code(first, 3), INVALID_PRODUCER_EPOCH)
  assert.equal(await code({ ...third, producerEpoch: 9 }), PRODUCER_FENCED)
  assert.equal(await code({ ...third, producerId: 99 }), PRODUCER_FENCED)
  assert.equal(await code({ producerId: 5, producerEpoch: -1 }), INVALID_REQUEST)
  assert.equal(await code({ producerId: -1, producerEpoch: 5 }), INVALID_REQUEST)
  assert.equal((await bench.begin({ ...third, transactionalId: 'new' })).producerEpoch, 0)
})

test('a timeout is above 0 and not above that of the broker', async () => {
  using bench = new TransactionBench({ config: { 'transaction.max.timeout.ms': '1000' } })
  const code = async (transactionTimeoutMs: number) => (await bench.init(0, { transactionTimeoutMs })).errorCode
  for (const wrong of [0, -1, 1_001]) assert.equal(await code(wrong), INVALID_TRANSACTION_TIMEOUT)
  assert.equal(await code(1_000), NONE)
})

test('all partitions are told the end once, and the end is told again to who asks again (version 1)', async () => {
  using bench = new TransactionBench()
  const producer = await bench.begin()
  assert.equal(await bench.end(producer, true, 4), INVALID_TXN_STATE)
  assert.deepEqual(await bench.add(producer), [NONE, NONE])
  assert.deepEqual(await bench.add(producer), [NONE, NONE])
  assert.deepEqual(await bench.end(producer, true, 4), told)
  assert.deepEqual(bench.ends, ['commit t-0 0/0', 'commit t-1 0/0'])
  assert.deepEqual(await bench.end(producer, true, 4), told)
  assert.equal(await bench.end(producer, false, 4), INVALID_TXN_STATE)
  await bench.add(producer, 3, [{ name: 'u', partitions: [0] }])
  assert.deepEqual(await bench.end(producer, false, 4), told)
  assert.deepEqual(await bench.end(producer, false, 4), told)
  assert.deepEqual(bench.ends.slice(2), ['abort u-0 0/0'])
})

test('with each end of version 2 the producer gets another epoch, with which the end is marked', async () => {
  using bench = new TransactionBench()
  const first = await bench.begin()
  assert.equal(await bench.end(first, true), INVALID_TXN_STATE)
  assert.equal(bench.admit(first), NONE)
  const second = await bench.end(first, true)
  assert.deepEqual(second, { ...first, producerEpoch: 1 })
  assert.deepEqual(bench.ends, ['commit t-0 0/1'])
  assert.deepEqual(await bench.end(first, true), second, 'the same question again')
  assert.equal(await bench.end(first, false), INVALID_TXN_STATE)
  assert.equal(await bench.end(second as Producer, true), INVALID_TXN_STATE)
  const third = (await bench.end(second as Producer, false)) as Producer
  assert.equal(third.producerEpoch, 2, 'what has not begun can be aborted')
  assert.equal(bench.admit(third), NONE)
  const fourth = (await bench.end(third, false)) as Producer
  assert.equal(fourth.producerEpoch, 3)
  assert.equal(await bench.end(third, true), INVALID_TXN_STATE)
  assert.equal(await bench.end(first, true), PRODUCER_FENCED)
  assert.deepEqual(bench.ends, ['commit t-0 0/1', 'abort t-0 0/3'])
})

test('strangers and fenced producers change nothing, and are told so in words that they know', async () => {
  using bench = new TransactionBench()
  const producer = await bench.begin()
  await bench.add(producer)
  const stranger = { ...producer, producerId: 99 }
  const huge = { ...producer, producerId: 2n ** 62n }
  const early = { ...producer, producerEpoch: 1 }
  for (const version of [0, 4, 5]) {
    assert.equal(await bench.end(stranger, true, version), INVALID_PRODUCER_ID_MAPPING)
    assert.equal(await bench.end(huge, true, version), INVALID_PRODUCER_ID_MAPPING)
    assert.equal(await bench.end(early, true, version), version < 2 ? INVALID_PRODUCER_EPOCH : PRODUCER_FENCED)
  }
  assert.deepEqual(await bench.add(stranger), [INVALID_PRODUCER_ID_MAPPING, INVALID_PRODUCER_ID_MAPPING])
  assert.deepEqual(await bench.add(early, 1), [INVALID_PRODUCER_EPOCH, INVALID_PRODUCER_EPOCH])
  assert.deepEqual(await bench.add(early, 2), [PRODUCER_FENCED, PRODUCER_FENCED])
  assert.equal(bench.admit(stranger), INVALID_PRODUCER_ID_MAPPING)
  assert.equal(bench.admit(early), PRODUCER_FENCED)
  assert.deepEqual(bench.ends, [])
  assert.deepEqual(await bench.end(producer, true, 4), told)
})

test('an open transaction is aborted by the next producer that begins, in the epoch that fences the old one', async () => {
  using bench = new TransactionBench()
  const old = await bench.begin()
  await bench.add(old)
  const young = await bench.begin()
  assert.deepEqual(bench.ends, ['abort t-0 0/1', 'abort t-1 0/1'])
  assert.equal(young.producerEpoch, 2)
  assert.equal(await bench.end(old, true, 4), PRODUCER_FENCED)
  assert.equal(await bench.end(old, true), PRODUCER_FENCED)
  assert.deepEqual(await bench.add(old), [PRODUCER_FENCED, PRODUCER_FENCED])
  assert.deepEqual(await bench.add(young), [NONE, NONE])
})

test('a transaction that takes too long is aborted, and its producer fenced; one that ended in time is not', async () => {
  using bench = new TransactionBench()
  const producer = await bench.begin({ transactionTimeoutMs: 1_000 })
  await bench.clock.advance(5_000)
  await bench.add(producer)
  await bench.clock.advance(999)
  assert.deepEqual(bench.ends, [])
  await bench.clock.advance(1)
  assert.deepEqual(bench.ends, ['abort t-0 0/1', 'abort t-1 0/1'])
  assert.equal(await bench.end(producer, true, 4), PRODUCER_FENCED)
  assert.equal(bench.admit(producer), PRODUCER_FENCED)
  const next = await bench.begin({ transactionTimeoutMs: 1_000 })
  await bench.add(next)
  await bench.end(next, true, 4)
  await bench.clock.advance(5_000)
  assert.equal(bench.ends.length, 4, 'a timeout outlived its transaction')
})

test('when all epochs of a producer id are used up, the next one gets another id', async () => {
  using bench = new TransactionBench()
  let producer = await bench.begin()
  const { producerId } = producer
  while (producer.producerEpoch < 32_766) producer = (await bench.end(producer, false)) as Producer
  assert.equal(producer.producerId, producerId)
  assert.equal(bench.admit(producer), NONE)
  const next = await bench.end(producer, true)
  assert.deepEqual(next, { producerId: 1, producerEpoch: 0 })
  assert.deepEqual(bench.ends, [`commit t-0 0/32767`])
  assert.deepEqual(await bench.end(producer, true), next, 'the same question again')
  assert.deepEqual(await bench.begin(producer), next, 'who did not hear of it goes on')
  assert.equal(bench.admit(producer), INVALID_PRODUCER_ID_MAPPING)
  let other = await bench.begin({ transactionalId: 'y' })
  while (other.producerEpoch < 32_766) other = await bench.begin({ transactionalId: 'y' })
  const after = await bench.begin({ transactionalId: 'y' })
  assert.notEqual(after.producerId, other.producerId)
  assert.equal(after.producerEpoch, 0)
})

test('one partition that does not exist keeps out all that are added with it', async () => {
  using bench = new TransactionBench()
  const producer = await bench.begin()
  const topics = [
    { name: 't', partitions: [0, 7] },
    { name: 'nope', partitions: [0] },
  ]
  const expected = [OPERATION_NOT_ATTEMPTED, UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_OR_PARTITION]
  assert.deepEqual(await bench.add(producer, 3, topics), expected)
  assert.equal(await bench.end(producer, true, 4), INVALID_TXN_STATE)
})

test('brokers add and verify for several transactions at once', async () => {
  using bench = new TransactionBench()
  const producer = await bench.begin()
  const topics = [{ name: 't', partitions: [0] }]
  const codes = async (...transactions: object[]) => {
    const given = transactions.map(more => ({ transactionalId: 'x', ...producer, topics, ...more }))
    const { resultsByTransaction } = await bench.ask('AddPartitionsToTxn', 5, { transactions: given })
    return resultsByTransaction.map(({ topicResults }) => topicResults[0]?.resultsByPartition[0]?.partitionErrorCode)
  }
  const verifyOnly = true
  assert.deepEqual(await codes({ verifyOnly }), [TRANSACTION_ABORTABLE])
  assert.deepEqual(await codes({}, { transactionalId: 'y' }), [NONE, INVALID_PRODUCER_ID_MAPPING])
  assert.deepEqual(await codes({ verifyOnly }, { verifyOnly, producerEpoch: 9 }), [NONE, PRODUCER_FENCED])
})

test('batches of version 1 need a partition that was added, those of version 2 add it', async () => {
  using bench = new TransactionBench()
  const producer = await bench.begin()
  assert.equal(bench.admit(producer, false), TRANSACTION_ABORTABLE)
  assert.equal(bench.admit(producer, true, 'unknown'), INVALID_PRODUCER_ID_MAPPING)
  assert.equal(bench.admit(producer, true, ''), INVALID_REQUEST)
  assert.equal(bench.admit(producer, true), NONE)
  assert.equal(bench.admit(producer, false), NONE)
  assert.equal(bench.admit(producer, false, 'unknown'), NONE, 'who takes part is not asked for the transactional id')
})

test('groups take part with their offsets, and are told the end', async () => {
  using bench = new TransactionBench()
  const producer = await bench.begin()
  const { transactions } = bench.cluster
  const admit = (implicit: boolean) => transactions.admitGroup('x', Number(producer.producerId), 0, 'g', implicit)
  assert.equal(admit(false), TRANSACTION_ABORTABLE)
  const add = async (version: number, more: object = {}) => {
    const body = { transactionalId: 'x', groupId: 'g', ...producer, ...more }
    return (await bench.ask('AddOffsetsToTxn', version, body)).errorCode
  }
  assert.equal(await add(1, { producerEpoch: 9 }), INVALID_PRODUCER_EPOCH)
  assert.equal(await add(2, { producerEpoch: 9 }), PRODUCER_FENCED)
  assert.equal(await add(4), NONE)
  assert.deepEqual([admit(false), admit(true)], [NONE, NONE])
  await bench.end(producer, true, 4)
  assert.deepEqual(bench.ends, ['commit g 0'])
  assert.equal(admit(true), NONE)
  await bench.end(producer, false, 4)
  assert.deepEqual(bench.ends, ['commit g 0', 'abort g 0'])
})

test('only the coordinator answers for a transactional id, and says first what is wrong with the request', async () => {
  using bench = new TransactionBench({ nodes: 3 })
  const { cluster } = bench
  cluster.nodes.setCoordinator('transaction', 'x', 2)
  const producer = { producerId: 0, producerEpoch: 0 }
  const who = { transactionalId: 'x', ...producer }
  const codes = async (node: number, transactionalId = 'x') => {
    const asked = { ...who, transactionalId }
    const add = { v3AndBelowTransactionalId: transactionalId, v3AndBelowTopics: [{ name: 't', partitions: [0] }] }
    const [init, end, offsets, partitions] = await Promise.all([
      bench.ask('InitProducerId', 2, { transactionalId, transactionTimeoutMs: 1 }, node),
      bench.ask('EndTxn', 4, { ...asked, committed: true }, node),
      bench.ask('AddOffsetsToTxn', 3, { ...asked, groupId: 'g' }, node),
      bench.ask('AddPartitionsToTxn', 3, add, node),
    ])
    const added = partitions.resultsByTopicV3AndBelow[0]?.resultsByPartition[0]?.partitionErrorCode
    return [init.errorCode, end.errorCode, offsets.errorCode, added]
  }
  assert.deepEqual(await codes(1), new Array(4).fill(NOT_COORDINATOR))
  assert.deepEqual(await codes(1, ''), new Array(4).fill(INVALID_REQUEST))
  assert.deepEqual((await codes(2))[0], NONE)
  assert.equal((await bench.init(2, { transactionTimeoutMs: -1 }, 1)).errorCode, INVALID_TRANSACTION_TIMEOUT)
})

test('a deleted topic is told nothing, the others are', async () => {
  using bench = new TransactionBench()
  const producer = await bench.begin()
  await bench.add(producer, 3, [
    { name: 't', partitions: [0] },
    { name: 'u', partitions: [0] },
  ])
  bench.cluster.topics.delete(bench.cluster.topics.get('t') ?? assert.fail())
  assert.deepEqual(await bench.end(producer, true, 4), told)
  assert.deepEqual(bench.ends, ['commit u-0 0/0'])
})

test('transactional ids that nobody uses are forgotten, and nothing of them is left', async () => {
  using bench = new TransactionBench({ config: { 'transactional.id.expiration.ms': '1000' } })
  const before = bench.clock.timers
  const old = await bench.begin({ transactionTimeoutMs: 900_000 })
  await bench.clock.advance(3_600_000)
  assert.equal(bench.clock.timers, before)
  assert.equal(await bench.end(old, true), INVALID_PRODUCER_ID_MAPPING)
  const open = await bench.begin({ transactionTimeoutMs: 900_000 })
  await bench.clock.advance(3_599_500)
  await bench.add(open)
  await bench.clock.advance(1_000)
  assert.deepEqual(await bench.end(open, true, 4), told, 'one that is open was forgotten')
  bench.cluster.close()
  assert.equal(bench.clock.timers, 0)
})

test('transactional ids take no more memory than is allowed: the oldest that are not open give way', async () => {
  using bench = new TransactionBench()
  const { transactions } = bench.cluster
  const init = (id: string) => transactions.init(id, 60_000, null)
  const first = init('open'.padEnd(30_000, 'x'))
  assert.ok(typeof first === 'object')
  transactions.add('open'.padEnd(30_000, 'x'), first, [{ kind: 'partition', name: 't', partition: 0 }])
  for (let at = 0; at < 2_000; at++) assert.ok(typeof init(`id-${at}`.padEnd(30_000, 'x')) === 'object')
  const kept = [...transactions].length
  assert.ok(kept > 100 && kept < 1_000, `${kept} are kept`)
  assert.equal(transactions.get('open'.padEnd(30_000, 'x'))?.state, 'Ongoing')
})

test('transactions are listed and described, by their coordinator', async () => {
  using bench = new TransactionBench()
  const producer = await bench.begin()
  await bench.begin({ transactionalId: 'y' })
  await bench.clock.advance(1_000)
  await bench.add(producer)
  await bench.clock.advance(500)
  const list = async (more: Encodable<Requests['ListTransactions']>) => {
    const { errorCode, transactionStates, unknownStateFilters } = await bench.ask('ListTransactions', 2, more)
    return [
      errorCode,
      transactionStates.map(({ transactionalId }) => transactionalId).join(),
      unknownStateFilters.join(),
    ]
  }
  assert.deepEqual(await list({ durationFilter: -1 }), [NONE, 'x,y', ''])
  assert.deepEqual(await list({ stateFilters: ['Ongoing', 'Nope'] }), [NONE, 'x', 'Nope'])
  assert.deepEqual(await list({ producerIdFilters: [1], durationFilter: -1 }), [NONE, 'y', ''])
  assert.deepEqual(await list({ durationFilter: 400 }), [NONE, 'x,y', ''])
  assert.deepEqual(await list({ durationFilter: 600 }), [NONE, 'y', ''])
  assert.equal((await list({ transactionalIdPattern: '(a+)+$' }))[0], errorCodes.INVALID_REGULAR_EXPRESSION)
  const { transactionStates } = await bench.ask('DescribeTransactions', 0, { transactionalIds: ['x', 'z', ''] })
  const [x, z, none] = transactionStates
  assert.deepEqual(x, {
    errorCode: NONE,
    transactionalId: 'x',
    transactionState: 'Ongoing',
    transactionTimeoutMs: 60_000,
    transactionStartTimeMs: bench.clock.wallTime() - 500,
    producerId: 0,
    producerEpoch: 0,
    topics: [{ topic: 't', partitions: [0, 1] }],
  })
  assert.deepEqual([z?.errorCode, none?.errorCode], [errorCodes.TRANSACTIONAL_ID_NOT_FOUND, INVALID_REQUEST])
})
