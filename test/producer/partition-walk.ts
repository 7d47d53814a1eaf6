import assert from 'node:assert/strict'
import { RequestTimeoutError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { ProducerBatch } from '../../src/producer/batch.ts'
import type { Outcome } from '../../src/producer/partition-queue.ts'
import type { ErrorName } from '../../src/protocol/error-codes.ts'
import { lost, type Request, refused, Scene, unsent } from './scene.ts'

/** A connection: requests are applied and answered in order. When it is lost the broker may go on reading what was sent. */
interface Wire {
  readonly unread: Request[]
  readonly answers: { readonly batch: ProducerBatch; readonly outcome: Outcome }[]
}

const REFUSALS: readonly ErrorName[] = ['NOT_ENOUGH_REPLICAS', 'CORRUPT_MESSAGE', 'INVALID_RECORD', 'MESSAGE_TOO_LARGE']
const DOUBTS: readonly ErrorName[] = ['NOT_LEADER_OR_FOLLOWER', 'REQUEST_TIMED_OUT', 'UNKNOWN_SERVER_ERROR']

/**
 * Random steps of one partition's queue, of the connections to its leader, and of what happens on the way: everything that can be lost, late,
 * or in another order is. Then what was told is held against the log.
 */
export class PartitionWalk {
  readonly #random: () => number
  readonly #scene = new Scene()
  #wire: Wire = { unread: [], answers: [] }
  /** Lost ones that the broker still reads from. */
  readonly #ghosts: Wire[] = []
  /** Those that somebody waits for. */
  readonly #awaited = new Set<ProducerBatch>()
  #messages = 0

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step++) this.#step()
    this.#end()
    this.#judge()
  }

  #step(): void {
    const dice = this.#random()
    if (dice < 0.2) this.#add()
    else if (dice < 0.45) this.#send()
    else if (dice < 0.65) this.#apply(this.#anyWire(), true)
    else if (dice < 0.87) this.#answer()
    else if (dice < 0.91) this.#lose()
    else if (dice < 0.95) this.#timeOut()
    else this.#pass()
  }

  #add(): void {
    const values = Array.from({ length: 1 + this.#upTo(2) }, () => String(this.#messages++))
    this.#scene.add(...values)
  }

  #send(): void {
    const { queue, now } = this.#scene
    if (!queue.canTake(now)) return
    const batch = queue.take()
    if (this.#random() < 0.1) {
      this.#scene.answered(batch, unsent)
      return
    }
    this.#awaited.add(batch)
    this.#wire.unread.push(this.#scene.request(batch))
  }

  /** The broker reads a request. */
  #apply(wire: Wire, trouble: boolean): void {
    const request = wire.unread.shift()
    if (request === undefined) return
    const { batch } = request
    const dice = trouble ? this.#random() : 1
    if (dice < 0.15) wire.answers.push({ batch, outcome: refused(this.#one(REFUSALS)) })
    else if (dice < 0.2) wire.answers.push({ batch, outcome: refused(this.#one(DOUBTS)) })
    else {
      const outcome = this.#scene.apply(request)
      wire.answers.push({ batch, outcome: dice < 0.25 ? refused(this.#one(DOUBTS)) : outcome })
    }
  }

  #answer(): void {
    const answer = this.#wire.answers.shift()
    if (answer !== undefined) this.#told(answer.batch, answer.outcome)
  }

  #told(batch: ProducerBatch, outcome: Outcome): void {
    if (this.#awaited.delete(batch)) this.#scene.answered(batch, outcome)
  }

  #lose(): void {
    const ghost = this.#wire
    this.#wire = { unread: [], answers: [] }
    for (const { batch } of [...ghost.answers, ...ghost.unread]) this.#told(batch, lost)
    if (this.#random() < 0.7) this.#ghosts.push(ghost)
  }

  /** The oldest is not waited for any longer; it stays where it is. The client then uses the connection no more. */
  #timeOut(): void {
    const oldest = this.#wire.answers[0]?.batch ?? this.#wire.unread[0]?.batch
    if (oldest === undefined) return
    this.#told(oldest, { error: new RequestTimeoutError('no answer'), sent: true })
    this.#lose()
  }

  #pass(): void {
    const { queue } = this.#scene
    this.#scene.now += this.#upTo(400)
    queue.expire(this.#scene.now)
  }

  /** No more trouble: all is settled, and what comes then is written. */
  #end(): void {
    const { queue, told } = this.#scene
    for (let rounds = 0; !queue.isEmpty; rounds++) {
      assert.ok(rounds < 200, 'the queue does not come to an end')
      this.#send()
      this.#apply(this.#anyWire(), false)
      this.#answer()
    }
    this.#scene.add('last')
    this.#scene.settle()
    const last = told.get('last')
    assert.ok(last !== undefined && !(last instanceof Error), 'what comes after all trouble is not written')
    while (this.#ghosts.length > 0) {
      for (const ghost of this.#ghosts) this.#apply(ghost, false)
      this.#ghosts.splice(0, this.#ghosts.length, ...this.#ghosts.filter(({ unread }) => unread.length > 0))
    }
  }

  #judge(): void {
    const { told, leader } = this.#scene
    const log = leader.log.filter(value => value !== 'last')
    for (let message = 0; message < this.#messages; message++) {
      const value = String(message)
      const result = told.get(value)
      const times = log.filter(each => each === value).length
      assert.ok(result !== undefined, `nobody was told what became of ${value}`)
      if (!(result instanceof Error)) {
        assert.equal(times, 1, `${value} was delivered and is ${times} times in the log`)
        if (result.offset >= 0) assert.equal(leader.log[result.offset], value, `${value} is not at its offset`)
      } else if (result.written === 'no') assert.equal(times, 0, `${value} is in the log, and was told not to be`)
      else assert.ok(times <= 1, `${value} is ${times} times in the log`)
    }
    assert.deepEqual(
      log,
      log.toSorted((a, b) => Number(a) - Number(b)),
      'the log is out of order',
    )
  }

  /** The living connection, or one that was lost. */
  #anyWire(): Wire {
    return this.#ghosts[this.#upTo(this.#ghosts.length * 2)] ?? this.#wire
  }

  #one<T>(items: readonly T[]): T {
    return items[this.#upTo(items.length - 1)] as T
  }

  #upTo(most: number): number {
    return Math.floor(this.#random() * (most + 1))
  }
}
