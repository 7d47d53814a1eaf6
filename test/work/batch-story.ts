import assert from 'node:assert/strict'
import fc from 'fast-check'
import { constant } from '../../src/base/backoff.ts'
import { type Random, seededRandom } from '../../src/base/random.ts'
import type { HandlerContext } from '../../src/work/context.ts'
import { type Decision, type Failure, Poison } from '../../src/work/failure.ts'
import type { BatchBy, Order } from '../../src/work/route.ts'
import type { MessageBatch } from '../../src/work/verdicts.ts'
import { FakeClaim, type FakeMessage } from './fake-claim.ts'
import { batchRoute, Harness } from './harness.ts'

type Deed = 'write' | 'drain' | 'lose' | 'pause' | 'resume'

export interface Story {
  readonly seed: number
  readonly kind: readonly [BatchBy, Order]
  readonly messages: number
  readonly lingerMs: number
  readonly concurrency: number
  readonly perPartition: number
  readonly attempts: number
  readonly decodes: boolean
  /** Of a hundred messages, so many can never be handled. */
  readonly poison: number
  /** Of a hundred calls, so many fail for no reason of a message. */
  readonly trouble: number
  /** Of a hundred calls, so many say something of single messages. */
  readonly talk: number
  /** Of a hundred messages, so many were tried by owners before. */
  readonly tried: number
  /** For each partition, its first messages. */
  readonly partitions: readonly (readonly (string | null)[])[]
  readonly deeds: readonly { readonly afterMs: number; readonly deed: Deed; readonly partition: number }[]
}

const keys = fc.array(fc.constantFrom('a', 'b', 'c', 'd', null), { maxLength: 60 })

export const stories: fc.Arbitrary<Story> = fc.record({
  seed: fc.nat(),
  kind: fc.constantFrom<(readonly [BatchBy, Order])[]>(
    ['partition', 'key'],
    ['partition', 'partition'],
    ['partition', 'none'],
    ['key', 'key'],
    ['route', 'none'],
  ),
  messages: fc.constantFrom(1, 2, 5, 20),
  lingerMs: fc.constantFrom(0, 5, 50),
  concurrency: fc.constantFrom(1, 2, 8),
  perPartition: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
  attempts: fc.constantFrom(1, 2, 3),
  decodes: fc.boolean(),
  poison: fc.constantFrom(0, 3, 30),
  trouble: fc.constantFrom(0, 0, 20),
  talk: fc.constantFrom(0, 50),
  tried: fc.constantFrom(0, 0, 10),
  partitions: fc.array(keys, { minLength: 1, maxLength: 4 }),
  deeds: fc.array(
    fc.record({
      afterMs: fc.nat(60),
      deed: fc.constantFrom<Deed[]>('write', 'write', 'drain', 'lose', 'pause', 'resume'),
      partition: fc.nat(3),
    }),
    { maxLength: 10 },
  ),
})

/** What a message is known by. */
const named = ({ partition, offset }: FakeMessage) => `${partition}:${offset}`

/** Lets a story happen, and holds it to what always holds. */
export async function happens(story: Story): Promise<void> {
  await new Telling(story).run()
}

class Telling {
  readonly #story: Story
  readonly #random: Random
  readonly #harness: Harness
  readonly #claims: FakeClaim[]
  readonly #running = new Set<FakeMessage>()
  readonly #poison = new Map<FakeMessage, boolean>()
  /** Those that later ones of their lane may pass. */
  readonly #left = new Set<FakeMessage>()
  /** How often each was asked about. */
  readonly #asked = new Map<FakeMessage, number>()
  /** Whose last call it was alone in, or was said to have failed in. */
  readonly #found = new Set<FakeMessage>()
  readonly #over = new Set<FakeClaim>()
  readonly #draining = new Set<FakeClaim>()
  #calls = 0
  /** What must not be: handlers and decisions that throw are what work expects. */
  #violation: unknown

  constructor(story: Story) {
    this.#story = story
    this.#random = seededRandom(story.seed)
    const { concurrency, perPartition } = story
    this.#harness = new Harness({ concurrency, perPartition })
    this.#claims = story.partitions.map((first, partition) => new FakeClaim(partition, first))
    for (const { attempts, messages } of this.#claims) {
      for (const { offset } of messages) if (this.#chance(story.tried)) attempts.set(offset, this.#pick([1, 2]))
    }
  }

  async run(): Promise<void> {
    const { kind, messages, lingerMs, attempts, decodes, deeds } = this.#story
    const { dispatcher, clock, fatal } = this.#harness
    const [by, order] = kind
    const route = batchRoute(
      this.#handle,
      { by, messages, lingerMs },
      {
        order,
        attempts,
        backoff: constant(20),
        redeliverMs: 30,
        onFailure: this.#decide,
        decode: decodes ? () => {} : null,
      },
    )
    for (const claim of this.#claims) dispatcher.add(claim, route)
    for (const { afterMs, deed, partition } of deeds) {
      await clock.advance(afterMs)
      this.#do(deed, this.#claims[partition % this.#claims.length] as FakeClaim)
    }
    for (const claim of this.#claims) this.#do('resume', claim)
    await clock.advance(20_000)
    if (this.#violation !== undefined) throw this.#violation
    assert.deepEqual(fatal, [])
    assert.equal(dispatcher.running, 0, 'nothing runs at the end')
    for (const claim of this.#claims) {
      if (this.#draining.has(claim)) {
        assert.ok(this.#over.has(claim), 'a drain ends')
        continue
      }
      assert.equal(claim.settled.length, claim.messages.length, `all of ${claim.partition} is settled`)
      assert.deepEqual(dispatcher.state(claim), { inFlight: 0, waiting: 0, undone: 0, blocked: null })
    }
    dispatcher.close()
    assert.equal(clock.timers, 0, 'no timer is left')
  }

  #do(deed: Deed, claim: FakeClaim): void {
    const { dispatcher } = this.#harness
    if (this.#draining.has(claim)) return
    if (deed === 'write') claim.write(['a', null, 'b', 'c'])
    if (deed === 'pause') claim.dispatchable = false
    if (deed === 'resume') claim.dispatchable = true
    if (deed === 'write' || deed === 'resume') dispatcher.wake(claim)
    if (deed === 'lose') {
      this.#draining.add(claim)
      this.#end(claim)
      dispatcher.abandon([claim])
    }
    if (deed === 'drain') {
      this.#draining.add(claim)
      const drainMs = this.#pick([0, 10, 100])
      void dispatcher.drain([claim], { drainMs, abandonMs: 1_000, reason: 'revoked' }).then(undone => {
        const runs = [...this.#running].filter(({ partition }) => partition === claim.partition)
        this.#hold(() => {
          assert.equal(undone, 0)
          assert.deepEqual(runs.map(named), [], 'a drain waits for what runs')
        })
        this.#end(claim)
      })
    }
  }

  #hold(check: () => void): void {
    try {
      check()
    } catch (violation) {
      this.#violation ??= violation
    }
  }

  #end(claim: FakeClaim): void {
    claim.live = false
    this.#over.add(claim)
  }

  readonly #decide = (failure: Failure<FakeMessage>): Decision | Promise<Decision> => {
    const { message } = failure
    this.#hold(() => {
      assert.ok(this.#story.trouble > 0 || this.#isPoison(message), `${named(message)} is sound`)
      assert.ok(this.#found.has(message), `${named(message)} was found`)
    })
    const times = (this.#asked.get(message) ?? 0) + 1
    this.#asked.set(message, times)
    const decision = times > 2 ? 'skip' : this.#pick<Decision>(['skip', 'leave', 'hold'])
    if (decision === 'leave') this.#left.add(message)
    if (this.#chance(50)) return decision
    return new Promise(resolve => this.#harness.clock.after(this.#pick([1, 40]), () => resolve(decision)))
  }

  readonly #handle = (batch: MessageBatch<FakeMessage>, { signal, attempt }: HandlerContext): unknown => {
    this.#hold(() => this.#check(batch, attempt))
    this.#hold(() => assert.ok(++this.#calls < 20_000, 'it comes to an end'))
    for (const message of batch) {
      this.#running.add(message)
      this.#found.delete(message)
      if (batch.length === 1) this.#found.add(message)
    }
    const end = () => {
      for (const message of batch) this.#running.delete(message)
    }
    const ms = this.#pick([0, 0, 3, 15])
    if (ms === 0) {
      try {
        this.#act(batch)
      } finally {
        end()
      }
      return undefined
    }
    return new Promise<void>((resolve, reject) => {
      const act = () => {
        try {
          this.#act(batch)
          resolve()
        } catch (error) {
          reject(error)
        }
        end()
      }
      const timer = this.#harness.clock.after(ms, act)
      if (this.#chance(50)) return
      signal.addEventListener('abort', () => {
        timer.cancel()
        reject(signal.reason)
        end()
      })
    })
  }

  /** What a handler does at its end. */
  #act(batch: MessageBatch<FakeMessage>): void {
    const said = this.#chance(this.#story.talk) ? this.#say(batch) : new Set<FakeMessage>()
    const unsaid = batch.filter(message => !said.has(message))
    if (unsaid.length === 1) this.#found.add(unsaid[0] as FakeMessage)
    const bad = unsaid.filter(message => this.#isPoison(message))
    if (bad.length > 0) throw this.#chance(20) ? new Poison('never') : new Error('never')
    if (this.#chance(this.#story.trouble)) throw new Error('for no reason')
  }

  /** Of some messages; answers which. */
  #say(batch: MessageBatch<FakeMessage>): Set<FakeMessage> {
    const said = new Set<FakeMessage>()
    for (const message of batch) {
      if (this.#chance(50)) continue
      const { live, settled } = this.#claims[message.partition] as FakeClaim
      const isPoison = this.#isPoison(message)
      const counts = isPoison ? batch.fail(message, new Error('never')) : batch.done(message)
      this.#hold(() => {
        assert.equal(counts, live, 'it counts unless its partition was lost')
        assert.equal(batch.done(message), false)
        assert.equal(settled.includes(message.offset), live && !isPoison, 'what is done is settled at once')
      })
      if (isPoison) this.#found.add(message)
      said.add(message)
    }
    return said
  }

  /** Whether these may be handled, together and now. */
  #check(batch: readonly FakeMessage[], attempt: number): void {
    const { kind, messages } = this.#story
    const [by] = kind
    const [first] = batch
    assert.ok(first !== undefined && batch.length <= messages)
    assert.equal(new Set(batch).size, batch.length)
    const places = new Set(batch.map(({ partition }) => partition))
    assert.ok(by === 'route' || places.size === 1, 'of one partition')
    if (by === 'key')
      assert.ok(
        batch.every(({ key }) => key === first.key),
        'of one key',
      )
    if (by === 'route') {
      assert.deepEqual(
        batch.map(named),
        batch.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset).map(named),
      )
    }
    const before = new Set<FakeMessage>()
    for (const message of batch) {
      const claim = this.#claims[message.partition] as FakeClaim
      assert.ok(claim.dispatchable || this.#draining.has(claim), 'not while it is paused')
      assert.ok(!this.#over.has(claim), 'not once its claim is over')
      assert.ok(!this.#running.has(message), 'not twice at the same time')
      assert.ok(!claim.settled.includes(message.offset), `${named(message)} is done`)
      assert.equal(attempt, claim.tried(message) + 1, `${named(message)} has attempts of its own`)
      for (const other of claim.messages) {
        if (!this.#sameLane(other, message) || this.#left.has(other) || this.#left.has(message)) continue
        assert.ok(!this.#running.has(other), 'one of a lane at a time')
        if (other.offset >= message.offset) continue
        const passed = claim.settled.includes(other.offset) || before.has(other)
        assert.ok(passed, `${named(message)} before ${named(other)}`)
      }
      before.add(message)
    }
  }

  #sameLane(a: FakeMessage, b: FakeMessage): boolean {
    const [, order] = this.#story.kind
    if (a === b || order === 'none') return false
    return order === 'partition' || (a.key !== null && a.key === b.key)
  }

  #isPoison(message: FakeMessage): boolean {
    const known = this.#poison.get(message)
    if (known !== undefined) return known
    const is = this.#chance(this.#story.poison)
    this.#poison.set(message, is)
    return is
  }

  #chance(percent: number): boolean {
    return this.#random() * 100 < percent
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)] as T
  }
}
