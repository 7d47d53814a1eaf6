import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import {
  batch,
  Consumer,
  type ConsumerOptions,
  constant,
  deadLetter,
  type KeepingSink,
  type LetterSink,
  type Message,
  OptionError,
  Poison,
  park,
  type RecordInput,
  systemClock,
} from '../../src/index.ts'
import { running } from '../spine/running.ts'
import { until } from '../until.ts'
import { quiet, WrittenTopics } from './written-topics.ts'

const topics = new WrittenTopics()

/** A topic with these messages in its first partition, and one for those that fail. */
async function topicOf(records: readonly RecordInput[], { partitions = 1, dead = true } = {}) {
  const topic = await topics.make(records, { partitions })
  if (dead) await topics.broker.createTopic(`${topic}.dlq`, { partitions })
  return topic
}

function consumerOf(topic: string, work: ConsumerOptions['work']): Consumer {
  return new Consumer({
    brokers: topics.broker.brokers,
    logger: quiet,
    group: topic,
    offsets: { commitIntervalMs: 20 },
    work: { attempts: 2, backoff: constant(1), ...work },
  })
}

/** All that is in a topic, once there are so many. */
async function read(topic: string, count: number): Promise<Message[]> {
  const messages: Message[] = []
  const consumer = new Consumer({ brokers: topics.broker.brokers, logger: quiet, work: { order: 'none' } })
  consumer.topic(topic, message => void messages.push(message))
  await using _ = running(consumer)
  await until(`${count} are in ${topic}`, () => messages.length >= count)
  return messages
}

const fails = (bad: (message: Message) => boolean) => (message: Message) => {
  if (bad(message)) throw new TypeError(`no ${message.value}`)
}

test('a message whose attempts are spent is in the dead-letter topic as it was, with where it came from, and the others go on', async () => {
  const headers: [string, string | null][] = [
    ['trace', 'a'],
    ['trace', 'b'],
    ['none', null],
    ['millrace.topic', 'of an earlier failure'],
  ]
  const topic = await topicOf([
    { key: 'k', value: '0' },
    { key: 'k', value: '1', headers, timestamp: 1_700_000_000_000 },
    { key: null, value: '2' },
  ])
  const consumer = consumerOf(topic, { onFailure: deadLetter(`${topic}.dlq`) })
  consumer.topic(
    { topic, partitions: [0] },
    fails(({ offset }) => offset === 1),
  )
  await using _ = running(consumer)
  await until('all is committed', () => consumer.state().partitions[0]?.committed === 3)
  const [dead, ...more] = await read(`${topic}.dlq`, 1)
  assert.ok(dead)
  assert.deepEqual([String(dead.key), String(dead.value), more.length], ['k', '1', 0])
  const told = dead.headers.raw.map(([name, value]) => [name, value === null ? null : String(value)])
  assert.deepEqual(told.slice(0, 3), headers.slice(0, 3))
  const { 'millrace.failed.at': failedAt, ...added } = Object.fromEntries(told.slice(3))
  assert.deepEqual(added, {
    'millrace.topic': topic,
    'millrace.partition': '0',
    'millrace.offset': '1',
    'millrace.timestamp': '1700000000000',
    'millrace.group': topic,
    'millrace.attempts': '2',
    'millrace.reason': 'error',
    'millrace.error.class': 'TypeError',
    'millrace.error.message': 'no 1',
  })
  assert.ok(Math.abs(Date.parse(String(failedAt)) - Date.now()) < 60_000)
  assert.deepEqual([consumer.state().work.skipped, consumer.state().work.kept], [1, 1])
})

test('a message that cannot be written to it is held with its key, not lost, and is there once when that works again', async () => {
  const topic = await topicOf([
    { key: 'bad', value: '0' },
    { key: 'bad', value: '1' },
    { key: 'good', value: '2' },
  ])
  const handled: string[] = []
  const consumer = consumerOf(topic, { onFailure: deadLetter(`${topic}.dlq`) })
  consumer.topic({ topic, partitions: [0] }, message => {
    handled.push(String(message.value))
    if (message.offset === 0) throw new Poison('bad')
  })
  const fault = topics.broker.fault({
    api: 'Produce',
    topic: `${topic}.dlq`,
    partition: 0,
    action: { error: 'INVALID_RECORD' },
  })
  await using _ = running(consumer)
  await until('it is held', () => consumer.state().work.held > 0 && handled.includes('2'))
  assert.equal(consumer.state().partitions[0]?.committed, 0)
  assert.ok(!handled.includes('1'))
  fault[Symbol.dispose]()
  await until('all is committed', () => consumer.state().partitions[0]?.committed === 3)
  assert.deepEqual(
    (await read(`${topic}.dlq`, 1)).map(({ value }) => String(value)),
    ['0'],
  )
})

test('an error that says what cannot be written, half of a surrogate pair, is told as well as it can be, and holds nothing', async () => {
  const topic = await topicOf([{ value: '0' }, { value: '1' }])
  const consumer = consumerOf(topic, { attempts: 1, onFailure: deadLetter(`${topic}.dlq`) })
  // The second one is cut in the middle of a pair.
  const texts = ['\ud83d', `${'x'.repeat(1_999)}\u{1f525}`]
  consumer.topic({ topic, partitions: [0] }, ({ offset }) => {
    throw new Error(texts[offset])
  })
  await using _ = running(consumer)
  await until('all is committed', () => consumer.state().partitions[0]?.committed === 2)
  const told = (await read(`${topic}.dlq`, 2)).map(({ headers }) => String(headers.get('millrace.error.message')))
  assert.deepEqual(told, ['\ufffd', `${'x'.repeat(1_999)}\ufffd`])
})

test('a thousand failures are a thousand events, and a line of the default log now and then', async () => {
  const topic = await topicOf(Array.from({ length: 1_000 }, (_, at) => ({ value: `${at}` })))
  const lines: string[] = []
  const consumer = new Consumer({
    brokers: topics.broker.brokers,
    logger: new StderrLogger('info', systemClock, line => lines.push(line)),
    group: topic,
    work: { attempts: 1, onFailure: deadLetter(`${topic}.dlq`) },
  })
  consumer.topic(
    { topic, partitions: [0] },
    fails(() => true),
  )
  let failed = 0
  consumer.on('failed', () => void failed++)
  await using _ = running(consumer)
  await until('all failed', () => failed === 1_000)
  const about = (text: string) => lines.filter(line => line.includes(text))
  const [first] = about('failed (error, TypeError): skip')
  assert.match(String(first), / offset=\d+ .* err=no \d+/)
  assert.equal(about(`a message is kept in ${topic}.dlq`).length > 0, true)
  assert.ok(lines.length < 100, `${lines.length} lines`)
})

test('a topic that is missing ends the consumer before anything is handled, with the command that makes it', async () => {
  const topic = await topicOf([{ value: 'x' }], { partitions: 3, dead: false })
  let handled = 0
  const consumer = consumerOf(topic, { onFailure: deadLetter(`${topic}.dlq`) })
  consumer.topic(topic, () => void handled++)
  await assert.rejects(consumer.run(), {
    code: 'MISSING_DEAD_LETTER_TOPIC',
    message:
      `Topic ${topic}.dlq, to which messages of ${topic} are to go that fail, does not exist. Make it: ` +
      `millrace topics create ${topic}.dlq --partitions 3; or let the consumer, with deadLetter('${topic}.dlq', { create: true })`,
  })
  assert.equal(handled, 0)
})

test('with create it is made, with as many partitions as the topic that is consumed', async () => {
  const topic = await topicOf([{ value: 'x' }], { partitions: 3, dead: false })
  const consumer = consumerOf(topic, { onFailure: deadLetter(`${topic}.dlq`, { create: true }) })
  consumer.topic(
    topic,
    fails(() => true),
  )
  await using _ = running(consumer)
  await until('it is done', () => consumer.state().work.kept === 1)
  const { topics: found } = await topics.client.metadata([`${topic}.dlq`])
  assert.equal(found.get(`${topic}.dlq`)?.partitions.length, 3)
})

test('a function may say which topic, or decide otherwise for some failures; what is no topic is held', async () => {
  const topic = await topicOf(['a', 'b', 'c'].map(value => ({ key: value, value })))
  const to = deadLetter(message => (String(message.key) === 'b' ? 'not a name' : `${topic}.dlq`))
  const consumer = consumerOf(topic, {
    onFailure: ({ message }) => (String(message.key) === 'c' ? 'skip' : to),
  })
  consumer.topic(
    topic,
    fails(() => true),
  )
  await using _ = running(consumer)
  await until('all is decided', () => consumer.state().work.held > 0 && consumer.state().work.skipped === 2)
  assert.deepEqual(
    (await read(`${topic}.dlq`, 1)).map(({ value }) => String(value)),
    ['a'],
  )
  assert.equal(consumer.state().work.kept, 1)
})

test('messages of a batch, and such that cannot be decoded, go there one by one', async () => {
  const topic = await topicOf(['a', 'undecodable', 'c'].map(value => ({ value })))
  const value = {
    deserialize: (bytes: Buffer | null) => {
      if (String(bytes) === 'undecodable') throw new Error('no text')
      return String(bytes)
    },
  }
  const consumer = consumerOf(topic, { order: 'none', onFailure: deadLetter(`${topic}.dlq`) })
  consumer.topic(
    topic,
    { value },
    batch({ messages: 3, lingerMs: 5_000 }, () => {
      throw new Error('the batch')
    }),
  )
  await using _ = running(consumer)
  const dead = await read(`${topic}.dlq`, 3)
  const reasons = dead.map(({ value, headers }) => `${value} ${headers.get('millrace.reason')}`)
  assert.deepEqual(reasons.sort(), ['a error', 'c error', 'undecodable decode'])
})

test('a parked message is a file of its own, whole or not there', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-park-'))
  try {
    const topic = await topicOf([{ key: 'k', value: Buffer.from([0, 255]), headers: { h: null }, timestamp: 5 }])
    const consumer = consumerOf(topic, { onFailure: park(join(directory, 'failed')) })
    consumer.topic(
      { topic, partitions: [0] },
      fails(() => true),
    )
    await using _ = running(consumer)
    await until('all is committed', () => consumer.state().partitions[0]?.committed === 1)
    assert.deepEqual(await readdir(join(directory, 'failed')), [`${topic}-0-0.json`])
    const { failedAt, error, ...rest } = JSON.parse(
      await readFile(join(directory, 'failed', `${topic}-0-0.json`), 'utf8'),
    )
    assert.deepEqual(rest, {
      ...{ topic, partition: 0, offset: 0, timestamp: 5, key: 'aw==', value: 'AP8=', headers: [['h', null]] },
      ...{ group: topic, attempts: 2, reason: 'error' },
    })
    assert.equal(error.class, 'TypeError')
    assert.ok(Number.isFinite(Date.parse(failedAt)))
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('a directory that cannot be written to holds the message', async () => {
  const topic = await topicOf([{ value: 'x' }])
  const consumer = consumerOf(topic, { onFailure: park('/dev/null/failed') })
  consumer.topic(
    { topic, partitions: [0] },
    fails(() => true),
  )
  await using _ = running(consumer)
  await until('it is held', () => consumer.state().work.held > 0)
  assert.equal(consumer.state().partitions[0]?.committed, 0)
})

test('a decision that comes after the consumer has closed writes nothing and opens nothing', async () => {
  const topic = await topicOf([{ value: 'x' }])
  const directory = join(tmpdir(), `millrace-parked-${process.pid}`)
  const infos: string[] = []
  for (const sink of [deadLetter(`${topic}.dlq`), park(directory)]) {
    const answer = Promise.withResolvers<typeof sink>()
    const asked = Promise.withResolvers<void>()
    const consumer = new Consumer({
      brokers: topics.broker.brokers,
      logger: { ...quiet, info: (...said: unknown[]) => void infos.push(String(said.at(-1))) },
      work: {
        attempts: 1,
        abandonMs: 10,
        onFailure: () => {
          asked.resolve()
          return answer.promise
        },
      },
    })
    consumer.topic(
      { topic, partitions: [0] },
      fails(() => true),
    )
    const run = consumer.run()
    await asked.promise
    assert.deepEqual(await consumer.close({ drainMs: 0 }), { drained: false, undone: 1 })
    await run
    answer.resolve(sink)
    await answer.promise
    await new Promise(resolve => setImmediate(resolve))
    assert.equal(consumer.state().work.kept, 0)
  }
  assert.ok(!infos.includes('a producer was made'), infos.join('\n'))
  await assert.rejects(readdir(directory), { code: 'ENOENT' })
})

test('a wrong name is named when it is said', () => {
  assert.throws(
    () => deadLetter('no name'),
    new OptionError("deadLetter needs the name of a topic, or a function that answers one, not 'no name'"),
  )
  assert.throws(
    () => deadLetter('dlq', { create: 1 as unknown as boolean }),
    /deadLetter\.create must be false or true, not 1/,
  )
  assert.throws(() => park(''), new OptionError("park needs the name of a directory, not ''"))
})

test('sinks of one’s own write letters, keep messages themselves, or leave it to others; what they cannot is held', async () => {
  const topic = await topicOf(['0', '1', '2', '3', '4'].map(value => ({ value })))
  const shelf: string[] = []
  let broken = true
  const keeps: KeepingSink = {
    name: 'a shelf',
    create: false,
    topicsFor: () => [],
    keep: async ({ message }) => {
      shelf.push(String(message.value))
      return 'skip'
    },
  }
  const writes: LetterSink = {
    name: 'letters',
    create: false,
    topicsFor: () => [`${topic}.dlq`],
    letter: ({ message: { offset, rawValue }, attempts }, { group, now }) => {
      if (offset === 1) return keeps
      if (offset === 2) return 'skip'
      if (offset === 3 && broken) throw new Error('no ink')
      const headers = { attempts: String(attempts), group, late: String(Date.now() - now < 60_000) }
      return { topic: `${topic}.dlq`, value: rawValue, headers }
    },
  }
  const held: number[] = []
  const consumer = consumerOf(topic, { order: 'none', onFailure: writes })
  consumer.topic(
    { topic, partitions: [0] },
    fails(({ offset }) => offset < 4),
  )
  consumer.on('failed', ({ message }, decision) => {
    if (decision === 'hold') held.push(message.offset)
  })
  await using _ = running(consumer)
  await until('one is held', () => held.length > 0)
  broken = false
  await until('all is committed', () => consumer.state().partitions[0]?.committed === 5)
  const letters = await read(`${topic}.dlq`, 2)
  assert.deepEqual(letters.map(({ value }) => String(value)).sort(), ['0', '3'])
  assert.deepEqual(
    letters[0]?.headers.raw.map(([name, value]) => [name, String(value)]),
    [
      ['attempts', '2'],
      ['group', topic],
      ['late', 'true'],
    ],
  )
  assert.deepEqual([shelf, new Set(held)], [['1'], new Set([3])])
  assert.deepEqual([consumer.state().work.kept, consumer.state().work.skipped], [4, 4])
})

test('with create, topics that only functions know are made when they are needed, once, and with the partitions of the origin', async () => {
  const topic = await topicOf(
    Array.from({ length: 20 }, (_, at) => ({ value: String(at) })),
    { partitions: 3, dead: false },
  )
  const chosen = deadLetter(({ offset }) => `${topic}.${offset % 2 === 0 ? 'even' : 'odd'}`, { create: true })
  const named = deadLetter(`${topic}.last`, { create: true })
  const consumer = consumerOf(topic, {
    order: 'none',
    onFailure: ({ message }) => (message.offset === 19 ? named : chosen),
  })
  consumer.topic(
    { topic, partitions: [0] },
    fails(() => true),
  )
  await using _ = running(consumer)
  await until('all is committed', () => consumer.state().partitions[0]?.committed === 20)
  const made = await topics.client.metadata([`${topic}.even`, `${topic}.odd`, `${topic}.last`])
  assert.deepEqual(
    [...made.topics.values()].map(({ partitions }) => partitions.length),
    [3, 3, 3],
  )
  assert.equal((await read(`${topic}.even`, 10)).length, 10)
  assert.equal((await read(`${topic}.odd`, 9)).length, 9)
  assert.equal((await read(`${topic}.last`, 1)).length, 1)
})
