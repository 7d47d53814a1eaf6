import { millrace } from '../children/source.ts'
import { settleKafka, startKafka } from '../kafka.ts'
import { canPin } from '../launch.ts'
import { log, silent } from '../log.ts'
import { occasion } from '../occasion.ts'
import { named } from '../only.ts'
import { clients } from './clients.ts'
import { spread } from '../statistics.ts'
import { type EventCost, type RebalanceResult, type RebalanceRun, groupEvents } from './result.ts'
import { PARTITIONS, PER_SECOND, Round } from './round.ts'

const timing = { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 1_000, commitIntervalMs: 1_000, handlerMs: 10 }

export interface RebalanceSettings {
  readonly rounds: number
  readonly pin: 'split' | 'none'
  /** Clients whose name contains one of these; empty: all. */
  readonly only: readonly string[]
}

/** Groups of each client in turn, round after round, every other round backwards, on one Kafka. */
export async function rebalance(settings: RebalanceSettings): Promise<RebalanceResult> {
  const { rounds, only } = settings
  const split = settings.pin === 'split' && canPin()
  const chosen = named(clients, only)
  const here = occasion('rebalance', rounds, split)
  const runs: RebalanceRun[] = []
  const failed: RebalanceResult['failed'][number][] = []
  const cluster = await startKafka()
  const admin = new millrace.Admin({ brokers: cluster.brokers, clientId: 'bench', logger: silent })
  try {
    await settleKafka(cluster, split)
    // The first one only warms up the broker.
    for (let round = 0; round <= rounds; round++) {
      const turns = round % 2 === 1 ? chosen : chosen.toReversed()
      for (const client of round === 0 ? turns.slice(0, 1) : turns) {
        const label = `rebalance, round ${round} of ${rounds}: ${client.name}`
        const topic = `rebalance-${round}-${client.program}`
        try {
          await admin.createTopic(topic, { partitions: PARTITIONS })
          const task = { brokers: cluster.brokers, topic, group: topic, ...timing }
          const events = await new Round(client, task, split ? '1' : null).run()
          for (const event of groupEvents) log(`${label}: ${event} ${summary(events[event])}`)
          if (round > 0) runs.push({ round, client: client.name, events })
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error)
          log(`${label}: ${reason}`)
          if (round > 0) failed.push({ round, client: client.name, reason })
        }
      }
    }
  } finally {
    await admin.close()
    await cluster.close()
  }
  const load = { partitions: PARTITIONS, messagesPerSecond: PER_SECOND, ...timing }
  return { ...here, load, runs, failed }
}

function summary({ pausesMs, retained, twice, never }: EventCost): string {
  const kept = pausesMs.filter((_, partition) => retained[partition])
  const all = spread(pausesMs)
  const ms = (value: number) => value.toFixed(0)
  return (
    `pause ${ms(all.median)} ms, max ${ms(all.max)}; ${kept.length} retained ${ms(spread(kept).median)}, max ` +
    `${ms(spread(kept).max)}; ${twice} twice, ${never} never`
  )
}
