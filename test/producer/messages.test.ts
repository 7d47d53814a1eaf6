import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import {
  DeliveryError,
  encodeHeaders,
  int32,
  json,
  MillraceError,
  Producer,
  type Serializer,
  string,
} from '../../src/index.ts'
import { readTopic } from './read-topic.ts'

let broker: Broker
before(async () => {
  broker = await Broker.start({ topics: { orders: 1, prices: 1, wrong: 2 } })
})
after(() => broker.close())

const refusal = (sent: Promise<unknown>): Promise<DeliveryError> =>
  sent.then(
    () => assert.fail('it was sent'),
    error => {
      assert.ok(error instanceof DeliveryError, String(error))
      assert.equal(error.written, 'no')
      return error
    },
  )

/** As programs without types call it. */
const untyped = (producer: object) => producer as { send(...args: unknown[]): Promise<unknown> }

test('a message that is wrong in any way fails alone, and the error says what is wrong with it', async () => {
  await using producer = new Producer({ brokers: broker.brokers })
  const sound = { topic: 'wrong', key: 'a', value: 'x' }
  const wrong: [message: unknown, says: RegExp][] = [
    [undefined, /an object such as \{ topic, value \}, not undefined/],
    [null, /not null/],
    ['wrong', /not 'wrong'/],
    [{ ...sound, topic: undefined }, /topic must be a name, not undefined/],
    [{ ...sound, topic: '' }, /topic must be a name, not ''/],
    [{ ...sound, topic: 7 }, /topic must be a name, not 7/],
    [{ topic: 'wrong', key: 'a' }, /A message to wrong cannot be sent: value is undefined; a tombstone is null/],
    [
      { ...sound, value: 5 },
      /Cannot encode the value of a message of wrong: .* not a number; the option value takes a serde/,
    ],
    [{ ...sound, value: {} }, /not an object/],
    [{ ...sound, value: '\ud800' }, /half of a surrogate pair/],
    [{ ...sound, key: 5 }, /Cannot encode the key .* not a number; the option key/],
    [{ ...sound, key: Symbol('x') }, /not a symbol/],
    [{ ...sound, key: '\ud800' }, /key .* half of a surrogate pair/],
    [{ ...sound, partition: '1' }, /partition must be a whole number of at least 0, not '1'/],
    [{ ...sound, partition: -2 }, /partition .* not -2/],
    [{ ...sound, partition: -1 }, /partition .* not -1/],
    [{ ...sound, partition: 0.5 }, /partition .* not 0.5/],
    [{ ...sound, partition: null }, /partition .* not null/],
    [{ ...sound, partition: 2 }, /has the partitions 0 to 1, and the message names 2/],
    [{ ...sound, timestamp: Number.NaN }, /timestamp must be whole milliseconds since 1970, not NaN/],
    [{ ...sound, timestamp: new Date() }, /timestamp .* not an object/],
    [{ ...sound, timestamp: -1 }, /timestamp .* not -1/],
    [{ ...sound, headers: 'by' }, /headers must be an object or a list of pairs, not 'by'/],
    [{ ...sound, headers: null }, /headers .* not null/],
    [{ ...sound, headers: ['by'] }, /headers must be pairs of a name and a value/],
    [{ ...sound, headers: [[1, 'x']] }, /pairs of a name/],
    [{ ...sound, headers: { by: 5 } }, /the header 'by' must be bytes, a string or null, not number/],
    [{ ...sound, headers: { by: 'a\ud800' } }, /the header 'by' holds half of a surrogate pair/],
    [{ ...sound, headers: { '\udc00': 'a' } }, /holds half of a surrogate pair/],
    [{ ...sound, headers: { by: undefined } }, /the header 'by' .* not undefined/],
    [
      Object.defineProperty({ topic: 'wrong' }, 'value', {
        get: () => {
          throw new Error('a getter that throws')
        },
      }),
      /a getter that throws/,
    ],
  ]
  const told = wrong.map(([message]) => refusal(untyped(producer).send(message)))
  await producer.send(sound)
  for (const [at, error] of (await Promise.all(told)).entries()) {
    const [, says] = wrong[at] as (typeof wrong)[number]
    assert.match(error.message, says)
    assert.ok(['INVALID_MESSAGE', 'ENCODE', 'UNKNOWN_PARTITION'].includes(error.code), error.code)
    assert.doesNotMatch(error.message, /undefined cannot|Cannot read/)
  }
  for (const list of [undefined, {}, 'x', new Set([sound])]) {
    await assert.rejects(producer.sendBatch(list as (typeof sound)[]), {
      code: 'INVALID_MESSAGE',
      message: /takes a list/,
    })
  }
  const results = await producer.sendBatch(wrong.map(([message]) => message) as (typeof sound)[])
  assert.ok(results.every(result => result instanceof DeliveryError))
  assert.equal((await readTopic(broker.brokers, 'wrong')).length, 1)
})

test('bytes, strings, headers of both forms, times and places are written as they were given', async () => {
  await using producer = new Producer({ brokers: broker.brokers })
  const bytes = new Uint8Array([1, 2])
  await broker.createTopic('kept', { partitions: 2 })
  await producer.sendBatch([
    { topic: 'kept', key: 'é', value: bytes, partition: 1, timestamp: 7, headers: { a: 'x', b: null } },
    {
      topic: 'kept',
      key: '',
      value: null,
      partition: 1,
      timestamp: 0,
      headers: [
        ['a', bytes],
        ['a', ''],
      ],
    },
    { topic: 'kept', value: '', partition: 1, timestamp: 9, key: undefined, headers: undefined },
  ])
  const [first, second, third] = await readTopic(broker.brokers, 'kept')
  assert.deepEqual(
    [first?.key, first?.value, first?.timestamp, first?.partition],
    [Buffer.from('é'), Buffer.from(bytes), 7, 1],
  )
  assert.deepEqual(first?.headers.raw, [
    ['a', Buffer.from('x')],
    ['b', null],
  ])
  assert.deepEqual([second?.key, second?.value, second?.timestamp], [Buffer.alloc(0), null, 0])
  assert.deepEqual(second?.headers.getAll('a'), [Buffer.from(bytes), Buffer.alloc(0)])
  assert.deepEqual([third?.key, third?.value, third?.headers.raw], [null, Buffer.alloc(0), []])
})

test('headers are encoded once for many messages, and serdes see them, too', async () => {
  const seen: unknown[] = []
  const curious: Serializer<string> = {
    serialize: (value, { headers }) => {
      seen.push([headers.get('by')?.toString(), headers.getAll('by').length, headers.get('x')])
      return Buffer.from(value)
    },
  }
  await using producer = new Producer({ brokers: broker.brokers, value: curious })
  const headers = encodeHeaders({ by: 'é'.repeat(70), b: null })
  assert.equal(encodeHeaders(headers), headers)
  await broker.createTopic('encoded', { partitions: 1 })
  await producer.sendBatch([
    { topic: 'encoded', value: 'a', headers },
    { topic: 'encoded', value: 'b', headers },
  ])
  for (const message of await readTopic(broker.brokers, 'encoded')) {
    assert.deepEqual(message.headers.raw, [
      ['by', Buffer.from('é'.repeat(70))],
      ['b', null],
    ])
  }
  assert.deepEqual(seen, Array(2).fill(['é'.repeat(70), 1, undefined]))
  assert.throws(() => encodeHeaders({ by: 'a\ud800' }), {
    code: 'INVALID_MESSAGE',
    message: "Headers cannot be encoded: the header 'by' holds half of a surrogate pair",
  })
})

const doubled: Serializer<number> = { serialize: async value => Buffer.from(String(2 * value)) }

test('a serde of the call goes before that of the topic, and that before the producer’s', async () => {
  await using producer = new Producer({
    brokers: broker.brokers,
    key: string,
    value: json(),
    topics: { prices: { value: doubled } },
  })
  await producer.send({ topic: 'orders', key: 'a', value: { total: 1 } })
  await producer.send({ topic: 'prices', key: 'b', value: 21 })
  await producer.send({ topic: 'prices', key: 'c', value: 'text' }, { value: string })
  await producer.sendBatch([{ topic: 'orders', key: 1, value: [2] }], { key: int32 })
  const texts = async (topic: string) =>
    (await readTopic(broker.brokers, topic)).map(({ key, value }) => `${key?.toString()} ${value?.toString()}`)
  assert.deepEqual(await texts('orders'), ['a {"total":1}', '\0\0\0\u0001 [2]'])
  assert.deepEqual(await texts('prices'), ['b 42', 'c text'])
})

test('what may be sent is typed by the serde that will be asked', () => {
  const typed = async () => {
    await using producer = new Producer({ brokers: ['localhost'], key: string, topics: { prices: { value: doubled } } })
    await producer.send({ topic: 'prices', key: 'a', value: 1 })
    await producer.send({ topic: 'other', key: 'a', value: Buffer.from('bytes') })
    await producer.send({ topic: 'prices' as string, value: 'any name: the producer’s own' })
    await producer.sendBatch([
      { topic: 'prices', value: 1 },
      { topic: 'other', value: null },
    ])
    await producer.send({ topic: 'other', value: 1 }, { value: doubled })
    // @ts-expect-error a price is a number
    await producer.send({ topic: 'prices', value: 'one' })
    // @ts-expect-error keys are strings
    await producer.send({ topic: 'prices', key: 1, value: 1 })
    // @ts-expect-error other topics take bytes
    await producer.send({ topic: 'other', value: 1 })
    // @ts-expect-error the serde of the call takes numbers
    await producer.send({ topic: 'other', value: 'one' }, { value: doubled })
    // @ts-expect-error a message has a value
    await producer.send({ topic: 'other', key: 'a' })
    // @ts-expect-error misspelt
    await producer.send({ topic: 'other', value: null, header: {} })
    await using transactional = new Producer({
      brokers: ['localhost'],
      transactionalId: 't',
      topics: { prices: { value: doubled } },
    })
    await transactional.transaction(async tx => {
      await tx.send({ topic: 'prices', value: 1 })
      // @ts-expect-error a price is a number
      await tx.send({ topic: 'prices', value: 'one' })
    })
  }
  assert.equal(typeof typed, 'function')
})

test('serdes see the topic and the headers, and are not asked for a key that is not there', async () => {
  const seen: unknown[] = []
  const curious: Serializer<string> = {
    serialize: (value, { topic, isKey, headers }) => {
      seen.push([value, topic, isKey, headers.get('by')?.toString(), headers.getAll('by').length, headers.get('x')])
      return Buffer.from(value)
    },
  }
  await using producer = new Producer({ brokers: broker.brokers, key: curious, value: curious })
  await producer.send({ topic: 'orders', value: 'v', headers: { by: 'hand' } })
  await producer.send({
    topic: 'orders',
    key: 'k',
    value: 'v',
    headers: [
      ['by', null],
      ['by', 'x'],
    ],
  })
  assert.deepEqual(seen, [
    ['v', 'orders', false, 'hand', 1, undefined],
    ['k', 'orders', true, 'x', 2, undefined],
    ['v', 'orders', false, 'x', 2, undefined],
  ])
})

test('what a serde throws, or answers wrongly, fails that message alone, with its own code where it has one', async () => {
  const now: Serializer<unknown> = {
    serialize: value => {
      if (value === 'own') throw new MillraceError('REGISTRY', 'the registry is away', { retriable: true })
      if (value === 'throws') throw new RangeError('too far')
      return value as Buffer
    },
  }
  const later: Serializer<unknown> = { serialize: async (value, info) => now.serialize(value, info) }
  const { length: before } = await readTopic(broker.brokers, 'orders')
  for (const serde of [now, later]) {
    await using producer = new Producer({ brokers: broker.brokers, key: serde, value: serde })
    const send = (key: unknown, value: unknown) => producer.send({ topic: 'orders', key, value })
    const good = Buffer.from('good')
    const first = send(good, good)
    const own = await refusal(send('own', good))
    assert.deepEqual([own.code, own.topic, own.retriable], ['REGISTRY', 'orders', true])
    // Both fail: one of them tells, and nobody is left to hear of the other.
    const thrown = await refusal(send('throws', 'throws'))
    assert.deepEqual([thrown.code, thrown.topic], ['ENCODE', 'orders'])
    assert.match(thrown.message, /Cannot encode the (key|value) of a message of orders: too far/)
    for (const answer of [5, undefined, {}, 'text']) {
      const wrong = await refusal(send(undefined, answer === undefined ? false : answer))
      assert.match(wrong.message, /its serde made .* of it, not bytes or null/)
    }
    await first
    await send(null, null)
  }
  // A key that fails later, when the value has failed already.
  await using producer = new Producer({ brokers: broker.brokers, key: later, value: now })
  assert.equal((await refusal(producer.send({ topic: 'orders', key: 'own', value: 'throws' }))).code, 'ENCODE')
  assert.equal((await readTopic(broker.brokers, 'orders')).length, before + 4)
})

test('a serde that is none is told of when the producer is made', () => {
  const brokers = ['localhost']
  for (const [options, says] of [
    [{ value: JSON }, /value must be a serde such as json\(\), not an object/],
    [{ key: null }, /key must be a serde/],
    [{ topics: { orders: { value: {} } } }, /topics.orders.value must be a serde/],
    [{ topics: { orders: json() } }, /topics.orders.deserialize is not an option; known here: key, value/],
    [{ topics: [] }, /topics must be an object/],
  ] as const) {
    assert.throws(() => new Producer({ brokers, ...(options as object) }), { code: 'INVALID_OPTION', message: says })
  }
})

test('what the broker has against a record is in the error, and which record of the batch it is', async () => {
  await broker.createTopic('compacted', { partitions: 1, config: { 'cleanup.policy': 'compact' } })
  await using producer = new Producer({ brokers: broker.brokers })
  const keyed = { topic: 'compacted', key: 'k', value: 'v' }
  const results = await producer.sendBatch([keyed, { topic: 'compacted', value: 'v' }])
  for (const result of results) {
    assert.ok(result instanceof DeliveryError)
    assert.deepEqual([result.code, result.written, result.retriable], ['INVALID_RECORD', 'no', false])
    assert.match(result.message, /\(record 1 of the batch: A compacted topic takes no record without a key, .*\)/)
  }
  assert.equal((await producer.send(keyed)).offset, 0)
})
