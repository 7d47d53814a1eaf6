import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CommandError, exitCodes } from '../../src/cli/failure.ts'
import type { HandlerProcess, Order, ProcessListener, Report } from '../../src/cli/handler-process.ts'
import { Supervisor, type SupervisorEvent } from '../../src/cli/supervisor.ts'
import { settled, VirtualClock } from '../virtual-clock.ts'

/** A process that does what the test says. */
class FakeProcess implements HandlerProcess {
  readonly pid: number
  readonly orders: Order[] = []
  readonly #listener: ProcessListener
  ended = false

  constructor(pid: number, listener: ProcessListener) {
    this.pid = pid
    this.#listener = listener
  }

  send(order: Order): void {
    this.orders.push(order)
  }

  kill(): void {
    void this.end(null, 'SIGKILL')
  }

  async report(report: Report): Promise<void> {
    this.#listener.reported(report)
    await settled()
  }

  async runs(): Promise<void> {
    await this.report({ report: 'running', closeMs: 75_000 })
  }

  async fails(code: string): Promise<void> {
    await this.report({ report: 'failed', failure: { code, message: `it is ${code}`, exitCode: exitCodes.usage } })
    await this.end(2)
  }

  async end(exitCode: number | null, signal: string | null = null): Promise<void> {
    if (this.ended) return
    this.ended = true
    this.#listener.ended({ exitCode, signal })
    await settled()
  }
}

class World {
  readonly clock = new VirtualClock()
  readonly events: SupervisorEvent[] = []
  /** All that were ever started, by their number. */
  readonly started = new Map<number, FakeProcess[]>()
  readonly supervisor: Supervisor
  /** Code and exit code of what it ended with; null: all was well. */
  readonly ended: Promise<readonly unknown[] | null>
  #pid = 100

  constructor(processes: number) {
    this.supervisor = new Supervisor({
      processes,
      clock: this.clock,
      random: () => 0,
      start: (number, listener) => {
        const process = new FakeProcess(this.#pid++, listener)
        this.started.set(number, [...(this.started.get(number) ?? []), process])
        return process
      },
      tell: event => this.events.push(event),
    })
    this.ended = this.supervisor.run().then(
      () => null,
      (error: CommandError) => [error.code, error.exitCode],
    )
  }

  /** The one that is there now. */
  at(number: number): FakeProcess {
    const found = this.started.get(number)?.at(-1)
    assert.ok(found)
    return found
  }

  /** How often each was started. */
  get starts(): number[] {
    return [...this.started.values()].map(({ length }) => length)
  }

  async allRun(): Promise<void> {
    for (const processes of this.started.values()) await processes.at(-1)?.runs()
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms)
    await settled()
  }

  async endAll(): Promise<void> {
    for (const processes of this.started.values()) await processes.at(-1)?.end(0)
  }
}

const keep = { order: 'close', leave: false } as const
const leave = { order: 'close', leave: true } as const

test('a process that dies is started again after waits from 1 to 30 s, and from 1 s again once it was well for 60 s', async () => {
  const world = new World(1)
  await world.at(1).runs()
  const waits: number[] = []
  for (let deaths = 0; deaths < 7; deaths++) {
    await world.at(1).end(1)
    const died = world.events.findLast(({ event }) => event === 'died')
    assert.ok(died?.event === 'died')
    waits.push(died.againInMs)
    const starts = world.starts[0] as number
    await world.advance(died.againInMs - 1)
    assert.deepEqual(world.starts, [starts])
    await world.advance(1)
    assert.deepEqual(world.starts, [starts + 1])
    await world.at(1).runs()
    await world.advance(59_999)
  }
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  await world.advance(1)
  await world.at(1).end(null, 'SIGKILL')
  assert.partialDeepStrictEqual(world.events.at(-1), { event: 'died', signal: 'SIGKILL', againInMs: 1_000 })
  world.supervisor.stop()
  assert.deepEqual(await world.ended, ['ENDED_BADLY', 1])
  assert.equal(world.clock.timers, 0)
})

test('stop lets all leave and end, and is done when the last one has', async () => {
  const world = new World(2)
  await world.at(1).runs()
  world.supervisor.stop()
  world.supervisor.stop()
  assert.deepEqual([world.at(1).orders, world.at(2).orders], [[leave], [leave]])
  await world.at(1).end(0)
  world.supervisor.hurry()
  assert.deepEqual(world.at(2).orders, [leave, { order: 'hurry' }])
  await world.at(2).end(0)
  assert.equal(await world.ended, null)
  assert.deepEqual([world.supervisor.members, world.starts, world.clock.timers], [[], [1, 1], 0])
})

test('restart replaces one after another, each when the one before it is a member, and nobody leaves', async () => {
  const world = new World(3)
  await world.allRun()
  world.supervisor.restart()
  for (const number of [1, 2, 3]) {
    const old = world.at(number)
    assert.deepEqual(old.orders, [keep])
    assert.equal(
      world.starts.reduce((sum, count) => sum + count),
      3 + number - 1,
    )
    await old.end(0)
    assert.notEqual(world.at(number), old)
    if (number < 3) assert.deepEqual(world.at(number + 1).orders, [])
    await world.at(number).runs()
  }
  assert.deepEqual(world.events.at(-1), { event: 'restarted' })
  assert.deepEqual(world.starts, [2, 2, 2])
})

test('one that does not come up leaves the others as they are; asked again, it is tried at once, and all are replaced again', async () => {
  const world = new World(2)
  await world.allRun()
  world.supervisor.restart()
  await world.at(1).end(0)
  for (const wait of [1_000, 2_000]) {
    await world.at(1).fails('BROKEN')
    await world.advance(wait)
  }
  await world.at(1).fails('BROKEN')
  assert.deepEqual([world.starts, world.at(2).orders], [[4, 1], []])
  world.supervisor.restart()
  assert.deepEqual(world.starts, [5, 1])
  await world.at(1).runs()
  for (const number of [2, 1, 2]) {
    assert.deepEqual(world.at(number).orders, [keep])
    await world.at(number).end(0)
    await world.at(number).runs()
  }
  assert.deepEqual([world.starts, world.events.at(-1)], [[6, 3], { event: 'restarted' }])
})

test('one that waits to be started again is started at once when its turn comes', async () => {
  const world = new World(1)
  await world.at(1).runs()
  await world.at(1).end(1)
  world.supervisor.restart()
  assert.deepEqual(world.starts, [2])
  await world.at(1).runs()
  assert.deepEqual([world.events.at(-1), world.clock.timers], [{ event: 'restarted' }, 0])
})

test('stop ends a restart, and tells who is a member still', async () => {
  const world = new World(3)
  await world.allRun()
  world.supervisor.restart()
  await world.at(1).end(0)
  await world.at(1).runs()
  await world.at(3).end(1)
  // The second is on its way out, and the third waits.
  world.supervisor.stop()
  assert.deepEqual([world.at(1).orders, world.at(2).orders], [[leave], [keep]])
  await world.at(1).end(0)
  await world.at(2).end(0)
  assert.deepEqual(await world.ended, ['ENDED_BADLY', 1])
  assert.deepEqual([world.supervisor.members, world.starts, world.clock.timers], [[2, 3], [2, 1, 1], 0])
})

test('it gives up when all die before one was ever running, and says why', async () => {
  const world = new World(2)
  await world.at(1).fails('BROKEN')
  await world.advance(1_000)
  await world.at(1).fails('BROKEN')
  assert.deepEqual(world.starts, [2, 1])
  await world.at(2).fails('OTHER')
  assert.deepEqual(await world.ended, ['OTHER', 2])
  assert.deepEqual([world.supervisor.members, world.clock.timers], [[], 0])
})

test('it gives up when somebody else took a place in the group, and leaves that place alone', async () => {
  const world = new World(2)
  await world.allRun()
  await world.at(1).fails('FENCED_INSTANCE_ID')
  assert.deepEqual(world.at(2).orders, [leave])
  await world.at(2).end(1)
  assert.deepEqual(await world.ended, ['FENCED_INSTANCE_ID', 2])
  assert.deepEqual([world.supervisor.members, world.clock.timers], [[2], 0])
})

test('one that does not end in the time it asked for is killed', async () => {
  const world = new World(1)
  await world.at(1).runs()
  world.supervisor.stop()
  await world.advance(74_999)
  assert.equal(world.at(1).ended, false)
  await world.advance(1)
  assert.deepEqual(await world.ended, ['ENDED_BADLY', 1])
  assert.deepEqual([world.supervisor.members, world.clock.timers], [[1], 0])
})
