import { writeBatch } from '../../../src/records/batch-writer.ts'
import { requestFrame } from '../../broker/raw-connection.ts'
import { everyVersion, noId, type Probe, type ProbeTopic, type Script } from '../probe.ts'
import { type FetchBody, type FetchPartition, fetchBody } from './fetch-body.ts'

const time = 1_600_000_000_000

function fetcher(probe: Probe, version: number) {
  return (step: string, topic: ProbeTopic, partition: FetchPartition = {}, more: FetchBody = {}) =>
    probe.ask(step, 'Fetch', version, fetchBody(topic, partition, more))
}

/** A topic with five batches of two records. */
async function filled(probe: Probe): Promise<ProbeTopic> {
  const topic = await probe.topic('filled', 2)
  for (let n = 0; n < 5; n++) {
    await probe.append(topic, [
      { key: 'k', value: `${n}a`, timestamp: time + n },
      { key: 'k', value: `${n}b`, timestamp: time + n },
    ])
  }
  return topic
}

export const fetchScripts: readonly Script[] = [
  ...everyVersion('fetch', 'Fetch', async (probe, version) => {
    const topic = await filled(probe)
    const fetch = fetcher(probe, version)
    await fetch('from the start', topic)
    await fetch('from inside a batch', topic, { fetchOffset: 3 })
    await fetch('at the end', topic, { fetchOffset: 10 })
    await fetch('beyond the end', topic, { fetchOffset: 11 })
    await fetch('before the start', topic, { fetchOffset: -1 })
    await fetch('an empty partition', topic, { partition: 1 })
    await fetch('an unknown partition', topic, { partition: 9 })
    await fetch('an unknown topic', { name: probe.named('unknown'), id: noId })
    await fetch('a topic that is not legal', { name: 'a b', id: noId })
    await fetch('a little', topic, { partitionMaxBytes: 160 })
    await fetch('less than one batch', topic, { partitionMaxBytes: 1 })
    await fetch('less than one batch in all', topic, {}, { maxBytes: 1 })
    await fetch('no bytes at all', topic, { partitionMaxBytes: 0 }, { maxBytes: 0 })
    await fetch('read committed', topic, {}, { isolationLevel: 1 })
    await fetch('an unknown isolation', topic, {}, { isolationLevel: 7 })
    await fetch(
      'two partitions',
      topic,
      {},
      {
        topics: [{ topic: topic.name, topicId: topic.id, partitions: [1, 0].map(partition => whole(partition)) }],
      },
    )
    await fetch(
      'the same twice',
      topic,
      {},
      {
        topics: [{ topic: topic.name, topicId: topic.id, partitions: [0, 0].map(partition => whole(partition)) }],
      },
    )
    await fetch(
      'more than fits, of two topics',
      topic,
      {},
      {
        maxBytes: 1,
        topics: [
          { topic: topic.name, topicId: topic.id, partitions: [whole(0)] },
          { topic: probe.named('unknown'), topicId: noId, partitions: [whole(0)] },
        ],
      },
    )
    await fetch('nothing', topic, {}, { topics: [] })
    await fetch('with a rack', topic, { fetchOffset: 8 }, { rackId: 'r' })
    await fetch('as a replica', topic, { fetchOffset: 8 }, { replicaId: 5, replicaState: { replicaId: 5 } })
    await fetch(
      'as the debugging consumer',
      topic,
      { fetchOffset: 8 },
      { replicaId: -2, replicaState: { replicaId: -2 } },
    )
    if (version >= 12) await fetch('for another cluster', topic, { fetchOffset: 8 }, { clusterId: 'another' })
    if (version >= 13) {
      await fetch('by the id of none', { name: '', id: 'AAAAAAAAAAAAAAAAAAAAAA' })
    }
  }),

  ...everyVersion('fetch and wait', 'Fetch', async (probe, version) => {
    const topic = await filled(probe)
    const ask = (step: string, fetchOffset: number, minBytes: number, maxWaitMs: number, partition = 0) => {
      const body = fetchBody(topic, { partition, fetchOffset }, { maxWaitMs, minBytes })
      return probe.ask(step, 'Fetch', version, body, { waits: maxWaitMs })
    }
    await ask('for nothing', 10, 1, 200)
    await ask('there is not enough', 0, 1 << 20, 200)
    // What does not wait has long to go, so that a slow machine is not taken for a wait.
    await ask('for nothing, no bytes wanted', 10, 0, 10_000)
    await ask('there is enough', 0, 1, 10_000)
    await ask('with an error', 0, 1 << 20, 10_000, 9)
    const consumer = await probe.connect()
    const parked = fetchBody(topic, { fetchOffset: 10 }, { maxWaitMs: 10_000, minBytes: 1 })
    const woken = probe.ask('woken by a batch', 'Fetch', version, parked, {
      on: consumer,
      waits: 10_000,
      // Kafka may tell the high watermark of before or after.
      view: ({ responses }) => ({ records: responses[0]?.partitions[0]?.records }),
    })
    await probe.append(topic, [{ value: 'late', timestamp: time }])
    await woken
    // A request behind a parked one has to wait for it.
    const first = probe.ask(
      'parked',
      'Fetch',
      version,
      fetchBody(topic, { fetchOffset: 11 }, { maxWaitMs: 500, minBytes: 1 }),
      { on: consumer },
    )
    await probe.ask('behind a parked one', 'Metadata', 12, { topics: [] }, { on: consumer, waits: 200 })
    await first
  }),

  ...everyVersion(
    'fetch with epochs',
    'Fetch',
    async (probe, version) => {
      const topic = await filled(probe)
      const fetch = fetcher(probe, version)
      await fetch('the current one', topic, { currentLeaderEpoch: 0, fetchOffset: 8 })
      await fetch('one that is not yet', topic, { currentLeaderEpoch: 1, fetchOffset: 8 })
      await fetch('one below 0', topic, { currentLeaderEpoch: -2, fetchOffset: 8 })
      if (version < 12) return
      await fetch('last fetched in the current one', topic, {
        lastFetchedEpoch: 0,
        currentLeaderEpoch: 0,
        fetchOffset: 8,
      })
      await fetch('last fetched in one that is not yet', topic, { lastFetchedEpoch: 5, fetchOffset: 8 })
      await fetch('last fetched, beyond the end', topic, { lastFetchedEpoch: 0, fetchOffset: 12 })
    },
    9,
  ),

  ...everyVersion(
    'fetch sessions',
    'Fetch',
    async (probe, version) => {
      const topic = await filled(probe)
      const fetch = fetcher(probe, version)
      const made = await fetch('asked for one', topic, { fetchOffset: 8 }, { sessionId: 0, sessionEpoch: 0 })
      const { sessionId } = made
      await fetch('the next', topic, { fetchOffset: 8 }, { sessionId, sessionEpoch: 1 })
      await fetch('an epoch too many', topic, { fetchOffset: 8 }, { sessionId, sessionEpoch: 7 })
      await fetch('an unknown one', topic, { fetchOffset: 8 }, { sessionId: 123_456, sessionEpoch: 1 })
      await fetch('closed', topic, { fetchOffset: 8 }, { sessionId, sessionEpoch: -1 })
      await fetch('closed again', topic, { fetchOffset: 8 }, { sessionId, sessionEpoch: -1 })
      await fetch('none', topic, { fetchOffset: 8 }, { sessionId: 0, sessionEpoch: -1 })
      await fetch('none, but an epoch', topic, { fetchOffset: 8 }, { sessionId: 0, sessionEpoch: 5 })
      await fetch('made anew from one', topic, { fetchOffset: 8 }, { sessionId: 123_456, sessionEpoch: 0 })
    },
    7,
  ),

  ...everyVersion(
    'a fetch session goes on',
    'Fetch',
    async (probe, version) => {
      const topic = await filled(probe)
      const fetch = fetcher(probe, version)
      const named = (more: object) => ({ topic: topic.name, topicId: topic.id, ...more })
      const both = [0, 1].map(partition => ({ ...whole(partition), fetchOffset: partition === 0 ? 10 : 0 }))
      const made = await fetch('made', topic, {}, { sessionEpoch: 0, topics: [named({ partitions: both })] })
      const { sessionId } = made
      const next = (step: string, sessionEpoch: number, more: FetchBody = {}) =>
        fetch(step, topic, {}, { sessionId, sessionEpoch, topics: [], ...more })
      await next('nothing is new', 1)
      await next('asked from another offset', 2, { topics: [named({ partitions: [whole(0)] })] })
      await next('the same offset again', 3)
      await next('a partition that does not exist', 4, { topics: [named({ partitions: [whole(9)] })] })
      await next('it still does not exist', 5)
      await next('it is forgotten', 6, { forgottenTopicsData: [named({ partitions: [9, 0, 7] })] })
      await probe.setUp('Produce', {
        acks: -1,
        timeoutMs: 5_000,
        topicData: [{ topicId: topic.id, partitionData: [{ index: 1, records: batchOf('new') }] }],
      })
      await next('a message was written', 7)
      const atEnd = [{ ...whole(1), fetchOffset: 1 }]
      await next('behind it', 8, { topics: [named({ partitions: atEnd })] })
      await next('nothing again', 9)
      await next('a little of what is asked anew', 10, {
        maxBytes: 1,
        topics: [named({ partitions: [whole(0), whole(1)] })],
      })
      await next('those that were read are last', 11, { maxBytes: 1 })
      await next('the epoch before', 11)
      await next('an epoch below 0', -5)
      await next('all are forgotten', 12, { forgottenTopicsData: [named({ partitions: [0, 1] })] })
      await next('it is gone', 13)
      const other = { topics: [named({ partitions: [whole(0)] })] }
      const another = await fetch('another', topic, {}, { sessionEpoch: 0, ...other })
      const anew = await fetch(
        'anew in its place',
        topic,
        {},
        { sessionId: another.sessionId, sessionEpoch: 0, ...other },
      )
      await fetch('the one before', topic, {}, { sessionId: another.sessionId, sessionEpoch: 1, topics: [] })
      const wrong = { ...fetchBody(topic), sessionId: anew.sessionId, sessionEpoch: 1, topics: [] }
      await probe.ask('in a version that names topics in another way', 'Fetch', version >= 13 ? 12 : 13, wrong)
      await fetch('in the same', topic, {}, { sessionId: anew.sessionId, sessionEpoch: 1, topics: [] })
    },
    7,
  ),

  ...everyVersion(
    'a fetch session of a topic that goes',
    'Fetch',
    async (probe, version) => {
      const topic = await filled(probe)
      const fetch = fetcher(probe, version)
      const made = await fetch('made', topic, { fetchOffset: 10 }, { sessionEpoch: 0 })
      const { sessionId } = made
      const next = (step: string, sessionEpoch: number) =>
        fetch(step, topic, {}, { sessionId, sessionEpoch, topics: [] })
      await probe.setUp('DeleteTopics', { timeoutMs: 5_000, topics: [{ topicId: topic.id, name: null }] })
      await gone(probe, topic)
      await next('it is gone', 1)
      await probe.topic('filled', 2)
      await next('it is there again', 2)
    },
    7,
  ),

  ...everyVersion('fetch of a topic that goes', 'Fetch', async (probe, version) => {
    const topic = await probe.topic('going')
    const consumer = await probe.connect()
    const body = fetchBody(topic, {}, { maxWaitMs: 10_000, minBytes: 1 })
    const answered = probe.answerTo('parked', consumer.exchange(requestFrame('Fetch', version, body)))
    await probe.setUp('DeleteTopics', { timeoutMs: 5_000, topics: [{ topicId: topic.id, name: null }] })
    probe.note('it is answered', (await answered) !== null)
    await probe.ask('afterwards', 'Fetch', version, fetchBody(topic), {
      until: ({ responses }) => [3, 100].includes(responses[0]?.partitions[0]?.errorCode ?? 0),
    })
  }),

  ...everyVersion('offset of a leader epoch', 'OffsetForLeaderEpoch', async (probe, version) => {
    const topic = await filled(probe)
    const ask = (step: string, leaderEpoch: number, more: object = {}, name = topic.name) =>
      probe.ask(step, 'OffsetForLeaderEpoch', version, {
        replicaId: -1,
        topics: [{ topic: name, partitions: [{ partition: 0, leaderEpoch, ...more }] }],
      })
    await ask('the current one', 0)
    await ask('one that is not yet', 5)
    await ask('one below 0', -1)
    await ask('asked in one that is not yet', 0, { currentLeaderEpoch: 5 })
    await ask('an empty partition', 0, { partition: 1 })
    await ask('an unknown partition', 0, { partition: 9 })
    await ask('an unknown topic', 0, {}, probe.named('unknown'))
  }),

  ...everyVersion('list offsets', 'ListOffsets', async (probe, version) => {
    const topic = await filled(probe)
    const ask = (step: string, timestamp: number, more: object = {}, name = topic.name, isolationLevel = 0) =>
      probe.ask(step, 'ListOffsets', version, {
        replicaId: -1,
        isolationLevel,
        timeoutMs: 1_000,
        topics: [{ name, partitions: [{ partitionIndex: 0, timestamp, ...more }] }],
      })
    for (const kind of [-1, -2, -3, -4, -5, -6, -7]) await ask(`kind ${kind}`, kind)
    await ask('latest committed', -1, {}, topic.name, 1)
    await ask('a time before all', 0)
    await ask('the time of the third batch', time + 2)
    await ask('a time after all', time + 50)
    for (const kind of [-1, -2, -3, -4, -5, 0])
      await ask(`kind ${kind} of an empty partition`, kind, { partitionIndex: 1 })
    await ask('an unknown partition', -1, { partitionIndex: 9 })
    await ask('an unknown topic', -1, {}, probe.named('unknown'))
    await ask('a topic that is not legal', -1, {}, 'a b')
    await ask('in the current epoch', -1, { currentLeaderEpoch: 0 })
    await ask('in an epoch that is not yet', -1, { currentLeaderEpoch: 4 })
    const twice = { name: topic.name, partitions: [0, 0].map(partitionIndex => ({ partitionIndex, timestamp: -1 })) }
    await probe.ask('the same twice', 'ListOffsets', version, { replicaId: -1, topics: [twice] })
    await probe.ask('as a replica', 'ListOffsets', version, {
      replicaId: 5,
      topics: [{ ...twice, partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
    })
    const mixed = await probe.topic('mixed')
    const times = [500, 100, 900, 300].map((more, n) => ({ value: String(n), timestamp: time + more }))
    await probe.append(mixed, times, { compression: 'gzip' })
    await probe.append(mixed, times)
    for (const more of [0, 200, 600, 900, 901]) await ask(`by time, ${more}`, time + more, {}, mixed.name)
    await ask('the latest time', -3, {}, mixed.name)
    const stamped = await probe.topic('stamped', 1, { 'message.timestamp.type': 'LogAppendTime' })
    await probe.append(stamped, times)
    await ask('a time of long ago, stamped by the log', time + 901, {}, stamped.name)
    await ask('the latest time, stamped by the log', -3, {}, stamped.name)
  }),

  ...everyVersion('delete records', 'DeleteRecords', async (probe, version) => {
    const topic = await filled(probe)
    const remove = (step: string, offset: number, partitionIndex = 0, name = topic.name) =>
      probe.ask(step, 'DeleteRecords', version, {
        timeoutMs: 5_000,
        topics: [{ name, partitions: [{ partitionIndex, offset }] }],
      })
    await remove('up to inside a batch', 3)
    await probe.ask('fetched below the start', 'Fetch', 12, fetchBody(topic, { fetchOffset: 2 }))
    await probe.ask('fetched at the start', 'Fetch', 12, fetchBody(topic, { fetchOffset: 3, partitionMaxBytes: 1 }))
    await remove('below the start', 1)
    await remove('beyond the end', 11)
    await remove('an offset below 0', -2)
    await remove('up to the end', -1)
    await probe.ask('fetched from an empty log', 'Fetch', 12, fetchBody(topic, { fetchOffset: 10 }))
    await remove('an empty partition', 0, 1)
    await remove('an unknown partition', 0, 9)
    await remove('an unknown topic', 0, 0, probe.named('unknown'))
    const compacted = await probe.topic('compacted', 1, { 'cleanup.policy': 'compact' })
    await remove('a topic that is only compacted', 0, 0, compacted.name)
    const list = (timestamp: number) => ({
      replicaId: -1,
      topics: [{ name: topic.name, partitions: [{ partitionIndex: 0, timestamp }] }],
    })
    for (const kind of [-1, -2, -3, 0]) await probe.ask(`kind ${kind} afterwards`, 'ListOffsets', 10, list(kind))
  }),
]

function batchOf(value: string): Buffer {
  return writeBatch([{ value, timestamp: time }])
}

/** Waits until the topic is no longer there for fetches. */
async function gone(probe: Probe, topic: ProbeTopic): Promise<void> {
  await probe.setUp('Fetch', fetchBody(topic), {
    until: ({ responses }) => [3, 100].includes(responses[0]?.partitions[0]?.errorCode ?? 0),
  })
}

function whole(partition: number): FetchPartition {
  return { partition, fetchOffset: 0, partitionMaxBytes: 1 << 20 }
}
