import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ProducerPropertyOptions } from '../../../src/index.ts'
import { int32, OptionError, Producer, readProducerProperties, string } from '../../../src/index.ts'
import { kafkaKeys } from '../../../src/producer/properties/kafka-keys.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-producer-properties-'))
})
after(() => rm(folder, { recursive: true }))

type Values = Readonly<Record<string, string | number | boolean>>

const servers = { 'bootstrap.servers': 'one:9092' }

/** An option by its path, as these properties set it. */
function option(path: string, values: Values, options?: ProducerPropertyOptions): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) => (value as Record<string, unknown>)?.[name],
      readProducerProperties({ ...servers, ...values }, options).options,
    )
}

function notes(values: Values, options?: ProducerPropertyOptions): string[] {
  return readProducerProperties({ ...servers, ...values }, options).notes.map(({ message }) => message)
}

const java = 'org.apache.kafka.clients.producer'
const serialization = 'org.apache.kafka.common.serialization'

describe("a key of Kafka's sets its option", () => {
  const cases: [values: Values, option: string, expected: unknown][] = [
    [{ 'bootstrap.servers': 'one:9092 , two:9093' }, 'brokers', ['one:9092', 'two:9093']],
    [{ 'client.id': 'shop' }, 'clientId', 'shop'],
    [{ acks: 'all' }, 'acks', 'all'],
    [{ acks: -1 }, 'acks', 'all'],
    [{ acks: 1 }, 'acks', 1],
    [{ acks: 0 }, 'acks', 0],
    [{ 'enable.idempotence': false }, 'idempotent', false],
    [{ 'linger.ms': 5 }, 'lingerMs', 5],
    [{ 'linger.ms': '1s' }, 'lingerMs', 1_000],
    [{ 'batch.size': 16_384 }, 'batchBytes', 16_384],
    [{ 'batch.size': 0 }, 'batchBytes', 1],
    [{ 'batch.size': 16_384 }, 'batchMessages', undefined],
    [{ 'max.request.size': 2_000_000 }, 'maxRequestBytes', 2_000_000],
    [{ 'buffer.memory': 33_554_432 }, 'bufferBytes', 33_554_432],
    [{ 'max.in.flight.requests.per.connection': 1 }, 'maxInFlight', 1],
    [{ 'max.in.flight.requests.per.connection': 20 }, 'maxInFlight', 5],
    [{ 'delivery.timeout.ms': 60_000 }, 'deliveryTimeoutMs', 60_000],
    [{ 'request.timeout.ms': 5_000 }, 'requestTimeoutMs', 5_000],
    [{ 'retry.backoff.ms': 50 }, 'retryBackoff.minMs', 50],
    [{ 'retry.backoff.ms': 0 }, 'retryBackoff.minMs', 1],
    [{ 'retry.backoff.max.ms': 5_000 }, 'retryBackoff.maxMs', 5_000],
    [{ 'retry.backoff.ms': 500, 'retry.backoff.max.ms': 200 }, 'retryBackoff.minMs', 200],
    [{ 'metadata.max.age.ms': 60_000 }, 'metadataMaxAgeMs', 60_000],
    [{ 'compression.type': 'zstd' }, 'compression', 'zstd'],
    [{ 'compression.type': 'LZ4' }, 'compression', 'lz4'],
    [{ 'compression.type': 'zstd', 'compression.zstd.level': 19 }, 'compressionLevel', 19],
    [{ 'compression.type': 'gzip', 'compression.gzip.level': 9 }, 'compressionLevel', 9],
    [{ 'compression.type': 'gzip', 'compression.gzip.level': -1 }, 'compressionLevel', -1],
    [{ 'compression.type': 'gzip', 'compression.zstd.level': 19 }, 'compressionLevel', undefined],
    [{ 'partitioner.class': `${java}.RoundRobinPartitioner` }, 'partitioner', 'round-robin'],
    [{ 'partitioner.class': `${java}.internals.DefaultPartitioner` }, 'partitioner', 'murmur2'],
    [{ 'partitioner.class': `${java}.UniformStickyPartitioner` }, 'partitioner', 'sticky'],
    [{ 'partitioner.class': 'fnv1a' }, 'partitioner', 'fnv1a'],
    [{ 'partitioner.ignore.keys': true }, 'partitioner', 'sticky'],
    [{ 'partitioner.ignore.keys': false }, 'partitioner', undefined],
    [{ 'partitioner.ignore.keys': true, 'partitioner.class': 'crc32' }, 'partitioner', 'crc32'],
    [{ 'key.serializer': `${serialization}.IntegerSerializer` }, 'key', int32],
    [{ 'value.serializer': `${serialization}.StringSerializer` }, 'value', string],
    [{ 'value.serializer': `${serialization}.ByteArraySerializer` }, 'value', undefined],
    [{ 'transactional.id': 'shop' }, 'transactionalId', 'shop'],
    [{ 'transactional.id': 'shop', 'delivery.timeout.ms': 120_000 }, 'deliveryTimeoutMs', 60_000],
    [{ 'transactional.id': 'shop', 'delivery.timeout.ms': 50_000 }, 'deliveryTimeoutMs', 50_000],
    [{ 'transaction.timeout.ms': 30_000 }, 'transactionTimeoutMs', 30_000],
    [{ 'socket.connection.setup.timeout.ms': 3_000 }, 'connectTimeoutMs', 3_000],
    [{ 'reconnect.backoff.ms': 20 }, 'reconnect.minMs', 20],
    [{ 'security.protocol': 'SSL' }, 'tls', true],
  ]
  for (const [values, path, expected] of cases) {
    const said = Object.entries(values).map(([key, value]) => `${key}=${value}`)
    test(`${said.join(', ')}: ${path}`, () => assert.deepEqual(option(path, values), expected))
  }
})

test('every key is read: what it does not set, or cannot mean, is noted', () => {
  const values: Readonly<Record<string, string>> = {
    'partitioner.adaptive.partitioning.enable': 'false',
    'transaction.two.phase.commit.enable': 'true',
    'internal.auto.downgrade.txn.commit': 'true',
    'client.dns.lookup': 'resolve_canonical_bootstrap_servers_only',
    'metadata.recovery.strategy': 'none',
    'enable.metrics.push': 'true',
    'auto.include.jmx.reporter': 'true',
  }
  const unset = Object.entries(kafkaKeys).filter(([, key]) => key.option === null)
  assert.ok(unset.length > 30)
  for (const [key] of unset) {
    const noted = notes({ [key]: values[key] ?? '1' })
    assert.equal(noted.length, 1, key)
    assert.ok(noted[0]?.startsWith(`${key} has no meaning here: `), noted[0])
  }
})

test('what a key says that is so here anyway is not worth a note', () => {
  const values = {
    retries: 2_147_483_647,
    'partitioner.adaptive.partitioning.enable': true,
    'partitioner.availability.timeout.ms': 0,
    'transaction.two.phase.commit.enable': false,
    'client.dns.lookup': 'use_all_dns_ips',
    'key.serializer': `${serialization}.ByteArraySerializer`,
    'max.in.flight.requests.per.connection': 5,
    'security.protocol': 'PLAINTEXT',
  }
  assert.deepEqual(notes(values), [])
})

describe('what is not taken as it is, is noted', () => {
  const cases: [values: Values, message: RegExp][] = [
    [
      { retries: 0 },
      /^retries has no meaning here: what is safe to send again is sent again until the delivery timeout/,
    ],
    [{ 'max.block.ms': 60_000 }, /^max\.block\.ms has no meaning here: waiting .* is part of the delivery timeout$/],
    [{ 'max.in.flight.requests.per.connection': 6 }, /is 5 here, which is the most with which messages stay in order$/],
    [
      { 'retry.backoff.ms': 9, 'retry.backoff.max.ms': 5 },
      /^retry\.backoff\.ms is longer than retry\.backoff\.max\.ms/,
    ],
    [{ 'compression.type': 'lz4', 'compression.lz4.level': 9 }, /^compression\.lz4\.level has no meaning here/],
    [{ 'compression.gzip.level': 9 }, /: compression\.type is not gzip$/],
    [
      { 'transactional.id': 'shop', 'delivery.timeout.ms': 120_000 },
      /^delivery\.timeout\.ms is 60000 here: no longer than a transaction may take$/,
    ],
    [{ 'key.serializer': 'io.confluent.kafka.serializers.KafkaAvroSerializer' }, /as the option key$/],
    [{ 'partitioner.class': 'random', 'partitioner.ignore.keys': true }, /: partitioner\.class decides$/],
  ]
  for (const [values, message] of cases) {
    test(String(message), () => {
      assert.equal(notes(values).length, 1)
      assert.match(notes(values)[0] ?? '', message)
    })
  }
})

describe('what is wrong is said of its line', () => {
  const cases: [line: string, RegExp][] = [
    ['linger_ms=5', /linger_ms is no key that is known here; did you mean linger\.ms\?$/],
    ['group.id=shop', /group\.id is no key of a producer: it is a key of Kafka's consumer$/],
    ['request.required.acks=1', /it is librdkafka's: say acks$/],
    ['flush.timeout=5s', /is a key of Go Kafka Client: its files are read with dialect 'go'$/],
    ['acks=2', /acks must be 0, 1, all or -1, not '2'$/],
    ['enable.idempotence=yes', /must be true or false, not 'yes'$/],
    ['batch.size=many', /must be a whole number, not 'many'$/],
    ['batch.size=-1', /batch\.size: batchBytes must be a whole number from 1 to .*, not -1$/],
    ['delivery.timeout.ms=soon', /must be a number of milliseconds, or a duration/],
    ['compression.type=brotli', /compression\.type must be none, gzip, snappy, lz4 or zstd, not 'brotli'$/],
    [
      'partitioner.class=com.Ours',
      /is 'com\.Ours', which is not known here: RoundRobinPartitioner, .* option partitioner$/,
    ],
    ['compression.type=gzip\ncompression.gzip.level=10', /line 5: compression\.gzip\.level: compressionLevel must be/],
    ['transactional.id=', /transactional\.id must not be empty$/],
  ]
  for (const [line, message] of cases) {
    test(line, async () => {
      const path = join(folder, 'wrong.properties')
      await writeFile(path, `# a comment\nbootstrap.servers=one:9092\n\n${line}\n`)
      assert.throws(
        () => readProducerProperties(path),
        (error: Error) => {
          assert.ok(error instanceof OptionError)
          assert.ok(/^wrong\.properties, line [45]: /.test(error.message), error.message)
          assert.match(error.message, message)
          return true
        },
      )
    })
  }

  test('of the one of two that cannot be together', () => {
    const both = { ...servers, acks: 1, 'enable.idempotence': true }
    assert.throws(() => readProducerProperties(both), /^OptionError: acks: acks must be 'all' with idempotent: true/)
  })

  test('without brokers', () => {
    assert.throws(() => readProducerProperties({}), /^OptionError: bootstrap\.servers is missing/)
    assert.throws(
      () => readProducerProperties({}, { dialect: 'go' }),
      /^OptionError: metadata\.broker\.list is missing/,
    )
  })
})

describe('the dialect of Go Kafka Client', () => {
  const dialect = 'go'
  const cases: [key: string, value: string, option: string, expected: unknown, byDefault: unknown][] = [
    ['client.id', 'shop', 'clientId', 'shop', 'mirrormaker'],
    ['metadata.broker.list', 'one:9092,two:9092', 'brokers', ['one:9092', 'two:9092'], ['one:9092']],
    ['compression.codec', 'snappy', 'compression', 'snappy', 'none'],
    ['flush.byte.count', '100000', 'batchBytes', 100_000, 65_535],
    ['flush.byte.count', '0', 'batchBytes', undefined, 65_535],
    ['flush.timeout', '100ms', 'lingerMs', 100, 5_000],
    ['batch.size', '50', 'batchMessages', 50, 10],
    ['batch.size', '500', 'batchMessages', 100, 10],
    ['batch.size', '0', 'batchMessages', 100, 10],
    ['max.messages.per.request', '5', 'batchMessages', 5, 10],
    ['max.message.bytes', '500000', 'maxRequestBytes', 500_000, 1_000_000],
    ['acks', '-1', 'acks', 'all', 1],
    ['retry.backoff', '1s', 'retryBackoff.minMs', 1_000, 250],
    ['retry.backoff', '1s', 'retryBackoff.maxMs', 1_000, 250],
    ['timeout', '1m', 'requestTimeoutMs', 60_000, 10_000],
    ['partitioner.class', 'fnv1a', 'partitioner', 'fnv1a', 'random'],
    ['buffer.memory', '1000', 'bufferBytes', 1_000, undefined],
  ]
  for (const [key, value, path, expected, byDefault] of cases) {
    test(`${key}=${value}: ${path}`, () => {
      assert.deepEqual(option(path, { [key]: value }, { dialect }), expected)
      assert.deepEqual(option(path, {}, { dialect }), byDefault)
    })
  }

  test('defaults are not worth a note, and keys without meaning are', () => {
    assert.deepEqual(notes({}, { dialect }), [])
    assert.match(notes({ 'send.buffer.size': 10 }, { dialect })[0] ?? '', /^send\.buffer\.size has no meaning here/)
  })

  test('what is code there may be an option', () => {
    assert.equal(option('partitioner', {}, { dialect, overrides: { partitioner: 'fnv1a' } }), 'fnv1a')
  })
})

test('options of the program go before those of the file, section by section, and serdes as they are', () => {
  const values = {
    ...servers,
    'retry.backoff.ms': 5,
    'key.serializer': 'StringSerializer',
    'partitioner.class': 'com.Ours',
  }
  const key = { serialize: (value: number) => Buffer.from([value]) }
  const partitioner = () => 0
  const overrides = { retryBackoff: { maxMs: 70 }, key, partitioner }
  const { options, notes } = readProducerProperties(values, { overrides })
  assert.deepEqual(options.retryBackoff, { minMs: 5, maxMs: 70 })
  assert.equal(options.key, key)
  assert.equal(options.partitioner, partitioner)
  assert.deepEqual(notes, [])
})

test('a producer is made of a file, and logs what has no meaning', async () => {
  const lines: [object, string][] = []
  const warn = (fields: object, line: string) => lines.push([fields, line])
  const logger = { debug() {}, info() {}, warn, error() {} }
  const values = { ...servers, retries: 3, 'max.block.ms': 5 }
  await using _ = Producer.fromProperties(values, { overrides: { logger } })
  assert.deepEqual(
    lines.map(([fields, line]) => [fields, line.split(':')[0]]),
    [
      [{ key: 'retries' }, 'retries has no meaning here'],
      [{ key: 'max.block.ms' }, 'max.block.ms has no meaning here'],
    ],
  )
})
