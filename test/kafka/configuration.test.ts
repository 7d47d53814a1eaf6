import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { Broker } from '../../src/broker/index.ts'
import { kafkaKeys as consumerKeys } from '../../src/consumer/properties/kafka-keys.ts'
import {
  Consumer,
  NativeClient,
  Producer,
  readProducerProperties,
  readProperties,
  writeBatch,
} from '../../src/index.ts'
import { kafkaKeys as producerKeys } from '../../src/producer/properties/kafka-keys.ts'
import { parseProperties } from '../../src/properties/properties.ts'
import { runJava } from './java.ts'
import { KafkaCluster } from './kafka-cluster.ts'

/** Characters and pairs of them that mean something in a file, and some that do not. */
const pieces = [' ', '\t', '\f', '\n', '\r', '\r\n', '\\', '\\\\', '\\\n', '#', '!', '=', ':']
const others = ['a', 'key', 'n', 'u', '\\u0041', '\\u00', '\\uD83D', 'é', '\u2028', '"']
/** Of a backslash that is the last line alone, Java makes an empty entry or none, by what ends the line. */
const lastBackslash = /(^|[\r\n])[ \t\f]*\\(\r\n?|\n)?$/

const text = fc
  .array(fc.constantFrom(...pieces, ...others), { maxLength: 30 })
  .map(all => all.join(''))
  .filter(all => !lastBackslash.test(all))
const texts = fc.sample(text, { seed: 6, numRuns: 20_000 })

function hex(of: string): string {
  return Buffer.from(of, 'utf16le').swap16().toString('hex')
}

function read(of: string): string {
  try {
    return parseProperties(of)
      .map(({ key, value }) => `${hex(key)}=${hex(value)}`)
      .join()
  } catch {
    return '!'
  }
}

let ofConsumers: string[] = []
let ofProducers: string[] = []
let answers: string[] = []
before(async () => {
  const sources = [join(import.meta.dirname, 'java/Configuration.java')]
  const { stdout, stderr } = await runJava('Configuration', [], { sources, input: `${texts.map(hex).join('\n')}\n` })
  const [consumers, producers, ...rest] = stdout.split('\n\n')
  assert.ok(consumers !== undefined && producers !== undefined, stderr)
  ofConsumers = consumers.split('\n')
  ofProducers = producers.split('\n')
  answers = rest.join('\n\n').split('\n')
})

test("every key of Java's consumer and of its producer is known", () => {
  assert.ok(ofConsumers.length > 80 && ofProducers.length > 80)
  const unknown = (keys: readonly string[], known: object) => keys.filter(key => !Object.hasOwn(known, key))
  assert.deepEqual(unknown(ofConsumers, consumerKeys), [])
  assert.deepEqual(unknown(ofProducers, producerKeys), [])
})

test("a key that only the other one has is told to be the other's", () => {
  for (const key of ofProducers.filter(each => !ofConsumers.includes(each) && !each.startsWith('internal.'))) {
    assert.throws(() => readProperties({ [key]: '1' }), /is no key of a consumer: it is a key of Kafka's producer/, key)
  }
  for (const key of ofConsumers.filter(each => !ofProducers.includes(each))) {
    const read = () => readProducerProperties({ [key]: '1' })
    assert.throws(read, /is no key of a producer: it is a key of Kafka's consumer/, key)
  }
})

describe("a file of Java's consumer", () => {
  const password = `pa"ss'w\\ord; of=shop é`
  let broker: Broker
  let folder: string
  let lines: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-configuration-'))
    const sasl = { users: { shop: password } }
    broker = await Broker.start({ topics: { orders: 1 }, tls: { clientAuth: 'required' }, sasl })
    const { cert, key } = await broker.issueCertificate('shop')
    await writeFile(join(folder, 'ca.pem'), broker.ca ?? '')
    await writeFile(join(folder, 'shop.pem'), `${cert}${key}`)
    const jaas = password.replaceAll(/["\\]/g, '\\$&')
    const login = `org.apache.kafka.common.security.scram.ScramLoginModule required username="shop" password="${jaas}";`
    lines = `bootstrap.servers : ${broker.brokers.join()}
group.id=shop
auto.offset.reset=earliest
enable.auto.commit=false
isolation.level=read_committed
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-256
sasl.jaas.config=${propertyValue(login)}
ssl.truststore.type=PEM
`
    const client = new NativeClient({
      brokers: broker.brokers,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      tls: { ca: broker.ca ?? '', cert, key },
      sasl: { mechanism: 'SCRAM-SHA-512', username: 'shop', password },
    })
    const records = writeBatch([{ value: 'one' }, { value: 'two' }])
    await client.produce([{ topic: 'orders', partition: 0, records }])
    await client.close()
  })
  after(async () => {
    await broker.close()
    await rm(folder, { recursive: true })
  })

  const stores: Readonly<Record<string, () => Promise<string>>> = {
    'PEM files': async () => `ssl.truststore.location=${join(folder, 'ca.pem')}
ssl.keystore.type=PEM
ssl.keystore.location=${join(folder, 'shop.pem')}
`,
    'PEM in its lines': async () => {
      const [cert = '', key = ''] = (await readFile(join(folder, 'shop.pem'), 'utf8')).split(/(?=-----BEGIN PRIVATE)/)
      return `ssl.truststore.certificates=${(broker.ca ?? '').trim().replaceAll('\n', ' \\\n  ')}
ssl.keystore.type=PEM
ssl.keystore.certificate.chain=${propertyValue(cert)}
ssl.keystore.key=${propertyValue(key)}
`
    },
  }
  for (const [name, store] of Object.entries(stores)) {
    test(`with ${name} is one for this one: both read the same`, async () => {
      const path = join(folder, 'consumer.properties')
      await writeFile(path, lines + (await store()))
      const args = ['--bootstrap-server', broker.brokers.join(), '--topic', 'orders', '--max-messages', '2']
      const tool = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
      const java = await runJava(tool, [...args, '--timeout-ms', '30000', '--consumer.config', path])
      assert.equal(java.stdout, 'one\ntwo\n', java.stderr)

      const values: string[] = []
      const consumer = Consumer.fromProperties(path, {
        overrides: { group: `shop-${name.length}`, logLevel: 'error' },
      })
      consumer.topic('orders', ({ value }) => {
        values.push(String(value))
        if (values.length === 2) void consumer.close()
      })
      await consumer.run({ signal: AbortSignal.timeout(30_000) })
      assert.deepEqual(values, ['one', 'two'])
    })
  }
})

test("a file of Java's producer is one for this one, over SASL_SSL: both write the same to the same partitions", async () => {
  await using cluster = await KafkaCluster.start({ secured: true, topics: { orders: 7 } })
  const { keys } = cluster
  assert.ok(keys !== null)
  const { username, password } = keys
  const folder = await mkdtemp(join(tmpdir(), 'millrace-producer-'))
  const path = join(folder, 'producer.properties')
  const login = `org.apache.kafka.common.security.scram.ScramLoginModule required username="${username}" password="${password}";`
  await writeFile(
    path,
    `bootstrap.servers=${cluster.brokers.join()}
acks=all
linger.ms=5
batch.size=16384
buffer.memory=33554432
compression.type=zstd
compression.zstd.level=5
delivery.timeout.ms=60000
request.timeout.ms=20000
max.in.flight.requests.per.connection=5
enable.idempotence=true
retry.backoff.ms=50
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config=${login}
ssl.truststore.type=PEM
ssl.truststore.certificates=${propertyValue(keys.authority.certificate)}
`,
  )
  const words = Array.from({ length: 200 }, (_, n) => ({ key: `key-${n}`, value: `value ${n}` }))
  const args = ['--bootstrap-server', cluster.brokers.join(), '--topic', 'orders', '--producer.config', path]
  const java = await runJava('org.apache.kafka.tools.ConsoleProducer', [...args, '--property', 'parse.key=true'], {
    input: words.map(({ key, value }) => `${key}\t${value}\n`).join(''),
  })
  assert.equal(java.code, 0, java.stderr)
  await using producer = Producer.fromProperties(path, { overrides: { logLevel: 'error' } })
  const told = await producer.sendBatch(words.map(word => ({ topic: 'orders', ...word })))

  const places = new Map<string, string[]>()
  const consumer = Consumer.fromProperties(
    { 'bootstrap.servers': cluster.at('PLAINTEXT').join() },
    { overrides: { logLevel: 'error' } },
  ).topic('orders', ({ key, value, partition }) => {
    const word = `${key}=${value}`
    places.set(word, [...(places.get(word) ?? []), String(partition)])
    if ([...places.values()].flat().length === 2 * words.length) void consumer.close()
  })
  await consumer.run({ signal: AbortSignal.timeout(30_000) })
  for (const [at, { key, value }] of words.entries()) {
    const mine = told[at]
    assert.ok(mine !== undefined && 'offset' in mine)
    assert.deepEqual(places.get(`${key}=${value}`), [String(mine.partition), String(mine.partition)])
  }
  await rm(folder, { recursive: true })
})

/** As it stands behind a key. */
function propertyValue(text: string): string {
  return text.trim().replaceAll(/[\\]/g, '\\\\').replaceAll('\n', '\\n').replaceAll('é', '\\u00e9')
}

test('every text is read as java.util.Properties reads it', () => {
  const different = texts.filter((each, at) => read(each) !== answers[at])
  assert.deepEqual(
    different.map(each => JSON.stringify(each)),
    [],
  )
})
