import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cluster } from '../../src/broker/cluster.ts'
import { Refusal } from '../../src/broker/refusal.ts'
import { checkedValue, type Setting } from '../../src/broker/setting.ts'
import { topicSettings } from '../../src/broker/topic-config.ts'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { ClusterBench } from './cluster-bench.ts'

const [topic, broker] = [2, 4]
const [set, remove, append, subtract] = [0, 1, 2, 3]

type Change = readonly [name: string, operation: number, value: string | null]

async function alter(bench: ClusterBench, resource: readonly [number, string], changes: readonly Change[], more = {}) {
  const [resourceType, resourceName] = resource
  const configs = changes.map(([name, configOperation, value]) => ({ name, configOperation, value }))
  const resources = [{ resourceType, resourceName, configs }]
  const { responses } = await bench.ask('IncrementalAlterConfigs', 1, { validateOnly: false, resources, ...more })
  return responses[0]?.errorCode
}

/** Values with the places they are from. */
async function values(bench: ClusterBench, [resourceType, resourceName]: readonly [number, string], ...keys: string[]) {
  const resources = [{ resourceType, resourceName, configurationKeys: keys.length === 0 ? null : keys }]
  const { results } = await bench.ask('DescribeConfigs', 4, { resources, includeSynonyms: true })
  return Object.fromEntries(
    (results[0]?.configs ?? []).map(({ name, value, configSource }) => [name, [value, configSource]]),
  )
}

test('a value is kept as Kafka shows it, or is refused for its type and its bounds', () => {
  const kept = (setting: Omit<Setting, 'name' | 'default'>, value: string) => {
    try {
      return checkedValue({ name: 'x', default: null, ...setting }, value)
    } catch (error) {
      assert.ok(error instanceof Refusal)
      return error.code
    }
  }
  const wrong = 'INVALID_CONFIG'
  const cases: [Omit<Setting, 'name' | 'default'>, string, string][] = [
    [{ type: 'long' }, ' +05 ', '5'],
    [{ type: 'long' }, '9223372036854775807', '9223372036854775807'],
    [{ type: 'long' }, '9223372036854775808', wrong],
    [{ type: 'int' }, '2147483648', wrong],
    [{ type: 'short' }, '32768', wrong],
    [{ type: 'int' }, '-2147483648', '-2147483648'],
    [{ type: 'int' }, '', wrong],
    [{ type: 'int' }, '1e3', wrong],
    [{ type: 'int', min: 1 }, '0', wrong],
    [{ type: 'int', max: 3 }, '4', wrong],
    [{ type: 'int' }, '1'.repeat(2_000), wrong],
    [{ type: 'double', min: 0, max: 1 }, '0.50', '0.5'],
    [{ type: 'double' }, '1', '1.0'],
    [{ type: 'double' }, 'NaN', wrong],
    [{ type: 'boolean' }, ' TRUE ', 'true'],
    [{ type: 'boolean' }, 'yes', wrong],
    [{ type: 'list', values: ['a', 'b'] }, ' a , b ', 'a,b'],
    [{ type: 'list', values: ['a', 'b'] }, '', ''],
    [{ type: 'list', values: ['a', 'b'] }, 'a,c', wrong],
    [{ type: 'string', values: ['a'] }, ' a ', 'a'],
    [{ type: 'string', values: ['a'] }, 'A', wrong],
    [{ type: 'list', pattern: /^\d$/ }, '1,2', '1,2'],
    [{ type: 'list', pattern: /^\d$/ }, '1,x', wrong],
  ]
  for (const [setting, given, expected] of cases)
    assert.equal(kept(setting, given), expected, JSON.stringify([setting, given]))
})

test('every default of a topic is a value that it could be set to', () => {
  using bench = new ClusterBench()
  const { config } = bench.cluster.topics.get('t') ?? assert.fail()
  for (const setting of topicSettings.values())
    assert.equal(checkedValue(setting, config.get(setting.name)), config.get(setting.name))
  assert.equal(topicSettings.size, 33)
})

test('a topic is made with settings that exist, and with values that they can have', async () => {
  using bench = new ClusterBench()
  const made = async (name: string, ...configs: [string, string | null][]) =>
    (await bench.create({ name, configs: configs.map(([name, value]) => ({ name, value })) })).errorCode
  for (const wrong of [
    ['no.such.config', '1'],
    ['retention.ms', 'long'],
    ['retention.ms', null],
    ['cleanup.policy', 'burn'],
    ['remote.storage.enable', 'true'],
    ['compression.gzip.level', '0'],
  ] as [string, string | null][]) {
    assert.equal(await made('x', wrong), errorCodes.INVALID_CONFIG, String(wrong))
  }
  const lags: [string, string][] = [
    ['min.compaction.lag.ms', '5'],
    ['max.compaction.lag.ms', '4'],
  ]
  assert.equal(await made('x', ...lags), errorCodes.INVALID_CONFIG)
  assert.equal(await made('x', ['retention.ms', '-1'], ['cleanup.policy', 'compact']), 0)
  const { config } = bench.cluster.topics.get('x') ?? assert.fail()
  assert.deepEqual([config.number('retention.ms'), config.get('cleanup.policy')], [-1, 'compact'])
})

test('what is not set for a topic is inherited: from one broker, from all, from their start, from Kafka', async () => {
  using bench = new ClusterBench({ config: { 'message.max.bytes': '1000', 'log.retention.hours': '2' } })
  const named = [topic, 't'] as const
  const retention = async () => (await values(bench, named, 'retention.ms'))['retention.ms']
  assert.deepEqual(await values(bench, named, 'max.message.bytes', 'segment.ms'), {
    'max.message.bytes': ['1000', 4],
    'segment.ms': ['604800000', 5],
  })
  assert.deepEqual(await retention(), ['7200000', 5])
  await alter(bench, [broker, ''], [['log.retention.ms', set, '3']])
  assert.deepEqual(await retention(), ['3', 3])
  await alter(bench, [broker, '1'], [['log.retention.ms', set, '2']])
  assert.deepEqual(await retention(), ['2', 2])
  await alter(bench, named, [['retention.ms', set, '1']])
  assert.deepEqual(await retention(), ['1', 1])
  const { config } = bench.cluster.topics.get('t') ?? assert.fail()
  assert.equal(config.number('retention.ms'), 1)
  for (const [resource, name, left] of [
    [named, 'retention.ms', 2],
    [[broker, '1'], 'log.retention.ms', 3],
    [[broker, ''], 'log.retention.ms', 7_200_000],
  ] as const) {
    await alter(bench, resource, [[name, remove, null]])
    assert.equal(config.number('retention.ms'), left)
  }
})

test('a setting for one broker is told by that one, and counts for the logs, which they share', async () => {
  using bench = new ClusterBench({ nodes: 2 })
  const resources = [
    {
      resourceType: broker,
      resourceName: '2',
      configs: [{ name: 'message.max.bytes', configOperation: set, value: '7' }],
    },
  ]
  await bench.ask('IncrementalAlterConfigs', 1, { resources }, 2)
  assert.equal(bench.cluster.topics.get('t')?.config.number('max.message.bytes'), 7)
  const told = async (node: number) => {
    const wanted = [{ resourceType: broker, resourceName: String(node), configurationKeys: ['message.max.bytes'] }]
    return (await bench.ask('DescribeConfigs', 4, { resources: wanted }, node)).results[0]?.configs[0]?.value
  }
  assert.deepEqual([await told(1), await told(2)], ['1048588', '7'])
})

test('lists are appended to and subtracted from', async () => {
  using bench = new ClusterBench()
  const named = [topic, 't'] as const
  const policy = async (operation: number, value: string) => {
    const code = await alter(bench, named, [['cleanup.policy', operation, value]])
    return code || bench.cluster.topics.get('t')?.config.get('cleanup.policy')
  }
  assert.equal(await policy(append, 'compact'), 'delete,compact')
  assert.equal(await policy(append, 'compact'), 'delete,compact')
  assert.equal(await policy(subtract, 'delete'), 'compact')
  assert.equal(await policy(subtract, 'delete'), 'compact')
  assert.equal(await policy(append, 'burn'), errorCodes.INVALID_CONFIG)
  assert.equal(await alter(bench, named, [['retention.ms', append, '5']]), errorCodes.INVALID_CONFIG)
  assert.equal(bench.cluster.topics.get('t')?.config.get('cleanup.policy'), 'compact')
})

test('a change is made whole or not at all, and not when it is only to be validated', async () => {
  using bench = new ClusterBench()
  const named = [topic, 't'] as const
  const { config } = bench.cluster.topics.get('t') ?? assert.fail()
  const { INVALID_CONFIG, INVALID_REQUEST, INVALID_TOPIC_EXCEPTION, UNKNOWN_TOPIC_OR_PARTITION } = errorCodes
  const good: Change = ['retention.ms', set, '5']
  assert.equal(await alter(bench, named, [good, ['segment.ms', set, 'x']]), INVALID_CONFIG)
  assert.equal(await alter(bench, named, [good, ['no.such', set, '1']]), INVALID_CONFIG)
  assert.equal(await alter(bench, named, [good, good]), INVALID_REQUEST)
  assert.equal(await alter(bench, named, [good, ['segment.ms', set, null]]), INVALID_REQUEST)
  assert.equal(await alter(bench, named, [good, ['segment.ms', 9, '1']]), INVALID_REQUEST)
  assert.equal(await alter(bench, named, [good], { validateOnly: true }), 0)
  assert.deepEqual([...config.own], [])
  assert.equal(await alter(bench, [topic, 'nope'], [good]), UNKNOWN_TOPIC_OR_PARTITION)
  assert.equal(await alter(bench, [topic, 'a b'], [good]), INVALID_TOPIC_EXCEPTION)
  assert.equal(await alter(bench, [99, 'x'], [good]), INVALID_REQUEST)
  assert.equal(await alter(bench, named, [good, ['no.such', remove, null]]), 0)
  const twice = { resourceType: topic, resourceName: 't', configs: [] }
  const { responses } = await bench.ask('IncrementalAlterConfigs', 1, { resources: [twice, twice] })
  assert.deepEqual(
    responses.map(({ errorCode }) => errorCode),
    [INVALID_REQUEST, INVALID_REQUEST],
  )
})

test('of the settings of brokers those can be changed that need no restart, by the broker whose they are', async () => {
  using bench = new ClusterBench({ nodes: 2 })
  const { INVALID_CONFIG, INVALID_REQUEST } = errorCodes
  for (const [name, change, code] of [
    ['1', ['num.partitions', set, '3'], INVALID_REQUEST],
    ['1', ['broker.id', set, '3'], INVALID_REQUEST],
    ['1', ['log.retention.ms', set, 'x'], INVALID_REQUEST],
    ['2', ['log.retention.ms', set, '3'], INVALID_REQUEST],
    ['one', ['log.retention.ms', set, '3'], INVALID_REQUEST],
    ['1', ['no.such', set, '3'], INVALID_CONFIG],
    ['1', ['min.insync.replicas', set, '2'], INVALID_CONFIG],
    ['', ['min.insync.replicas', remove, null], INVALID_CONFIG],
    ['', ['min.insync.replicas', set, '2'], 0],
  ] as [string, Change, number][]) {
    assert.equal(await alter(bench, [broker, name], [change]), code, `${name} ${change}`)
  }
  assert.equal(bench.cluster.topics.get('t')?.config.number('min.insync.replicas'), 2)
})

test('the older request for changes takes back what it does not name', async () => {
  using bench = new ClusterBench()
  const alterAll = async (...configs: { name: string; value: string | null }[]) => {
    const resources = [{ resourceType: topic, resourceName: 't', configs }]
    return (await bench.ask('AlterConfigs', 2, { resources })).responses[0]?.errorCode
  }
  const { config } = bench.cluster.topics.get('t') ?? assert.fail()
  assert.equal(await alterAll({ name: 'retention.ms', value: '5' }, { name: 'segment.ms', value: '6' }), 0)
  assert.equal(await alterAll({ name: 'segment.ms', value: '7' }), 0)
  assert.deepEqual([...config.own], [['segment.ms', '7']])
  assert.equal(await alterAll({ name: 'segment.ms', value: null }), errorCodes.INVALID_REQUEST)
  assert.equal(await alterAll(), 0)
  assert.deepEqual([...config.own], [])
})

test('settings are told with their types, sources and synonyms, all or those that were asked for', async () => {
  using bench = new ClusterBench({ config: { 'num.partitions': '2' } })
  const describe = async (
    resourceType: number,
    resourceName: string,
    configurationKeys: string[] | null,
    more = {},
  ) => {
    const { results } = await bench.ask('DescribeConfigs', 4, {
      resources: [{ resourceType, resourceName, configurationKeys }],
      ...more,
    })
    return results[0] ?? assert.fail()
  }
  const [entry] = (await describe(broker, '1', ['num.partitions'], { includeSynonyms: true })).configs
  assert.deepEqual(entry, {
    name: 'num.partitions',
    value: '2',
    readOnly: true,
    configSource: 4,
    isSensitive: false,
    configType: 3,
    documentation: null,
    synonyms: [
      { name: 'num.partitions', value: '2', source: 4 },
      { name: 'num.partitions', value: '1', source: 5 },
    ],
  })
  assert.equal((await describe(topic, 't', null)).configs.length, 33)
  assert.equal((await describe(topic, 't', [])).configs.length, 33)
  assert.deepEqual((await describe(topic, 't', ['no.such'])).configs, [])
  const own = await values(bench, [broker, '1'], 'node.id', 'listeners')
  assert.deepEqual(own, { 'node.id': ['1', 4], listeners: ['PLAINTEXT://127.0.0.1:1', 4] })
  assert.deepEqual(await values(bench, [broker, '']), { 'min.insync.replicas': ['1', 3] })
  for (const [type, name, code] of [
    [topic, 'nope', errorCodes.UNKNOWN_TOPIC_OR_PARTITION],
    [topic, '', errorCodes.INVALID_TOPIC_EXCEPTION],
    [broker, '2', errorCodes.INVALID_REQUEST],
    [99, 'x', errorCodes.INVALID_REQUEST],
  ] as const) {
    assert.equal((await describe(type, name, null)).errorCode, code)
  }
})

test('a broker does not start with settings that it does not have', () => {
  const start = (name: string, value: string) => {
    const config = new Map([[name, value]])
    return () => new Cluster('x', { clock: new VirtualClock(), random: Math.random, config, autoCreateTopics: true })
  }
  assert.throws(start('no.such', '1'), { code: 'INVALID_OPTION', message: /no\.such/ })
  assert.throws(start('num.partitions', '0'), { code: 'INVALID_OPTION', message: /num\.partitions.*at least 1/ })
  start('num.partitions', '2')().close()
})
