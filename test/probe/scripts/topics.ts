import type { Requests } from '../../../src/protocol/messages.ts'
import type { Encodable } from '../../../src/protocol/shapes.ts'
import { everyVersion, noId, type Script } from '../probe.ts'

type NewTopic = Encodable<Requests['CreateTopics']['topics'][number]>

export const topicScripts: readonly Script[] = [
  ...everyVersion('create topics', 'CreateTopics', async (probe, version) => {
    const name = (what: string) => probe.named(what)
    const create = (step: string, topics: readonly NewTopic[], more = {}) => {
      const given = topics.map(topic => ({ numPartitions: 1, replicationFactor: 1, ...topic }))
      return probe.ask(step, 'CreateTopics', version, { timeoutMs: 5_000, topics: given, ...more })
    }
    await create('three partitions', [{ name: name('three'), numPartitions: 3 }])
    await create('it exists', [{ name: name('three') }])
    await create('only asked', [{ name: name('asked'), numPartitions: 2 }], { validateOnly: true })
    await create('only asked, it exists', [{ name: name('three') }], { validateOnly: true })
    await create('no topics', [])
    await create('the same name twice', [{ name: name('twin') }, { name: name('twin') }, { name: name('single') }])
    for (const wrong of ['', '.', '..', 'a b', 'ü']) await create(`the name "${wrong}"`, [{ name: wrong }])
    await create('a name of 249', [{ name: name('').padEnd(249, 'x') }])
    await create('a name of 250', [{ name: name('').padEnd(250, 'x') }])
    await create('a period', [{ name: name('a.b') }])
    await probe.served(name('a.b'))
    await create('an underscore that collides', [{ name: name('a_b') }])
    await create('the default number of partitions', [{ name: name('p-1'), numPartitions: -1 }])
    await create('no partitions', [{ name: name('p0'), numPartitions: 0 }])
    await create('fewer than none', [{ name: name('p-2'), numPartitions: -2 }])
    await create('the default number of replicas', [{ name: name('r-1'), replicationFactor: -1 }])
    await create('no replicas', [{ name: name('r0'), replicationFactor: 0 }])
    await create('more replicas than nodes', [{ name: name('r9'), replicationFactor: 9 }])
    await create('a name of the cluster itself', [{ name: '__consumer_offsets' }])
  }),

  ...everyVersion('create topics with assignments', 'CreateTopics', async (probe, version) => {
    const create = (step: string, partitions: readonly (readonly [number, readonly number[]])[], more = {}) => {
      const assignments = partitions.map(([partitionIndex, brokerIds]) => ({ partitionIndex, brokerIds }))
      const topic = { name: probe.named(step.replaceAll(' ', '-')), numPartitions: -1, replicationFactor: -1 }
      return probe.ask(step, 'CreateTopics', version, {
        timeoutMs: 5_000,
        topics: [{ ...topic, assignments, ...more }],
      })
    }
    await create('two', [
      [0, [1]],
      [1, [1]],
    ])
    await create('and counts', [[0, [1]]], { numPartitions: 1, replicationFactor: 1 })
    await create('and a count of replicas', [[0, [1]]], { replicationFactor: 1 })
    await create('an unknown node', [[0, [77]]])
    await create('the same node twice', [[0, [1, 1]]])
    await create('no node', [[0, []]])
    await create('not from 0', [[1, [1]]])
    await create('the same partition twice', [
      [0, [1]],
      [0, [1]],
    ])
  }),

  ...everyVersion('create topics with configs', 'CreateTopics', async (probe, version) => {
    const create = (step: string, ...configs: { name: string; value: string | null }[]) =>
      probe.ask(step, 'CreateTopics', version, {
        timeoutMs: 5_000,
        topics: [{ name: probe.named(step.replaceAll(' ', '-')), numPartitions: 1, replicationFactor: 1, configs }],
      })
    await create('right', { name: 'retention.ms', value: '1000' }, { name: 'cleanup.policy', value: 'compact,delete' })
    await create('unknown', { name: 'no.such.config', value: '1' })
    await create('no number', { name: 'retention.ms', value: 'long' })
    await create('too small', { name: 'max.message.bytes', value: '-1' })
    await create('not among the values', { name: 'cleanup.policy', value: 'burn' })
    await create('null', { name: 'retention.ms', value: null })
    await create('twice', { name: 'retention.ms', value: '1' }, { name: 'retention.ms', value: '2' })
    await create('no boolean', { name: 'preallocate', value: 'perhaps' })
    await create('spaces', { name: 'retention.ms', value: ' 5 ' })
    await create('the empty name', { name: '', value: '1' })
  }),

  ...everyVersion('delete topics', 'DeleteTopics', async (probe, version) => {
    const [a, b, c] = [await probe.topic('a'), await probe.topic('b'), await probe.topic('c')]
    const remove = (step: string, ...names: string[]) =>
      probe.ask(step, 'DeleteTopics', version, {
        timeoutMs: 5_000,
        ...(version < 6 ? { topicNames: names } : { topics: names.map(name => ({ name })) }),
      })
    await remove('one that is there, one that is not', a.name, probe.named('unknown'))
    await remove('gone already', a.name)
    await remove('the same twice', b.name, b.name)
    await remove('a name that is not legal', 'a b', '')
    await remove('none')
    await probe.ask(
      'metadata afterwards',
      'Metadata',
      12,
      { topics: [{ name: a.name }] },
      {
        until: ({ topics }) => topics[0]?.errorCode === 3,
      },
    )
    if (version < 6) return
    const removeBy = (step: string, ...topics: { name?: string | null; topicId?: string }[]) =>
      probe.ask(step, 'DeleteTopics', version, { timeoutMs: 5_000, topics })
    await removeBy('by name and id', { name: c.name, topicId: c.id })
    await removeBy('by name and id twice', { topicId: c.id, name: null }, { name: c.name })
    await removeBy('by id', { name: null, topicId: c.id })
    await removeBy('by an id that is unknown', { name: null, topicId: noId })
    await removeBy('by neither', { name: null })
  }),

  ...everyVersion('create partitions', 'CreatePartitions', async (probe, version) => {
    const { name } = await probe.topic('one', 1)
    const grow = (step: string, count: number, more: object = {}, validateOnly = false) =>
      probe.ask(step, 'CreatePartitions', version, {
        timeoutMs: 5_000,
        validateOnly,
        topics: [{ name, count, assignments: null, ...more }],
      })
    await grow('only asked', 2, {}, true)
    await grow('two more', 3)
    await probe.served(name, 3)
    await grow('as many as there are', 3)
    await grow('fewer', 1)
    await grow('none', 0)
    await grow('of an unknown topic', 3, { name: probe.named('unknown') })
    await grow('of a name that is not legal', 3, { name: 'a b' })
    await grow('assigned', 4, { assignments: [{ brokerIds: [1] }] })
    await probe.served(name, 4)
    await grow('assigned to an unknown node', 5, { assignments: [{ brokerIds: [77] }] })
    await grow('assigned to the same node twice', 5, { assignments: [{ brokerIds: [1, 1] }] })
    await grow('more assignments than partitions', 5, { assignments: [{ brokerIds: [1] }, { brokerIds: [1] }] })
    await grow('no assignments for the new ones', 5, { assignments: [] })
    const twice = { name, count: 9, assignments: null }
    await probe.ask('the same twice', 'CreatePartitions', version, { timeoutMs: 5_000, topics: [twice, twice] })
  }),
]
