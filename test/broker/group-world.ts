import assert from 'node:assert/strict'
import type { Random } from '../../src/base/random.ts'
import type { Answer } from '../../src/broker/call.ts'
import { Allowance } from '../../src/broker/groups/allowance.ts'
import { Group } from '../../src/broker/groups/group.ts'
import { join } from '../../src/broker/groups/join.ts'
import { errorCodes } from '../../src/protocol/error-codes.ts'
import { VirtualClock } from '../virtual-clock.ts'

const allowedBytes = 1_000_000
const sessionTimeoutMs = 10_000
const rebalanceTimeoutMs = 30_000

/** A group, its members, and a record of what they were told that must fit together. */
export class GroupWorld {
  readonly clients: readonly GroupClient[]
  readonly group: Group
  readonly random: Random
  /** What the leader of a generation assigned, by owner; a static member is the same owner under all its ids. */
  readonly assigned = new Map<number, ReadonlyMap<string, string>>()
  /** The member that was told to assign in this generation. */
  readonly leaders = new Map<number, string>()
  readonly #clock = new VirtualClock()
  readonly #allowance = new Allowance(allowedBytes)
  #open = 0

  constructor(random: Random, initialDelayMs: number) {
    this.random = random
    this.group = new Group('g', {
      clock: this.#clock,
      allowance: this.#allowance,
      initialDelayMs: () => initialDelayMs,
      changed: () => {},
    })
    this.clients = Array.from({ length: 5 }, (_, at) => new GroupClient(this, at < 2 ? `static-${at}` : null))
  }

  /** A number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  /** Something happens: sensible or not, in time or not. */
  anything(): void {
    const client = this.clients[this.below(this.clients.length)] as GroupClient
    const what = this.below(60)
    if (what < 36) client.goOn()
    else if (what < 38) client.join()
    else if (what < 40) client.sync()
    else if (what < 42) client.heartbeat()
    else if (what < 44) client.leave()
    else if (what < 48) client.restart()
    else if (what < 59) this.pass(this.below(10) === 0 ? this.below(40_000) : this.below(6_000))
    else this.#move()
  }

  pass(ms: number): void {
    const end = this.#clock.now() + ms
    for (let at = this.#clock.nextAt; at !== null && at <= end; at = this.#clock.nextAt) this.#clock.step()
    this.#clock.skip(end - this.#clock.now())
  }

  /** What the generations that were not finished were told is void with the old coordinator. */
  #move(): void {
    this.group.move()
    for (const told of [this.assigned, this.leaders]) {
      for (const generation of told.keys()) if (generation > this.group.generation) told.delete(generation)
    }
  }

  /** Every request is answered at most once, and in the end all are. */
  asked<T>(answered: (answer: T) => void): (answer: T | null) => void {
    let open = true
    this.#open += 1
    return answer => {
      assert.ok(open, 'an answer came twice')
      open = false
      this.#open -= 1
      if (answer !== null) answered(answer)
    }
  }

  tellJoin(request: Parameters<typeof join>[1], reply: Parameters<typeof join>[2]): void {
    join(this.group, request, reply, { random: this.random, allowance: this.#allowance, maxSize: 1_000 })
  }

  /** Whether the group is stable with the clients as its members, and all of them know it. */
  get settled(): boolean {
    const ids = [...this.group.members].map(({ id }) => id).sort()
    const mine = this.clients.map(({ memberId }) => memberId).sort()
    return (
      this.group.state === 'Stable' &&
      ids.join() === mine.join() &&
      this.clients.every(client => client.stable && client.generation === this.group.generation)
    )
  }

  end(): void {
    this.group.end()
    assert.equal(this.#open, 0, 'requests without an answer')
    assert.equal(this.#clock.timers, 0, 'timers after the end')
    assert.ok(this.#allowance.fits(allowedBytes), 'memory was let go')
    assert.ok(!this.#allowance.fits(allowedBytes + 1), 'memory was let go twice')
  }
}

/** A client of the group, which may also do what makes no sense. What is answered to its former self does not reach it. */
class GroupClient {
  readonly #world: GroupWorld
  readonly #instanceId: string | null
  memberId = ''
  generation = -1
  /** It has its assignment of this generation. */
  stable = false
  /** From the join: who is to be assigned something; only the leader knows. */
  #roll: Answer<'JoinGroup'>['members'] = []
  #waiting = false
  #life = 0

  constructor(world: GroupWorld, instanceId: string | null) {
    this.#world = world
    this.#instanceId = instanceId
  }

  /** Does what a good client would do now. */
  goOn(): void {
    if (this.#waiting) return
    if (this.generation < 0) this.join()
    else if (this.stable) this.heartbeat()
    else this.sync()
  }

  join(): void {
    const names = [['range'], ['range', 'sticky'], ['sticky', 'range']][this.#world.below(3)] ?? []
    const request = {
      version: 9,
      memberId: this.memberId,
      groupInstanceId: this.#instanceId,
      clientId: 'app',
      host: '/127.0.0.1',
      protocolType: 'consumer',
      protocols: names.map(name => ({ name, metadata: Buffer.from(String(this.#world.below(4))) })),
      sessionTimeoutMs,
      rebalanceTimeoutMs,
    }
    this.#world.tellJoin(
      request,
      this.#ask<Answer<'JoinGroup'>>(answer => this.#joined(answer)),
    )
  }

  #joined(answer: Answer<'JoinGroup'>): void {
    const { errorCode = 0, memberId = '', generationId = -1, members = [], skipAssignment = false } = answer
    if (errorCode === errorCodes.MEMBER_ID_REQUIRED) this.memberId = memberId
    if (errorCode !== 0) {
      this.#fail(errorCode)
      return
    }
    this.memberId = memberId
    this.generation = generationId
    this.stable = false
    this.#roll = skipAssignment ? [] : members
    if (this.#roll.length === 0) return
    assert.equal(
      this.#world.leaders.get(generationId) ?? memberId,
      memberId,
      `two leaders of generation ${generationId}`,
    )
    this.#world.leaders.set(generationId, memberId)
    assert.ok(
      this.#roll.some(member => member.memberId === memberId),
      'the leader is a member',
    )
  }

  /** A leader forgets some. */
  sync(): void {
    const { group, assigned } = this.#world
    const { generation, memberId } = this
    const told = (this.#roll ?? []).filter(() => this.#world.below(8) > 0)
    const texts = new Map(
      told.map(({ memberId = '', groupInstanceId }) => {
        return [memberId, `${generation} for ${groupInstanceId ?? memberId}, ${this.#world.below(1_000)}`]
      }),
    )
    const owners = new Map(
      told.map(({ memberId = '', groupInstanceId }) => [groupInstanceId ?? memberId, texts.get(memberId) ?? '']),
    )
    const completing = group.state === 'CompletingRebalance' && group.generation === generation
    if (completing && group.members.leader?.id === memberId) assigned.set(generation, owners)
    const request = {
      memberId,
      groupInstanceId: this.#instanceId,
      generationId: generation,
      protocolType: 'consumer',
      protocolName: null,
      assignments: [...texts].map(([memberId, text]) => ({ memberId, assignment: Buffer.from(text) })),
    }
    group.sync(
      request,
      this.#ask<Answer<'SyncGroup'>>(({ errorCode = 0, assignment }) => {
        if (errorCode !== 0) {
          this.#fail(errorCode)
          return
        }
        const owner = this.#instanceId ?? memberId
        assert.equal(String(assignment), assigned.get(generation)?.get(owner) ?? '', `what ${owner} was assigned`)
        this.stable = true
      }),
    )
  }

  heartbeat(): void {
    const asker = { memberId: this.memberId, groupInstanceId: this.#instanceId }
    this.#fail(this.#world.group.heartbeat(asker, this.generation))
  }

  leave(): void {
    this.#world.group.leave([{ memberId: this.memberId, groupInstanceId: this.#instanceId }])
    this.restart()
  }

  /** What it was is forgotten, and what is under way for that does not reach it any more. */
  restart(): void {
    this.memberId = ''
    this.generation = -1
    this.stable = false
    this.#waiting = false
    this.#life += 1
  }

  #ask<T>(answered: (answer: T) => void): (answer: T | null) => void {
    this.#waiting = true
    this.#life += 1
    const life = this.#life
    return this.#world.asked(answer => {
      if (life !== this.#life) return
      this.#waiting = false
      answered(answer)
    })
  }

  #fail(errorCode: number): void {
    if (errorCode === 0) return
    this.generation = -1
    this.stable = false
    const lost = [errorCodes.UNKNOWN_MEMBER_ID, errorCodes.FENCED_INSTANCE_ID] as number[]
    if (lost.includes(errorCode)) this.memberId = ''
  }
}
