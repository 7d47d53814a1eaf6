import { setTimeout as delay } from 'node:timers/promises'
import type { Consumer, TopicPartition } from '../../src/index.ts'
import type { ScaleCost, ScaleRun, ScaleTask } from '../group-scale/result.ts'
import { silent } from '../log.ts'
import { cooperativeSticky, millrace } from './source.ts'

const LOOK_MS = 20
const PATIENCE_MS = 300_000
const IDLE_MS = 10_000

const [json] = process.argv.slice(2)
if (json === undefined) throw new Error('This is started by bench/group-scale, with its task as JSON')
const task = JSON.parse(json) as ScaleTask

/** How long each assignment took the leader, in ms. */
let assignmentsMs: number[] = []
const strategy: typeof cooperativeSticky = {
  ...cooperativeSticky,
  assign(members, topics) {
    const before = performance.now()
    const assignment = cooperativeSticky.assign(members, topics)
    assignmentsMs.push(performance.now() - before)
    return assignment
  },
}

class Member {
  readonly owned = new Set<number>()
  readonly #consumer: Consumer
  readonly #ended: Promise<void>

  constructor() {
    this.#consumer = new millrace.Consumer({
      brokers: task.brokers,
      group: task.topic,
      ownership: { strategies: [strategy] },
      logger: { ...silent, warn: warned, error: warned },
    })
      .topic(task.topic, () => {})
      .on('assigned', partitions => {
        for (const { partition } of partitions) this.owned.add(partition)
      })
      .on('revoked', partitions => this.#gone(partitions))
      .on('lost', partitions => this.#gone(partitions))
    this.#ended = this.#consumer.run()
  }

  /** The generation in which it is stable; null while it is not. */
  get generation(): number | null {
    const membership = this.#consumer.state().ownership?.membership
    return membership?.phase === 'stable' ? membership.generation : null
  }

  #gone(partitions: readonly TopicPartition[]): void {
    for (const { partition } of partitions) this.owned.delete(partition)
  }

  async close(): Promise<void> {
    await this.#consumer.close()
    await this.#ended
  }
}

let warnings = 0
function warned(_: unknown, text: string): void {
  if (warnings === 0) console.error(text)
  warnings += 1
}

const members: Member[] = []

function settled(): boolean {
  const owned = members.flatMap(member => [...member.owned])
  if (owned.length !== task.partitions || new Set(owned).size !== task.partitions) return false
  const generation = members[0]?.generation
  return generation !== null && members.every(member => member.generation === generation)
}

/** From what is done until all members are stable in one generation and each partition has one owner. */
async function cost(act: () => void): Promise<ScaleCost> {
  const before = members[0]?.generation ?? 0
  const owners = ownersOf()
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  warnings = 0
  assignmentsMs = []
  act()
  // One round of the group later at least.
  while (!settled() || (members[0]?.generation ?? 0) === before) {
    await delay(LOOK_MS)
    if (performance.now() - startedAt > PATIENCE_MS) throw new Error('The group does not settle')
  }
  const { user, system } = process.cpuUsage(cpu)
  const after = ownersOf()
  return {
    seconds: (performance.now() - startedAt) / 1_000,
    cpuSeconds: (user + system) / 1e6,
    generations: (members[0]?.generation ?? 0) - before,
    moved: [...after].filter(([partition, owner]) => owners.get(partition) !== owner).length,
    assignmentsMs,
    warnings,
  }
}

function ownersOf(): Map<number, Member> {
  return new Map(members.flatMap(member => [...member.owned].map(partition => [partition, member] as const)))
}

function memoryKib(): number {
  // Started with --expose-gc.
  global.gc?.()
  return process.memoryUsage.rss() / 1_024
}

const admin = new millrace.Admin({ brokers: task.brokers, clientId: 'bench', logger: silent })
await admin.createTopic(task.topic, { partitions: task.partitions })
await admin.close()
const memoryBefore = memoryKib()
const start = await cost(() => {
  for (let count = 0; count < task.members; count += 1) members.push(new Member())
})
const memoryAfter = memoryKib()
const idleBefore = process.cpuUsage()
await delay(IDLE_MS)
const idle = process.cpuUsage(idleBefore)
const join = await cost(() => members.push(new Member()))
const leaver = members.pop()
let left: Promise<void> | undefined
const leave = await cost(() => {
  left = leaver?.close()
})
await left
const run: ScaleRun = {
  start,
  join,
  leave,
  memoryKib: memoryAfter - memoryBefore,
  idleCpuPerSecond: (idle.user + idle.system) / 1e3 / IDLE_MS,
}
process.stdout.write(`${JSON.stringify(run)}\n`)
await Promise.all(members.map(member => member.close()))
