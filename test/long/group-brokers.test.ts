import { test } from 'node:test'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { NativeClient, systemClock } from '../../src/index.ts'
import { EmbeddedCluster } from '../broker/embedded-cluster.ts'
import type { Cluster } from '../cluster.ts'
import { Crew } from '../kafka/churn.ts'
import { KafkaCluster } from '../kafka/kafka-cluster.ts'
import { until } from '../until.ts'

const rounds = Number(process.env.BROKER_ROUNDS ?? 5)
const topic = 'orders'
const kinds: Readonly<Record<string, () => Promise<Cluster>>> = {
  'Kafka 4.1.1': () => KafkaCluster.start({ version: '4.1.1', nodes: 3 }),
  'the embedded broker': () => EmbeddedCluster.start({ nodes: 3 }),
}

for (const [kind, start] of Object.entries(kinds)) {
  test(`${kind}: leaders and coordinators are killed, all nodes are restarted, and the members go on`, async t => {
    await using cluster = await start()
    const options = { topic, partitions: 6, strategy: 'cooperative-sticky', perSecond: 300, sessionTimeoutMs: 10_000 }
    await using crew = await Crew.gather(cluster, options)
    for (const instance of [undefined, undefined, 'static']) crew.join(instance)
    await crew.progress(300)
    for (let round = 0; round < rounds; round++) {
      for (const victim of [await coordinator(cluster), await leader(cluster, round % 6)]) {
        await cluster.kill(victim)
        await crew.progress(600)
        await cluster.restart(victim)
        await crew.progress(300)
      }
      for (const node of [1, 2, 3]) {
        await cluster.restart(node)
        await crew.progress(300)
      }
    }
    const { handled, again, lost, interrupted } = await crew.finish()
    t.diagnostic(
      `${kind}: ${rounds * 2} nodes killed, ${rounds * 3} restarted; ${handled} messages handled, none lost, ` +
        `${again} again and ${interrupted} interrupted, of ${lost} partitions that were lost`,
    )
  })
}

async function coordinator({ brokers }: Cluster): Promise<number> {
  const client = new NativeClient({ brokers, logger: new StderrLogger('silent', systemClock) })
  try {
    let found = -1
    await until('the group has a coordinator', async () => {
      const asked = { keyType: 0, coordinatorKeys: [topic] }
      const answer = await client.send('any', 'FindCoordinator', asked, { minVersion: 4 })
      found = answer.coordinators[0]?.nodeId ?? -1
      return found > 0
    })
    return found
  } finally {
    await client.close()
  }
}

async function leader(cluster: Cluster, partition: number): Promise<number> {
  let found = -1
  await until('the partition has a leader', async () => {
    found = await cluster.leader(topic, partition)
    return found > 0
  })
  return found
}
