import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Admin, NativeClient, PartitionLost, PartitionRevoked, systemClock } from '../../src/index.ts'
import type { Cluster, ClusterOptions } from '../cluster.ts'
import { Load } from '../load.ts'
import { until } from '../until.ts'
import { groupTopicTests } from './group-topics.ts'
import { type MemberOptions, Members, shared } from './members.ts'
import { staticMemberTests } from './static-members.ts'

const strategies = ['range', 'round-robin', 'sticky', 'cooperative-sticky'] as const

/** What the tests of groups share: a cluster, and a name and a group for each test. */
export interface GroupPlace {
  readonly cluster: Cluster
  readonly admin: Admin
  /** A topic and a group that have the same name. */
  fresh(partitions?: number): Promise<{ topic: string; members: Members }>
  /** Writes to all partitions in turn. */
  write(topic: string, count: number, partitions?: number): Promise<void>
  committed(group: string): Promise<number>
}

/** What a group promises, on one node of any kind of cluster. */
export function groupTests(start: (options: ClusterOptions) => Promise<Cluster>): void {
  let cluster: Cluster
  let client: NativeClient
  let admin: Admin
  let made = 0

  before(async () => {
    cluster = await start({ nodes: 1 })
    client = new NativeClient({
      brokers: cluster.brokers,
      ...cluster.security,
      logger: new StderrLogger('silent', systemClock),
    })
    admin = new Admin(client)
  })
  after(async () => {
    await client?.close()
    await cluster?.close()
  })

  const place: GroupPlace = {
    get cluster() {
      return cluster
    },
    get admin() {
      return admin
    },
    async fresh(partitions = 4) {
      const topic = `t${++made}`
      await cluster.createTopic(topic, { partitions })
      return { topic, members: new Members({ brokers: cluster.brokers, ...cluster.security }, topic) }
    },
    async write(topic, count, partitions = 4) {
      const messages = Array.from({ length: count }, (_, n) => ({ key: `k${n}`, partition: n % partitions }))
      await cluster.write(topic, messages)
    },
    async committed(group) {
      return (await cluster.committed(group)).reduce((sum, { offset }) => sum + offset, 0)
    },
  }

  describe('sharing', () => sharing(place))
  describe('letting go', () => lettingGo(place, () => client))
  describe('static members', () => staticMemberTests(place))
  describe('topics', () => groupTopicTests(place))
}

function sharing(place: GroupPlace): void {
  for (const strategy of strategies) {
    test(`${strategy}: a member joins and leaves under load, and no message is handled twice`, async () => {
      const { topic, members } = await place.fresh(6)
      await using group = members
      const options = { ownership: { strategies: [strategy] } }
      const load = new Load(place.cluster, topic, { partitions: 6, perSecond: 500 })
      const one = group.join('one', topic, options)
      const two = group.join('two', topic, options)
      await shared(6, one, two)
      const third = group.join('third', topic, options)
      await shared(6, one, two, third)
      const handled = group.handled.length
      await until('they work', () => group.handled.length > handled + 50)
      assert.deepEqual(await third.close(), { drained: true, undone: 0 })
      await shared(6, one, two)
      const written = await load.stop()
      await group.handledOnce(written)
      await Promise.all([one.close(), two.close()])
      assert.equal(await place.committed(topic), written)
      assert.deepEqual([one.error, two.error, third.error], [null, null, null])
    })
  }

  test('members roll from range to cooperative-sticky one by one, and no message is handled twice', async () => {
    const { topic, members } = await place.fresh()
    await using group = members
    const load = new Load(place.cluster, topic, { partitions: 4, perSecond: 300 })
    const join = (name: string, strategies: ('range' | 'cooperative-sticky')[]) =>
      group.join(name, topic, { ownership: { strategies } })
    let [one, two] = [join('one', ['range']), join('two', ['range'])]
    await shared(4, one, two)
    assert.equal(one.membership?.strategy, 'range')
    for (const strategies of [['cooperative-sticky', 'range'], ['cooperative-sticky']] as const) {
      await one.close()
      one = join(`one ${strategies}`, [...strategies])
      await shared(4, one, two)
      await two.close()
      two = join(`two ${strategies}`, [...strategies])
      await shared(4, one, two)
    }
    assert.equal(one.membership?.strategy, 'cooperative-sticky')
    await group.handledOnce(await load.stop())
  })

  test('a strategy of its own decides who gets what', async () => {
    const { topic, members } = await place.fresh()
    await using group = members
    function lastTakesAll(members: readonly { readonly id: string }[]) {
      const last =
        members
          .map(({ id }) => id)
          .toSorted()
          .at(-1) ?? ''
      return new Map([[last, [0, 1, 2, 3].map(partition => ({ topic, partition }))]])
    }
    const options = { ownership: { strategies: [lastTakesAll] } }
    const pair = ['a', 'b'].map(name => group.join(name, topic, options))
    await until('both are members, and one has all', () => {
      const stable = pair.every(({ membership }) => membership?.phase === 'stable')
      return (
        stable &&
        pair
          .map(({ owned }) => owned.length)
          .toSorted()
          .join() === '0,4'
      )
    })
    await place.write(topic, 20)
    await group.handledOnce(20)
  })

  test('the first assignment waits for as many members as startup wants', async () => {
    const { topic, members } = await place.fresh()
    await using group = members
    await place.write(topic, 20)
    const options = { ownership: { startup: { minMembers: 3, waitMs: 5_000 } } }
    const [one, two] = ['one', 'two'].map(name => group.join(name, topic, options)) as [Joined, Joined]
    await until('two are members', async () => {
      const found = await membersOf(place, topic).catch(() => [])
      return found.length === 2
    })
    assert.deepEqual([one.owned, two.owned], [[], []])
    const three = group.join('three', topic, options)
    await shared(4, one, two, three)
    await group.handledOnce(20)
    for (const { told } of [one, two, three]) assert.equal(told.length, 1, `${told}`)
  })

  test('a group that stays small begins when startup has waited', async () => {
    const { topic, members } = await place.fresh()
    await using group = members
    await place.write(topic, 20)
    const one = group.join('one', topic, { ownership: { startup: { minMembers: 3, waitMs: 300 } } })
    await group.handledOnce(20)
    assert.equal(one.owned.length, 4)
  })
}

type Joined = ReturnType<Members['join']>

function lettingGo(place: GroupPlace, client: () => NativeClient): void {
  test('onRevoked ends before another member is assigned, and onAssigned before it handles', async () => {
    const { topic, members } = await place.fresh(2)
    await using group = members
    const order: string[] = []
    const slowly = (what: string) => async () => {
      order.push(`${what}…`)
      await new Promise(resolve => setTimeout(resolve, 100))
      order.push(what)
    }
    const options = (name: string): MemberOptions => ({
      handle: () => void order.push(`${name} handles`),
      ownership: { onAssigned: slowly(`${name} assigned`), onRevoked: slowly(`${name} revoked`) },
    })
    const one = group.join('one', topic, options('one'))
    await until('one has all', () => one.owned.length === 2 && order.includes('one assigned'))
    const two = group.join('two', topic, options('two'))
    await shared(2, one, two)
    await place.write(topic, 2, 2)
    await group.handledOnce(2)
    const ofTwo = order.filter(what => what !== 'one handles')
    const known = ['one assigned…', 'one assigned', 'one revoked…', 'one revoked', 'two assigned…', 'two assigned']
    assert.deepEqual(ofTwo, [...known, 'two handles'])
  })

  test('what outlasts the drain gets its signal, and its message comes again at the new owner', async () => {
    const { topic, members } = await place.fresh(2)
    await using group = members
    await place.write(topic, 2, 2)
    const reasons: unknown[] = []
    let hanging = 0
    const one = group.join('one', topic, {
      ownership: { drainMs: 100 },
      handle: (_, { signal }) => {
        hanging++
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason)
            reject(signal.reason)
          })
        })
      },
    })
    await until('both are in its hands', () => hanging === 2)
    const two = group.join('two', topic)
    await shared(2, one, two)
    await until('the new owner handles it', () => group.handled.length === 1)
    assert.deepEqual(
      group.handled,
      two.owned.map(name => `${name}@0`),
    )
    assert.equal(reasons.length, 1)
    assert.ok(reasons[0] instanceof PartitionRevoked)
    assert.deepEqual(group.overlaps, [])
    assert.equal(one.error, null)
  })

  test('what is done by the end of the drain is committed', async () => {
    const { topic, members } = await place.fresh(2)
    await using group = members
    await place.write(topic, 2, 2)
    let begun = 0
    const one = group.join('one', topic, {
      offsets: { commitIntervalMs: 60_000 },
      handle: async () => {
        begun++
        await new Promise(resolve => setTimeout(resolve, 200))
      },
    })
    await until('both are in its hands', () => begun === 2)
    const two = group.join('two', topic)
    await shared(2, one, two)
    await place.write(topic, 2, 2)
    await group.handledOnce(4)
  })

  test('close leaves the group at once', async () => {
    const { topic, members } = await place.fresh()
    await using group = members
    const patient = { ownership: { sessionTimeoutMs: 60_000 } }
    const [one, two] = [group.join('one', topic, patient), group.join('two', topic, patient)]
    await shared(4, one, two)
    await one.close()
    assert.deepEqual(await membersOf(place, topic), ['two'])
    await until('two has all', () => two.owned.length === 4)
  })

  test('a member that the group dropped loses its partitions, commits nothing for them, and joins again', async () => {
    const { topic, members } = await place.fresh()
    await using group = members
    const lost: string[] = []
    const reasons: unknown[] = []
    let drop = true
    const one = group.join('one', topic, {
      ownership: { onLost: partitions => void lost.push(...partitions.map(({ partition }) => String(partition))) },
      handle: async (message, { signal }) => {
        if (!drop) return
        if (message.partition === 0) return
        await new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason)
            reject(signal.reason)
          })
        })
      },
    })
    await until('one has all', () => one.owned.length === 4)
    await place.write(topic, 4)
    await until('the first is committed', async () => (await place.committed(topic)) === 1)
    await until('the others are in its hands', () => one.consumer.state().inFlight === 3)
    drop = false
    const { memberId } = one.membership ?? { memberId: '' }
    const leave = { groupId: topic, members: [{ memberId }] }
    assert.equal((await client().send({ group: topic }, 'LeaveGroup', leave)).members[0]?.errorCode, 0)
    await group.handledOnce(4)
    assert.deepEqual(lost.toSorted(), ['0', '1', '2', '3'])
    assert.equal(reasons.length, 3)
    assert.ok(reasons.every(reason => reason instanceof PartitionLost))
    assert.deepEqual(
      one.told.map(what => what.split(' ')[0]),
      ['assigned', 'lost', 'assigned'],
    )
    assert.notEqual(one.membership?.memberId, memberId)
    assert.equal(one.error, null)
    await until('all are committed', async () => (await place.committed(topic)) === 4)
  })
}

/** Client ids of a group's members. */
async function membersOf({ admin }: GroupPlace, group: string): Promise<string[]> {
  return (await admin.describeGroup(group)).members.map(({ clientId }) => clientId).toSorted()
}
