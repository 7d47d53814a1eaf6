import type { Requests, Responses } from '../../../src/protocol/messages.ts'
import type { Encodable } from '../../../src/protocol/shapes.ts'
import { everyVersion, type Probe, type ProbeTopic, type Script } from '../probe.ts'
import { fetchBody } from './fetch-body.ts'
import { TransactionSession } from './transaction-session.ts'

export const transactionScripts: readonly Script[] = [
  ...everyVersion('init producer id', 'InitProducerId', async (probe, version) => {
    const init = (step: string, transactionalId: string | null, more: object = {}) =>
      probe.ask(
        step,
        'InitProducerId',
        version,
        { transactionalId, transactionTimeoutMs: 60_000, ...more },
        {
          until: ({ errorCode }) => errorCode !== 51,
        },
      )
    await init('for one without transactions', null)
    await init('for another', null)
    await init('for one without transactions, no timeout', null, { transactionTimeoutMs: 0 })
    await init('the empty id', '')
    await init('a timeout of 0', probe.named('t'), { transactionTimeoutMs: 0 })
    await init('a timeout below 0', probe.named('t'), { transactionTimeoutMs: -1 })
    await init('a timeout that is too long', probe.named('t'), { transactionTimeoutMs: 900_001 })
    await init('the first', probe.named('t'))
    const { producerId, producerEpoch } = await init('the second', probe.named('t'))
    if (version < 3) return
    await init('with its id and epoch', probe.named('t'), { producerId, producerEpoch })
    await init('with its id and the epoch before', probe.named('t'), { producerId, producerEpoch })
    await init('with its id and an older epoch', probe.named('t'), { producerId, producerEpoch: 0 })
    await init('with its id and an epoch that is not yet', probe.named('t'), { producerId, producerEpoch: 99 })
    await init('with another id', probe.named('t'), { producerId: 987_654_321, producerEpoch: 0 })
    await init('with an id, when it is new', probe.named('new'), { producerId, producerEpoch })
    await init('an id without an epoch', probe.named('t'), { producerId, producerEpoch: -1 })
    await init('an epoch without an id', probe.named('t'), { producerId: -1, producerEpoch: 3 })
    await init('an id without transactions', null, { producerId, producerEpoch })
  }),

  ...everyVersion('transaction', 'EndTxn', async (probe, version) => {
    const topic = await probe.topic('ledger', 2)
    const session = new TransactionSession(probe, version)
    await session.end('ended before it is there', true, { producerId: 5, producerEpoch: 0 })
    await session.init('begun')
    await session.end('committed when nothing happened', true)
    await session.end('aborted when nothing happened', false)
    if (version < 5) {
      await session.produce('produced before it is added', topic)
      await session.add('added', topic.name)
      await session.add('added again', topic.name)
    }
    await session.produce('produced', topic)
    await reads(probe, topic, 'while it is open', true)
    const before = { producerEpoch: session.epoch }
    await session.end('committed', true)
    await session.end('committed again', true, before)
    await session.end('aborted after it is committed', false, before)
    await reads(probe, topic, 'when it is committed')
    if (version < 5) await session.add('added for the second', topic.name)
    await session.produce('produced for the second', topic)
    const second = { producerEpoch: session.epoch }
    await session.end('aborted', false)
    await session.end('aborted again', false, second)
    await session.end('committed after it is aborted', true, second)
    await reads(probe, topic, 'when it is aborted')
    await session.end('ended by another producer', true, { producerId: 987_654_321 })
    await session.end('ended in an epoch that is not yet', true, { producerEpoch: session.epoch + 1 })
    await session.end('ended in an epoch below 0', true, { producerEpoch: -1 })
    await session.end('the empty id', true, { transactionalId: '' })
    if (version < 5) await session.add('added for the third', topic.name)
    await session.produce('produced for the third', topic)
    await session.init('begun anew, which aborts it')
    await reads(probe, topic, 'when it began anew')
  }),

  ...everyVersion('fencing', 'EndTxn', async (probe, version) => {
    const topic = await probe.topic('ledger')
    const [old, young] = [new TransactionSession(probe, version), new TransactionSession(probe, version)]
    await old.init('the old one began')
    if (version < 5) await old.add('the old one added', topic.name)
    await old.produce('the old one produced', topic)
    await young.init('the young one began')
    if (version < 5) await old.add('the old one adds', topic.name)
    await old.produce('the old one produces', topic)
    await old.addOffsets('the old one adds offsets', probe.named('group'))
    await old.commitOffsets('the old one commits offsets', probe.named('group'), topic.name, 4)
    await old.end('the old one commits', true)
    await old.init('the old one takes it back', { producerId: old.producerId, producerEpoch: old.epoch })
    if (version < 5) await young.add('the young one adds', topic.name)
    await young.produce('the young one produces', topic)
    await young.end('the young one commits', true)
    await reads(probe, topic, 'in the end')
  }),

  ...everyVersion('a transaction that takes too long', 'EndTxn', async (probe, version) => {
    const topic = await probe.topic('ledger')
    const session = new TransactionSession(probe, version)
    await session.init('begun', { transactionTimeoutMs: 1_000 })
    if (version < 5) await session.add('added', topic.name)
    await session.produce('produced', topic)
    await reads(probe, topic, 'after its time')
    if (version < 5) await session.add('added too late', topic.name)
    await session.produce('produced too late', topic)
    await session.end('committed too late', true)
    await session.init('begun anew')
    if (version < 5) await session.add('added anew', topic.name)
    await session.produce('produced anew', topic)
    await session.end('committed anew', true)
    await reads(probe, topic, 'in the end')
  }),

  ...everyVersion('add partitions', 'AddPartitionsToTxn', async (probe, version) => {
    const topic = await probe.topic('ledger', 2)
    const session = new TransactionSession(probe, Math.min(version, 4))
    await session.init('begun')
    const { producerId, epoch } = session
    const add = async (step: string, who: object = {}, ...topics: { name: string; partitions: number[] }[]) => {
      const one = { transactionalId: session.id, producerId, producerEpoch: epoch, topics, ...who }
      const body = {
        v3AndBelowTransactionalId: one.transactionalId,
        v3AndBelowProducerId: one.producerId,
        v3AndBelowProducerEpoch: one.producerEpoch,
        v3AndBelowTopics: topics,
        transactions: [one],
      }
      await probe.ask(step, 'AddPartitionsToTxn', version, body)
    }
    const own = { name: topic.name, partitions: [0, 1] }
    if (version >= 4) await add('only verified, before', { verifyOnly: true }, own)
    await add('one right, one wrong', {}, { name: topic.name, partitions: [0, 9] })
    await add('an unknown topic', {}, { name: probe.named('unknown'), partitions: [0] }, own)
    await add('right', {}, own)
    await add('nothing', {})
    await add('another producer', { producerId: 987_654_321 }, own)
    await add('an epoch before', { producerEpoch: epoch - 1 }, own)
    await add('an epoch that is not yet', { producerEpoch: epoch + 1 }, own)
    await add('an unknown transaction', { transactionalId: probe.named('unknown') }, own)
    await add('the empty transaction', { transactionalId: '' }, own)
    if (version >= 4) await add('only verified', { verifyOnly: true }, own)
  }),

  ...everyVersion('add offsets', 'AddOffsetsToTxn', async (probe, version) => {
    const session = new TransactionSession(probe, version)
    const group = probe.named('group')
    await session.init('begun')
    await session.addOffsets('right', group)
    await session.addOffsets('again', group)
    await session.addOffsets('the empty group', '')
    await session.addOffsets('another producer', group, { producerId: 987_654_321 })
    await session.addOffsets('an epoch before', group, { producerEpoch: session.epoch - 1 })
    await session.addOffsets('an epoch that is not yet', group, { producerEpoch: session.epoch + 1 })
    await session.addOffsets('an unknown transaction', group, { transactionalId: probe.named('unknown') })
    await session.addOffsets('the empty transaction', group, { transactionalId: '' })
  }),

  ...everyVersion('list transactions', 'ListTransactions', async (probe, version) => {
    const topic = await probe.topic('ledger')
    const sessions = ['idle', 'open', 'done', 'undone'].map(id => new TransactionSession(probe, 5, probe.named(id)))
    for (const session of sessions) await session.init(`${session.id} begun`.slice(5))
    for (const session of sessions.slice(1)) await session.produce(`${session.id} produced`.slice(5), topic)
    await sessions[2]?.end('done ended', true)
    await sessions[3]?.end('undone ended', false)
    const own = (answer: Responses['ListTransactions']) =>
      answer.transactionStates.filter(({ transactionalId }) => probe.isOwn(transactionalId))
    const list = (step: string, body: Encodable<Requests['ListTransactions']>) => {
      // Kafka completes what is ended a little later.
      const until = (answer: Responses['ListTransactions']) =>
        own(answer).every(({ transactionState }) => !transactionState.startsWith('Prepare'))
      const view = (answer: Responses['ListTransactions']) => ({ ...answer, transactionStates: own(answer) })
      return probe.ask(step, 'ListTransactions', version, body, { until, view })
    }
    await list('all', {})
    await list('by state', { stateFilters: ['Ongoing', 'CompleteAbort'] })
    await list('by an unknown state', { stateFilters: ['Sleeping'] })
    await list('by an unknown state and one more', { stateFilters: ['ongoing', 'Empty'] })
    await list('by producer', { producerIdFilters: [sessions[1]?.producerId ?? 0] })
    await list('by an unknown producer', { producerIdFilters: [987_654_321] })
    await list('those that run for an hour', { durationFilter: 3_600_000 })
    await list('those that run at all', { durationFilter: 0 })
    await list('by a pattern', { transactionalIdPattern: '.*one' })
    await list('by the empty pattern', { transactionalIdPattern: '' })
    await list('by a pattern that is none', { transactionalIdPattern: '[' })
  }),

  ...everyVersion('describe transactions', 'DescribeTransactions', async (probe, version) => {
    const [topic, other] = [await probe.topic('ledger'), await probe.topic('other')]
    const session = new TransactionSession(probe, 5)
    const describe = (step: string, transactionalIds: readonly string[]) => {
      const until = ({ transactionStates }: Responses['DescribeTransactions']) =>
        transactionStates.every(({ transactionState }) => !transactionState.startsWith('Prepare'))
      return probe.ask(step, 'DescribeTransactions', version, { transactionalIds }, { until })
    }
    await describe('unknown', [session.id])
    await session.init('begun')
    await describe('empty', [session.id])
    await session.produce('produced', topic)
    await session.addOffsets('added offsets', probe.named('group'))
    await describe('open', [session.id])
    await session.end('committed', true)
    await describe('complete', [session.id])
    await session.produce('produced again', other)
    await session.end('aborted', false)
    await describe('complete by an abort', [session.id, probe.named('unknown'), session.id, ''])
    await describe('none', [])
  }),

  ...everyVersion('offsets in a transaction', 'TxnOffsetCommit', async (probe, version) => {
    const topic = await probe.topic('topic')
    const session = new TransactionSession(probe, version)
    const group = probe.named('group')
    const fetch = (step: string, requireStable: boolean, offset?: number) => {
      const topics = [{ name: topic.name, partitionIndexes: [0] }]
      const until = ({ topics }: Responses['OffsetFetch']) =>
        offset === undefined || topics[0]?.partitions[0]?.committedOffset === offset
      return probe.ask(step, 'OffsetFetch', 7, { groupId: group, topics, requireStable }, { until })
    }
    await session.init('begun')
    if (version < 5) {
      await session.commitOffsets('committed before it is added', group, topic.name, 1, {}, { view: notAdded })
      await session.addOffsets('added', group)
    }
    await session.commitOffsets('committed', group, topic.name, 5)
    await fetch('while it is open', false)
    await fetch('while it is open, stable', true)
    await probe.ask('described', 'DescribeGroups', 6, { groups: [group] })
    await session.commitOffsets('an unknown topic', group, probe.named('unknown'), 5)
    const long = { partitionIndex: 0, committedOffset: 5, committedMetadata: 'x'.repeat(4_097) }
    await session.commitOffsets('too much metadata', group, topic.name, 5, {
      topics: [{ name: topic.name, partitions: [long] }],
    })
    await session.commitOffsets('the empty group', '', topic.name, 5)
    await session.commitOffsets('another producer', group, topic.name, 5, { producerId: 987_654_321 })
    await session.commitOffsets('an epoch before', group, topic.name, 5, { producerEpoch: session.epoch - 1 })
    await session.commitOffsets('an unknown transaction', group, topic.name, 5, { transactionalId: probe.named('no') })
    if (version >= 3) {
      await session.commitOffsets('an unknown member', group, topic.name, 5, { memberId: 'nobody', generationId: 3 })
      await session.commitOffsets('a generation alone', group, topic.name, 5, { generationId: 3 })
      await session.commitOffsets('an unknown instance', group, topic.name, 5, { groupInstanceId: 'x' })
    }
    await session.end('ended', true)
    await fetch('when it is committed', true, 5)
    if (version < 5) await session.addOffsets('added again', group)
    await session.commitOffsets('committed again', group, topic.name, 9)
    await session.end('aborted', false)
    await fetch('when it is aborted', true, 5)
  }),
]

/**
 * Kafka verifies those who come together in one go, and answers all of them as the version of the first one has it: with
 * INVALID_TXN_STATE (48), or from version 4 on with TRANSACTION_ABORTABLE (120).
 */
function notAdded({ topics }: Responses['TxnOffsetCommit']): boolean {
  return [48, 120].includes(topics[0]?.partitions[0]?.errorCode ?? 0)
}

/** What readers see; unless a transaction is open, once all of them are decided. */
async function reads(probe: Probe, topic: ProbeTopic, when: string, open = false): Promise<void> {
  const until = ({ responses }: Responses['Fetch']) => {
    const partition = responses[0]?.partitions[0]
    return open || partition?.highWatermark === partition?.lastStableOffset
  }
  const committed = fetchBody(topic, {}, { isolationLevel: 1 })
  await probe.ask(`read uncommitted ${when}`, 'Fetch', 12, fetchBody(topic), { until })
  await probe.ask(`read committed ${when}`, 'Fetch', 12, committed, { until })
  for (const isolationLevel of [0, 1]) {
    const latest = [{ name: topic.name, partitions: [{ partitionIndex: 0, timestamp: -1 }] }]
    const body = { replicaId: -1, isolationLevel, topics: latest }
    await probe.ask(`the latest offset ${when}, isolation ${isolationLevel}`, 'ListOffsets', 10, body)
  }
}
