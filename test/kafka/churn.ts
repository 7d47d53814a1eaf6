import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Random } from '../../src/base/random.ts'
import type { Cluster } from '../cluster.ts'
import { Load } from '../load.ts'
import { until } from '../until.ts'
import { hear, type Testimony, Witness } from './witness.ts'

const program = fileURLToPath(new URL('programs/member.ts', import.meta.url))

export interface CrewOptions {
  readonly topic: string
  readonly partitions: number
  readonly strategy: string
  readonly perSecond: number
  /** Default 3,000. */
  readonly sessionTimeoutMs?: number
}

/** Members of one group in processes of their own, who handle what is written meanwhile and are witnesses of it. */
export class Crew implements AsyncDisposable {
  readonly load: Load
  readonly #cluster: Cluster
  readonly #options: CrewOptions
  readonly #folder: string
  readonly #witnesses: Witness[] = []
  readonly #running = new Set<MemberProcess>()
  /** Messages that somebody handled, as `partition offset`. */
  readonly #handled = new Set<string>()

  private constructor(cluster: Cluster, options: CrewOptions, folder: string) {
    this.#cluster = cluster
    this.#options = options
    this.#folder = folder
    this.load = new Load(cluster, options.topic, options)
  }

  static async gather(cluster: Cluster, options: CrewOptions): Promise<Crew> {
    await cluster.createTopic(options.topic, { partitions: options.partitions })
    return new Crew(cluster, options, await mkdtemp(join(tmpdir(), 'millrace-crew-')))
  }

  /** Starts a member, a static one if it is given an instance id. */
  join(instanceId?: string): MemberProcess {
    const { topic, strategy, sessionTimeoutMs = 3_000 } = this.#options
    const name = `${strategy} ${this.#witnesses.length + 1}`
    const log = join(this.#folder, `${this.#witnesses.length}`)
    const args = [this.#cluster.brokers.join(), topic, topic, strategy, log, String(sessionTimeoutMs)]
    const witness = new Witness(name, log)
    const member = new MemberProcess(witness, instanceId === undefined ? args : [...args, instanceId])
    this.#witnesses.push(witness)
    this.#running.add(member)
    return member
  }

  /** In good order. */
  async leave(member: MemberProcess): Promise<void> {
    this.#running.delete(member)
    await member.leave()
  }

  async kill(member: MemberProcess): Promise<void> {
    this.#running.delete(member)
    await member.kill()
  }

  /** Waits until so many messages more are handled. */
  async progress(messages: number): Promise<void> {
    const enough = this.look() + messages
    await until(`${enough} messages are handled`, () => this.look() >= enough, 60_000)
  }

  /** Ends the load, waits until all is handled, lets everybody leave, and hears the witnesses: nothing may be wrong. */
  async finish(): Promise<Testimony> {
    const written = await this.load.stop()
    await until(`${written} messages are handled`, () => this.look() >= written, 90_000)
    await Promise.all([...this.#running].map(member => this.leave(member)))
    this.look()
    const testimony = hear(this.#witnesses, this.load.ends)
    assert.deepEqual(testimony.violations, [])
    assert.equal(testimony.handled, written)
    const committed = await this.#cluster.committed(this.#options.topic)
    assert.equal(
      committed.reduce((sum, { offset }) => sum + offset, 0),
      written,
    )
    return testimony
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running].map(member => member.kill()))
    await this.load.stop().catch(() => {})
    await rm(this.#folder, { recursive: true })
  }

  /** Answers how many messages are handled by now. Who ended by himself ends the test. */
  look(): number {
    for (const witness of this.#witnesses) {
      for (const { kind, partition, offset } of witness.read()) {
        if (kind === 'done') this.#handled.add(`${partition} ${offset}`)
      }
    }
    for (const member of this.#running) if (!member.running) throw member.failure('ended by itself')
    return this.#handled.size
  }
}

/** A member in a process of its own, and its log. */
export class MemberProcess {
  readonly witness: Witness
  readonly #process: ChildProcess
  readonly #ended: Promise<unknown[]>
  #errors = ''

  /** `of`: the program that it runs. */
  constructor(witness: Witness, args: readonly string[], of = program) {
    this.witness = witness
    this.#process = spawn(process.execPath, [of, ...args], { stdio: ['pipe', 'ignore', 'pipe'] })
    this.#ended = once(this.#process, 'close')
    this.#process.stderr?.on('data', chunk => {
      this.#errors = (this.#errors + chunk).slice(-10_000)
    })
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.kill(signal)
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    this.witness.killedAt = Number(process.hrtime.bigint())
    await this.#ended
  }

  async leave(): Promise<void> {
    // Before it listens to signals it ends by them.
    this.#process.kill('SIGTERM')
    const [code, signal] = await this.#ended
    if (code !== 0 && !(signal === 'SIGTERM' && this.witness.events.length === 0))
      throw this.failure('did not end well')
  }

  failure(what: string): Error {
    const { exitCode, signalCode } = this.#process
    return new Error(`${this.witness.name} ${what} (${exitCode ?? signalCode}):\n${this.#errors}`)
  }
}

export interface ChurnReport extends Testimony {
  readonly joins: number
  readonly leaves: number
  readonly kills: number
}

/**
 * Members of a group join, leave and are killed every few seconds, for so many seconds. One of them is static, and comes back under its
 * instance id; the others are new ones each time.
 */
export async function churn(
  cluster: Cluster,
  options: {
    readonly strategy: string
    readonly seconds: number
    /** Between two changes, on average. Default 2,000. */
    readonly pauseMs?: number
    readonly random: Random
  },
): Promise<ChurnReport> {
  const { strategy, seconds, pauseMs = 2_000, random } = options
  const topic = `churn-${strategy}`
  await using crew = await Crew.gather(cluster, { topic, partitions: 6, strategy, perSecond: 200 })
  const places: (MemberProcess | null)[] = [null, null, null, null]
  const counts = { joins: 0, leaves: 0, kills: 0 }
  const join = (at: number) => {
    places[at] = crew.join(at === 0 ? 'static' : undefined)
    counts.joins++
  }
  for (const at of [0, 1, 2]) join(at)
  await crew.progress(50)
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    const at = Math.floor(random() * places.length)
    const member = places[at]
    if (member == null) join(at)
    else {
      const kills = random() < 0.5
      await (kills ? crew.kill(member) : crew.leave(member))
      counts[kills ? 'kills' : 'leaves']++
      places[at] = null
      if (places.every(place => place === null)) join(0)
    }
    await delay(pauseMs * (0.5 + random()))
  }
  if (places.every(place => place === null)) join(0)
  return { ...(await crew.finish()), ...counts }
}

export function tellChurn(what: string, report: ChurnReport): string {
  const { joins, leaves, kills, handled, again, interrupted } = report
  return (
    `${what}: ${joins} joins, ${leaves} leaves, ${kills} kills; ${handled} messages handled, ` +
    `${again} of them again and ${interrupted} interrupted, none lost`
  )
}
