import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { goKeys } from '../../../src/consumer/properties/go-keys.ts'
import { kafkaKeys } from '../../../src/consumer/properties/kafka-keys.ts'
import { Consumer, OptionError, type PropertyOptions, readProperties } from '../../../src/index.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-properties-'))
})
after(() => rm(folder, { recursive: true }))

type Values = Readonly<Record<string, string | number | boolean>>

const servers = { 'bootstrap.servers': 'one:9092' }

/** An option by its path, as these properties set it. */
function option(path: string, values: Values, options?: PropertyOptions): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) => (value as Record<string, unknown>)?.[name],
      readProperties({ ...servers, ...values }, options).options,
    )
}

function complaint(values: Values, options?: PropertyOptions): string {
  try {
    readProperties({ ...servers, ...values }, options)
  } catch (error) {
    assert.ok(error instanceof OptionError)
    return error.message
  }
  return ''
}

function notes(values: Values, options?: PropertyOptions): string[] {
  return readProperties({ ...servers, ...values }, options).notes.map(({ message }) => message)
}

describe("a key of Kafka's sets its option", () => {
  const cases: [key: string, value: string | number | boolean, option: string, expected: unknown][] = [
    ['bootstrap.servers', 'one:9092 , two:9093', 'brokers', ['one:9092', 'two:9093']],
    ['group.id', 'shop', 'group', 'shop'],
    ['group.id', '', 'group', undefined],
    ['client.id', 'worker', 'clientId', 'worker'],
    ['client.id', '', 'clientId', undefined],
    ['client.rack', 'a', 'rack', 'a'],
    ['client.rack', '', 'rack', undefined],
    ['group.instance.id', 'worker-1', 'ownership.instanceId', 'worker-1'],
    ['session.timeout.ms', 30_000, 'ownership.sessionTimeoutMs', 30_000],
    ['session.timeout.ms', '30s', 'ownership.sessionTimeoutMs', 30_000],
    ['heartbeat.interval.ms', 2_000, 'ownership.heartbeatIntervalMs', 2_000],
    ['max.poll.interval.ms', 300_000, 'ownership.rebalanceTimeoutMs', 300_000],
    ['metadata.max.age.ms', 60_000, 'ownership.refreshMs', 60_000],
    [
      'partition.assignment.strategy',
      'org.apache.kafka.clients.consumer.RangeAssignor, org.apache.kafka.clients.consumer.CooperativeStickyAssignor',
      'ownership.strategies',
      ['range', 'cooperative-sticky'],
    ],
    ['partition.assignment.strategy', 'RoundRobinAssignor,sticky', 'ownership.strategies', ['round-robin', 'sticky']],
    ['auto.offset.reset', 'earliest', 'offsets.start', 'earliest'],
    ['auto.offset.reset', 'earliest', 'fetch.onOutOfRange', 'earliest'],
    ['auto.offset.reset', 'latest', 'offsets.start', 'latest'],
    ['auto.offset.reset', 'latest', 'fetch.onOutOfRange', 'latest'],
    ['auto.offset.reset', 'none', 'offsets', undefined],
    ['auto.offset.reset', 'none', 'fetch.onOutOfRange', 'fail'],
    ['auto.commit.interval.ms', 5_000, 'offsets.commitIntervalMs', 5_000],
    ['fetch.min.bytes', 100, 'fetch.minBytes', 100],
    ['fetch.max.bytes', 1_000_000, 'fetch.maxBytes', 1_000_000],
    ['fetch.max.wait.ms', '250ms', 'fetch.maxWaitMs', 250],
    ['max.partition.fetch.bytes', 2_000, 'fetch.partitionMaxBytes', 2_000],
    ['isolation.level', 'read_uncommitted', 'fetch.isolation', 'read_uncommitted'],
    ['request.timeout.ms', 5_000, 'requestTimeoutMs', 5_000],
    ['socket.connection.setup.timeout.ms', 3_000, 'connectTimeoutMs', 3_000],
    ['reconnect.backoff.ms', 20, 'reconnect.minMs', 20],
    ['reconnect.backoff.max.ms', 5_000, 'reconnect.maxMs', 5_000],
  ]
  for (const [key, value, path, expected] of cases) {
    test(`${key}=${value}: ${path}`, () => assert.deepEqual(option(path, { [key]: value }), expected))
  }

  test('auto.offset.reset=by_duration:P…: the time that long ago', () => {
    const start = option('offsets.start', { 'auto.offset.reset': 'by_duration:P1DT2H3M4.5S' })
    const { timestamp } = start as { timestamp: number }
    assert.ok(Math.abs(Date.now() - 93_784_500 - timestamp) < 10_000)
  })
})

test('every key is read: what it does not set, or cannot mean, is noted', () => {
  const values: Readonly<Record<string, string>> = {
    'enable.auto.commit': 'false',
    'check.crcs': 'false',
    'exclude.internal.topics': 'false',
    'allow.auto.create.topics': 'true',
    'group.protocol': 'CONSUMER',
    'client.dns.lookup': 'resolve_canonical_bootstrap_servers_only',
    'metadata.recovery.strategy': 'none',
    'enable.metrics.push': 'true',
    'internal.leave.group.on.close': 'true',
    'internal.throw.on.fetch.stable.offset.unsupported': 'false',
    'auto.include.jmx.reporter': 'true',
  }
  const unset = Object.entries(kafkaKeys).filter(([, key]) => key.option === null)
  assert.ok(unset.length > 40)
  for (const [key] of unset) {
    const noted = notes({ [key]: values[key] ?? '1' })
    assert.equal(noted.length, 1, key)
    assert.ok(noted[0]?.startsWith(`${key} `), noted[0])
  }
})

test('what a key says that is so here anyway is not worth a note', () => {
  const values = {
    'enable.auto.commit': true,
    'check.crcs': true,
    'exclude.internal.topics': true,
    'allow.auto.create.topics': false,
    'group.protocol': 'classic',
    'client.dns.lookup': 'use_all_dns_ips',
    'metadata.recovery.strategy': 'rebootstrap',
    'security.protocol': 'PLAINTEXT',
  }
  assert.deepEqual(notes(values), [])
})

describe('the dialect of Go Kafka Client', () => {
  const dialect = 'go'
  const cases: [key: string, value: string, option: string, expected: unknown, byDefault: unknown][] = [
    ['group.id', 'shop', 'group', 'shop', 'go-consumer-group'],
    ['client.id', 'worker', 'clientId', 'worker', 'go-client'],
    ['socket.timeout', '5s', 'requestTimeoutMs', 5_000, 30_000],
    ['fetch.message.max.bytes', '5242880', 'fetch.partitionMaxBytes', 5_242_880, 1_048_576],
    ['num.consumer.fetchers', '2', 'fetch.fetchers', 2, 1],
    ['queued.max.message.chunks', '5', 'fetch.reservoir.messages', 500, 300],
    ['queued.max.message.chunks', '0', 'fetch.reservoir.messages', 100, 300],
    ['fetch.batch.size', '1000', 'fetch.reservoir.messages', 3_000, 300],
    ['fetch.min.bytes', '10', 'fetch.minBytes', 10, 1],
    ['fetch.wait.max.ms', '200', 'fetch.maxWaitMs', 200, 100],
    ['partition.assignment.strategy', 'roundrobin', 'ownership.strategies', ['round-robin'], ['range']],
    ['auto.offset.reset', 'smallest', 'offsets.start', 'earliest', 'latest'],
    ['auto.offset.reset', 'smallest', 'fetch.onOutOfRange', 'earliest', 'latest'],
    ['offset.commit.interval', '10s', 'offsets.commitIntervalMs', 10_000, 3_000],
    ['deployment.timeout', '20s', 'ownership.startup.waitMs', 20_000, undefined],
    ['barrier.timeout', '2m', 'ownership.rebalanceTimeoutMs', 120_000, 70_000],
    ['num.workers', '4', 'work.perPartition', 4, 10],
    ['max.worker.retries', '0', 'work.attempts', 1, 4],
    ['worker.backoff', '1s', 'work.backoff.maxMs', 1_000, 500],
    ['worker.task.timeout', '5m', 'work.timeoutMs', 300_000, 60_000],
    ['worker.managers.stop.timeout', '10s', 'ownership.drainMs', 10_000, 60_000],
    ['skip.corrupted.messages', 'true', 'fetch.onCorrupt', 'skip', 'fail'],
  ]
  for (const [key, value, path, expected, byDefault] of cases) {
    test(`${key}=${value}: ${path}`, () => {
      assert.deepEqual(option(path, { [key]: value }, { dialect }), expected)
      assert.deepEqual(option(path, {}, { dialect }), byDefault)
    })
  }

  test('all partitions together have 1,000 workers', () => {
    assert.equal(option('work.concurrency', {}, { dialect }), 1_000)
  })

  test('batches have the size that chunks had', () => {
    assert.deepEqual(readProperties(servers, { dialect }).batch, { messages: 100, lingerMs: 5_000 })
    const values = { ...servers, 'fetch.batch.size': 7, 'fetch.batch.timeout': '1s' }
    assert.deepEqual(readProperties(values, { dialect }).batch, { messages: 7, lingerMs: 1_000 })
    assert.equal(readProperties(servers).batch, null)
  })

  test('defaults are not worth a note', () => assert.deepEqual(notes({}, { dialect }), []))

  test('a barrier that is shorter than the drain is raised, and that is told', () => {
    assert.deepEqual(notes({ 'barrier.timeout': '30s' }, { dialect }), [
      'barrier.timeout is raised to 70000 ms, which the drain and the start of a group need',
    ])
    assert.deepEqual(notes({ 'barrier.timeout': '30s', 'worker.managers.stop.timeout': '5s' }, { dialect }), [])
  })

  test('a deployment waits in full, however many members come', () => {
    const values = { 'deployment.timeout': '45s' }
    const { minMembers } = option('ownership.startup', values, { dialect }) as { minMembers: number }
    assert.ok(minMembers > 1e9)
    assert.equal(option('ownership.rebalanceTimeoutMs', values, { dialect }), 90_000)
  })

  test('keys without meaning are checked and noted', () => {
    const unset = Object.entries(goKeys).filter(([, key]) => key.option === null)
    assert.ok(unset.length > 15)
    const values: Readonly<Record<string, string>> = {
      'exclude.internal.topics': 'false',
      'blue.green.deployment.enabled': 'false',
      'offsets.storage': 'zookeeper',
    }
    for (const [key, { byDefault }] of unset) {
      const value = values[key] ?? byDefault ?? '5'
      const noted = [value, '5s'].map(each => {
        try {
          return notes({ [key]: each }, { dialect })
        } catch {
          return []
        }
      })
      assert.match(noted.flat()[0] ?? '', new RegExp(`^${key.replaceAll('.', '\\.')} has no meaning here: `), key)
    }
    assert.match(complaint({ 'worker.retry.threshold': 'many' }, { dialect }), /must be a whole number, not 'many'$/)
    assert.match(complaint({ 'rebalance.backoff': '5' }, { dialect }), /must be a duration such as .*, not '5'$/)
  })

  test("Kafka's keys are taken where the original has none", () => {
    assert.equal(option('ownership.sessionTimeoutMs', { 'session.timeout.ms': 20_000 }, { dialect }), 20_000)
    const values = { 'fetch.wait.max.ms': 50, 'fetch.max.wait.ms': 60 }
    assert.equal(option('fetch.maxWaitMs', values, { dialect }), 60)
    assert.match(
      notes(values, { dialect })[0] ?? '',
      /fetch\.max\.wait\.ms set the same option, fetch\.maxWaitMs: the latter/,
    )
  })

  test('values that the other dialect has are errors', () => {
    assert.match(
      complaint({ 'auto.offset.reset': 'latest' }, { dialect }),
      /must be smallest or largest, not 'latest'$/,
    )
    assert.match(complaint({ 'auto.offset.reset': 'smallest' }), /not 'smallest'; smallest is earliest now$/)
    assert.match(complaint({ 'num.workers': 4 }), /^num\.workers is a key of Go Kafka Client: .* with dialect 'go'$/)
  })

  test('without brokers the error says that ZooKeeper is not asked', () => {
    assert.throws(
      () => readProperties({ 'zookeeper.connect': 'localhost:2181' }, { dialect }),
      /^OptionError: bootstrap\.servers is missing: .* ZooKeeper, where the original found them, is not asked$/,
    )
  })
})

describe('what is wrong is said of its line', () => {
  const cases: [line: string, RegExp][] = [
    ['fetch.min.byte=1', /fetch\.min\.byte is no key that is known here; did you mean fetch\.min\.bytes\?$/],
    ['group_id=x', /group_id is no key that is known here; did you mean group\.id\?$/],
    ['nothing.like.it=1', /nothing\.like\.it is no key that is known here$/],
    ['toString=1', /toString is no key that is known here$/],
    ['acks=all', /acks is no key of a consumer: it is a key of Kafka's producer$/],
    ['sasl.username=x', /it is librdkafka's: say sasl\.jaas\.config$/],
    ['check.crcs=yes', /check\.crcs must be true or false, not 'yes'$/],
    ['fetch.min.bytes=many', /fetch\.min\.bytes must be a whole number, not 'many'$/],
    ['fetch.min.bytes=-1', /fetch\.min\.bytes: fetch\.minBytes must be a whole number from 0 to .*, not -1$/],
    ['session.timeout.ms=5', /session\.timeout\.ms: ownership\.sessionTimeoutMs must be .*, not 5$/],
    ['auto.offset.reset=first', /must be earliest, latest, none or by_duration:P…, not 'first'$/],
    ['auto.offset.reset=by_duration:7d', /must be by_duration:PnDTnHnMnS, such as by_duration:P7D, not/],
    ['isolation.level=serializable', /must be read_committed or read_uncommitted, not 'serializable'$/],
    ['partition.assignment.strategy=com.Ours', /has 'com\.Ours', which is none of Kafka's: RangeAssignor, /],
    ['group.instance.id=a b', /group\.instance\.id: ownership\.instanceId must be a name of /],
    ['bootstrap.servers=', /bootstrap\.servers must not be empty$/],
    ['fetch.max.wait.ms=\\u12', /\\u must be followed by four hexadecimal digits$/],
  ]
  for (const [line, message] of cases) {
    test(line, async () => {
      const path = join(folder, 'wrong.properties')
      await writeFile(path, `# a comment\nbootstrap.servers=one:9092\n\n${line}\n`)
      assert.throws(
        () => readProperties(path),
        (error: Error) => {
          assert.ok(error instanceof OptionError)
          assert.ok(error.message.startsWith('wrong.properties, line 4: '), error.message)
          assert.match(error.message, message)
          return true
        },
      )
    })
  }
})

test('what is noted names its line, in their order', async () => {
  const path = join(folder, 'noted.properties')
  const text =
    'max.poll.records=5\nbootstrap.servers=one\nsession.timeout.ms=6000\nheartbeat.interval.ms=3000\ngroup.id=a\ngroup.id=b\n'
  await writeFile(path, text)
  const { options, notes } = readProperties(pathToFileURL(path))
  assert.deepEqual(
    notes.map(({ kind, key, line }) => [kind, key, line]),
    [
      ['ignored', 'max.poll.records', 1],
      ['changed', 'heartbeat.interval.ms', 4],
      ['changed', 'group.id', 5],
    ],
  )
  assert.equal(notes[2]?.message, 'noted.properties, line 5: group.id is given again in line 6, which is taken')
  assert.equal(options.group, 'b')
  assert.equal(options.ownership?.heartbeatIntervalMs, 2_000)
})

test('a file is UTF-8, or what Java writes', async () => {
  const path = join(folder, 'letters.properties')
  for (const encoding of ['utf8', 'latin1'] as const) {
    await writeFile(path, 'bootstrap.servers=one\ngroup.id=caf\u00e9', encoding)
    assert.equal(readProperties(path).options.group, 'café', encoding)
  }
  await writeFile(path, '\uFEFFbootstrap.servers=one')
  assert.deepEqual(readProperties(path).options.brokers, ['one'])
  assert.throws(
    () => readProperties(join(folder, 'none.properties')),
    /^OptionError: The properties cannot be read: ENOENT/,
  )
})

test('options of the program go before those of the file, section by section', () => {
  const overrides = { brokers: ['two'], fetch: { maxBytes: 5 }, ownership: { rebalanceTimeoutMs: 90_000 } }
  const values = { ...servers, 'fetch.max.bytes': 1, 'fetch.min.bytes': 2, 'max.poll.interval.ms': 1_000 }
  const { options, notes } = readProperties(values, { overrides })
  assert.deepEqual(options.brokers, ['two'])
  assert.deepEqual(options.fetch, { minBytes: 2, maxBytes: 5 })
  assert.equal(options.ownership?.rebalanceTimeoutMs, 90_000)
  assert.deepEqual(notes, [])
})

test('a source or an option of another kind is an error', () => {
  const cases: [unknown, unknown, RegExp][] = [
    [7, {}, /^OptionError: properties are the path of a file, or an object such as .*, not 7$/],
    [[], {}, /not \[\]$/],
    [{ 'group.id': null }, {}, /^OptionError: group\.id must be a string, a number or a boolean$/],
    [servers, { dialect: 'java' }, /^OptionError: dialect must be 'kafka' or 'go', not 'java'$/],
    [servers, { overide: {} }, /^OptionError: overide is not an option; known here: dialect, overrides$/],
  ]
  for (const [source, options, message] of cases) {
    assert.throws(() => readProperties(source as Values, options as PropertyOptions), message)
  }
})

test('a consumer is made of a file, and logs what has no meaning', () => {
  const lines: [object, string][] = []
  const logger = {
    debug() {},
    info() {},
    warn: (fields: object, line: string) => lines.push([fields, line]),
    error() {},
  }
  const values = { ...servers, 'group.id': 'shop', 'max.poll.records': 5 }
  const consumer = Consumer.fromProperties(values, { overrides: { logger } }).topic('orders', () => {})
  assert.equal(consumer.state().group, 'shop')
  assert.deepEqual(lines, [
    [
      { key: 'max.poll.records' },
      'max.poll.records has no meaning here: handlers take single messages, or batches whose size batch() says',
    ],
  ])
})
