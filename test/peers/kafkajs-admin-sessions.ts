import assert from 'node:assert/strict'
import kafkajs, { type Admin, type ITopicConfig } from 'kafkajs'
import { until } from '../until.ts'
import { connect, connectAdmin, connectProducer, createTopic, known, Member, messages } from './kafkajs.ts'
import { fresh, type Sessions } from './sessions.ts'

/** What kafkajs's admin client does with topics, settings, groups and the cluster. */
export const kafkajsAdminSessions: Sessions = {
  'the cluster tells its nodes, its controller and its id': async brokers => {
    await using admin = await connectAdmin(connect(brokers))
    const cluster = await admin.describeCluster()
    assert.deepEqual(cluster.brokers.map(({ host, port }) => `${host}:${port}`).sort(), brokers.sort())
    assert.ok(cluster.brokers.some(({ nodeId }) => nodeId === cluster.controller))
    assert.match(cluster.clusterId, /^[\w-]{22}$/)
  },

  'a topic is made once, described, enlarged and deleted': async brokers => {
    await using admin = await connectAdmin(connect(brokers))
    const [topic, unmade] = [fresh('made'), fresh('unmade')]
    const configEntries = [{ name: 'retention.ms', value: '60000' }]
    const create = (wanted: ITopicConfig, validateOnly = false) =>
      admin.createTopics({ topics: [wanted], validateOnly, waitForLeaders: false })
    assert.equal(await create({ topic: unmade }, true), true)
    assert.equal(await create({ topic, numPartitions: 2, configEntries }), true)
    assert.equal(await create({ topic }), false)
    await known(admin, topic)
    const [made] = (await admin.fetchTopicMetadata({ topics: [topic] })).topics
    assert.deepEqual(made?.partitions.map(({ partitionId }) => partitionId).sort(), [0, 1])
    assert.ok(made.partitions.every(({ leader, replicas, isr }) => replicas.includes(leader) && isr.includes(leader)))

    await admin.createPartitions({ topicPartitions: [{ topic, count: 4 }] })
    const count = async () => (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions.length
    await until('the topic has four partitions', async () => (await count()) === 4)
    const smaller = { topicPartitions: [{ topic, count: 3 }] }
    await assert.rejects(admin.createPartitions(smaller), { type: 'INVALID_PARTITIONS' })

    const names = (await admin.listTopics()).filter(name => name === topic || name === unmade)
    assert.deepEqual(names, [topic])
    await admin.deleteTopics({ topics: [topic] })
    await until('it is gone', async () => !(await admin.listTopics()).includes(topic))
    await assert.rejects(admin.deleteTopics({ topics: [topic] }), ({ cause }) => cause.code === 3)
  },

  'settings of a topic are told with their source, and replaced': async brokers => {
    await using admin = await connectAdmin(connect(brokers))
    const topic = fresh('settings')
    const configEntries = [{ name: 'retention.ms', value: '60000' }]
    await admin.createTopics({ topics: [{ topic, configEntries }], waitForLeaders: false })
    await known(admin, topic)
    const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }
    const setting = async (name: string) => {
      const answer = await admin.describeConfigs({
        resources: [{ ...resource, configNames: [name] }],
        includeSynonyms: true,
      })
      const [entry, ...others] = answer.resources[0]?.configEntries ?? []
      assert.ok(entry && others.length === 0, `one entry for ${name}`)
      return entry
    }
    const set = await setting('retention.ms')
    assert.deepEqual([set.configValue, set.configSource, set.readOnly, set.isSensitive], ['60000', 1, false, false])
    const synonyms = async (name: string) => (await setting(name)).configSynonyms.map(({ configName }) => configName)
    assert.deepEqual(await synonyms('retention.ms'), ['retention.ms'])
    assert.deepEqual(await synonyms('cleanup.policy'), ['log.cleanup.policy'])
    // The old call: what it does not name goes back to its default.
    const changed = [{ name: 'max.message.bytes', value: '2000' }]
    await admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries: changed }] })
    await until('it is told', async () => (await setting('max.message.bytes')).configValue === '2000')
    const back = await setting('retention.ms')
    assert.deepEqual([back.configValue, back.configSource], ['604800000', 5])
    const wrong = [{ name: 'retention.ms', value: 'long' }]
    await assert.rejects(
      admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries: wrong }] }),
      {
        type: 'INVALID_CONFIG',
      },
    )
  },

  'offsets of a topic are told from both ends and by time, and its records deleted': async brokers => {
    const kafka = connect(brokers)
    await using admin = await connectAdmin(kafka)
    const topic = await createTopic(kafka, 'offsets', 1)
    await using producer = await connectProducer(kafka)
    for (const timestamp of ['1000', '2000', '3000']) {
      await producer.send({ topic, messages: [{ value: 'old', timestamp }] })
    }
    const at = (offset: string) => [{ partition: 0, offset }]
    assert.deepEqual(await admin.fetchTopicOffsets(topic), [{ partition: 0, offset: '3', high: '3', low: '0' }])
    assert.deepEqual(await admin.fetchTopicOffsetsByTimestamp(topic, 1500), at('1'))
    assert.deepEqual(await admin.fetchTopicOffsetsByTimestamp(topic, 9000), at('3'))
    await admin.deleteTopicRecords({ topic, partitions: at('2') })
    assert.deepEqual(await admin.fetchTopicOffsets(topic), [{ partition: 0, offset: '3', high: '3', low: '2' }])
    await admin.deleteTopicRecords({ topic, partitions: at('-1') })
    assert.deepEqual(await admin.fetchTopicOffsets(topic), [{ partition: 0, offset: '3', high: '3', low: '3' }])
  },

  'a group is listed and described with its offsets, and deleted when nobody is in it': async brokers => {
    const kafka = connect(brokers)
    await using admin = await connectAdmin(kafka)
    const topic = await createTopic(kafka, 'group', 1)
    const groupId = topic
    await using producer = await connectProducer(kafka)
    await producer.send({ topic, messages: messages(5) })
    {
      await using member = await Member.join(kafka, groupId, topic)
      await member.has(5)
      const [group] = (await admin.describeGroups([groupId])).groups
      const { state, protocolType, protocol } = group ?? {}
      assert.deepEqual([state, protocolType, protocol], ['Stable', 'consumer', 'RoundRobinAssigner'])
      assert.deepEqual(
        group?.members.map(({ clientId, clientHost }) => [clientId, clientHost]),
        [['kafkajs', '/127.0.0.1']],
      )
      await assert.rejects(admin.deleteGroups([groupId]), ({ groups }) => groups[0].errorCode === 68)
    }
    assert.deepEqual(await committed(admin, groupId, topic), ['5'])
    const { groups } = await admin.listGroups()
    assert.equal(groups.find(group => group.groupId === groupId)?.protocolType, 'consumer')
    assert.deepEqual(await admin.deleteGroups([groupId]), [{ groupId, errorCode: 0 }])
    assert.deepEqual(await committed(admin, groupId, topic), ['-1'])
    const [dead] = (await admin.describeGroups([groupId])).groups
    assert.deepEqual([dead?.state, dead?.members], ['Dead', []])
  },
}

/** Those in which kafkajs itself lets seconds pass: to set offsets it joins the group, and leaves it after an idle fetch. */
export const kafkajsSlowSessions: Sessions = {
  'offsets of a group are set and reset, and a member begins there': async brokers => {
    const kafka = connect(brokers)
    await using admin = await connectAdmin(kafka)
    const topic = await createTopic(kafka, 'set', 1)
    await using producer = await connectProducer(kafka)
    await producer.send({ topic, messages: messages(5) })
    await admin.setOffsets({ groupId: topic, topic, partitions: [{ partition: 0, offset: '3' }] })
    assert.deepEqual(await committed(admin, topic, topic), ['3'])
    await admin.resetOffsets({ groupId: topic, topic, earliest: true })
    assert.deepEqual(await committed(admin, topic, topic), ['-2'])
    await using member = await Member.join(kafka, topic, topic)
    await member.has(5)
  },
}

/** Offsets by partition, -1 where there is none. */
async function committed(admin: Admin, groupId: string, topic: string): Promise<string[]> {
  const [told] = await admin.fetchOffsets({ groupId, topics: [topic] })
  return told?.partitions.map(({ offset }) => offset) ?? []
}
