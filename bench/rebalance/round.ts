import { setTimeout as delay } from 'node:timers/promises'
import type { MemberTask } from '../children/member.ts'
import type { Cpus } from '../launch.ts'
import { type GroupedClient, memberCommand } from './clients.ts'
import { HandledMessages, type Span } from './handled.ts'
import { SteadyLoad } from './load.ts'
import { Member } from './member.ts'
import { micros } from './micros.ts'
import type { EventCost, GroupEvent } from './result.ts'

export const PARTITIONS = 12
export const PER_SECOND = 100
/** How long everything must have been well until the next thing happens. */
const QUIET_US = 2_000_000
const LOOK_MS = 100
const PATIENCE_MS = 60_000
/** When nothing new comes for so long after the last message was written, the rest does not come at all. */
const REST_MS = 3_000

interface Happened {
  readonly event: GroupEvent
  readonly span: Span
}

/** A group of one client under load: two members, a third one that joins and leaves, and one that is killed. */
export class Round {
  readonly #client: GroupedClient
  readonly #task: MemberTask
  readonly #cpus: Cpus
  readonly #handled = new HandledMessages(PARTITIONS)
  readonly #members: Member[] = []
  readonly #happened: Happened[] = []
  readonly #load: SteadyLoad
  #lastAt = 0

  /** The topic has to be there, empty. */
  constructor(client: GroupedClient, task: MemberTask, cpus: Cpus) {
    this.#client = client
    this.#task = task
    this.#cpus = cpus
    this.#load = new SteadyLoad(task.brokers, task.topic, PARTITIONS, PER_SECOND)
  }

  async run(): Promise<Record<GroupEvent, EventCost>> {
    try {
      const [a, b, c] = await Promise.all([this.#member('A'), this.#member('B'), this.#member('C')])
      a.join()
      b.join()
      await this.#settled([a, b])
      await this.#when('steady', () => {}, [a, b])
      await this.#when('join', () => c.join(), [a, b, c])
      await this.#when('leave', () => c.leave(), [a, b])
      await this.#when('kill', () => b.kill(), [a])
      const written = await this.#load.stop()
      await this.#allHandled(written)
      await a.leave()
      return this.#costs(written)
    } finally {
      await Promise.all(this.#members.map(member => member.kill()))
      await this.#load.stop().catch(() => {})
    }
  }

  async #member(name: string): Promise<Member> {
    const command = await memberCommand(this.#client, this.#task)
    const member = new Member(name, command, this.#cpus, (partition, offset, at) => {
      this.#lastAt = at
      this.#handled.add(name, partition, offset, at)
    })
    this.#members.push(member)
    await member.ready()
    return member
  }

  /** From what is done until the partitions flow at these members; then it is quiet until the next thing. */
  async #when(event: GroupEvent, act: () => unknown, members: readonly Member[]): Promise<void> {
    const from = micros()
    await Promise.all([act(), this.#settled(members)])
    this.#happened.push({ event, span: { from, until: micros() } })
  }

  async #settled(members: readonly Member[]): Promise<void> {
    const names = members.map(({ name }) => name)
    const from = micros()
    for (;;) {
      await delay(LOOK_MS)
      for (const member of this.#members) member.check()
      const now = micros()
      if (now - from > QUIET_US && this.#handled.settled(names, { from: now - QUIET_US, until: now })) return
      if (now - from > PATIENCE_MS * 1_000) throw new Error(`The group of ${names.join(', ')} does not settle`)
    }
  }

  async #allHandled(written: readonly (readonly number[])[]): Promise<void> {
    while (this.#handled.missing(written).length > 0 && micros() - this.#lastAt < REST_MS * 1_000) await delay(LOOK_MS)
  }

  #costs(written: readonly (readonly number[])[]): Record<GroupEvent, EventCost> {
    const missing = this.#handled.missing(written)
    const costs = this.#happened.map(({ event, span }, index): [GroupEvent, EventCost] => {
      // What shows only later still comes from it.
      const until = this.#happened[index + 1]?.span.from ?? Infinity
      const before = this.#handled.owners(span.from)
      const after = this.#handled.owners(span.until)
      const cost = {
        pausesMs: this.#handled.pauses(span, written).map(ms => Math.max(0, ms - this.#task.handlerMs)),
        retained: before.map((owner, partition) => owner === after[partition]),
        twice: this.#handled.again({ from: span.from, until }),
        never: missing.filter(at => at > span.from && (at <= until || until === Infinity)).length,
      }
      return [event, cost]
    })
    return Object.fromEntries(costs) as Record<GroupEvent, EventCost>
  }
}
