import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constant } from '../../src/base/backoff.ts'
import { ClosedError, ConnectionError, type MillraceError } from '../../src/base/errors.ts'
import type { Logger } from '../../src/base/logger.ts'
import type { NativeClient } from '../../src/client/native-client.ts'
import { UnsupportedVersionError } from '../../src/client/versions.ts'
import { OffsetError } from '../../src/offsets/error.ts'
import { KafkaOffsetStorage } from '../../src/offsets/kafka-storage.ts'
import type { GroupMembership, MemberIdentity } from '../../src/offsets/membership.ts'
import type { CommittedOffset } from '../../src/offsets/storage.ts'
import type { ApiName } from '../../src/protocol/apis.ts'
import { errorCodes, KafkaError } from '../../src/protocol/error-codes.ts'
import { encodeRequest } from '../../src/protocol/frame.ts'
import type { Requests, Responses } from '../../src/protocol/messages.ts'
import { settled, VirtualClock } from '../virtual-clock.ts'

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

type Answer = object | Error
type Sent = { name: ApiName; version: number; body: Requests[ApiName]; timeoutMs: number | undefined }

/** A coordinator that speaks the given versions and answers from a list, the last entry again and again. */
class FakeClient implements Pick<NativeClient, 'send' | 'forgetCoordinator'> {
  readonly sent: Sent[] = []
  forgotten = 0
  readonly #newest: Partial<Record<ApiName, number>>
  readonly #answers: Partial<Record<ApiName, Answer[]>>

  constructor(answers: Partial<Record<ApiName, Answer[]>>, newest: Partial<Record<ApiName, number>> = {}) {
    this.#answers = answers
    this.#newest = newest
  }

  async send<N extends ApiName>(
    target: Parameters<NativeClient['send']>[0],
    name: N,
    body: Requests[N],
    { timeoutMs, minVersion = 0, maxVersion = 99 }: NonNullable<Parameters<NativeClient['send']>[3]> = {},
  ): Promise<Responses[N]> {
    assert.deepEqual(target, { group: 'shop' })
    const version = Math.min(maxVersion, this.#newest[name] ?? (name.startsWith('Offset') ? 9 : 6))
    const answers = this.#answers[name]
    if (version < minVersion || answers === undefined) throw new UnsupportedVersionError('not here', 'broker')
    // Encoding is strict: a field that the version does not have is an error.
    if (name.startsWith('Offset')) encodeRequest(name, version, 1, 'test', body)
    this.sent.push({ name, version, body, timeoutMs })
    await settled()
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    if (answer instanceof Error) throw answer
    return answer as Responses[N]
  }

  forgetCoordinator(group: string): void {
    assert.equal(group, 'shop')
    this.forgotten++
  }
}

function setUp(
  answers: Partial<Record<ApiName, Answer[]>>,
  newest: Partial<Record<ApiName, number>> = {},
  membership: GroupMembership | null = null,
) {
  const client = new FakeClient(answers, newest)
  const clock = new VirtualClock()
  const storage = new KafkaOffsetStorage({
    client,
    group: 'shop',
    membership,
    clock,
    random: () => 0,
    logger: silent,
    timeoutMs: 10_000,
    backoff: constant(500),
  })
  return { client, clock, storage }
}

/** Lets time pass until the promise settles. */
async function outcome<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let done = false
  const finished = () => {
    done = true
  }
  promise.then(finished, finished)
  while (!done) await clock.advance(100)
  return promise
}

const offset = (partition: number, offset: number, metadata = '', topic = 'orders'): CommittedOffset => {
  return { topic, partition, offset, leaderEpoch: 2, metadata }
}
const place = (partition: number, topic = 'orders') => ({ topic, partition })
/** Partition to error code. */
const commitAnswer = (codes: Record<number, number>, name = 'orders') => ({
  topics: [
    {
      name,
      partitions: Object.entries(codes).map(([index, errorCode]) => ({ partitionIndex: Number(index), errorCode })),
    },
  ],
})
const topicOffsets = (offsets: Record<number, [offset: number, errorCode?: number, metadata?: string | null]>) => [
  {
    name: 'orders',
    partitions: Object.entries(offsets).map(([index, [committedOffset, errorCode = 0, metadata = '']]) => {
      return { partitionIndex: Number(index), committedOffset, committedLeaderEpoch: 4, metadata, errorCode }
    }),
  },
]
const fetchAnswer = (offsets: Parameters<typeof topicOffsets>[0], errorCode = 0) => ({
  errorCode: 0,
  topics: [],
  groups: [{ groupId: 'shop', errorCode, topics: topicOffsets(offsets) }],
})

test('commits come from outside of the group, with epoch and metadata, by topic name', async () => {
  const { client, storage } = setUp({
    OffsetCommit: [{ topics: [...commitAnswer({ 0: 0, 1: 0 }).topics, ...commitAnswer({ 0: 0 }, 'bills').topics] }],
  })
  const results = await storage.commit([offset(0, 5, 'gaps'), offset(0, 8, '', 'bills'), offset(1, 6)])
  assert.deepEqual(results, [
    { ...place(0), error: null },
    { ...place(0, 'bills'), error: null },
    { ...place(1), error: null },
  ])
  assert.deepEqual(client.sent, [
    {
      name: 'OffsetCommit',
      version: 9,
      timeoutMs: 2_000,
      body: {
        groupId: 'shop',
        generationIdOrMemberEpoch: -1,
        memberId: '',
        topics: [
          {
            name: 'orders',
            partitions: [
              { partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: 2, committedMetadata: 'gaps' },
              { partitionIndex: 1, committedOffset: 6, committedLeaderEpoch: 2, committedMetadata: '' },
            ],
          },
          {
            name: 'bills',
            partitions: [{ partitionIndex: 0, committedOffset: 8, committedLeaderEpoch: 2, committedMetadata: '' }],
          },
        ],
      },
    },
  ])
})

for (const version of [9, 8, 7, 6, 1]) {
  test(`offsets are loaded with version ${version} of OffsetFetch, and "none" is told from "failed"`, async () => {
    const offsets = { 0: [7, 0, 'gaps'], 1: [-1], 2: [-1, 29], 3: [3, 0, null] } as const
    const topics = topicOffsets(offsets as unknown as Parameters<typeof topicOffsets>[0])
    const answer =
      version >= 8
        ? { groups: [{ groupId: 'shop', errorCode: 0, topics }], topics: [], errorCode: 0 }
        : { groups: [], topics, errorCode: 0 }
    const { client, storage } = setUp({ OffsetFetch: [answer] }, { OffsetFetch: version })
    const results = await storage.load([0, 1, 2, 3].map(partition => place(partition)))
    assert.equal(client.sent[0]?.version, version)
    assert.deepEqual(
      results.map(({ committed, error }) => [
        committed?.offset,
        committed?.leaderEpoch,
        committed?.metadata,
        error?.code,
      ]),
      [
        [7, 4, 'gaps', undefined],
        [undefined, undefined, undefined, undefined],
        [undefined, undefined, undefined, 'TOPIC_AUTHORIZATION_FAILED'],
        [3, 4, '', undefined],
      ],
    )
  })
}

test('a partition that the answer leaves out has an error, and not "nothing committed"', async () => {
  const { clock, storage } = setUp({ OffsetFetch: [fetchAnswer({ 0: [7] })], OffsetCommit: [commitAnswer({ 0: 0 })] })
  const [found, missing] = await outcome(clock, storage.load([place(0), place(1)]))
  assert.equal(found?.committed?.offset, 7)
  assert.equal(missing?.committed, null)
  assert.equal(missing?.error?.code, 'BAD_ANSWER')
  const stored = await outcome(clock, storage.commit([offset(0, 1), offset(1, 1)]))
  assert.deepEqual(
    stored.map(({ partition, error }) => [partition, error?.code]),
    [
      [0, undefined],
      [1, 'BAD_ANSWER'],
    ],
  )
})

test('a coordinator that moved, is loading or cannot be reached is looked up and asked again', async () => {
  const { COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR } = errorCodes
  const { client, clock, storage } = setUp({
    OffsetCommit: [
      commitAnswer({ 0: NOT_COORDINATOR, 1: NOT_COORDINATOR }),
      commitAnswer({ 0: COORDINATOR_LOAD_IN_PROGRESS, 1: COORDINATOR_LOAD_IN_PROGRESS }),
      new ConnectionError('reset'),
      new KafkaError(COORDINATOR_NOT_AVAILABLE, 'finding the coordinator'),
      commitAnswer({ 0: 0, 1: 0 }),
    ],
  })
  const results = await outcome(clock, storage.commit([offset(0, 1), offset(1, 2)]))
  assert(results.every(({ error }) => error === null))
  assert.equal(client.forgotten, 4)
  assert.deepEqual(
    client.sent.map(({ timeoutMs }) => timeoutMs),
    [2_000, 4_000, 8_000, 8_500, 8_000],
  )
  assert.equal(clock.timers, 0)
})

test('when the time is over, what still passes is an error of its partitions', async () => {
  const { clock, storage } = setUp({
    OffsetCommit: [new ConnectionError('refused')],
    OffsetFetch: [fetchAnswer({}, errorCodes.NOT_COORDINATOR)],
  })
  const [stored] = await outcome(clock, storage.commit([offset(0, 1)]))
  assert.equal(stored?.error?.code, 'CONNECTION')
  assert(clock.now() >= 9_000 && clock.now() <= 10_000)
  const [loaded] = await outcome(clock, storage.load([place(0)]))
  assert.equal(loaded?.error?.code, 'NOT_COORDINATOR')
  assert.equal(loaded?.committed, null)
})

test('an offset that a transaction has pending is a retriable error of its own, and holds up no other', async () => {
  const { client, clock, storage } = setUp({
    OffsetFetch: [fetchAnswer({ 0: [5], 1: [-1, errorCodes.UNSTABLE_OFFSET_COMMIT] })],
  })
  const results = await outcome(clock, storage.load([place(0), place(1)]))
  assert.deepEqual(
    results.map(({ committed, error }) => [committed?.offset, error?.code, error?.retriable]),
    [
      [5, undefined, undefined],
      [undefined, 'UNSTABLE_OFFSET_COMMIT', true],
    ],
  )
  assert.equal(client.sent.length, 1)
  assert.equal(client.forgotten, 0)
})

test('what does not pass by itself is told at once, of its partition only', async () => {
  const { client, storage } = setUp({
    OffsetCommit: [
      commitAnswer({ 0: errorCodes.OFFSET_METADATA_TOO_LARGE, 1: 0, 2: errorCodes.UNKNOWN_TOPIC_OR_PARTITION }),
    ],
  })
  const results = await storage.commit([offset(0, 1), offset(1, 2), offset(2, 3)])
  assert.deepEqual(
    results.map(({ error }) => [error?.code, error?.retriable, error?.partition]),
    [
      ['OFFSET_METADATA_TOO_LARGE', false, 0],
      [undefined, undefined, undefined],
      ['UNKNOWN_TOPIC_OR_PARTITION', true, 2],
    ],
  )
  assert.equal(client.sent.length, 1)
})

test('commits that members would have to make are refused for good', async () => {
  const { ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, REBALANCE_IN_PROGRESS, FENCED_MEMBER_EPOCH, STALE_MEMBER_EPOCH } =
    errorCodes
  for (const code of [
    ILLEGAL_GENERATION,
    UNKNOWN_MEMBER_ID,
    REBALANCE_IN_PROGRESS,
    FENCED_MEMBER_EPOCH,
    STALE_MEMBER_EPOCH,
  ]) {
    const { storage } = setUp({ OffsetCommit: [commitAnswer({ 0: code })] })
    await assert.rejects(storage.commit([offset(0, 1)]), (error: OffsetError) => {
      assert(error instanceof OffsetError)
      assert.match(error.message, /group shop got members/)
      return error.code === 'GROUP_HAS_MEMBERS' && error.fatal && !error.retriable
    })
  }
})

test('a group that may not be used is fatal for loading and committing', async () => {
  const denied = errorCodes.GROUP_AUTHORIZATION_FAILED
  const { storage } = setUp({ OffsetCommit: [commitAnswer({ 0: denied })], OffsetFetch: [fetchAnswer({}, denied)] })
  const expected = { code: 'GROUP_NOT_AUTHORIZED', fatal: true }
  await assert.rejects(storage.commit([offset(0, 1)]), expected)
  await assert.rejects(storage.load([place(0)]), expected)
  const lookup = setUp({ OffsetCommit: [new KafkaError(denied, 'finding the coordinator')] })
  await assert.rejects(lookup.storage.commit([offset(0, 1)]), expected)
})

test('errors that asking again cannot mend reject the call', async () => {
  const { storage } = setUp({ OffsetCommit: [new ClosedError('The Kafka client')] })
  await assert.rejects(storage.commit([offset(0, 1)]), { code: 'CLOSED' })
})

test('a commit that a broker could not write as one batch is sent in parts', async () => {
  const client = new FakeClient({})
  const sizes: number[] = []
  client.send = async (_: unknown, name: ApiName, body: object) => {
    const { topics } = body as Requests['OffsetCommit']
    sizes.push(encodeRequest(name, 9, 1, 'test', body as Requests[ApiName]).length)
    return {
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: 0 })),
      })),
    } as never
  }
  const storage = new KafkaOffsetStorage({
    client,
    group: 'shop',
    clock: new VirtualClock(),
    random: () => 0,
    logger: silent,
  })
  const many = Array.from({ length: 5_000 }, (_, i) => offset(i, i, 'ü'.repeat(i % 300)))
  const results = await storage.commit(many)
  assert.deepEqual(
    results.map(({ partition, error }) => [partition, error]),
    many.map(({ partition }) => [partition, null]),
  )
  assert(sizes.length > 1 && sizes.every(size => size < 500_000))
  assert.deepEqual(await storage.commit([]), [])
})

const described = (groupState: string, clients: string[], errorCode = 0) => ({
  groups: [
    {
      errorCode,
      groupId: 'shop',
      groupState,
      members: clients.map(clientId => ({ clientId, clientHost: '/10.0.0.7' })),
    },
  ],
})

test('a group with live members is refused, naming state, protocol and members, whichever kind it is', async () => {
  const notFound = described('', [], errorCodes.GROUP_ID_NOT_FOUND)
  const refusals: [Partial<Record<ApiName, Answer[]>>, RegExp][] = [
    [
      { DescribeGroups: [described('Stable', ['java-1', 'java-2'])] },
      /shop .*Stable, classic.*java-1 at 10\.0\.0\.7, java-2 at/,
    ],
    [{ DescribeGroups: [described('PreparingRebalance', [])] }, /PreparingRebalance, classic.*joining/],
    [
      { DescribeGroups: [notFound], ConsumerGroupDescribe: [described('Assigning', ['new'])] },
      /Assigning, consumer.*new at/,
    ],
    [
      { DescribeGroups: [described('Dead', [])], ConsumerGroupDescribe: [described('Stable', ['new'])] },
      /Stable, consumer/,
    ],
    [{ DescribeGroups: [described('Stable', Array(12).fill('c'))] }, /and 2 more/],
  ]
  for (const [answers, pattern] of refusals) {
    await assert.rejects(setUp(answers).storage.refuseLiveGroup(), (error: OffsetError) => {
      assert.match(error.message, pattern)
      return error.code === 'GROUP_HAS_MEMBERS' && error.fatal
    })
  }
})

test('a group that is empty, unknown or of brokers without the other kind is accepted', async () => {
  const notFound = described('', [], errorCodes.GROUP_ID_NOT_FOUND)
  const dead = described('Dead', [])
  const accepted: Partial<Record<ApiName, Answer[]>>[] = [
    { DescribeGroups: [described('Empty', [])] },
    { DescribeGroups: [dead] },
    { DescribeGroups: [dead], ConsumerGroupDescribe: [notFound] },
    { DescribeGroups: [notFound], ConsumerGroupDescribe: [described('Empty', [])] },
    { DescribeGroups: [notFound], ConsumerGroupDescribe: [described('', [], errorCodes.UNSUPPORTED_VERSION)] },
  ]
  for (const answers of accepted) await setUp(answers).storage.refuseLiveGroup()
})

test('describing the group is asked again while its coordinator moves, and fails with the cause', async () => {
  const moving = described('', [], errorCodes.NOT_COORDINATOR)
  const { clock, client, storage } = setUp({
    DescribeGroups: [moving, new ConnectionError('reset'), described('Empty', [])],
  })
  await outcome(clock, storage.refuseLiveGroup())
  assert.equal(client.forgotten, 2)
  const never = setUp({ DescribeGroups: [moving] })
  const failing = outcome(never.clock, never.storage.refuseLiveGroup())
  await assert.rejects(failing, (error: MillraceError) => error.code === 'NOT_COORDINATOR' && error.retriable)
  const denied = setUp({ DescribeGroups: [described('', [], errorCodes.GROUP_AUTHORIZATION_FAILED)] })
  await assert.rejects(denied.storage.refuseLiveGroup(), { code: 'GROUP_NOT_AUTHORIZED', fatal: true })
})

test('waits end with the signal', async () => {
  const client = new FakeClient({ OffsetCommit: [new ConnectionError('refused')] })
  const clock = new VirtualClock()
  const aborter = new AbortController()
  const storage = new KafkaOffsetStorage({
    client,
    group: 'shop',
    clock,
    random: () => 0,
    logger: silent,
    signal: aborter.signal,
  })
  const committing = storage.commit([offset(0, 1)])
  await settled()
  await settled()
  assert.equal(clock.timers, 1)
  aborter.abort(new ClosedError('The consumer'))
  await assert.rejects(committing, { code: 'CLOSED' })
  assert.equal(clock.timers, 0)
})

/** A member whose membership a test changes, and what it was told. */
function member(instanceId: string | null = null) {
  const identity = (generation: number): MemberIdentity => ({ generation, memberId: 'm-1', instanceId })
  const refused: [generation: number, errorCode: number][] = []
  return {
    current: identity(3) as MemberIdentity | null,
    refused: ({ generation }: MemberIdentity, errorCode: number) => void refused.push([generation, errorCode]),
    identity,
    told: refused,
  }
}

test('a member commits with its generation, its id and, if it is static, its instance id', async () => {
  const { client, storage } = setUp({ OffsetCommit: [commitAnswer({ 0: 0 })] }, {}, member('till-1'))
  await storage.commit([offset(0, 5)])
  const [sent] = client.sent as [Sent]
  const { generationIdOrMemberEpoch, memberId, groupInstanceId } = sent.body as Requests['OffsetCommit']
  assert.deepEqual([generationIdOrMemberEpoch, memberId, groupInstanceId], [3, 'm-1', 'till-1'])
})

test('while there is no membership nothing is sent, and all is to be committed again', async () => {
  const membership = member()
  membership.current = null
  const { client, storage } = setUp({ OffsetCommit: [commitAnswer({ 0: 0 })] }, {}, membership)
  const [result] = await storage.commit([offset(0, 5)])
  assert.equal(client.sent.length, 0)
  assert.deepEqual([result?.error?.code, result?.error?.retriable], ['REBALANCE_IN_PROGRESS', true])
})

for (const name of [
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
  'REBALANCE_IN_PROGRESS',
  'FENCED_INSTANCE_ID',
] as const) {
  test(`${name} is told to the membership it is about, and not sent again by the storage`, async () => {
    const membership = member()
    const { client, storage } = setUp({ OffsetCommit: [commitAnswer({ 0: errorCodes[name] })] }, {}, membership)
    const [result] = await storage.commit([offset(0, 5)])
    assert.equal(client.sent.length, 1)
    assert.deepEqual(membership.told, [[3, errorCodes[name]]])
    assert.deepEqual([result?.error?.code, result?.error?.retriable], ['REBALANCE_IN_PROGRESS', true])
  })
}

test('a commit is not repeated under another membership than it was asked for under', async () => {
  const membership = member()
  const answers = [new ConnectionError('gone'), commitAnswer({ 0: 0 })]
  const { client, clock, storage } = setUp({ OffsetCommit: answers }, {}, membership)
  const committing = storage.commit([offset(0, 5)])
  await clock.advance(100)
  membership.current = membership.identity(4)
  const [result] = await outcome(clock, committing)
  assert.equal(client.sent.length, 1)
  assert.equal(result?.error?.code, 'REBALANCE_IN_PROGRESS')
})
