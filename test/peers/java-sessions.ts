import assert from 'node:assert/strict'
import { join } from 'node:path'
import { COMPRESSIONS } from '../../src/records/record-batch.ts'
import { runJava } from '../kafka/java.ts'
import { produceAll, readAll, readsProducer, writeOne } from './millrace.ts'
import { fresh, type Sessions, values } from './sessions.ts'

type RunOptions = Parameters<typeof runJava>[2]

const ledger = join(import.meta.dirname, 'java/Ledger.java')
const reader = join(import.meta.dirname, 'java/Reader.java')
const tools = {
  configs: 'kafka.admin.ConfigCommand',
  consumer: 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  consumerPerformance: 'org.apache.kafka.tools.ConsumerPerformance',
  groups: 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
  offsets: 'org.apache.kafka.tools.GetOffsetShell',
  producer: 'org.apache.kafka.tools.ConsoleProducer',
  producerPerformance: 'org.apache.kafka.tools.ProducerPerformance',
  topics: 'org.apache.kafka.tools.TopicCommand',
}

/** Kafka's own tools, and a program on its Java clients. */
export const javaSessions: Sessions = {
  'what the console producer writes, in every compression, the console consumer reads in order': async brokers => {
    const topic = await createTopic(brokers, 'console', 1)
    for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
      const parse = ['parse.key=true', 'parse.headers=true', 'key.separator=:'].flatMap(each => ['--property', each])
      const args = ['--topic', topic, '--compression-codec', compression, ...parse]
      await tool('producer', brokers, args, { input: `trace:${compression}\tk:1\ntrace:${compression}\tk:2\n` })
    }
    const print = ['print.key=true', 'print.headers=true'].flatMap(each => ['--property', each])
    const lines = await consume(brokers, topic, 10, '--group', topic, ...print)
    const expected = ['none', 'gzip', 'snappy', 'lz4', 'zstd'].flatMap(name =>
      [1, 2].map(each => `trace:${name}\tk\t${each}`),
    )
    assert.deepEqual(lines, expected)
    const [row] = await table(brokers, '--describe', '--group', topic)
    assert.deepEqual([row?.TOPIC, row?.['CURRENT-OFFSET'], row?.LAG], [topic, '10', '0'])
  },

  'Millrace reads what the console producer compresses, and the console consumer reads what Millrace compresses':
    async brokers => {
      const topic = await createTopic(brokers, 'compressed', 1)
      const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
      for (const codec of codecs) {
        const batches = ['--batch-size', '1000000', '--timeout', '1000']
        const input = values(3_000, `its ${codec} `).join('\n')
        await tool('producer', brokers, ['--topic', topic, '--compression-codec', codec, ...batches], { input })
        await writeOne(brokers, topic, codec, values(3_000, `our ${codec} `))
      }
      const expected = codecs.flatMap(name => [...values(3_000, `its ${name} `), ...values(3_000, `our ${name} `)])
      assert.deepEqual(await readAll(brokers, topic, expected.length), expected)
      assert.deepEqual(await consume(brokers, topic, expected.length), expected)
    },

  [readsProducer]: async brokers => {
    const topic = await createTopic(brokers, 'produced', 1)
    const sent = await produceAll(brokers, topic, COMPRESSIONS)
    const { code, stdout, stderr } = await runJava('Reader', [brokers.join(), topic], { sources: [reader] })
    assert.equal(code, 0, stderr)
    const lines = stdout.trim().split('\n')
    assert.deepEqual(
      lines.map(line => JSON.parse(line)),
      sent,
    )
  },

  'what the default, idempotent producer writes at full speed is read whole': async brokers => {
    const topic = await createTopic(brokers, 'speed', 4)
    const count = 50_000
    await tool('producerPerformance', [], perform(brokers, topic, count))
    assert.equal(await written(brokers, topic), count)
    assert.equal(await read(brokers, topic, count), count)
  },

  'what a transactional producer writes at full speed is read whole': async brokers => {
    const topic = await createTopic(brokers, 'transactions', 2)
    const count = 20_000
    const transactional = ['--transactional-id', topic, '--transaction-duration-ms', '50']
    await tool('producerPerformance', [], [...perform(brokers, topic, count), ...transactional])
    // The markers have offsets too.
    assert.ok((await written(brokers, topic)) > count)
    const lines = await consume(brokers, topic, count, '--isolation-level', 'read_committed')
    assert.equal(lines.length, count)
  },

  'messages copied in transactions arrive once, and a producer that another one follows is refused': async brokers => {
    const from = await createTopic(brokers, 'from', 2)
    const to = await createTopic(brokers, 'to', 2)
    await copied(brokers, from, to, 100)
    const rows = await table(brokers, '--describe', '--group', from)
    assert.deepEqual(
      rows.map(row => row.LAG),
      ['0', '0'],
    )
  },

  'TopicCommand creates, lists, describes, enlarges and deletes': async brokers => {
    const topic = fresh('topic')
    const named = ['--topic', topic]
    const create = ['--create', ...named, '--partitions', '2', '--config', 'retention.ms=60000']
    assert.match(await tool('topics', brokers, create), /^Created topic/)
    assert.match(await fails('topics', brokers, create), /TopicExistsException: Topic '.*' already exists/)
    assert.ok((await tool('topics', brokers, ['--list'])).split('\n').includes(topic))
    const described = await tool('topics', brokers, ['--describe', ...named])
    assert.match(
      described,
      /TopicId: [\w-]{22}\tPartitionCount: 2\tReplicationFactor: \d\tConfigs: .*\bretention\.ms=60000\b/,
    )
    assert.equal(described.match(/Partition: \d\tLeader: \d\tReplicas: [\d,]+\tIsr: [\d,]+/g)?.length, 2)
    await tool('topics', brokers, ['--alter', ...named, '--partitions', '3'])
    assert.match(await tool('topics', brokers, ['--describe', ...named]), /PartitionCount: 3/)
    assert.match(
      await fails('topics', brokers, ['--alter', ...named, '--partitions', '2']),
      /InvalidPartitionsException: The topic .* currently has 3 partition\(s\); 2 would not be an increase/,
    )
    await tool('topics', brokers, ['--delete', ...named])
    assert.ok(!(await tool('topics', brokers, ['--list'])).split('\n').includes(topic))
  },

  'ConfigCommand changes settings of a topic, and tells those of a broker': async brokers => {
    const topic = await createTopic(brokers, 'settings', 1)
    const named = ['--entity-type', 'topics', '--entity-name', topic]
    const describe = () => tool('configs', brokers, ['--describe', ...named])
    await tool('configs', brokers, [
      '--alter',
      ...named,
      '--add-config',
      'retention.ms=60000,cleanup.policy=[compact,delete]',
    ])
    const described = await describe()
    assert.match(
      described,
      / {2}retention\.ms=60000 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:retention\.ms=60000/,
    )
    assert.match(described, / {2}cleanup\.policy=compact,delete /)
    await tool('configs', brokers, ['--alter', ...named, '--delete-config', 'retention.ms'])
    assert.doesNotMatch(await describe(), /retention\.ms/)
    const wrong = ['--alter', ...named, '--add-config', 'retention.ms=long']
    assert.match(await fails('configs', brokers, wrong), /Invalid value long for configuration retention\.ms/)
    const broker = ['--describe', '--all', '--entity-type', 'brokers', '--entity-name', '1']
    assert.match(await tool('configs', brokers, broker), /^ {2}log\.retention\.hours=168 /m)
  },

  'ConsumerGroupCommand lists, describes, resets and deletes': async brokers => {
    const topic = await createTopic(brokers, 'group', 2)
    const group = topic
    await tool('producer', brokers, ['--topic', topic], { input: '1\n2\n3\n4\n' })
    await consume(brokers, topic, 4, '--group', group)
    const list = await table(brokers, '--list', '--state')
    assert.equal(list.find(row => row.GROUP === group)?.STATE, 'Empty')
    const offsets = async () => {
      const rows = await table(brokers, '--describe', '--group', group)
      return rows.map(row => Number(row['CURRENT-OFFSET'])).reduce((sum, offset) => sum + offset, 0)
    }
    assert.equal(await offsets(), 4)
    const reset = ['--reset-offsets', '--group', group, '--topic', topic, '--execute']
    await tool('groups', brokers, [...reset, '--to-earliest'])
    assert.equal(await offsets(), 0)
    await tool('groups', brokers, [...reset, '--to-datetime', '2001-01-01T00:00:00.000'])
    await tool('groups', brokers, [...reset, '--to-latest'])
    assert.equal(await offsets(), 4)
    await tool('groups', brokers, ['--delete-offsets', '--group', group, '--topic', topic])
    assert.match(await tool('groups', brokers, ['--delete', '--group', group]), /was successful/)
    assert.match(
      await fails('groups', brokers, ['--describe', '--group', group]),
      new RegExp(`Group ${group} not found`),
    )
  },

  'GetOffsetShell tells both ends, and the offset of a time': async brokers => {
    const topic = await createTopic(brokers, 'ends', 1)
    await tool('producer', brokers, ['--topic', topic], { input: '1\n2\n3\n' })
    const offset = (time: string) => tool('offsets', brokers, ['--topic', topic, '--time', time])
    assert.equal(await offset('latest'), `${topic}:0:3`)
    assert.equal(await offset('earliest'), `${topic}:0:0`)
    assert.equal(await offset('1000'), `${topic}:0:0`)
    assert.match(await offset('max-timestamp'), new RegExp(`^${topic}:0:[012]$`))
  },
}

/** Fills one topic and copies it to another in transactions, whatever happens meanwhile; what arrives must be all of it, once. */
export async function copied(brokers: readonly string[], from: string, to: string, count: number): Promise<void> {
  const all = values(count, 'message ')
  const input = all.map((value, index) => `key ${index % 7}:${value}\n`).join('')
  const parse = ['--property', 'parse.key=true', '--property', 'key.separator=:']
  await tool('producer', brokers, ['--topic', from, ...parse], { input })
  const args = [brokers.join(), from, to, from, String(count)]
  const { code, stdout, stderr } = await runJava('Ledger', args, { sources: [ledger] })
  assert.equal(code, 0, stderr)
  const [ends, refused, ...seen] = stdout.trim().split('\n')
  assert.deepEqual([ends, refused], ['committed true, aborted true', 'InvalidProducerEpochException'])
  assert.deepEqual(seen.sort(), all.sort())
}

function run(name: keyof typeof tools, brokers: readonly string[], args: readonly string[], options?: RunOptions) {
  const where = brokers.length > 0 ? ['--bootstrap-server', brokers.join()] : []
  return runJava(tools[name], [...where, ...args], options)
}

/** Runs one of Kafka's tools, which must succeed, and answers what it says. */
async function tool(...what: Parameters<typeof run>): Promise<string> {
  const { code, stdout, stderr } = await run(...what)
  assert.equal(code, 0, `${what[0]} ${what[2].join(' ')}: ${stdout}${stderr}`)
  return stdout.trim()
}

/** Runs one that must say that something is wrong; not every tool has an exit code for it. */
async function fails(...what: Parameters<typeof run>): Promise<string> {
  const { stdout, stderr } = await run(...what)
  return `${stdout}${stderr}`
}

async function createTopic(brokers: readonly string[], name: string, partitions: number): Promise<string> {
  const topic = fresh(name)
  await tool('topics', brokers, ['--create', '--topic', topic, '--partitions', String(partitions)])
  return topic
}

async function consume(brokers: readonly string[], topic: string, count: number, ...more: string[]): Promise<string[]> {
  const limits = ['--from-beginning', '--max-messages', String(count), '--timeout-ms', '30000']
  const lines = (await tool('consumer', brokers, ['--topic', topic, ...limits, ...more])).split('\n')
  assert.equal(lines.length, count)
  return lines
}

function perform(brokers: readonly string[], topic: string, count: number): string[] {
  const size = ['--num-records', String(count), '--record-size', '100', '--throughput', '-1']
  return ['--topic', topic, ...size, '--producer-props', `bootstrap.servers=${brokers.join()}`, 'compression.type=lz4']
}

/** How many offsets a topic has. */
async function written(brokers: readonly string[], topic: string): Promise<number> {
  const lines = (await tool('offsets', brokers, ['--topic', topic])).split('\n')
  return lines.map(line => Number(line.split(':')[2])).reduce((sum, offset) => sum + offset, 0)
}

/** How many messages the consumer of the performance tool has read when it ends. */
async function read(brokers: readonly string[], topic: string, count: number): Promise<number> {
  const out = await tool('consumerPerformance', brokers, [
    '--topic',
    topic,
    '--messages',
    String(count),
    '--hide-header',
  ])
  return Number(out.split(', ')[4])
}

/** A table of ConsumerGroupCommand, by the names of its columns. */
async function table(brokers: readonly string[], ...args: string[]): Promise<Record<string, string>[]> {
  const [head = '', ...rows] = (await tool('groups', brokers, args)).split('\n')
  const names = head.trim().split(/\s+/)
  return rows.map(row =>
    Object.fromEntries(
      row
        .trim()
        .split(/\s+/)
        .map((cell, index) => [names[index], cell]),
    ),
  )
}
