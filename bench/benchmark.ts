import { Admin } from '../src/index.ts'
import { KAFKA, securityOf, settleKafka, startKafka } from './kafka.ts'
import { canPin, type EmbeddedBroker, launch, startEmbedded } from './launch.ts'
import { log, silent } from './log.ts'
import type { Measurement, Security, Task } from './measurement.ts'
import { occasion } from './occasion.ts'
import { named } from './only.ts'
import type { ComparisonResult, Run, ScenarioResult } from './results.ts'
import type { Comparison, Contender, Scenario } from './scenarios.ts'
import { type Loads, load, PARTITIONS } from './topics.ts'

export interface Settings {
  readonly rounds: number
  /** How long each process warms up, and how long it is measured then. */
  readonly warmSeconds: number
  readonly minSeconds: number
  readonly memorySeconds: number
  readonly stallSeconds: number
  /** `split`: the broker on the first processor and each contender on the second; `none`: the system decides. */
  readonly pin: 'split' | 'none'
  readonly loads: Loads
  /** Contenders whose name contains one of these; empty: all. */
  readonly only: readonly string[]
}

/** Runs scenarios against one Kafka; answers each when it is complete. */
export async function* run(scenarios: readonly Scenario[], settings: Settings): AsyncGenerator<ScenarioResult> {
  let embedded: EmbeddedBroker | undefined
  const split = settings.pin === 'split' && canPin()
  const comparisons = scenarios.flatMap(scenario => scenario.comparisons)
  const topics = [...new Set(comparisons.map(comparison => comparison.topic))].filter(topic => topic !== 'written')
  const cluster = await startKafka(Object.fromEntries(topics.map(topic => [topic, PARTITIONS])), true)
  try {
    for (const topic of topics) {
      const { messages } = settings.loads[topic]
      log(`loading ${topic}: ${messages} messages`)
      log(`loaded ${topic} in ${(await load(cluster.at('PLAINTEXT'), topic, settings.loads[topic])).toFixed(1)} s`)
    }
    await settleKafka(cluster, split)
    for (const scenario of scenarios) {
      if (embedded === undefined && usesEmbedded(scenario)) embedded = await startEmbedded(split ? '0' : null)
      const brokers = {
        kafka: cluster.at('PLAINTEXT'),
        tls: cluster.at('SASL_SSL'),
        embedded: embedded?.brokers ?? [],
        security: securityOf(cluster),
        pid: cluster.pids.values().next().value ?? null,
      }
      const rounds = new Rounds(scenario, settings, brokers, split)
      const here = occasion(scenario.name, isLong(scenario) ? 1 : settings.rounds, split)
      yield {
        ...here,
        settings: {
          ...here.settings,
          minSeconds: secondsOf(scenario, settings),
          topics: Object.fromEntries(scenario.comparisons.map(({ topic }) => [topic, settings.loads[topic].messages])),
        },
        comparisons: await rounds.all(),
      }
    }
  } finally {
    await embedded?.stop()
    await cluster.close()
  }
}

interface Brokers {
  readonly kafka: readonly string[]
  readonly tls: readonly string[]
  readonly embedded: readonly string[]
  /** Of those with TLS. */
  readonly security: Security
  /** Of the real one. */
  readonly pid: number | null
}

function usesEmbedded({ comparisons }: Scenario): boolean {
  return comparisons.some(({ contenders }) => contenders.some(({ broker }) => broker === 'embedded'))
}

/** Whether each contender runs once. */
function isLong({ kind }: Scenario): boolean {
  return kind === 'memory' || kind === 'stall'
}

function secondsOf({ kind }: Scenario, { minSeconds, memorySeconds, stallSeconds }: Settings): number {
  return kind === 'memory' ? memorySeconds : kind === 'stall' ? stallSeconds : minSeconds
}

class Rounds {
  readonly #scenario: Scenario
  readonly #settings: Settings
  readonly #brokers: Brokers
  readonly #split: boolean
  #written = 0

  constructor(scenario: Scenario, settings: Settings, brokers: Brokers, split: boolean) {
    this.#scenario = scenario
    this.#settings = settings
    this.#brokers = brokers
    this.#split = split
  }

  async all(): Promise<ComparisonResult[]> {
    const results: ComparisonResult[] = []
    for (const comparison of this.#scenario.comparisons) results.push(await this.#compare(comparison))
    return results
  }

  /** Every contender in turn, round after round; every other round backwards, so that a drift of the machine cancels out. */
  async #compare(comparison: Comparison): Promise<ComparisonResult> {
    const rounds = isLong(this.#scenario) ? 1 : this.#settings.rounds
    const chosen = named(comparison.contenders, this.#settings.only)
    const runs: Run[] = []
    const failed = new Map<string, string>()
    for (let round = 1; round <= rounds; round++) {
      for (const contender of round % 2 === 1 ? chosen : chosen.toReversed()) {
        if (failed.has(contender.name)) continue
        const label = `${this.#scenario.name}, ${comparison.name}, round ${round} of ${rounds}: ${contender.name}`
        try {
          const measurement = await this.#launch(contender, this.#task(comparison, contender))
          runs.push({ round, contender: contender.name, measurement })
          log(`${label}: ${summary(measurement)}`)
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error)
          failed.set(contender.name, isMissing(reason) ? 'not installed for this version of Node' : reason)
          log(`${label}: ${reason}`)
        }
      }
    }
    const failures = Array.from(failed, ([contender, reason]) => ({ contender, reason }))
    return { name: comparison.name, runs, failed: failures }
  }

  #task({ topic, concurrency }: Comparison, { handler = '', messages = Infinity, broker = 'kafka' }: Contender): Task {
    const { warmSeconds, loads } = this.#settings
    return {
      brokers: this.#brokers[broker],
      security: broker === 'tls' ? this.#brokers.security : null,
      topic,
      partitions: PARTITIONS,
      messages: Math.min(messages, loads[topic].messages),
      warmSeconds,
      minSeconds: secondsOf(this.#scenario, this.#settings),
      concurrency,
      handler,
      brokerPid: this.#scenario.kind === 'stall' ? this.#brokers.pid : null,
    }
  }

  /** In a process of its own, and with a topic of its own where it writes. */
  async #launch(contender: Contender, task: Task): Promise<Measurement> {
    const cpus = this.#split ? '1' : null
    if (task.topic !== 'written') return launch(contender, task, KAFKA, cpus)
    const topic = `${this.#scenario.name}-${++this.#written}`
    const admin = new Admin({ brokers: this.#brokers.kafka, clientId: 'bench', logger: silent })
    try {
      await admin.createTopic(topic, { partitions: task.partitions, configs: { 'file.delete.delay.ms': '0' } })
      return await launch(contender, { ...task, topic }, KAFKA, cpus)
    } finally {
      // One that was stopped, and whose measuring failed then.
      if (task.brokerPid !== null) process.kill(task.brokerPid, 'SIGCONT')
      await admin.deleteTopic(topic)
      await admin.close()
    }
  }
}

function summary(measurement: Measurement): string {
  const { messages, seconds, cpuUser, cpuSystem, timerLateMs, rssPeakMib, latencyMs } = measurement
  const late = timerLateMs ? `, timer late p99 ${timerLateMs.p99.toFixed(1)} max ${timerLateMs.max.toFixed(1)} ms` : ''
  const cpu = ((cpuUser + cpuSystem) / messages) * 1e6
  const rate = Math.round(messages / seconds).toLocaleString('en')
  const taken = latencyMs ? `, took ${latencyMs.p50.toFixed(2)} ms, p99 ${latencyMs.p99.toFixed(2)}` : ''
  return `${rate}/s${taken}, ${cpu.toFixed(2)} µs CPU${late}, peak ${rssPeakMib.toFixed(0)} MiB`
}

function isMissing(reason: string): boolean {
  return /ERR_MODULE_NOT_FOUND|ERR_DLOPEN_FAILED|Could not locate the bindings/.test(reason)
}
