import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import kafkajs, { CompressionTypes, type ProducerConfig } from 'kafkajs'
import { until } from '../until.ts'
import { connect, connectAdmin, connectProducer, createTopic, Member, messages } from './kafkajs.ts'
import { hex, produceAll, readAll, readsProducer, writeOne } from './millrace.ts'
import { fresh, type Sessions, values } from './sessions.ts'

/** It has gzip alone; this is what its documentation names for snappy. */
const snappyCodec = createRequire(import.meta.url)('kafkajs-snappy') as () => object

/** kafkajs producing, consuming, in groups and in transactions. */
export const kafkajsSessions: Sessions = {
  'what a producer writes, with each acks, with gzip and without, a consumer reads in order': async brokers => {
    const kafka = connect(brokers)
    const topic = await createTopic(kafka, 'plain', 1)
    await using producer = await connectProducer(kafka)
    const message = { key: 'k', value: 'full', headers: { trace: 'a', many: ['b', 'c'] }, timestamp: '1700000000000' }
    const [first] = await producer.send({ topic, messages: [message, { value: null }] })
    assert.equal(first?.baseOffset, '0')
    await producer.send({ topic, messages: [{ value: 'unheard' }], acks: 0 })
    const [leader] = await producer.send({ topic, messages: [{ value: 'leader' }], acks: 1 })
    assert.equal(leader?.baseOffset, '3')
    const compression = CompressionTypes.GZIP
    const [zipped] = await producer.send({ topic, messages: messages(100), compression })
    assert.equal(zipped?.baseOffset, '4')
    await using member = await Member.join(kafka, topic, topic)
    await member.has(104)
    const [full, empty, ...others] = member.messages
    assert.equal(full?.key?.toString(), 'k')
    assert.equal(full?.timestamp, '1700000000000')
    assert.deepEqual(JSON.parse(JSON.stringify(full?.headers, text)), { trace: 'a', many: ['b', 'c'] })
    assert.equal(empty?.value, null)
    assert.deepEqual(
      others.map(({ value }) => String(value)),
      ['unheard', 'leader', ...values(100)],
    )
  },

  'Millrace reads what it compresses, and it reads what Millrace compresses': async brokers => {
    kafkajs.CompressionCodecs[CompressionTypes.Snappy] = snappyCodec
    const kafka = connect(brokers)
    const topic = await createTopic(kafka, 'compressed', 1)
    await using producer = await connectProducer(kafka)
    const codecs = { gzip: CompressionTypes.GZIP, snappy: CompressionTypes.Snappy } as const
    const expected: string[] = []
    for (const name of ['gzip', 'snappy'] as const) {
      await producer.send({ topic, messages: messages(3_000, `its ${name} `), compression: codecs[name] })
      await writeOne(brokers, topic, name, values(3_000, `our ${name} `))
      expected.push(...values(3_000, `its ${name} `), ...values(3_000, `our ${name} `))
    }
    assert.deepEqual(await readAll(brokers, topic, expected.length), expected)
    await using member = await Member.join(kafka, topic, topic)
    await member.has(expected.length)
    assert.deepEqual(member.values, expected)
  },

  [readsProducer]: async brokers => {
    kafkajs.CompressionCodecs[CompressionTypes.Snappy] = snappyCodec
    const kafka = connect(brokers)
    const topic = await createTopic(kafka, 'produced', 1)
    const sent = await produceAll(brokers, topic, ['none', 'gzip', 'snappy'])
    await using member = await Member.join(kafka, topic, topic)
    await member.has(sent.length)
    assert.deepEqual(
      member.messages.map(({ timestamp, key, value, headers = {} }) => ({
        timestamp: Number(timestamp),
        key: hex(key),
        value: hex(value),
        headers: Object.entries(headers).flatMap(([name, value]) => [value].flat().map(each => [name, hex(each)])),
      })),
      sent,
    )
  },

  'a topic that is not there is made when somebody writes to it': async brokers => {
    const kafka = connect(brokers)
    const topic = fresh('unmade')
    await using producer = await connectProducer(kafka)
    await producer.send({ topic, messages: messages(3) })
    await using member = await Member.join(kafka, topic, topic)
    await member.has(3)
    assert.deepEqual(member.values, values(3))
  },

  'what an idempotent producer writes is there once': async brokers => {
    const kafka = connect(brokers)
    const topic = await createTopic(kafka, 'idempotent', 3)
    await using producer = await connectProducer(kafka, { idempotent: true })
    for (let round = 0; round < 5; round++) await producer.send({ topic, messages: messages(30) })
    await using member = await Member.join(kafka, topic, topic)
    await member.has(150)
    assert.deepEqual(counts(member.values), new Map(values(30).map(value => [value, 5])))
  },

  'two members share a topic, and one goes on alone where the other stopped': async brokers => {
    const kafka = connect(brokers)
    const topic = await createTopic(kafka, 'shared', 4)
    await using producer = await connectProducer(kafka)
    const write = (prefix: string) => producer.send({ topic, messages: messages(40, prefix) })
    await using one = await Member.join(kafka, topic, topic)
    assert.deepEqual(one.partitions, [0, 1, 2, 3])
    await write('first ')
    await one.has(40)
    const two = await Member.join(kafka, topic, topic)
    await until('each has half', () => one.partitions?.length === 2 && two.partitions?.length === 2)
    assert.deepEqual([...(one.partitions ?? []), ...(two.partitions ?? [])].sort(), [0, 1, 2, 3])
    await write('second ')
    await until('both read', () => one.values.length + two.values.length === 80)
    await two[Symbol.asyncDispose]()
    await until('one has all', () => one.partitions?.length === 4)
    await write('third ')
    await until('the rest is read', () => one.values.length + two.values.length === 120)
    const expected = ['first ', 'second ', 'third '].flatMap(prefix => values(40, prefix))
    assert.deepEqual([...one.values, ...two.values].sort(), expected.sort())
  },

  'a group begins where it stopped': async brokers => {
    const kafka = connect(brokers)
    const topic = await createTopic(kafka, 'resumed', 2)
    await using producer = await connectProducer(kafka)
    await producer.send({ topic, messages: messages(20, 'before ') })
    {
      await using member = await Member.join(kafka, topic, topic)
      await member.has(20)
    }
    await producer.send({ topic, messages: messages(20, 'after ') })
    await using member = await Member.join(kafka, topic, topic)
    await member.has(20)
    assert.deepEqual(member.values.sort(), values(20, 'after ').sort())
  },

  'of transactions only what was committed is read, messages and offsets alike': async brokers => {
    const kafka = connect(brokers)
    const topic = await createTopic(kafka, 'ledger', 2)
    const input = fresh('input')
    await using admin = await connectAdmin(kafka)
    await using producer = await connectProducer(kafka, transactional(topic))
    const offset = async () => {
      const [committed] = await admin.fetchOffsets({ groupId: input, topics: [topic] })
      return committed?.partitions.find(({ partition }) => partition === 0)?.offset
    }
    for (const [index, end] of (['commit', 'abort', 'commit'] as const).entries()) {
      const transaction = await producer.transaction()
      await transaction.send({ topic, messages: messages(10, `${end} `) })
      const partitions = [{ partition: 0, offset: String((index + 1) * 10) }]
      await transaction.sendOffsets({ consumerGroupId: input, topics: [{ topic, partitions }] })
      await transaction[end]()
      await until('the group has its offset', async () => (await offset()) === ['10', '10', '30'][index])
    }
    await using committed = await Member.join(kafka, fresh('committed'), topic, { readUncommitted: false })
    await using all = await Member.join(kafka, fresh('all'), topic, { readUncommitted: true })
    await Promise.all([committed.has(20), all.has(30)])
    assert.deepEqual(counts(committed.values), new Map(values(10, 'commit ').map(value => [value, 2])))
  },

  'a transactional producer that another one follows is fenced': async brokers => {
    const kafka = connect(brokers)
    const topic = await createTopic(kafka, 'fenced', 1)
    await using former = await connectProducer(kafka, transactional(topic))
    const open = await former.transaction()
    await open.send({ topic, messages: [{ value: 'of the former' }] })
    await using latter = await connectProducer(kafka, transactional(topic))
    const transaction = await latter.transaction()
    await assert.rejects(open.commit(), { type: /FENCED|INVALID_PRODUCER_EPOCH/ })
    await transaction.send({ topic, messages: [{ value: 'of the latter' }] })
    await transaction.commit()
    await using member = await Member.join(kafka, topic, topic, { readUncommitted: false })
    await member.has(1)
    assert.deepEqual(member.values, ['of the latter'])
  },
}

function transactional(transactionalId: string): ProducerConfig {
  return { transactionalId, idempotent: true, maxInFlightRequests: 1 }
}

function counts(seen: readonly string[]): Map<string, number> {
  const found = new Map<string, number>()
  for (const value of seen) found.set(value, (found.get(value) ?? 0) + 1)
  return found
}

/** Header values are bytes. */
function text(_: string, value: unknown): unknown {
  const bytes = value as { type?: string; data?: number[] } | null
  return bytes?.type === 'Buffer' ? Buffer.from(bytes.data ?? []).toString() : value
}
