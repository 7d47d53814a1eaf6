import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lease } from '../../src/ownership/group/lease.ts'
import { VirtualClock } from '../virtual-clock.ts'

/** A clock whose wall can be set, or run on while the machine sleeps. */
class SettableClock extends VirtualClock {
  #ahead = 0

  override wallTime(): number {
    return super.wallTime() + this.#ahead
  }

  setWall(ms: number): void {
    this.#ahead += ms
  }
}

function setUp() {
  const clock = new SettableClock()
  const changes: boolean[] = []
  const told = { doubts: 0 }
  const lease = new Lease({
    clock,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 20_000,
    changed: open => changes.push(open),
    doubted: () => told.doubts++,
  })
  /** Time passes as it does while the event loop runs: it is looked at often. */
  const pass = (ms: number) => {
    for (let left = ms; left > 0; left -= 50) {
      clock.skip(Math.min(50, left))
      lease.look(clock.now())
    }
  }
  return { clock, lease, changes, told, pass }
}

test('nothing is started before the first heartbeat was acknowledged', () => {
  const { clock, lease, changes } = setUp()
  assert.equal(lease.open, false)
  assert.equal(lease.acknowledgedAt, null)
  lease.acknowledged(clock.now(), false)
  assert.equal(lease.open, true)
  assert.deepEqual(changes, [true])
  assert.equal(lease.acknowledgedAt, clock.wallTime())
})

test('it ends a margin before the session does, counted from when the last acknowledged heartbeat was sent', () => {
  const { clock, lease, pass } = setUp()
  const sentAt = clock.now()
  pass(3_000)
  lease.acknowledged(sentAt, false)
  pass(5_950)
  assert.equal(lease.open, true)
  pass(50)
  assert.equal(lease.open, false)
  lease.acknowledged(clock.now(), false)
  assert.equal(lease.open, true)
})

test('an answer that comes late takes nothing back from a later one', () => {
  const { clock, lease, pass } = setUp()
  const early = clock.now()
  pass(2_000)
  lease.acknowledged(clock.now(), false)
  lease.acknowledged(early, false)
  pass(8_950)
  assert.equal(lease.open, true)
})

test('after a gap in time only a heartbeat that was sent later counts, and one is asked for at once', () => {
  const { clock, lease, told } = setUp()
  lease.acknowledged(clock.now(), false)
  const before = clock.now()
  clock.skip(1_001)
  lease.look(clock.now())
  assert.equal(lease.open, false)
  assert.equal(told.doubts, 1)
  lease.acknowledged(before, false)
  assert.equal(lease.open, false)
  lease.acknowledged(clock.now(), false)
  assert.equal(lease.open, true)
})

test('the gap is seen by an answer as well, when that is what comes first', () => {
  const { clock, lease, told } = setUp()
  lease.acknowledged(clock.now(), false)
  const before = clock.now()
  clock.skip(60_000)
  lease.acknowledged(before, false)
  assert.equal(lease.open, false)
  assert.equal(told.doubts, 1)
})

test('a machine that slept, whose monotonic clock stood still, is doubted too', () => {
  const { clock, lease, told } = setUp()
  lease.acknowledged(clock.now(), false)
  clock.setWall(3_600_000)
  lease.look(clock.now())
  assert.equal(lease.open, false)
  assert.equal(told.doubts, 1)
})

test('a wall clock that is set moves no timeout: it costs a heartbeat', () => {
  for (const ms of [-3_600_000, 3_600_000]) {
    const { clock, lease, told, pass } = setUp()
    lease.acknowledged(clock.now(), false)
    clock.setWall(ms)
    lease.look(clock.now())
    assert.equal(told.doubts, 1)
    lease.acknowledged(clock.now(), false)
    pass(8_950)
    assert.equal(lease.open, true)
    pass(50)
    assert.equal(lease.open, false)
    assert.equal(told.doubts, 1)
  }
})

test('after a gap it is not known how long a rebalance has been going on', () => {
  const { clock, lease } = setUp()
  lease.acknowledged(clock.now(), false)
  const before = clock.now()
  clock.skip(10)
  clock.setWall(15_000)
  lease.look(clock.now())
  lease.joined(before)
  lease.acknowledged(clock.now(), true)
  assert.equal(lease.open, false)
  lease.joined(clock.now())
  lease.acknowledged(clock.now(), true)
  assert.equal(lease.open, true)
})

test('it ends a margin before a rebalance may have gone on without the member, whatever heartbeats were acknowledged', () => {
  const { clock, lease, pass } = setUp()
  lease.acknowledged(clock.now(), false)
  for (let sent = 1; sent <= 8; sent++) {
    pass(2_000)
    lease.acknowledged(clock.now(), true)
  }
  pass(1_950)
  assert.equal(lease.open, true)
  pass(50)
  assert.equal(lease.open, false)
  lease.joined(clock.now())
  assert.equal(lease.open, false)
  lease.acknowledged(clock.now(), true)
  assert.equal(lease.open, true)
})
