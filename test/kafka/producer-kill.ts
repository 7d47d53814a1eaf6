import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '../../src/base/clock.ts'
import type { Random } from '../../src/base/random.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Producer } from '../../src/producer/producer.ts'
import type { Cluster } from '../cluster.ts'
import { LogReader } from '../producer/log-reader.ts'
import { judge, type ScheduleReport, type Sent, type Writer } from '../producer/verdict.ts'
import { until } from '../until.ts'

const PARTITIONS = 6
const NODES = 3
/** Messages without an answer that are not waited for. */
const AT_ONCE = 500

/**
 * Kills one node after another with SIGKILL while a producer writes as fast as it may, `rounds` times. Then what each promise said is held
 * against the logs. Those of the last round all have to be written: nothing is in the way any more.
 */
export async function producerKillRounds(cluster: Cluster, rounds: number, random: Random): Promise<ScheduleReport> {
  const topic = `kill-${Math.floor(random() * 1e9)}`
  await cluster.createTopic(topic, { partitions: PARTITIONS, config: { 'min.insync.replicas': '2' } })
  const writer: Writer = { name: 'w', acks: 'all', idempotent: true, maxInFlight: 5, patient: true, next: 0 }
  await using producer = new Producer({
    brokers: cluster.brokers,
    logger: new StderrLogger('silent', systemClock),
    requestTimeoutMs: 3_000,
    deliveryTimeoutMs: 60_000,
    batchBytes: 2_000,
    reconnect: { minMs: 20, maxMs: 500 },
  })
  const sent: Sent[] = []
  const open = new Set<Promise<void>>()
  const send = (last: boolean) => {
    const number = writer.next++
    const value = `w:${number}`
    const about = { writer, number, value, last }
    const told = producer
      .send({ topic, partition: number % PARTITIONS, value })
      .then(
        told => void sent.push({ ...about, told }),
        told => void sent.push({ ...about, told }),
      )
      .finally(() => open.delete(told))
    open.add(told)
  }
  let stopped = false
  const load = (async () => {
    while (!stopped) {
      while (open.size < AT_ONCE) send(false)
      await Promise.race([...open].slice(0, 1))
    }
  })()
  for (let round = 0; round < rounds; round++) {
    const node = 1 + Math.floor(random() * NODES)
    const before = sent.length
    await until('messages are written', () => sent.length > before + 2 * AT_ONCE)
    await delay(random() * 500)
    await cluster.kill(node)
    await delay(random() * 3_000)
    await cluster.restart(node)
    await until('all partitions are led', async () => {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        if ((await cluster.leader(topic, partition)) < 0) return false
      }
      return true
    })
  }
  stopped = true
  await load
  for (let n = 0; n < PARTITIONS; n++) send(true)
  await producer.flush()
  await Promise.all(open)
  assert.equal(sent.length, writer.next)
  await using reader = new LogReader(cluster)
  const logs: string[][] = []
  for (let partition = 0; partition < PARTITIONS; partition++) logs.push(await reader.values(topic, partition))
  return judge([writer], sent, logs)
}
