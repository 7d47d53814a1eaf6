import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Member, shared } from '../spine/members.ts'
import { until } from '../until.ts'
import { JumpyClock } from './jumpy-clock.ts'
import { Gate, Trap } from './trap.ts'

const ready = (member: Member) =>
  member.consumer.state().partitions.reduce((sum, { reservoir }) => sum + reservoir.messages, 0)

test('nothing is started once the last acknowledged heartbeat is nearly as old as the session; what runs may end', async () => {
  await using trap = await Trap.set({ partitions: 2 })
  const gate = new Gate()
  const handle = ({ partition }: { partition: number }) => (partition === 0 ? gate.passed : undefined)
  const one = trap.join('one', { ownership: { sessionTimeoutMs: 900 }, handle })
  await shared(2, one)
  await trap.write(0)
  await until('it is in its hands', () => one.consumer.state().inFlight === 1)
  // The broker hears them, so that nothing is lost; but it does not answer.
  const silence = trap.broker.fault({ api: 'Heartbeat', clientId: 'one', action: { noReply: true } })
  await until('the lease is over', () => one.membership?.leaseOpen === false)
  await trap.write(1)
  await until('a message is there', () => ready(one) === 1)
  gate.open()
  await until('what ran is done', () => trap.group.handled.length === 1)
  const { hits } = silence
  await silence.hit(hits + 1)
  assert.deepEqual(trap.group.handled, ['t-0@0'])
  silence.remove()
  await trap.group.handledOnce(2)
  assert.equal(one.told.length, 1)
})

test('after a gap in time the next handler waits for a heartbeat', async () => {
  await using trap = await Trap.set({ partitions: 2 })
  const clock = new JumpyClock()
  const one = trap.join('one', { clock })
  await shared(2, one)
  const silence = trap.broker.fault({ api: 'Heartbeat', clientId: 'one', action: { noReply: true } })
  await silence.hit()
  clock.skip(3_000)
  await trap.write(0, 1)
  await until('messages are there', () => ready(one) === 2)
  const { hits } = silence
  await silence.hit(hits + 1)
  assert.deepEqual(trap.group.handled, [])
  assert.equal(one.membership?.leaseOpen, false)
  silence.remove()
  await trap.group.handledOnce(2)
  assert.equal(one.told.length, 1)
})

for (const ms of [3_600_000, -3_600_000]) {
  test(`a wall clock that is set by ${ms} ms moves no timeout`, async () => {
    await using trap = await Trap.set({ partitions: 2 })
    const clock = new JumpyClock()
    const gate = new Gate()
    const reasons: unknown[] = []
    const one = trap.join('one', {
      clock,
      handle: ({ partition }, { signal }) => {
        signal.addEventListener('abort', () => reasons.push(signal.reason))
        return partition === 0 ? gate.passed : undefined
      },
    })
    await shared(2, one)
    await trap.write(0)
    await until('it is in its hands', () => one.consumer.state().inFlight === 1)
    clock.setWall(ms)
    const beats = trap.asked('one', 'Heartbeat').length
    await trap.write(1)
    await until('another is handled', () => trap.group.handled.length === 1)
    await until('heartbeats go on', () => trap.asked('one', 'Heartbeat').length > beats + 5)
    await until('commits go on', () => trap.committed(1))
    gate.open()
    await trap.group.handledOnce(2)
    assert.deepEqual(reasons, [])
    assert.equal(one.told.length, 1)
    assert.equal(one.error, null)
  })
}
