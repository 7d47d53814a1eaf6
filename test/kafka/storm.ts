import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Random } from '../../src/base/random.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { partitionName } from '../../src/base/topic-partition.ts'
import { Admin, Consumer, systemClock } from '../../src/index.ts'
import type { Cluster, TestMessage } from '../cluster.ts'
import { until } from '../until.ts'
import { MemberProcess } from './churn.ts'
import { type Fate, fateOf, numberOf, writeFated } from './fate.ts'
import { Witness } from './witness.ts'

const silent = new StderrLogger('silent', systemClock)
const program = fileURLToPath(new URL('programs/storm-member.ts', import.meta.url))
const PARTITIONS = 4
const PLACES = 4
const WRITE_EVERY_MS = 100
const PER_WRITE = 12
const HOUR_MS = 3_600_000
/** Of a hundred messages; the others are well. */
const shares: Readonly<Record<string, readonly (readonly [Fate, number])[]>> = {
  retried: [
    ['unsure', 10],
    ['poison', 3],
    ['hangs', 2],
    ['filtered', 5],
    ['expired', 5],
  ],
  decided: [
    ['held', 2],
    ['left', 2],
    ['unsure', 10],
    ['poison', 3],
    ['filtered', 5],
    ['expired', 5],
  ],
  batched: [
    ['held', 1],
    ['unsure', 2],
    ['poison', 1],
    ['filtered', 5],
    ['expired', 5],
  ],
}

export interface StormReport {
  readonly joins: number
  readonly leaves: number
  readonly kills: number
  readonly written: number
  readonly handled: number
  /** Times that a message was handled again. */
  readonly again: number
  /** Messages in dead-letter topics. */
  readonly dead: number
  /** Messages that went through a retry topic, as often as they did. */
  readonly retried: number
}

/**
 * Members of a group that is told all there is (gaps, batches, dead letters, retry topics, a breaker, what is held and left, a filter,
 * expiry, handlers that never settle) join, leave and are killed for so many seconds. Then each message is where it belongs, and all is
 * committed.
 */
export async function storm(
  cluster: Cluster,
  options: {
    readonly strategy: string
    readonly seconds: number
    /** Between two changes, on average. Default 1,500. */
    readonly pauseMs?: number
    readonly random: Random
  },
): Promise<StormReport> {
  const { strategy, seconds, pauseMs = 1_500, random } = options
  const group = `storm-${strategy}`
  const topics = Object.keys(shares).map(name => `${group}-${name}`)
  // Topics of dead letters that a function answers are made by nobody else.
  for (const topic of [...topics, ...topics.slice(1).map(topic => `${topic}.dlq`)]) {
    await cluster.createTopic(topic, { partitions: PARTITIONS })
  }
  await using members = new StormMembers(await mkdtemp(join(tmpdir(), 'millrace-storm-')), log => {
    return [cluster.brokers.join(), topics.join(), group, strategy, log]
  })
  const load = new StormLoad(cluster, topics, random)
  try {
    for (const place of [0, 1, 2]) members.join(place)
    const end = performance.now() + seconds * 1_000
    while (performance.now() < end) {
      await delay(pauseMs * (0.5 + random()))
      await members.change(random)
    }
    const fates = await load.stop()
    await members.calm()
    const retried = await allCommitted(cluster, group, topics, () => members.look())
    await members.leave()
    const times = members.handled(fates)
    const dead = await deadLetters(cluster, topics)
    assertNothingLost(fates, times, dead)
    const again = [...times.values()].reduce((sum, each) => sum + each - 1, 0)
    return { ...members.counts, written: fates.size, handled: times.size, again, dead: dead.size, retried }
  } finally {
    await load.stop().catch(() => {})
  }
}

function assertNothingLost(
  fates: ReadonlyMap<number, Fate>,
  handled: ReadonlyMap<number, number>,
  dead: ReadonlySet<number>,
): void {
  for (const [number, fate] of fates) {
    const what = `${number}, which is ${fate}`
    if (fate === 'filtered' || fate === 'expired') assert.ok(!dead.has(number), `${what}, is a dead letter`)
    else if (fate === 'poison') assert.ok(dead.has(number) && !handled.has(number), `${what}, is no dead letter`)
    else if (fate === 'unsure' || fate === 'hangs')
      assert.ok(handled.has(number) || dead.has(number), `${what}, is lost`)
    else assert.ok(handled.has(number), `${what}, is lost`)
  }
}

/** Processes that come and go; the one in the first place is a static member. */
class StormMembers implements AsyncDisposable {
  readonly counts = { joins: 0, leaves: 0, kills: 0 }
  readonly #folder: string
  readonly #args: (log: string) => readonly string[]
  readonly #witnesses: Witness[] = []
  readonly #places: (MemberProcess | null)[] = new Array(PLACES).fill(null)

  constructor(folder: string, args: (log: string) => readonly string[]) {
    this.#folder = folder
    this.#args = args
  }

  join(place: number): void {
    const log = join(this.#folder, `${this.#witnesses.length}`)
    const witness = new Witness(`member ${this.#witnesses.length + 1}`, log)
    const args = [...this.#args(log), this.#release, ...(place === 0 ? ['static'] : [])]
    this.#witnesses.push(witness)
    this.#places[place] = new MemberProcess(witness, args, program)
    this.counts.joins++
  }

  /** One joins, leaves, or is killed. */
  async change(random: Random): Promise<void> {
    this.look()
    const place = Math.floor(random() * PLACES)
    const member = this.#places[place] ?? null
    if (member === null) {
      this.join(place)
      return
    }
    const kills = random() < 0.5
    this.#places[place] = null
    this.counts[kills ? 'kills' : 'leaves']++
    await (kills ? member.kill() : member.leave())
    if (this.#places.every(each => each === null)) this.join(0)
  }

  /** What failed is well from now on. */
  async calm(): Promise<void> {
    await writeFile(this.#release, '')
  }

  /** Who ended by himself ends the test. */
  look(): void {
    for (const member of this.#places) if (member?.running === false) throw member.failure('ended by itself')
  }

  async leave(): Promise<void> {
    await Promise.all(this.#places.map(member => member?.leave()))
    this.#places.fill(null)
  }

  /** How often each message was handled; none that an option leaves out may have been begun. */
  handled(fates: ReadonlyMap<number, Fate>): Map<number, number> {
    const times = new Map<number, number>()
    for (const witness of this.#witnesses) {
      witness.read()
      for (const { kind, offset: number } of witness.events) {
        const fate = fates.get(number)
        assert.ok(fate !== 'filtered' && fate !== 'expired', `${number}, which is ${fate}, came to a handler`)
        if (kind === 'done') times.set(number, (times.get(number) ?? 0) + 1)
      }
    }
    return times
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#places.map(member => member?.kill()))
    await rm(this.#folder, { recursive: true })
  }

  get #release(): string {
    return join(this.#folder, 'release')
  }
}

/** Writes to all partitions of the topics until it is stopped; answers what each message is. */
class StormLoad {
  readonly #fates = new Map<number, Fate>()
  readonly #done: Promise<void>
  #stopped = false

  constructor(cluster: Cluster, topics: readonly string[], random: Random) {
    this.#done = this.#write(cluster, topics, random)
    this.#done.catch(() => {})
  }

  async stop(): Promise<ReadonlyMap<number, Fate>> {
    this.#stopped = true
    await this.#done
    return this.#fates
  }

  async #write(cluster: Cluster, topics: readonly string[], random: Random): Promise<void> {
    while (!this.#stopped) {
      for (const topic of topics) {
        const messages = Array.from({ length: PER_WRITE }, (_, at) => this.#message(topic, at % PARTITIONS, random))
        await cluster.write(topic, messages)
      }
      await delay(WRITE_EVERY_MS)
    }
  }

  /** What is held has keys of its own, so that not all keys are in the end. */
  #message(topic: string, partition: number, random: Random): TestMessage {
    const number = this.#fates.size
    const fate = pick(shares[topic.split('-').at(-1) ?? ''] ?? [], random)
    this.#fates.set(number, fate)
    const key = fate === 'held' ? `held-${number % 3}` : `key-${Math.floor(random() * 50)}`
    const timestamp = Date.now() - (fate === 'expired' ? 2 * HOUR_MS : 0)
    return { key, value: writeFated({ number, fate }), partition, timestamp }
  }
}

function pick(fates: readonly (readonly [Fate, number])[], random: Random): Fate {
  let left = random() * 100
  for (const [fate, share] of fates) {
    left -= share
    if (left < 0) return fate
  }
  return 'well'
}

/** Waits until all of the topics and of their retry topics is committed; answers how many messages the latter had. */
async function allCommitted(
  cluster: Cluster,
  group: string,
  topics: readonly string[],
  look: () => void,
): Promise<number> {
  await using admin = new Admin({ brokers: cluster.brokers, ...cluster.security, logger: silent })
  const retries = [1, 2].map(tier => `${group}.${topics[0]}.retry.${tier}`)
  const queries = [...topics, ...retries].flatMap(topic =>
    Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, position: 'latest' as const })),
  )
  let open: string[] = []
  let retried = 0
  const isCommitted = async () => {
    look()
    const committed = new Map<string, number>()
    for (const { topic, partition, offset } of await cluster.committed(group)) {
      committed.set(partitionName(topic, partition), offset)
    }
    const ends = await admin.listOffsets(queries)
    open = ends.flatMap(({ topic, partition, offset }) => {
      const name = partitionName(topic, partition)
      return offset === (committed.get(name) ?? 0) ? [] : [`${name} (${committed.get(name)} of ${offset})`]
    })
    retried = ends.filter(({ topic }) => retries.includes(topic)).reduce((sum, { offset }) => sum + offset, 0)
    return open.length === 0
  }
  await until('all is committed', isCommitted, 120_000).catch(cause => {
    throw new Error(`Not all is committed: ${open.join(', ')}`, { cause })
  })
  return retried
}

/** Numbers of the messages in the topics' dead-letter topics. */
async function deadLetters(cluster: Cluster, topics: readonly string[]): Promise<Set<number>> {
  const numbers = new Set<number>()
  const consumer = new Consumer({
    brokers: cluster.brokers,
    ...cluster.security,
    logger: silent,
    work: { order: 'none' },
  })
  const names = topics.map(topic => `${topic}.dlq`)
  consumer.topic(names, message => {
    assert.notEqual(fateOf(message), 'well', `${numberOf(message)} is well, and a dead letter`)
    numbers.add(numberOf(message))
  })
  const ended = consumer.run()
  const read = () => {
    const { partitions } = consumer.state()
    return partitions.length === names.length * PARTITIONS && partitions.every(({ lag }) => lag === 0)
  }
  await Promise.race([until('the dead letters are read', read), ended])
  await consumer.close()
  await ended
  return numbers
}

export function tellStorm(what: string, report: StormReport): string {
  const { joins, leaves, kills, written, handled, again, dead, retried } = report
  return (
    `${what}: ${joins} joins, ${leaves} leaves, ${kills} kills; ${written} messages, ${handled} handled, ${again} of them again, ` +
    `${retried} times through retry topics, ${dead} dead letters, none lost`
  )
}
