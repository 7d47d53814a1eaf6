import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OptionError } from '../../src/broker/index.ts'
import { type BrokerOptions, resolveOptions } from '../../src/broker/options.ts'

test("without options it is one node on loopback, with Kafka's limits", () => {
  const { clock, random, config, ...rest } = resolveOptions({})
  assert.ok(Math.abs(clock.wallTime() - Date.now()) < 1_000)
  assert.notEqual(random(), random())
  assert.deepEqual([...config], [['default.replication.factor', '1']])
  assert.deepEqual(rest, {
    nodes: 1,
    topics: new Map(),
    autoCreateTopics: true,
    transactionVersion: 2,
    host: '127.0.0.1',
    advertisedHost: '127.0.0.1',
    ports: [0],
    racks: [null],
    tls: null,
    sasl: null,
    acls: null,
    superUsers: [],
    limits: {
      frameBytes: 100 * 2 ** 20,
      waitingBytes: 512 * 2 ** 20,
      elements: 100_000,
      connections: 10_000,
      idleMs: 600_000,
      logBytes: 256 * 2 ** 20,
    },
    requestLog: 1_000,
    thread: false,
  })
})

test('what is given is taken', () => {
  const settings = resolveOptions({
    nodes: 2,
    topics: { orders: 6, payments: { partitions: 3, replicas: 2, config: { 'retention.ms': '1000' } }, plain: {} },
    config: { 'auto.create.topics.enable': 'false', 'default.replication.factor': '1' },
    host: '0.0.0.0',
    ports: [9092, 0],
    racks: ['a', null],
    seed: 7,
    limits: { frameBytes: 4096 },
  })
  assert.deepEqual(Object.fromEntries(settings.topics), {
    orders: { partitions: 6, config: {} },
    payments: { partitions: 3, replicas: 2, config: { 'retention.ms': '1000' } },
    plain: { config: {} },
  })
  assert.equal(settings.autoCreateTopics, false)
  assert.equal(settings.config.get('default.replication.factor'), '1')
  assert.equal(settings.advertisedHost, '127.0.0.1', 'nobody can connect to all addresses')
  assert.deepEqual(settings.ports, [9092, 0])
  assert.deepEqual(settings.racks, ['a', null])
  assert.equal(settings.random(), resolveOptions({ seed: 7 }).random())
  assert.equal(settings.limits.frameBytes, 4096)
  assert.equal(resolveOptions({ nodes: 5 }).config.get('default.replication.factor'), '3')
})

const wrong: readonly [options: unknown, named: RegExp][] = [
  [[], /^nodes|the options/],
  ['text', /^the options must be an object/],
  [{ node: 3 }, /^node is not an option; known here: nodes, /],
  [{ nodes: 0 }, /^nodes must be a whole number from 1 to 100, not 0/],
  [{ nodes: '3' }, /^nodes must be/],
  [{ topics: { orders: 0 } }, /^topics\.orders\.partitions must be/],
  [{ topics: { orders: '6' } }, /^topics\.orders must be an object, not '6'/],
  [{ topics: { orders: { partition: 6 } } }, /^topics\.orders\.partition is not an option/],
  [
    { topics: { orders: { config: { 'retention.ms': 5 } } } },
    /^topics\.orders\.config\.retention\.ms must be a string, not 5/,
  ],
  [{ topics: ['orders'] }, /^topics must be an object/],
  [{ config: { 'num.partitions': 3 } }, /^config\.num\.partitions must be a string/],
  [{ config: 'num.partitions=3' }, /^config must be an object/],
  [{ autoCreateTopics: 'no' }, /^autoCreateTopics must be true or false/],
  [{ host: '' }, /^host must be a string/],
  [{ ports: [9092], nodes: 2 }, /^ports must be a list of 2 ports/],
  [{ ports: [70_000] }, /^ports must be a list of 1 ports/],
  [{ ports: 9092 }, /^ports must be a list/],
  [{ racks: [7] }, /^racks must be a list of 1 names/],
  [{ clock: {} }, /^clock must be a clock/],
  [{ seed: -1 }, /^seed must be/],
  [{ limits: { frames: 1 } }, /^limits\.frames is not an option/],
  [{ limits: { frameBytes: 10 } }, /^limits\.frameBytes must be/],
  [
    { limits: { frameBytes: 4096, waitingBytes: 1024 } },
    /^limits\.waitingBytes must be a whole number of at least 4096/,
  ],
  [{ limits: { connections: 0 } }, /^limits\.connections must be/],
  [{ limits: { idleMs: 2 ** 31 } }, /^limits\.idleMs must be/],
  [{ requestLog: -5 }, /^requestLog must be/],
  [{ thread: 1 }, /^thread must be true or false/],
]

test('a wrong option is named with what was expected', () => {
  for (const [options, named] of wrong) {
    assert.throws(
      () => resolveOptions(options as BrokerOptions),
      (error: unknown) => error instanceof OptionError && named.test(error.message),
      `${named}`,
    )
  }
})
