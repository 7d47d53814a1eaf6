import type { Cluster } from '../cluster.ts'
import { until } from '../until.ts'
import { type Login, Probe, theEnd } from './probe.ts'

/** Waits until every partition of Kafka's own topics is coordinated: before that, first requests are answered by "not yet". */
export async function ready(cluster: Cluster, user: Login | null = null): Promise<void> {
  const probe = new Probe(cluster, 'ready-', user)
  await probe.run({
    name: 'ready',
    run: async () => {
      const keys = Array.from({ length: 16 }, (_, n) => probe.named(String(n)))
      for (const keyType of [0, 1] as const) {
        for (const key of keys) await coordinated(probe, key, keyType)
      }
    },
  })
  const failure = probe.journal.get(theEnd)
  if (failure !== undefined) throw new Error(`not ready: ${failure}`)
}

async function coordinated(probe: Probe, key: string, keyType: 0 | 1): Promise<void> {
  await until(`${key} is coordinated`, async () => {
    const { coordinators } = await probe.setUp('FindCoordinator', { keyType, coordinatorKeys: [key] })
    const found = coordinators[0]
    if (found?.errorCode !== 0) return false
    const on = await probe.connect(found.nodeId)
    if (keyType === 0) {
      const groups = [{ groupId: key, topics: null }]
      return (await probe.setUp('OffsetFetch', { groups }, { on })).groups[0]?.errorCode === 0
    }
    const body = { transactionalId: key, transactionTimeoutMs: 1_000 }
    return (await probe.setUp('InitProducerId', body, { on })).errorCode === 0
  })
}
