import { everyVersion, type Script } from '../probe.ts'

const topic = 2
const broker = 4
const [set, remove, append, subtract] = [0, 1, 2, 3]

/** Settings of a broker that clients or tools look at; Kafka has some hundred more. */
const brokerKeys = [
  'auto.create.topics.enable',
  'num.partitions',
  'default.replication.factor',
  'min.insync.replicas',
  'message.max.bytes',
  'log.retention.ms',
  'log.retention.bytes',
  'log.cleanup.policy',
  'delete.topic.enable',
  'offsets.topic.num.partitions',
  'transaction.max.timeout.ms',
  'transactional.id.expiration.ms',
  'broker.id',
  'group.max.session.timeout.ms',
  'group.min.session.timeout.ms',
  'group.initial.rebalance.delay.ms',
]

export const configScripts: readonly Script[] = [
  ...everyVersion('describe configs', 'DescribeConfigs', async (probe, version) => {
    const { name } = await probe.topic('topic', 1, { 'retention.ms': '1234' })
    const describe = (
      step: string,
      resourceType: number,
      resourceName: string,
      keys: string[] | null = [],
      more = {},
    ) =>
      probe.ask(step, 'DescribeConfigs', version, {
        resources: [{ resourceType, resourceName, configurationKeys: keys }],
        ...more,
      })
    await describe('a topic', topic, name, null)
    await describe('a topic, of no keys', topic, name, [])
    await describe('a topic, with synonyms', topic, name, ['retention.ms', 'cleanup.policy', 'max.message.bytes'], {
      includeSynonyms: true,
    })
    await describe('a topic, of an unknown key', topic, name, ['no.such.config', 'retention.bytes'])
    await describe('an unknown topic', topic, probe.named('unknown'), null)
    await describe('a topic that is not legal', topic, 'a b', null)
    await describe('the empty topic', topic, '', null)
    await describe('a broker', broker, '1', brokerKeys)
    await describe('a broker, with synonyms', broker, '1', brokerKeys, { includeSynonyms: true })
    await describe('all brokers', broker, '', brokerKeys)
    await describe('another broker', broker, '77', null)
    await describe('no broker', broker, 'one', null)
    await describe('an unknown type', 99, 'x', null)
    await describe('documented', topic, name, ['retention.ms'], { includeDocumentation: true })
    const same = { resourceType: topic, resourceName: name, configurationKeys: ['retention.ms'] }
    await probe.ask('the same twice', 'DescribeConfigs', version, { resources: [same, same] })
    await probe.ask('nothing', 'DescribeConfigs', version, { resources: [] })
  }),

  ...everyVersion('alter configs', 'IncrementalAlterConfigs', async (probe, version) => {
    const { name } = await probe.topic('topic', 1)
    const alter = async (
      step: string,
      changes: readonly (readonly [name: string, operation: number | undefined, value: string | null])[],
      { type = topic, resource = name, validateOnly = false } = {},
    ) => {
      const configs = changes.map(([key, configOperation, value]) => ({ name: key, configOperation, value }))
      const resources = [{ resourceType: type, resourceName: resource, configs }]
      await probe.ask(step, 'IncrementalAlterConfigs', version, { validateOnly, resources } as never)
    }
    const after = (step: string, key: string, until: string) =>
      probe.ask(
        step,
        'DescribeConfigs',
        4,
        { resources: [{ resourceType: topic, resourceName: name, configurationKeys: [key] }] },
        { until: ({ results }) => results[0]?.configs[0]?.value === until },
      )
    await alter('set', [['retention.ms', set, '5']])
    await after('after set', 'retention.ms', '5')
    await alter('only asked', [['retention.ms', set, '6']], { validateOnly: true })
    await alter('deleted', [['retention.ms', remove, null]])
    await after('after deleted', 'retention.ms', '604800000')
    await alter('appended', [['cleanup.policy', append, 'compact']])
    await after('after appended', 'cleanup.policy', 'delete,compact')
    await alter('appended again', [['cleanup.policy', append, 'compact']])
    await alter('subtracted', [['cleanup.policy', subtract, 'delete']])
    await after('after subtracted', 'cleanup.policy', 'compact')
    await alter('subtracted what is not there', [['cleanup.policy', subtract, 'delete']])
    await alter('appended to what is no list', [['retention.ms', append, '5']])
    await alter('an unknown operation', [['retention.ms', 9, '5']])
    await alter('set to null', [['retention.ms', set, null]])
    await alter('the same key twice', [
      ['retention.ms', set, '5'],
      ['retention.ms', set, '6'],
    ])
    await alter('an unknown key', [['no.such.config', set, '5']])
    await alter('deleted an unknown key', [['no.such.config', remove, null]])
    await alter('no number', [['retention.ms', set, 'long']])
    await alter('an unknown topic', [['retention.ms', set, '5']], { resource: probe.named('unknown') })
    await alter('a topic that is not legal', [['retention.ms', set, '5']], { resource: 'a b' })
    await alter('an unknown type', [['retention.ms', set, '5']], { type: 99, resource: 'x' })
    await alter('no change', [])
    await alter('a setting of the broker that cannot be changed', [['broker.id', set, '5']], {
      type: broker,
      resource: '1',
    })
    await alter('another broker', [['log.retention.ms', set, '5']], {
      type: broker,
      resource: '77',
      validateOnly: true,
    })
    await alter('no broker', [['log.retention.ms', set, '5']], { type: broker, resource: 'one', validateOnly: true })
    const same = { resourceType: topic, resourceName: name, configs: [] }
    await probe.ask('the same topic twice', 'IncrementalAlterConfigs', version, { resources: [same, same] })
  }),

  ...everyVersion('replace configs', 'AlterConfigs', async (probe, version) => {
    const { name } = await probe.topic('topic', 1, { 'retention.ms': '5', 'cleanup.policy': 'compact' })
    const replace = (
      step: string,
      configs: readonly { name: string; value: string | null }[],
      { type = topic, resource = name, validateOnly = false } = {},
    ) => {
      const resources = [{ resourceType: type, resourceName: resource, configs }]
      return probe.ask(step, 'AlterConfigs', version, { validateOnly, resources })
    }
    const after = (step: string, key: string, until: string) =>
      probe.ask(
        step,
        'DescribeConfigs',
        4,
        { resources: [{ resourceType: topic, resourceName: name, configurationKeys: null }] },
        {
          until: ({ results }) => results[0]?.configs.find(config => config.name === key)?.value === until,
          view: ({ results }) => results[0]?.configs.filter(({ configSource }) => configSource === 1),
        },
      )
    await replace('only asked', [], { validateOnly: true })
    await after('after it was only asked', 'retention.ms', '5')
    await replace('by another', [{ name: 'retention.bytes', value: '7' }])
    await after('after it was replaced', 'retention.bytes', '7')
    await replace('an unknown key', [{ name: 'no.such.config', value: '5' }])
    await replace('no number', [{ name: 'retention.ms', value: 'long' }])
    await replace('null', [{ name: 'retention.ms', value: null }])
    await replace('the same key twice', [
      { name: 'retention.ms', value: '5' },
      { name: 'retention.ms', value: '6' },
    ])
    await replace('an unknown topic', [], { resource: probe.named('unknown') })
    await replace('a topic that is not legal', [], { resource: 'a b' })
    await replace('an unknown type', [], { type: 99, resource: 'x' })
    await replace('another broker', [], { type: broker, resource: '77', validateOnly: true })
    await replace('by nothing', [])
    await after('after it was replaced by nothing', 'retention.bytes', '-1')
  }),
]
