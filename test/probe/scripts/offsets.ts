import { everyVersion, type Script } from '../probe.ts'
import { GroupSession, subscription } from './group-session.ts'

export const offsetScripts: readonly Script[] = [
  ...everyVersion('offset commit', 'OffsetCommit', async (probe, version) => {
    const { name } = await probe.topic('topic', 2)
    const group = probe.named('group')
    const commit = async (step: string, partition: object = {}, more: object = {}, topic = name) => {
      const whole = { partitionIndex: 0, committedOffset: 5, committedMetadata: 'm', ...partition }
      const body = { groupId: group, generationIdOrMemberEpoch: -1, retentionTimeMs: -1 }
      await probe.ask(step, 'OffsetCommit', version, {
        ...body,
        topics: [{ name: topic, partitions: [whole] }],
        ...more,
      })
    }
    const fetch = async (step: string) => {
      await probe.ask(step, 'OffsetFetch', Math.min(version, 7), { groupId: group, topics: null })
    }
    await commit('by nobody in particular')
    await commit('with an epoch', { committedLeaderEpoch: 3 })
    await commit('without metadata', { partitionIndex: 1, committedMetadata: null })
    await fetch('fetched')
    await commit('as much metadata as fits', { committedMetadata: 'x'.repeat(4_096) })
    await commit('too much metadata', { committedMetadata: 'x'.repeat(4_097) })
    await commit('an offset below 0', { committedOffset: -1 })
    await commit('an offset far below 0', { committedOffset: -7 })
    await commit('an unknown partition', { partitionIndex: 9 })
    await commit('a partition below 0', { partitionIndex: -1 })
    await commit('an unknown topic', {}, {}, probe.named('unknown'))
    await commit('a topic that is not legal', {}, {}, 'a b')
    await commit('nothing', {}, { topics: [] })
    await commit('a retention of its own', {}, { retentionTimeMs: 50 })
    await commit('the empty group', {}, { groupId: '' })
    await commit('a generation in an empty group', {}, { generationIdOrMemberEpoch: 0 })
    await commit('a generation in no group', {}, { generationIdOrMemberEpoch: 0, groupId: probe.named('none') })
    await commit('a member in an empty group', {}, { memberId: 'nobody' })
    await commit('a member and a generation', {}, { memberId: 'nobody', generationIdOrMemberEpoch: 1 })
    await commit('an instance in an empty group', {}, { groupInstanceId: 'x' })
    const one = [{ partitionIndex: 0, committedOffset: 8, committedMetadata: '' }]
    await commit(
      'one right, one wrong',
      {},
      {
        topics: [
          { name, partitions: one },
          { name: probe.named('unknown'), partitions: one },
        ],
      },
    )
    await fetch('fetched in the end')
    const elsewhere = { groupId: probe.named('second'), generationIdOrMemberEpoch: -1 }
    await commit('the offset of nothing', { committedOffset: -1 }, elsewhere)
  }),

  ...everyVersion('offset commit of members', 'OffsetCommit', async (probe, version) => {
    const { name } = await probe.topic('topic')
    const session = new GroupSession(probe, version - 2)
    const { memberId, generationId } = await session.enter('joined')
    const mine = { memberId, generationIdOrMemberEpoch: generationId }
    await session.commit('while completing', name, 1, mine)
    await session.sync('synced', generationId, memberId, { [memberId]: 'mine' })
    await session.commit('right', name, 2, mine)
    await session.commit('a generation too many', name, 3, { ...mine, generationIdOrMemberEpoch: generationId + 1 })
    await session.commit('a generation below 0', name, 3, { ...mine, generationIdOrMemberEpoch: -1 })
    await session.commit('another member', name, 4, { ...mine, memberId: 'other' })
    await session.commit('nobody in particular', name, 5)
    await session.commit('an unknown instance', name, 6, { ...mine, groupInstanceId: 'x' })
    const other = await probe.connect()
    const entering = session.enter('another joined', {}, { on: other })
    await session.reaches('PreparingRebalance')
    await session.commit('while preparing', name, 7, mine)
    await session.leave('left', { memberId })
    await entering
    await session.commit('after it left', name, 8, mine)
    await probe.ask('fetched', 'OffsetFetch', 7, { groupId: session.group, topics: null })
  }),

  ...everyVersion('offset fetch', 'OffsetFetch', async (probe, version) => {
    const { name } = await probe.topic('topic', 3)
    const session = new GroupSession(probe, 7)
    await session.commit('committed', name, 5)
    const topics = [{ name, partitionIndexes: [0, 1] }]
    const fetch = async (
      step: string,
      body: { topics?: object[] | null; groupId?: string } = {},
      more: object = {},
    ) => {
      const group = { groupId: session.group, topics, ...body }
      await probe.ask(step, 'OffsetFetch', version, { ...group, groups: [group], ...more } as never)
    }
    await fetch('two partitions, one committed')
    if (version >= 2) await fetch('all', { topics: null })
    await fetch('no topics', { topics: [] })
    await fetch('an unknown partition', { topics: [{ name, partitionIndexes: [9] }] })
    await fetch('an unknown topic', { topics: [{ name: probe.named('unknown'), partitionIndexes: [0] }] })
    await fetch('an unknown group', { groupId: probe.named('unknown') })
    if (version >= 2) await fetch('all of an unknown group', { groupId: probe.named('unknown'), topics: null })
    await fetch('the empty group', { groupId: '' })
    await fetch('stable', {}, { requireStable: true })
    if (version < 8) return
    const ask = async (step: string, ...groups: object[]) => {
      await probe.ask(step, 'OffsetFetch', version, { groups })
    }
    await ask('two groups', { groupId: session.group, topics }, { groupId: probe.named('unknown'), topics: null })
    await ask('the same group twice', { groupId: session.group, topics }, { groupId: session.group, topics: null })
    await ask('no groups')
    await ask('as a member', { groupId: session.group, topics, memberId: 'nobody', memberEpoch: 3 })
  }),

  ...everyVersion('offset delete', 'OffsetDelete', async (probe, version) => {
    const [kept, other] = [await probe.topic('kept'), await probe.topic('other')]
    const session = new GroupSession(probe, 7)
    const remove = async (step: string, topics: string[], more: object = {}, partitionIndex = 0) => {
      const body = { groupId: session.group, topics: topics.map(name => ({ name, partitions: [{ partitionIndex }] })) }
      await probe.ask(step, 'OffsetDelete', version, { ...body, ...more })
    }
    await remove('no such group', [kept.name])
    await session.commit('committed', kept.name, 5)
    await session.commit('committed the other', other.name, 5)
    await remove('one that is there, one that is not', [other.name, probe.named('unknown')])
    await remove('what was not committed', [other.name])
    await remove('an unknown partition', [other.name], {}, 9)
    await remove('nothing', [])
    await remove('the empty group', [kept.name], { groupId: '' })
    const protocols = [{ name: 'range', metadata: subscription([kept.name]) }]
    const { memberId, generationId } = await session.enter('joined', { protocols })
    await session.sync('synced', generationId, memberId, { [memberId]: 'mine' })
    await remove('subscribed, and not', [kept.name, other.name])
    await session.leave('left', { memberId })
    await remove('of an empty group', [kept.name])
    await probe.ask('fetched', 'OffsetFetch', 7, { groupId: session.group, topics: null })
    const connect = new GroupSession(probe, 7, probe.named('connect'))
    await connect.enter('joined another type', { protocolType: 'connect' })
    await remove('of another type, with a member', [kept.name], { groupId: connect.group })
  }),

  ...everyVersion('offsets of a topic that goes', 'OffsetFetch', async (probe, version) => {
    const { name, id } = await probe.topic('going')
    const session = new GroupSession(probe, 7)
    await session.commit('committed', name, 5)
    await probe.setUp('DeleteTopics', { timeoutMs: 5_000, topics: [{ topicId: id, name: null }] })
    const group = { groupId: session.group, topics: [{ name, partitionIndexes: [0] }] }
    const offset = (answer: { topics: readonly Offsets[]; groups: readonly { topics: readonly Offsets[] }[] }) =>
      [...answer.topics, ...(answer.groups[0]?.topics ?? [])][0]?.partitions[0]?.committedOffset
    const until = (answer: Parameters<typeof offset>[0]) => offset(answer) === -1
    await probe.ask('forgotten', 'OffsetFetch', version, { ...group, groups: [group] }, { until })
  }),
]

interface Offsets {
  readonly partitions: readonly { readonly committedOffset: number }[]
}
