import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Random } from '../../src/base/random.ts'
import { Producer, TransactionError } from '../../src/index.ts'
import { LogReader } from '../producer/log-reader.ts'
import { until } from '../until.ts'
import { Child } from './child.ts'
import { readCommitted } from './console-consumer.ts'
import type { KafkaCluster } from './kafka-cluster.ts'

const program = fileURLToPath(new URL('programs/transactions.ts', import.meta.url))
const partitions = 3

/** The transactions that can be read, after a look whether each is there in all partitions. */
async function whole(cluster: KafkaCluster, topic: string): Promise<string[]> {
  const reader = new LogReader(cluster)
  const logs = await Promise.all(Array.from({ length: partitions }, (_, at) => reader.values(topic, at))).finally(() =>
    reader.close(),
  )
  for (const log of logs) assert.deepEqual(log, logs[0], 'a transaction is half there, or in another order')
  const [log = []] = logs
  assert.equal(new Set(log).size, log.length, 'a transaction is there twice')
  const java = await readCommitted(cluster, topic)
  assert.deepEqual(java.toSorted(), logs.flat().toSorted(), 'Kafka’s own consumer reads something else')
  return log
}

/** A producer is killed with SIGKILL in the midst of its transactions, `rounds` times: nothing is half there, and the next one with the id goes on. */
export async function producerLives(cluster: KafkaCluster, rounds: number, random: Random): Promise<string> {
  await cluster.createTopic('killed', { partitions })
  const told = new Set<string>()
  let next = 0
  for (let round = 0; round < rounds; round++) {
    const args = [program, cluster.brokers.join(), 'killed', String(partitions), 'x', String(next)]
    const before = told.size
    const child = new Child('transactions', spawn(process.execPath, args), line => void told.add(line))
    const enough = before + 1 + Math.floor(random() * 40)
    await until('it commits', () => told.size >= enough || !child.running)
    assert.ok(child.running, child.failure('should run').message)
    await child.end('SIGKILL')
    next += 1_000
  }
  // Ends what the last one left open.
  await using producer = new Producer({ brokers: cluster.brokers, transactionalId: 'x' })
  await producer.transaction(async () => {})
  const log = await whole(cluster, 'killed')
  assert.deepEqual(
    log,
    log.toSorted((a, b) => Number(a) - Number(b)),
  )
  const there = new Set(log)
  for (const n of told) assert.ok(there.has(n), `transaction ${n} was committed, and cannot be read`)
  // What was committed when its producer was killed, which could tell nobody.
  assert.ok(there.size - told.size <= rounds)
  return `${told.size} transactions committed in ${rounds} lives, ${there.size - told.size} more when it was killed`
}

/** Brokers are killed under transactions, one after another: each transaction is there as its producer was told. */
export async function killedBrokers(cluster: KafkaCluster, nodes: readonly number[]): Promise<string> {
  await cluster.createTopic('brokers', { partitions })
  await using producer = new Producer({
    brokers: cluster.brokers,
    transactionalId: 'y',
    logLevel: 'silent',
    requestTimeoutMs: 5_000,
    reconnect: { maxMs: 500 },
  })
  const fates = new Map<string, 'committed' | 'aborted' | 'unknown'>()
  let writing = true
  const all = (async () => {
    for (let n = 0; writing; n++) {
      const write = producer.transaction(async tx => {
        for (let partition = 0; partition < partitions; partition++) {
          void tx.send({ topic: 'brokers', partition, value: String(n) })
        }
      })
      const fate = await write.then(
        () => 'committed' as const,
        thrown => {
          assert.ok(thrown instanceof TransactionError, String(thrown?.stack))
          assert.notEqual(thrown.code, 'PRODUCER_FENCED')
          return thrown.code === 'TRANSACTION_UNKNOWN' ? ('unknown' as const) : ('aborted' as const)
        },
      )
      fates.set(String(n), fate)
    }
  })()
  const goesOn = async (count: number) => {
    const enough = fates.size + count
    await until('transactions go on', () => fates.size >= enough, 60_000)
  }
  await goesOn(50)
  for (const node of nodes) {
    await cluster.kill(node)
    await goesOn(50)
    await cluster.restart(node)
    await goesOn(50)
  }
  writing = false
  await all
  const there = new Set(await whole(cluster, 'brokers'))
  for (const [n, fate] of fates) {
    if (fate !== 'unknown') assert.equal(there.has(n), fate === 'committed', `transaction ${n} was told to be ${fate}`)
  }
  const count = (wanted: string) => [...fates.values()].filter(fate => fate === wanted).length
  assert.ok(count('committed') > 60)
  return `${count('committed')} committed, ${count('aborted')} aborted, ${count('unknown')} unknown; ${nodes.length} brokers killed`
}
