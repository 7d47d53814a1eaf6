import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  Broker,
  type BrokerOptions,
  type Call,
  ClosedError,
  type FaultOptions,
  HeldClock,
  OptionError,
} from '../../src/broker/index.ts'
import type { ApiName } from '../../src/protocol/apis.ts'
import { decodeResponse } from '../../src/protocol/frame.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { until } from '../until.ts'
import { Desk } from './desk.ts'
import { RawConnection, requestFrame } from './raw-connection.ts'

const produceVersion = 9

function produceBody(...partitions: readonly number[]) {
  const records = writeBatch([{ key: 'k', value: 'v' }], { now: 0 })
  return { acks: -1, topicData: [{ name: 'orders', partitionData: partitions.map(index => ({ index, records })) }] }
}

function offsetsBody(topic = 'orders') {
  return { replicaId: -1, topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }] }
}

/** Error codes by partition. */
async function produce(desk: Desk, ...partitions: readonly number[]): Promise<Record<number, number>> {
  const answer = await desk.ask('Produce', produceVersion, produceBody(...partitions))
  const told = answer?.responses.flatMap(topic => topic.partitionResponses) ?? []
  return Object.fromEntries(told.map(({ index, errorCode }) => [index, errorCode]))
}

function ends(desk: Desk): number[] {
  return desk.cluster.topics.get('orders')?.partitions.map(({ log }) => log.highWatermark) ?? []
}

async function listed(desk: Desk, topic?: string): Promise<number | undefined> {
  const answer = await desk.ask('ListOffsets', 5, offsetsBody(topic))
  return answer?.topics[0]?.partitions[0]?.errorCode
}

test('what gets an error is not applied, and the rest of the request is', async () => {
  const desk = new Desk({ orders: 3 })
  const options = { api: 'Produce', topic: 'orders', action: { error: 'NOT_LEADER_OR_FOLLOWER' } } as const
  const one = desk.faults.add({ ...options, partition: 1 })
  assert.deepEqual(await produce(desk, 0, 1, 2), { 0: 0, 1: 6, 2: 0 })
  assert.deepEqual(ends(desk), [1, 0, 1])
  assert.deepEqual(await produce(desk, 0), { 0: 0 })
  assert.equal(one.hits, 1, 'a request for other partitions is none of its hits')
  one.remove()
  const all = desk.faults.add(options)
  assert.deepEqual(await produce(desk, 0, 1), { 0: 6, 1: 6 })
  all.remove()
  assert.deepEqual(ends(desk), [2, 0, 1])
  desk.close()
})

test('a request is taken by the first fault that it matches, and the next one by the next', async () => {
  const desk = new Desk({ orders: 1 })
  const first = desk.faults.add({ api: 'ListOffsets', count: 2, action: { error: 'LEADER_NOT_AVAILABLE' } })
  const second = desk.faults.add({ api: 'ListOffsets', skip: 1, count: 1, action: { error: 'NOT_LEADER_OR_FOLLOWER' } })
  const seen = []
  for (let i = 0; i < 5; i++) seen.push(await listed(desk))
  assert.deepEqual(seen, [5, 5, 0, 6, 0])
  assert.deepEqual([first.hits, second.hits], [2, 1])
  desk.close()
})

test('errors for different parts of a request all take theirs', async () => {
  const desk = new Desk({ orders: 4 })
  const about = { api: 'Produce', topic: 'orders' } as const
  const faults = [
    desk.faults.add({ ...about, partition: 0, count: 1, action: { error: 'NOT_LEADER_OR_FOLLOWER' } }),
    desk.faults.add({ ...about, partition: 1, count: 1, action: { error: 'MESSAGE_TOO_LARGE' } }),
    desk.faults.add({ ...about, partition: 0, count: 1, action: { error: 'REQUEST_TIMED_OUT' } }),
    desk.faults.add({ ...about, action: { delayMs: 1_000_000 } }),
  ]
  assert.deepEqual(await produce(desk, 0, 1, 2), { 0: 6, 1: 10, 2: 0 })
  assert.deepEqual(await produce(desk, 0), { 0: 7 })
  assert.deepEqual(
    faults.map(({ hits }) => hits),
    [1, 1, 1, 0],
  )
  desk.close()
})

test('an observer counts what it matches, and takes nothing', async () => {
  const desk = new Desk({ orders: 1 })
  const before = desk.faults.add({ api: ['ListOffsets', 'Produce'], action: { observe: true } })
  desk.faults.add({ api: 'ListOffsets', action: { error: 'LEADER_NOT_AVAILABLE' } })
  const after = desk.faults.add({ api: 'ListOffsets', action: { observe: true } })
  assert.equal(await listed(desk), 5)
  await produce(desk, 0)
  assert.deepEqual([before.hits, after.hits], [2, 1])
  desk.close()
})

test('a fetch with an error in it is answered at once, with what the other partitions have', async () => {
  const desk = new Desk({ orders: 2 })
  await produce(desk, 1)
  desk.faults.add({ api: 'Fetch', topic: 'orders', partition: 0, action: { error: 'OFFSET_OUT_OF_RANGE' } })
  const partitions = [0, 1].map(partition => ({ partition, fetchOffset: 0, partitionMaxBytes: 1000 }))
  const topicId = desk.cluster.topics.get('orders')?.id ?? ''
  const body = { maxWaitMs: 1_000_000, minBytes: 1_000_000, topics: [{ topic: 'orders', topicId, partitions }] }
  for (const version of [4, 12, 13, 18]) {
    const answer = await desk.ask('Fetch', version, body)
    const told = answer?.responses
      .flatMap(topic => topic.partitions)
      .map(each => [each.errorCode, each.records?.length])
    assert.deepEqual(told, [
      [1, 0],
      [0, 70],
    ])
  }
  desk.close()
})

test('a group is refused by its name, in requests about one group and about many', async () => {
  const desk = new Desk({ orders: 1 })
  desk.faults.add({ group: 'shop', action: { error: 'COORDINATOR_LOAD_IN_PROGRESS' } })
  const heartbeat = (groupId: string) => desk.ask('Heartbeat', 4, { groupId, memberId: 'm', generationId: 1 })
  assert.equal((await heartbeat('shop'))?.errorCode, 14)
  assert.equal((await heartbeat('other'))?.errorCode, 25)
  const fetched = await desk.ask('OffsetFetch', 9, {
    groups: ['shop', 'other'].map(groupId => ({ groupId, topics: null })),
  })
  const byName = (codes: readonly { groupId: string; errorCode: number }[] = []) =>
    Object.fromEntries(codes.map(({ groupId, errorCode }) => [groupId, errorCode]))
  assert.deepEqual(byName(fetched?.groups), { shop: 14, other: 0 })
  const deleted = await desk.ask('DeleteGroups', 2, { groupsNames: ['shop', 'other'] })
  assert.deepEqual(byName(deleted?.results), { shop: 14, other: 69 })
  const keys = { coordinatorKeys: ['shop', 'other'] }
  const found = await desk.ask('FindCoordinator', 5, { ...keys, keyType: 0 })
  assert.deepEqual(
    found?.coordinators.map(({ errorCode, nodeId }) => [errorCode, nodeId]),
    [
      [14, -1],
      [0, 1],
    ],
  )
  const transactions = await desk.ask('FindCoordinator', 5, { ...keys, keyType: 1 })
  assert.ok(
    transactions?.coordinators.every(({ errorCode }) => errorCode === 0),
    'a transaction of that name',
  )
  desk.close()
})

test('a fault is about the API, node, client, and whatever a function says', async () => {
  const desk = new Desk({ orders: 1, payments: 1 })
  desk.cluster.nodes.all.push({ id: 2, host: '127.0.0.1', port: 9093, rack: null, running: true })
  const matching: FaultOptions[] = [
    {},
    { api: 'ListOffsets' },
    { api: ['Fetch', 'ListOffsets'] },
    { node: 1 },
    { clientId: 'probe' },
    { topic: 'orders' },
    { topic: 'orders', partition: 0 },
    { when: ({ name, version }: Call<ApiName>) => name === 'ListOffsets' && version === 5 },
  ].map(about => ({ ...about, count: 1, action: { error: 'LEADER_NOT_AVAILABLE' } }) as FaultOptions)
  for (const options of matching) {
    desk.faults.add(options)
    assert.equal(await listed(desk), 5, JSON.stringify(options))
  }
  const others: FaultOptions[] = [
    { api: 'Fetch' },
    { node: 2 },
    { clientId: 'other' },
    { topic: 'payments' },
    { topic: 'orders', partition: 1 },
    { group: 'orders' },
    { when: () => false },
  ].map(about => ({ ...about, action: { error: 'LEADER_NOT_AVAILABLE' } }) as FaultOptions)
  for (const options of others) {
    using fault = desk.faults.add(options)
    assert.equal(await listed(desk), 0, JSON.stringify(options))
    assert.equal(fault.hits, 0)
  }
  desk.close()
})

test('another answer can be made of the real one', async () => {
  const desk = new Desk({ orders: 1 })
  await produce(desk, 0)
  desk.faults.add({
    api: 'ListOffsets',
    action: {
      reply: (answer, { body }) => ({
        ...answer,
        topics: body.topics.map(({ name }) => ({ name, partitions: [{ partitionIndex: 0, offset: 77 }] })),
      }),
    },
  })
  const answer = await desk.ask('ListOffsets', 5, offsetsBody())
  assert.equal(answer?.topics[0]?.partitions[0]?.offset, 77)
  desk.close()
})

test('a function of a fault that throws closes the connection, and the log tells why', async () => {
  const desk = new Desk({ orders: 1 })
  const broken = () => {
    throw new Error('my mistake')
  }
  for (const fault of [
    { when: broken, action: { observe: true } },
    { api: 'ListOffsets', action: { reply: broken } },
  ]) {
    using _fault = desk.faults.add(fault as FaultOptions)
    const { close } = await desk.handle(requestFrame('ListOffsets', 5, offsetsBody()))
    assert.ok(close)
    assert.match(desk.log.requests.at(-1)?.why ?? '', /my mistake/)
  }
  desk.close()
})

test('an error for a request that gets no answer closes its connection, as Kafka does', async () => {
  const desk = new Desk({ orders: 1 })
  desk.faults.add({ api: 'Produce', action: { error: 'NOT_LEADER_OR_FOLLOWER' } })
  const { close, pieces } = await desk.handle(requestFrame('Produce', 9, { ...produceBody(0), acks: 0 }))
  assert.deepEqual([close, pieces.length], [true, 0])
  assert.deepEqual(ends(desk), [0])
  desk.close()
})

/** A broker, and a client of it. */
class Line implements AsyncDisposable {
  readonly broker: Broker
  readonly client: RawConnection

  private constructor(broker: Broker, client: RawConnection) {
    this.broker = broker
    this.client = client
  }

  static async open(options: BrokerOptions = {}): Promise<Line> {
    const broker = await Broker.start({ topics: { orders: 1 }, ...options })
    return new Line(broker, await RawConnection.to(broker.brokers[0] ?? ''))
  }

  produce(): Promise<Buffer | null> {
    return this.client.exchange(requestFrame('Produce', produceVersion, produceBody(0)))
  }

  async end(): Promise<number | undefined> {
    using other = await RawConnection.to(this.broker.brokers[0] ?? '')
    const answer = await other.exchange(requestFrame('ListOffsets', 5, offsetsBody()))
    return answer === null ? undefined : decodeResponse('ListOffsets', 5, answer).topics[0]?.partitions[0]?.offset
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]()
    await this.broker.close()
  }
}

test("a delayed answer comes on the broker's clock, later ones behind it, and all was applied at once", async () => {
  const clock = new HeldClock()
  await using line = await Line.open({ clock })
  const fault = line.broker.fault({ api: 'Produce', count: 1, action: { delayMs: 2_000 } })
  const order: number[] = []
  const answers = [1, 2].map(async n => {
    await line.produce()
    order.push(n)
  })
  await fault.hit()
  assert.equal(await line.end(), 1)
  await clock.advance(1_999)
  assert.deepEqual(order, [])
  await clock.advance(1)
  await Promise.all(answers)
  assert.deepEqual(order, [1, 2])
  assert.equal(await line.end(), 2)
})

for (const [drop, applied] of [
  ['before', 0],
  ['after', 1],
] as const) {
  test(`a connection dropped ${drop} the request is applied leaves ${applied} messages`, async () => {
    await using line = await Line.open()
    line.broker.fault({ api: 'Produce', count: 1, action: { drop } })
    assert.equal(await line.produce(), null)
    assert.equal(await line.end(), applied)
    assert.match(line.broker.requests[0]?.why ?? '', new RegExp(`dropped the connection ${drop}`))
  })
}

test('a request that is never answered is applied, and later ones of its connection are answered', async () => {
  await using line = await Line.open()
  line.broker.fault({ api: 'Produce', count: 1, action: { noReply: true } })
  void line.produce()
  const other = requestFrame('ApiVersions', 0, {})
  other.writeInt32BE(99, 4)
  line.client.tell(other)
  await until('the second is answered', () => line.broker.requests.at(-1)?.api === 'ApiVersions')
  assert.equal(await line.end(), 1)
  assert.deepEqual(
    line.broker.requests.slice(0, 2).map(({ outcome, fault }) => [outcome, fault]),
    [
      ['silent', 'noReply'],
      ['answered', null],
    ],
  )
})

test('of a truncated answer so many bytes come, and then the end', async () => {
  for (const bytes of [0, 3, 10]) {
    await using line = await Line.open()
    line.broker.fault({ api: 'Produce', action: { truncate: bytes } })
    assert.equal(await line.produce(), null)
    assert.equal(line.client.received, bytes)
    assert.equal(await line.end(), 1)
  }
})

test('any bytes may be sent instead of an answer', async () => {
  await using line = await Line.open()
  line.broker.fault({ api: 'Produce', action: { reply: Buffer.from('00000004deadbeef', 'hex') } })
  assert.equal((await line.produce())?.toString('hex'), 'deadbeef')
  assert.equal(await line.end(), 1)
})

test('whoever waits for a hit is told when it will not come any more', async () => {
  const desk = new Desk({ orders: 1 })
  const fault = desk.faults.add({ api: 'ListOffsets', count: 3, action: { observe: true } })
  const third = fault.hit(3)
  await listed(desk)
  await fault.hit()
  await assert.rejects(fault.hit(4), OptionError)
  fault.remove()
  fault.remove()
  await assert.rejects(third, { code: 'FAULT_REMOVED' })
  await assert.rejects(fault.hit(2), { code: 'FAULT_REMOVED' })
  await fault.hit(1)
  const other = desk.faults.add({ action: { observe: true } })
  const never = other.hit()
  desk.close()
  await assert.rejects(never, ClosedError)
  assert.throws(() => desk.faults.add({ action: { observe: true } }), ClosedError)
})

const wrongFaults: readonly [options: unknown, named: RegExp][] = [
  [{}, /fault\.action must have exactly one of error, delayMs/],
  [{ action: {} }, /fault\.action must have exactly one/],
  [{ action: { error: 'NONE', observe: true } }, /exactly one/],
  [{ action: { error: 'NOT_AN_ERROR' } }, /fault\.action\.error must be Kafka's name of an error/],
  [{ action: { error: 'NONE' } }, /fault\.action\.error/],
  [{ action: { delayMs: -1 } }, /fault\.action\.delayMs/],
  [{ action: { drop: 'never' } }, /fault\.action\.drop must be 'before' or 'after'/],
  [{ action: { truncate: 1.5 } }, /fault\.action\.truncate/],
  [{ action: { reply: 'text' } }, /fault\.action\.reply/],
  [{ action: { reply: () => ({}) } }, /fault\.api must be one name/],
  [{ api: ['Fetch', 'Produce'], action: { reply: () => ({}) } }, /fault\.api must be one name/],
  [{ api: 'Fetsch', action: { observe: true } }, /fault\.api must be Kafka's name of a request/],
  [{ api: [], action: { observe: true } }, /fault\.api/],
  [{ api: 'Heartbeat', topic: 'orders', action: { observe: true } }, /fault\.topic never matches/],
  [{ api: 'CreateTopics', topic: 'orders', partition: 0, action: { observe: true } }, /fault\.partition never matches/],
  [{ api: 'Fetch', group: 'shop', action: { observe: true } }, /fault\.group never matches/],
  [{ partition: 0, action: { observe: true } }, /fault\.partition needs fault\.topic/],
  [{ count: 0, action: { observe: true } }, /fault\.count/],
  [{ skip: -1, action: { observe: true } }, /fault\.skip/],
  [{ node: 0, action: { observe: true } }, /fault\.node/],
  [{ node: 2, action: { observe: true } }, /fault\.node must be a whole number from 1 to 1, not 2/],
  [{ api: 'DescribeQuorum', action: { observe: true } }, /fault\.api must be .* served here/],
  [{ when: true, action: { observe: true } }, /fault\.when must be a function/],
  [{ apis: 'Fetch', action: { observe: true } }, /fault\.apis is not an option/],
]

test('a wrong fault is refused with the name of what is wrong', () => {
  const desk = new Desk()
  for (const [options, named] of wrongFaults) {
    assert.throws(
      () => desk.faults.add(options as FaultOptions),
      (error: unknown) => error instanceof OptionError && named.test(error.message),
      `${named}`,
    )
  }
  desk.close()
})

/** Never called: wrong use does not compile. */
export function wrongUse(broker: Broker): void {
  // @ts-expect-error two actions
  broker.fault({ action: { observe: true, delayMs: 1 } })
  // @ts-expect-error no action
  broker.fault({ api: 'Fetch' })
  // @ts-expect-error no error of Kafka's
  broker.fault({ action: { error: 'NOPE' } })
  // @ts-expect-error a heartbeat names no topic
  broker.fault({ api: 'Heartbeat', topic: 'orders', action: { observe: true } })
  // @ts-expect-error topics are created whole
  broker.fault({ api: 'CreateTopics', topic: 'orders', partition: 0, action: { observe: true } })
  // @ts-expect-error a fetch names no group
  broker.fault({ api: 'Fetch', group: 'shop', action: { observe: true } })
  // @ts-expect-error the answer of another API
  broker.fault({ api: 'Heartbeat', action: { reply: () => ({ topics: [] }) } })
}
