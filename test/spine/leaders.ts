import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Consumer, string } from '../../src/index.ts'
import type { Cluster, ClusterOptions } from '../cluster.ts'
import { until } from '../until.ts'
import { running } from './running.ts'

/** What a consumer promises while leaders move and brokers go, on three nodes of any kind of cluster. */
export function leaderTests(start: (options: ClusterOptions) => Promise<Cluster>): void {
  let cluster: Cluster

  before(async () => {
    cluster = await start({ nodes: 3, topics: { orders: 3 } })
  })
  after(() => cluster?.close())

  test('leaders that move and brokers that are killed cost no message, and each key stays in order', async () => {
    const last = new Map<string, number>()
    let handled = 0
    let written = 0
    const consumer = new Consumer({
      brokers: cluster.brokers,
      ...cluster.security,
      group: 'shop',
      logLevel: 'silent',
      work: { concurrency: 64 },
    }).topic({ topic: 'orders', partitions: [0, 1, 2] }, { key: string, value: string }, async ({ key, value }) => {
      await new Promise(resolve => setImmediate(resolve))
      const before = last.get(key ?? '') ?? -1
      assert.ok(Number(value) > before, `${key}: ${value} after ${before}`)
      last.set(key ?? '', Number(value))
      handled++
    })
    const write = async (count: number) => {
      const messages = Array.from({ length: count }, () => {
        const n = written++
        return { key: `k${n % 30}`, value: String(n), partition: n % 3 }
      })
      await cluster.write('orders', messages)
    }
    await using run = running(consumer)
    await write(300)
    await until('the first are handled', () => handled === 300)
    for (const partition of [0, 1, 2]) {
      await cluster.moveLeader('orders', partition)
      await write(300)
    }
    await until('all are handled after the leaders moved', () => handled === written)
    const victim = await cluster.leader('orders', 0)
    await cluster.kill(victim)
    await until('there is another leader', async () => ![victim, -1].includes(await cluster.leader('orders', 0)))
    await write(300)
    await until('all are handled without the broker', () => handled === written, 60_000)
    await cluster.restart(victim)
    await write(300)
    await until('all are handled with it again', () => handled === written)
    assert.deepEqual(await consumer.close(), { drained: true, undone: 0 })
    assert.equal(run.error, null)
    const committed = (await cluster.committed('shop')).reduce((sum, { offset }) => sum + offset, 0)
    assert.equal(committed, written)
  })
}
