import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { exponential } from '../../src/base/backoff.ts'
import type { MillraceError } from '../../src/base/errors.ts'
import type { Logger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { TopicPartition } from '../../src/base/topic-partition.ts'
import type { OffsetClaim } from '../../src/offsets/claim.ts'
import { CommitLoop, type CommitLoopOptions } from '../../src/offsets/commit-loop.ts'
import { OffsetError } from '../../src/offsets/error.ts'
import type { CommittedOffset, LoadResult, OffsetStorage, StorageResult } from '../../src/offsets/storage.ts'
import { settled, VirtualClock } from '../virtual-clock.ts'

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const DAY = 86_400_000

class FakeClaim implements OffsetClaim {
  readonly topic: string
  readonly partition: number
  live = true
  committable: number
  leaderEpoch = 3
  metadataVersion = 0
  #metadata = ''

  get metadata(): string {
    return this.#metadata
  }

  set metadata(metadata: string) {
    this.#metadata = metadata
    this.metadataVersion++
  }

  constructor(partition: number, committable: number, topic = 'orders') {
    this.topic = topic
    this.partition = partition
    this.committable = committable
  }
}

interface Request {
  readonly offsets: readonly CommittedOffset[]
  /** Stores all offsets whose partition has no error here, and answers. */
  answer(errors?: Record<number, MillraceError>): Promise<void>
  reject(error: Error): Promise<void>
}

/** A storage that answers when the test says so, or at once while `automatic`. */
class FakeStorage implements OffsetStorage {
  readonly stored = new Map<number, CommittedOffset>()
  readonly requests: Request[] = []
  underWay = 0
  automatic = true

  load(_: readonly TopicPartition[]): Promise<readonly LoadResult[]> {
    throw new Error('The commit loop loads nothing')
  }

  commit(offsets: readonly CommittedOffset[]): Promise<readonly StorageResult[]> {
    assert.equal(this.underWay, 0, 'one request at a time')
    this.underWay++
    const { promise, resolve, reject } = Promise.withResolvers<readonly StorageResult[]>()
    const request: Request = {
      offsets,
      answer: (errors = {}) => {
        this.underWay--
        for (const offset of offsets) if (!errors[offset.partition]) this.stored.set(offset.partition, offset)
        resolve(offsets.map(({ topic, partition }) => ({ topic, partition, error: errors[partition] ?? null })))
        return settled()
      },
      reject: error => {
        this.underWay--
        reject(error)
        return settled()
      },
    }
    this.requests.push(request)
    if (this.automatic) void request.answer()
    return promise
  }

  get last(): Request {
    const request = this.requests.at(-1)
    assert(request)
    return request
  }

  /** Each request as `partition:offset …`. */
  get log(): string[] {
    return this.requests.map(({ offsets }) => offsets.map(o => `${o.partition}:${o.offset}`).join(' '))
  }
}

function setUp(options: Partial<CommitLoopOptions> = {}) {
  const clock = new VirtualClock()
  const storage = new FakeStorage()
  const told: string[] = []
  const loop = new CommitLoop({
    storage,
    clock,
    random: () => 0.999,
    logger: silent,
    options: {
      commitIntervalMs: 1_000,
      maxCommitAgeMs: 300_000,
      recommitMs: DAY,
      backoff: exponential(100, 10_000),
      ...options,
    },
    events: {
      committed: offsets => told.push(`committed ${offsets.map(o => `${o.partition}:${o.offset}`).join(' ')}`),
      failing: (error, sinceMs) => told.push(`failing ${error.code} ${sinceMs}`),
      metadataTooLarge: characters => told.push(`too large ${characters}`),
      overdue: overdue => told.push(`overdue ${overdue}`),
      fatal: error => told.push(`fatal ${error.code}`),
    },
  })
  return { clock, storage, told, loop }
}

const retriable = () => new OffsetError('OFFSET_COMMIT', 'not now', { retriable: true })

test('only claims that changed are committed, all in one request, with leader epoch and metadata', async () => {
  const { clock, storage, told, loop } = setUp()
  const [a, b, c, unknown] = [new FakeClaim(0, 10), new FakeClaim(1, 20), new FakeClaim(2, 30), new FakeClaim(3, -1)]
  a.metadata = 'gaps'
  loop.add(a, 5)
  loop.add(b, 20)
  loop.add(c, -1)
  loop.add(unknown, -1)
  await clock.advance(999)
  assert.deepEqual(storage.log, [])
  await clock.advance(1)
  assert.deepEqual(storage.log, ['0:10 2:30'])
  assert.deepEqual(storage.stored.get(0), {
    topic: 'orders',
    partition: 0,
    offset: 10,
    leaderEpoch: 3,
    metadata: 'gaps',
  })
  await clock.advance(10_000)
  assert.deepEqual(told, ['committed 0:10 2:30'])
  b.committable = 21
  a.metadata = 'other gaps'
  await clock.advance(1_000)
  assert.deepEqual(storage.log, ['0:10 2:30', '0:10 1:21'])
  await loop.close()
})

test('values are those of the moment when the request was built, and are recorded only when acknowledged', async () => {
  const { clock, storage, loop } = setUp()
  storage.automatic = false
  const claim = new FakeClaim(0, 10)
  loop.add(claim, 0)
  await clock.advance(1_000)
  claim.committable = 12
  assert.equal(loop.state().partitions[0]?.committed, 0)
  assert.equal(loop.state().pending, 1)
  await clock.advance(5_000)
  assert.deepEqual(storage.log, ['0:10'])
  await storage.last.answer()
  assert.equal(loop.state().partitions[0]?.committed, 10)
  assert.equal(loop.state().lastCommitAt, clock.wallTime())
  assert.equal(loop.state().pending, 1)
  await clock.advance(1_000)
  assert.deepEqual(storage.log, ['0:10', '0:12'])
  await storage.last.answer()
  assert.equal(loop.state().pending, 0)
  await loop.close()
})

test('commit() follows the request under way, joins others that wait, and tells of each claim', async () => {
  const { clock, storage, loop } = setUp()
  storage.automatic = false
  const [a, b] = [new FakeClaim(0, 10), new FakeClaim(1, 20)]
  loop.add(a, 0)
  loop.add(b, 20)
  await clock.advance(1_000)
  a.committable = 11
  const first = loop.commit([a])
  a.committable = 12
  const second = loop.commit()
  await clock.advance(20_000)
  assert.deepEqual(storage.log, ['0:10'])
  b.committable = 21
  await storage.last.answer()
  assert.deepEqual(storage.log, ['0:10', '0:12 1:21'])
  const refused = new OffsetError('OFFSET_COMMIT', 'too large')
  await storage.last.answer({ 1: refused })
  assert.deepEqual(await first, [{ topic: 'orders', partition: 0, error: null }])
  assert.deepEqual(await second, [
    { topic: 'orders', partition: 0, error: null },
    { topic: 'orders', partition: 1, error: refused },
  ])
  const nothing = loop.commit([a])
  await settled()
  assert.equal(storage.requests.length, 2)
  assert.deepEqual(await nothing, [{ topic: 'orders', partition: 0, error: null }])
  await loop.close()
})

test('a partition that failed is tried again with growing waits, without holding back the others', async () => {
  const { clock, storage, told, loop } = setUp()
  storage.automatic = false
  const [a, b] = [new FakeClaim(0, 10), new FakeClaim(1, 20)]
  loop.add(a, 0)
  loop.add(b, 0)
  await clock.advance(1_000)
  await storage.last.answer({ 0: retriable() })
  assert.equal(loop.state().error?.message, 'not now')
  const failingSince = loop.state().failingSince
  const sentAt: number[] = []
  for (let i = 0; i < 5; i++) {
    const count = storage.requests.length
    while (storage.requests.length === count) await clock.advance(10)
    sentAt.push(clock.now())
    await storage.last.answer({ 0: retriable() })
  }
  assert.deepEqual(storage.log, ['0:10 1:20', '0:10', '0:10', '0:10', '0:10', '0:10'])
  const waits = sentAt.slice(1).map((at, i) => at - (sentAt[i] as number))
  assert(waits.every((wait, i) => i === 0 || wait > (waits[i - 1] as number)))
  b.committable = 25
  await clock.advance(1_000)
  assert.equal(storage.log.at(-1), '1:25')
  await storage.last.answer()
  assert.equal(loop.state().failingSince, failingSince)
  while (storage.log.at(-1) !== '0:10') await clock.advance(100)
  await storage.last.answer()
  assert.equal(loop.state().failingSince, null)
  assert.equal(loop.state().error, null)
  assert.equal(told.filter(line => line.startsWith('failing')).length, 6)
  assert.equal(told.at(-1), 'committed 0:10')
  await loop.close()
})

test('an error that is not retriable waits the longest time, and commit() does not wait', async () => {
  const { clock, storage, loop } = setUp()
  storage.automatic = false
  const claim = new FakeClaim(0, 10)
  loop.add(claim, 0)
  await clock.advance(1_000)
  await storage.last.answer({ 0: new OffsetError('OFFSET_COMMIT', 'metadata too large') })
  await clock.advance(9_000)
  assert.equal(storage.requests.length, 1)
  const now = loop.commit([claim])
  await settled()
  assert.equal(storage.requests.length, 2)
  await storage.last.answer()
  assert.equal((await now)[0]?.error, null)
  await loop.close()
})

test('a request that fails as a whole, and a storage that forgets a partition, count as failures of their partitions', async () => {
  const { clock, storage, told, loop } = setUp()
  storage.automatic = false
  loop.add(new FakeClaim(0, 10), 0)
  loop.add(new FakeClaim(1, 10), 0)
  await clock.advance(1_000)
  await storage.last.reject(new TypeError('disk gone'))
  assert.deepEqual(told, ['failing OFFSET_COMMIT 0'])
  assert.match(String(loop.state().error?.message), /disk gone/)
  assert.equal(loop.state().pending, 2)
  storage.commit = async offsets =>
    offsets.slice(0, 1).map(({ topic, partition }) => ({ topic, partition, error: null }))
  await loop.commit()
  assert.deepEqual(
    loop.state().partitions.map(({ committed, error }) => [committed, error?.partition]),
    [
      [10, undefined],
      [0, 1],
    ],
  )
  await loop.close()
})

test('dispatch is told to pause once a change is unacknowledged for too long, and to go on when commits work again', async () => {
  const { clock, storage, told, loop } = setUp({ maxCommitAgeMs: 60_000 })
  storage.automatic = false
  const claim = new FakeClaim(0, 10)
  loop.add(claim, 0)
  await clock.advance(1_000)
  const pausedAt = async () => {
    while (!loop.state().overdue) {
      if (storage.underWay > 0) await storage.last.reject(retriable())
      await clock.advance(100)
      claim.committable++
    }
    return clock.now()
  }
  const at = await pausedAt()
  assert(at > 61_000 && at <= 62_100, `paused at ${at}`)
  assert.equal(told.at(-1), 'overdue true')
  while (storage.underWay === 0) await clock.advance(100)
  await storage.last.answer()
  assert.deepEqual(told.slice(-2), [`committed 0:${storage.stored.get(0)?.offset}`, 'overdue false'])
  await loop.close()
})

test('a storage that does not answer at all makes commits overdue too; losing the claim ends that', async () => {
  const { clock, storage, told, loop } = setUp()
  storage.automatic = false
  const claim = new FakeClaim(0, 10)
  loop.add(claim, 0)
  await clock.advance(303_000)
  assert.deepEqual(told, ['overdue true'])
  claim.live = false
  loop.remove(claim)
  assert.deepEqual(told, ['overdue true', 'overdue false'])
  await storage.last.answer()
  assert.deepEqual(told.length, 2)
  await loop.close()
})

test('a steady stream of commits is never overdue, however long it lasts', async () => {
  const { clock, told, loop } = setUp({ maxCommitAgeMs: 5_000 })
  const claim = new FakeClaim(0, 0)
  loop.add(claim, 0)
  for (let i = 0; i < 60; i++) {
    claim.committable++
    await clock.advance(1_000)
  }
  assert(told.every(line => line.startsWith('committed')))
  await loop.close()
})

test('an unchanged position is committed again once a day', async () => {
  const { clock, storage, loop } = setUp({ commitIntervalMs: 3_600_000 })
  loop.add(new FakeClaim(0, 7), 7)
  loop.add(new FakeClaim(1, 0), -1)
  await clock.advance(5 * DAY)
  const again = storage.log.filter(line => line.includes('0:7'))
  assert.equal(again.length, 5)
  assert.equal(storage.log.filter(line => line.includes('1:0')).length, 5)
  await loop.close()
})

test('a commit for retention that fails is tried again, and is no failure of commit(): nothing had changed', async () => {
  const { clock, storage, loop } = setUp()
  storage.automatic = false
  const claim = new FakeClaim(0, 7)
  loop.add(claim, 7)
  while (storage.underWay === 0) await clock.advance(3_600_000)
  await storage.last.reject(retriable())
  assert.equal(loop.state().pending, 0)
  assert.equal(loop.state().error?.code, 'OFFSET_COMMIT')
  assert.deepEqual(await loop.commit([claim]), [{ topic: 'orders', partition: 0, error: null }])
  while (storage.requests.length === 1) await clock.advance(100)
  await storage.last.answer()
  assert.equal(loop.state().error, null)
  assert.deepEqual(storage.log, ['0:7', '0:7'])
  await loop.close()
})

test('a dead claim is not committed, and the late answer for it is dropped', async () => {
  const { clock, storage, told, loop } = setUp()
  storage.automatic = false
  const [dead, removed] = [new FakeClaim(0, 10), new FakeClaim(1, 10)]
  loop.add(dead, 0)
  loop.add(removed, 0)
  const releasing = loop.commit()
  await settled()
  dead.live = false
  loop.remove(removed)
  const successor = new FakeClaim(1, 4)
  loop.add(successor, 0)
  await storage.last.answer()
  assert.deepEqual(await releasing, [])
  assert.deepEqual(told, [])
  assert.deepEqual(
    loop.state().partitions.map(({ partition, committed }) => [partition, committed]),
    [
      [0, 0],
      [1, 0],
    ],
  )
  await clock.advance(1_000)
  assert.deepEqual(storage.log, ['0:10 1:10', '1:4'])
  await storage.last.answer()
  await loop.close()
})

test('a claim never goes back, not even behind what was sent without an answer; its first commit and a reset may', async () => {
  const { clock, storage, loop } = setUp()
  storage.automatic = false
  const claim = new FakeClaim(0, 50)
  loop.add(claim, 100)
  await clock.advance(1_000)
  await storage.last.answer()
  claim.committable = 80
  await clock.advance(1_000)
  await storage.last.reject(retriable())
  claim.committable = 60
  await clock.advance(DAY * 2)
  assert.deepEqual(storage.log, ['0:50', '0:80'])
  claim.committable = 50
  const reset = loop.reset(claim)
  await settled()
  assert.deepEqual(storage.log, ['0:50', '0:80', '0:50'])
  await storage.last.answer()
  assert.deepEqual(await reset, [{ topic: 'orders', partition: 0, error: null }])
  await loop.close()
})

test('after a fatal error nothing is sent any more and every commit() answers it', async () => {
  const { clock, storage, told, loop } = setUp()
  storage.automatic = false
  const claim = new FakeClaim(0, 10)
  loop.add(claim, 0)
  await clock.advance(1_000)
  await storage.last.reject(new OffsetError('GROUP_HAS_MEMBERS', 'taken', { fatal: true }))
  assert.deepEqual(told, ['fatal GROUP_HAS_MEMBERS'])
  assert.equal(clock.timers, 0)
  const [result] = await loop.commit()
  assert.equal(result?.error?.code, 'GROUP_HAS_MEMBERS')
  assert.equal(loop.state().error?.code, 'GROUP_HAS_MEMBERS')
  assert.equal(storage.requests.length, 1)
  await loop.close()
})

test('close() ends all timers, lets what was asked for be committed, and refuses more', async () => {
  const { clock, storage, loop } = setUp()
  storage.automatic = false
  const claim = new FakeClaim(0, 10)
  loop.add(claim, 0)
  await clock.advance(1_000)
  claim.committable = 11
  const asked = loop.commit()
  let closed = false
  const closing = loop.close().then(() => {
    closed = true
  })
  assert.equal(clock.timers, 0)
  await storage.last.reject(retriable())
  assert.equal(closed, false)
  await storage.last.answer()
  await closing
  assert.equal((await asked)[0]?.error, null)
  assert.equal(storage.stored.get(0)?.offset, 11)
  assert.equal(clock.timers, 0)
  await assert.rejects(loop.commit(), { code: 'CLOSED' })
})

test('whatever fails and whenever claims change hands, the storage never sees a partition go back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async seed => {
      const random = seededRandom(seed)
      const { clock, storage, loop } = setUp({ commitIntervalMs: 50 })
      storage.automatic = false
      const claims = [0, 1, 2].map(partition => new FakeClaim(partition, 0))
      for (const claim of claims) loop.add(claim, -1)
      const seen = [-1, -1, -1]
      let checked = 0
      for (let step = 0; step < 120; step++) {
        const dice = random()
        const at = Math.floor(random() * 3)
        const claim = claims[at] as FakeClaim
        if (dice < 0.4) claim.committable += 1 + Math.floor(random() * 5)
        else if (dice < 0.5) void loop.commit(random() < 0.5 ? [claim] : undefined)
        else if (dice < 0.55) {
          claim.live = false
          loop.remove(claim)
          const next = new FakeClaim(at, claim.committable)
          claims[at] = next
          loop.add(next, storage.stored.get(at)?.offset ?? -1)
        } else if (dice < 0.8) await clock.advance(Math.floor(random() * 200))
        else if (storage.underWay > 0) {
          const { last } = storage
          if (random() < 0.3) await last.reject(retriable())
          else await last.answer(random() < 0.3 ? { [at]: retriable() } : {})
        }
        for (; checked < storage.requests.length; checked++) {
          for (const { partition, offset } of storage.requests[checked]?.offsets ?? []) {
            assert(offset >= (seen[partition] as number))
            seen[partition] = offset
          }
        }
      }
      if (storage.underWay > 0) await storage.last.answer()
      storage.automatic = true
      await settled()
      if (storage.underWay > 0) await storage.last.answer()
      await loop.commit()
      for (const claim of claims) assert.equal(storage.stored.get(claim.partition)?.offset, claim.committable)
      await loop.close()
      assert.equal(clock.timers, 0)
    }),
    { seed: 7, numRuns: 60 },
  )
})

test('what was committed ahead is given back, also when the commit that went ahead is answered late or never', async () => {
  const { clock, storage, loop } = setUp()
  storage.automatic = false
  const claim = new FakeClaim(0, 50)
  loop.add(claim, 50)
  claim.committable = 80
  void loop.commit([claim])
  await settled()
  const ahead = storage.last
  claim.committable = 60
  loop.giveBack([claim])
  const given = loop.commit([claim])
  await ahead.answer()
  await settled()
  assert.deepEqual(storage.log, ['0:80', '0:60'])
  await storage.last.answer()
  assert.equal((await given)[0]?.error, null)
  claim.committable = 90
  void loop.commit([claim])
  await settled()
  // It may be made all the same.
  await storage.last.reject(retriable())
  claim.committable = 60
  loop.giveBack([claim])
  const again = loop.commit([claim])
  await settled()
  assert.deepEqual(storage.log, ['0:80', '0:60', '0:90', '0:60'])
  await storage.last.answer()
  assert.equal((await again)[0]?.error, null)
  // Nothing was committed ahead: nothing is given back.
  loop.giveBack([claim])
  await clock.advance(5_000)
  assert.equal(storage.log.length, 4)
  await loop.close()
})
