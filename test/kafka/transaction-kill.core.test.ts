import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '../../src/base/random.ts'
import { Producer, TransactionError } from '../../src/index.ts'
import { LogReader } from '../producer/log-reader.ts'
import { until } from '../until.ts'
import { Child } from './child.ts'
import { readCommitted } from './console-consumer.ts'
import { KafkaCluster } from './kafka-cluster.ts'

const program = fileURLToPath(new URL('programs/transactions.ts', import.meta.url))
const partitions = 3
const random = seededRandom(1)

let cluster: KafkaCluster
let reader: LogReader

before(async () => {
  cluster = await KafkaCluster.start({ nodes: 3, topics: { killed: partitions, brokers: partitions } })
  reader = new LogReader(cluster)
})
after(async () => {
  await reader?.close()
  await cluster?.close()
})

/** The transactions that can be read, after a look whether each is there in all partitions. */
async function whole(topic: string): Promise<string[]> {
  const logs = await Promise.all(Array.from({ length: partitions }, (_, at) => reader.values(topic, at)))
  for (const log of logs) assert.deepEqual(log, logs[0], 'a transaction is half there, or in another order')
  const [log = []] = logs
  assert.equal(new Set(log).size, log.length, 'a transaction is there twice')
  const java = await readCommitted(cluster, topic)
  assert.deepEqual(java.toSorted(), logs.flat().toSorted(), 'Kafka’s own consumer reads something else')
  return log
}

test('of a producer that is killed in the midst of it nothing is half there, and the next one with the id goes on', async t => {
  const told = new Set<string>()
  let next = 0
  for (let round = 0; round < 5; round++) {
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
  const log = await whole('killed')
  assert.deepEqual(
    log,
    log.toSorted((a, b) => Number(a) - Number(b)),
  )
  const there = new Set(log)
  for (const n of told) assert.ok(there.has(n), `transaction ${n} was committed, and cannot be read`)
  // What was committed when its producer was killed, which could tell nobody.
  assert.ok(there.size - told.size <= 5)
  t.diagnostic(`${told.size} transactions committed in 5 lives, ${there.size - told.size} of them when it was killed`)
})

test('brokers that are killed break no transaction: each is there as its producer was told', async t => {
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
  for (const node of [1, 2, 3]) {
    await cluster.kill(node)
    await goesOn(50)
    await cluster.restart(node)
    await goesOn(50)
  }
  writing = false
  await all
  const there = new Set(await whole('brokers'))
  for (const [n, fate] of fates) {
    if (fate !== 'unknown') assert.equal(there.has(n), fate === 'committed', `transaction ${n} was told to be ${fate}`)
  }
  const count = (wanted: string) => [...fates.values()].filter(fate => fate === wanted).length
  assert.ok(count('committed') > 200)
  t.diagnostic(
    `${count('committed')} committed, ${count('aborted')} aborted, ${count('unknown')} unknown; 3 brokers killed`,
  )
})
