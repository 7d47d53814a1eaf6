import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeliveryError } from '../../src/producer/delivery.ts'
import { PartitionQueue } from '../../src/producer/partition-queue.ts'
import { lost, type Request, refused, Scene, unsent } from './scene.ts'

/** The leader knows the producer: it acknowledged something. */
function begun(): Scene {
  const scene = new Scene()
  scene.add('first')
  scene.settle()
  return scene
}

test('a batch in doubt keeps its number when one behind it is refused for good', () => {
  const scene = begun()
  const a = scene.add('a')
  scene.apply(scene.request(scene.take()))
  scene.answered(a, lost)
  // Sent again; another one goes behind it, and is refused.
  scene.add('b')
  assert.equal(scene.take(), a)
  scene.answered(scene.take(), refused('INVALID_RECORD'))
  scene.answered(a, lost)
  scene.settle()
  const c = scene.add('c')
  scene.settle()
  assert.deepEqual(scene.leader.log, ['first', 'a', 'c'])
  assert.deepEqual(c.identity, { producerId: 7, epoch: 1 })
})

test('a connection lost with S1 and S2 on their way never ends as S0 S3 S1 S2', () => {
  for (const applied of [0, 1, 2]) {
    const scene = begun()
    const [s1, s2] = [scene.add('s1'), scene.add('s2')]
    const requests = [scene.request(scene.take()), scene.request(scene.take())]
    for (const request of requests.slice(0, applied)) scene.apply(request)
    scene.answered(s1, lost)
    // Nothing new goes while an old one is under way or waits.
    scene.add('s3')
    assert.ok(!scene.queue.canTake(scene.now))
    scene.answered(s2, lost)
    scene.settle()
    assert.deepEqual(scene.leader.log, ['first', 's1', 's2', 's3'])
  }
})

test('what is refused as out of order behind one that is tried again comes after it, with the number that it had', () => {
  const scene = begun()
  const [a, b] = [scene.add('a'), scene.add('b')]
  scene.take()
  scene.answered(a, refused('NOT_ENOUGH_REPLICAS'))
  assert.equal(scene.take(), a)
  // b was on its way already.
  scene.answered(a, lost)
  scene.settle()
  assert.deepEqual(scene.leader.log, ['first', 'a', 'b'])
  assert.equal(b.identity?.epoch, 0)
})

test('behind one that was given up and never written, all is numbered anew under a new epoch', () => {
  const scene = begun()
  const [a, b, c] = [scene.add('a'), scene.add('b'), scene.add('c')]
  const requests = [scene.take(), scene.take(), scene.take()].map(batch => scene.request(batch))
  scene.answered(a, refused('INVALID_RECORD'))
  for (const request of requests.slice(1)) scene.answered(request.batch, scene.apply(request))
  scene.settle()
  assert.deepEqual(scene.leader.log, ['first', 'b', 'c'])
  assert.deepEqual([b.identity?.epoch, b.sequence, c.identity?.epoch, c.sequence], [1, 0, 1, 1])
  assert.ok(scene.told.get('a') instanceof DeliveryError)
})

test('what was in doubt behind one that was never written is in doubt no more', () => {
  const scene = begun()
  const [a, b] = [scene.add('a'), scene.add('b')]
  scene.take()
  scene.take()
  scene.answered(b, lost)
  scene.answered(a, refused('INVALID_RECORD'))
  assert.equal(scene.take(), b)
  scene.answered(b, refused('INVALID_RECORD'))
  const told = scene.told.get('b')
  assert.ok(told instanceof DeliveryError)
  assert.equal(told.written, 'no')
})

test('no more batches are on their way than a broker remembers: the oldest one is known when it is sent again', () => {
  const scene = begun()
  const batches = Array.from({ length: 8 }, (_, at) => scene.add(String(at)))
  const requests = []
  while (scene.queue.canTake(scene.now)) requests.push(scene.request(scene.queue.take()))
  assert.equal(requests.length, 5)
  for (const request of requests) scene.apply(request)
  for (const { batch } of requests) scene.answered(batch, lost)
  scene.settle()
  assert.deepEqual(scene.leader.log, ['first', ...batches.map((_, at) => String(at))])
})

test('without idempotence nothing in doubt is sent again, and what was not sent or was refused is', () => {
  for (const [acks, outcome, again] of [
    [1, lost, false],
    [1, unsent, true],
    [1, refused('NOT_LEADER_OR_FOLLOWER'), true],
    [1, refused('NOT_ENOUGH_REPLICAS'), true],
    [1, refused('REQUEST_TIMED_OUT'), false],
    // A leader that waits for its replicas says so too when it has written, and then lost its office.
    [-1, refused('NOT_LEADER_OR_FOLLOWER'), false],
    [-1, refused('NOT_ENOUGH_REPLICAS'), true],
  ] as const) {
    const scene = new Scene(new PartitionQueue('orders', 0, null, { acks, maxInFlight: 5 }))
    scene.add('a')
    assert.equal(scene.answered(scene.take(), outcome), !again)
    const told = scene.told.get('a')
    if (!again) assert.ok(told instanceof DeliveryError && told.written === 'unknown')
  }
})

test('behind one that was given up in doubt, the next one tells by its old number whether that was written', () => {
  for (const written of [true, false]) {
    const scene = begun()
    const a = scene.add('a')
    const request = scene.request(scene.take())
    scene.now = 500
    const b = scene.add('b')
    scene.take()
    scene.answered(b, unsent)
    if (written) scene.apply(request)
    scene.now = 1_000
    scene.answered(a, lost)
    const told = scene.told.get('a')
    assert.ok(told instanceof DeliveryError && told.written === 'unknown')
    scene.settle()
    assert.deepEqual(scene.leader.log, written ? ['first', 'a', 'b'] : ['first', 'b'])
    const c = scene.add('c')
    scene.settle()
    assert.equal(b.identity?.epoch, written ? 0 : 1)
    assert.equal(c.identity, b.identity)
  }
})

test('one that may be on its way still is not numbered anew: it is given up as unknown, and never written twice', () => {
  const scene = begun()
  const [a, b] = [scene.add('a'), scene.add('b')]
  const stuck = [scene.request(scene.take()), scene.request(scene.take())]
  scene.answered(a, lost)
  scene.answered(b, lost)
  scene.answered(scene.take(), refused('INVALID_RECORD'))
  scene.add('c')
  scene.settle()
  const told = scene.told.get('b')
  assert.ok(told instanceof DeliveryError)
  assert.deepEqual([told.code, told.written], ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'unknown'])
  // What the broker still reads from the lost connection comes too late.
  for (const request of stuck) scene.apply(request)
  assert.deepEqual(scene.leader.log, ['first', 'c'])
})

test('a batch that is larger than the topic takes is sent in parts, in order and under its numbers; one message alone is refused', () => {
  const scene = begun()
  const [a, b] = [scene.add('a1', 'a2', 'a3'), scene.add('b')]
  const requests = [scene.request(scene.take()), scene.request(scene.take())]
  assert.ok(!scene.answered(a, refused('MESSAGE_TOO_LARGE')))
  // It was on its way behind the one that is in parts now.
  scene.answered(b, scene.apply(requests[1] as Request))
  const parts = scene.queue.waiting
  assert.deepEqual(
    parts.map(({ sequence, count }) => [sequence, count]),
    [
      [1, 2],
      [3, 1],
      [4, 1],
    ],
  )
  scene.answered(scene.take(), refused('MESSAGE_TOO_LARGE'))
  scene.answered(scene.take(), refused('MESSAGE_TOO_LARGE'))
  scene.settle()
  assert.deepEqual(scene.leader.log, ['first', 'a2', 'a3', 'b'])
  const told = scene.told.get('a1')
  assert.ok(told instanceof DeliveryError)
  assert.deepEqual([told.code, told.written], ['MESSAGE_TOO_LARGE', 'no'])
  assert.match(told.message, /max\.message\.bytes/)
})

test('what is sent by who is told that a batch came too late is in none of those that are too late as well', () => {
  const scene = begun()
  scene.add('a')
  const late = scene.add('b')
  const open: unknown[] = []
  const set = scene.told.set
  scene.told.set = function (value, result) {
    open.push(scene.queue.open)
    return set.call(this, value, result)
  }
  scene.now = late.deadline
  assert.equal(scene.queue.expire(scene.now).length, 2)
  assert.deepEqual([...scene.told.keys()], ['first', 'a', 'b'])
  assert.deepEqual(open, [undefined, undefined])
})
