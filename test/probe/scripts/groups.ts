import { everyVersion, type Script } from '../probe.ts'
import { GroupSession, protocols } from './group-session.ts'

export const groupScripts: readonly Script[] = [
  ...everyVersion('one member', 'JoinGroup', async (probe, version) => {
    const session = new GroupSession(probe, version)
    await session.describe('before it is there')
    const { memberId, generationId } = await session.enter('joined')
    await session.describe('described while completing', 'CompletingRebalance')
    await session.heartbeat('heartbeat while completing', generationId, memberId)
    await session.sync('synced with a generation too many', generationId + 1, memberId)
    await session.sync('synced as nobody', generationId, 'nobody')
    await session.sync('synced with another type', generationId, memberId, {}, { protocolType: 'other' })
    await session.sync('synced with another protocol', generationId, memberId, {}, { protocolName: 'other' })
    await session.sync('synced', generationId, memberId, { [memberId]: 'mine', nobody: 'theirs' })
    await session.describe('described')
    await session.sync('synced again', generationId, memberId, { [memberId]: 'another' })
    await session.sync('synced with another type when stable', generationId, memberId, {}, { protocolType: 'other' })
    await session.heartbeat('heartbeat', generationId, memberId)
    await session.heartbeat('heartbeat, a generation too many', generationId + 1, memberId)
    await session.heartbeat('heartbeat, a generation too few', generationId - 1, memberId)
    await session.heartbeat('heartbeat of nobody', generationId, 'nobody')
    await session.heartbeat('heartbeat of an empty id', generationId, '')
    await session.heartbeat('heartbeat in another group', generationId, memberId, { groupId: probe.named('other') })
    await session.heartbeat('heartbeat in the empty group', generationId, memberId, { groupId: '' })
    await session.heartbeat('heartbeat as an unknown instance', generationId, memberId, { groupInstanceId: 'x' })
    const again = await session.join('joined again', { memberId })
    await session.heartbeat('heartbeat of the generation before', generationId, memberId)
    await session.sync('synced the generation before', generationId, memberId)
    await session.sync('synced without an assignment', again.generationId, memberId)
    const other = await session.join('joined with other metadata', { memberId, protocols: protocols('roundrobin') })
    await session.sync('synced the other protocol', other.generationId, memberId, {}, { protocolName: 'roundrobin' })
    await session.leave('left without a member')
    await session.leave('left as nobody', { memberId: 'nobody' })
  }),

  ...everyVersion('leaving', 'JoinGroup', async (probe, version) => {
    const session = new GroupSession(probe, version)
    await session.leave('no such group', { memberId: 'nobody' })
    const { memberId, generationId } = await session.enter('joined')
    await session.sync('synced', generationId, memberId, { [memberId]: 'mine' })
    await session.leave('an empty id', { memberId: '' })
    await session.leave(
      'nobody and an unknown instance',
      { memberId: 'nobody' },
      { memberId: '', groupInstanceId: 'x' },
    )
    await session.leave('it', { memberId, reason: 'why not' })
    await session.leave('it again', { memberId })
    await session.describe('described')
    await session.heartbeat('heartbeat', generationId, memberId)
    const joined = await session.enter('joined anew')
    await session.leave('while completing', { memberId: joined.memberId })
    const deleting = async (step: string, ...groupsNames: string[]) => {
      await probe.ask(step, 'DeleteGroups', Math.min(version, 2), { groupsNames })
    }
    await deleting('deleted', session.group, probe.named('unknown'))
    await deleting('deleted again', session.group)
    await session.describe('described when it is gone')
    await session.enter('joined when it is gone')
    await deleting('deleted with a member', session.group, session.group)
  }),

  ...everyVersion('refused joins', 'JoinGroup', async (probe, version) => {
    const session = new GroupSession(probe, version)
    await session.join('the empty group', { groupId: '' })
    await session.join('a session that is too short', { sessionTimeoutMs: 99 })
    await session.join('a session that is too long', { sessionTimeoutMs: 1_800_001 })
    await session.join('an id that nobody has', { memberId: 'nobody' })
    await session.join('no protocols', { protocols: [] })
    await session.join('no type', { protocolType: '' })
    await session.join('no type and no protocols', { protocolType: '', protocols: [] })
    const { memberId, generationId } = await session.enter('joined', { protocols: protocols('range', 'sticky') })
    await session.sync('synced', generationId, memberId, { [memberId]: 'mine' })
    await session.join('an id that nobody has, in a group that is', { memberId: 'nobody' })
    await session.enter('another type', { protocolType: 'connect' })
    await session.enter('another protocol', { protocols: protocols('roundrobin') })
    await session.enter('no protocols, in a group that is', { protocols: [] })
    await session.join('the member, of another type', { memberId, protocolType: 'connect' })
    await session.join('the member, with another protocol', { memberId, protocols: protocols('roundrobin') })
    await session.heartbeat('heartbeat', generationId, memberId)
    await session.describe('described')
  }),

  ...everyVersion('two members', 'JoinGroup', async (probe, version) => {
    const session = new GroupSession(probe, version)
    const [a, b] = [await probe.connect(), await probe.connect()]
    const first = await session.enter('a joined', { protocols: protocols('sticky', 'range') }, { on: a })
    const { memberId } = first
    await session.sync(
      'a synced',
      first.generationId,
      memberId,
      { [memberId]: 'all' },
      { protocolName: 'sticky' },
      { on: a },
    )
    const entering = session.enter('b joined', { protocols: protocols('range', 'sticky') }, { on: b })
    await session.reaches('PreparingRebalance')
    await session.describe('described while preparing')
    await session.heartbeat('a hears of it', first.generationId, memberId)
    await session.sync('a syncs while preparing', first.generationId, memberId, {}, { protocolName: 'sticky' })
    const rejoined = await session.join(
      'a joined again',
      { memberId, protocols: protocols('sticky', 'range') },
      { on: a },
    )
    const second = await entering
    const { generationId, protocolName } = rejoined
    const more = { protocolName }
    const waiting = session.sync('b synced', generationId, second.memberId, { [second.memberId]: 'ignored' }, more, {
      on: b,
    })
    await session.heartbeat('a while completing', generationId, memberId)
    await session.heartbeat('b while completing', generationId, second.memberId)
    await session.sync('a synced again', generationId, memberId, { [memberId]: 'A', [second.memberId]: 'B' }, more, {
      on: a,
    })
    await waiting
    await session.describe('described when both are there')
    await session.join(
      'b, the follower, joined again as it is',
      { memberId: second.memberId, protocols: protocols('range', 'sticky') },
      { on: b },
    )
    await session.heartbeat('a does not notice', generationId, memberId)
    await session.leave('b left', { memberId: second.memberId })
    await session.heartbeat('a hears of that', generationId, memberId)
    const alone = await session.join('a joined alone', { memberId, protocols: protocols('sticky', 'range') })
    await session.heartbeat('a, alone', alone.generationId, memberId)
  }),

  ...everyVersion('members that fall out', 'JoinGroup', async (probe, version) => {
    const session = new GroupSession(probe, version)
    const brief = { sessionTimeoutMs: 600, rebalanceTimeoutMs: 800 }
    const { memberId, generationId } = await session.enter('joined', brief)
    await session.sync('synced', generationId, memberId, { [memberId]: 'mine' })
    await session.describe('its session ends', 'Empty')
    await session.heartbeat('its heartbeat', generationId, memberId)
    const [a, b] = [await probe.connect(), await probe.connect()]
    const first = await session.enter('a joined', { ...brief, sessionTimeoutMs: 20_000 }, { on: a })
    await session.sync('a synced', first.generationId, first.memberId, { [first.memberId]: 'all' }, {}, { on: a })
    const entering = session.enter('b joined', { ...brief, sessionTimeoutMs: 20_000 }, { on: b })
    await session.reaches('PreparingRebalance')
    // From version 1 on the rebalance timeout counts, before it the session's.
    if (version === 0) await session.leave('a left', { memberId: first.memberId })
    const second = await entering
    await session.describe('described without a', 'CompletingRebalance')
    await session.heartbeat('a is out', second.generationId, first.memberId)
    await session.describe('nobody synced', version === 0 ? undefined : 'Empty')
  }),

  ...everyVersion(
    'static members',
    'JoinGroup',
    async (probe, version) => {
      const session = new GroupSession(probe, version)
      const [a, b] = [{ groupInstanceId: 'a' }, { groupInstanceId: 'b' }]
      const joined = await session.join('a joined', a)
      const { memberId, generationId } = joined
      await session.sync('a synced', generationId, memberId, { [memberId]: 'all' }, a)
      await session.heartbeat('heartbeat', generationId, memberId, a)
      await session.heartbeat('heartbeat without the instance', generationId, memberId)
      await session.heartbeat('heartbeat of another id', generationId, 'other', a)
      await session.heartbeat('heartbeat of an unknown instance', generationId, memberId, b)
      const restarted = await session.join('a came back', a)
      const now = restarted.memberId
      await session.heartbeat('the one before it', generationId, memberId, a)
      await session.heartbeat('the new one', restarted.generationId, now, a)
      await session.join('the one before it joins', { ...a, memberId })
      await session.sync('the one before it syncs', generationId, memberId, {}, a)
      await session.sync('the new one syncs', restarted.generationId, now, { [now]: 'all again' }, a)
      await session.describe('described')
      await session.leave('an unknown instance leaves', { memberId: '', groupInstanceId: 'x' })
      await session.leave('another id leaves', { memberId: 'other', groupInstanceId: 'a' })
      await session.leave('without the instance', { memberId: now })
      const changed = await session.join('a came back with other metadata', { ...a, protocols: protocols('sticky') })
      await session.describe('described with other metadata', 'CompletingRebalance')
      await session.sync(
        'synced with other metadata',
        changed.generationId,
        changed.memberId,
        {},
        { ...a, protocolName: 'sticky' },
      )
      await session.leave('by the instance alone', { memberId: '', groupInstanceId: 'a' })
      await session.describe('described when it is empty')
    },
    5,
  ),

  ...everyVersion(
    'two static members',
    'JoinGroup',
    async (probe, version) => {
      const session = new GroupSession(probe, version)
      const [one, two] = [await probe.connect(), await probe.connect()]
      const [a, b] = [{ groupInstanceId: 'a' }, { groupInstanceId: 'b' }]
      const first = await session.join('a joined', a, { on: one })
      await session.sync('a synced', first.generationId, first.memberId, { [first.memberId]: 'all' }, a, { on: one })
      const entering = session.join('b joined', b, { on: two })
      await session.reaches('PreparingRebalance')
      const again = await session.join('a joined again', { ...a, memberId: first.memberId }, { on: one })
      const second = await entering
      const given = { [first.memberId]: 'A', [second.memberId]: 'B' }
      await session.sync('a synced again', again.generationId, first.memberId, given, a, { on: one })
      await session.sync('b synced', again.generationId, second.memberId, {}, b, { on: two })
      const follower = await session.join('b, the follower, came back', b, { on: two })
      await session.sync('b synced as before', follower.generationId, follower.memberId, {}, b, { on: two })
      const leader = await session.join('a, the leader, came back', a, { on: one })
      await session.sync('a synced as before', leader.generationId, leader.memberId, {}, a, { on: one })
      await session.describe('described')
      await session.leave(
        'both at once',
        { memberId: '', groupInstanceId: 'a' },
        { memberId: follower.memberId, groupInstanceId: 'b' },
      )
      await session.describe('described when both left')
    },
    5,
  ),

  ...everyVersion('list groups', 'ListGroups', async (probe, version) => {
    const stable = new GroupSession(probe, 9, probe.named('stable'))
    const { memberId, generationId } = await stable.enter('joined')
    await stable.sync('synced', generationId, memberId, { [memberId]: 'mine' })
    const empty = new GroupSession(probe, 9, probe.named('empty'))
    const left = await empty.enter('joined the other')
    await empty.leave('left the other', { memberId: left.memberId })
    const topic = await probe.topic('topic')
    const simple = new GroupSession(probe, 9, probe.named('simple'))
    await simple.commit('committed', topic.name, 5)
    const list = async (step: string, body: object) => {
      await probe.ask(step, 'ListGroups', version, body, {
        view: answer => ({ ...answer, groups: answer.groups.filter(({ groupId }) => probe.isOwn(groupId)) }),
      })
    }
    await list('all', {})
    await list('by state', { statesFilter: ['Stable', 'Dead'] })
    await list('by state, in another case', { statesFilter: ['eMPTY'] })
    await list('by an unknown state', { statesFilter: ['Sleeping'] })
    await list('by type', { typesFilter: ['classic'] })
    await list('by another type', { typesFilter: ['consumer'] })
    await list('by an unknown type', { typesFilter: ['modern'] })
    const names = [stable.group, empty.group, simple.group, probe.named('unknown'), stable.group]
    await probe.ask('described', 'DescribeGroups', Math.min(version + 1, 6), { groups: names })
    await probe.ask('described with operations', 'DescribeGroups', Math.min(version + 1, 6), {
      groups: [stable.group],
      includeAuthorizedOperations: true,
    })
  }),
]
