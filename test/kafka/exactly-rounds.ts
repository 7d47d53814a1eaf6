import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Random } from '../../src/base/random.ts'
import type { Cluster } from '../cluster.ts'
import { until } from '../until.ts'
import { Child } from './child.ts'

const program = fileURLToPath(new URL('programs/exactly.ts', import.meta.url))
const PARTITIONS = 4
const PER_ROUND = 2_000
const KEYS = 97

/** Kafka's: else it is noticed after up to 10 s that a transaction takes too long. */
export const config = { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': '100' }

/**
 * Two members of a group write a message for each that they read, and are killed in turn, `rounds` times, in the midst of their work, while
 * another comes. `read` answers the values that a reader of committed messages sees: each is there once, and those of a key are in order.
 */
export async function exactlyRounds(
  cluster: Cluster,
  rounds: number,
  random: Random,
  read: (output: string) => Promise<readonly string[]>,
): Promise<string> {
  const topic = `exactly-${Math.floor(random() * 1e9)}`
  const output = `${topic}-out`
  await cluster.createTopic(topic, { partitions: PARTITIONS })
  await cluster.createTopic(output, { partitions: 2 })
  const members: { child: Child; lines: number }[] = []
  const start = () => {
    const spawned = spawn(process.execPath, [program, cluster.brokers.join(), topic, output])
    const member = { lines: 0, child: new Child('a consumer', spawned, () => void member.lines++) }
    members.push(member)
  }
  try {
    start()
    start()
    let written = 0
    const write = async () => {
      await cluster.write(topic, messages(written))
      written += PER_ROUND
    }
    for (let round = 0; round < rounds; round++) {
      await write()
      const before = members.reduce((sum, { lines }) => sum + lines, 0)
      const enough = before + 3 + Math.floor(random() * 20)
      await until('they work', () => members.reduce((sum, { lines }) => sum + lines, 0) >= enough, 60_000)
      const [killed] = members.splice(Math.floor(random() * members.length), 1)
      assert.ok(killed?.child.running, killed?.child.failure('should run').message)
      await killed.child.end('SIGKILL')
      start()
    }
    await write()
    const done = async () => (await cluster.committed(topic)).reduce((sum, { offset }) => sum + offset, 0) === written
    await until('all is committed', done, 120_000)
    for (const { child } of members) assert.ok(child.running, child.failure('should run').message)
    const values = await read(output)
    check(values, written)
    return `${values.length} messages, each there once and in the order of its key, after ${rounds} kills`
  } finally {
    await Promise.all(members.map(({ child }) => child.end('SIGKILL')))
  }
}

/** So many from this number on, to all partitions in turn. */
function messages(from: number) {
  return Array.from({ length: PER_ROUND }, (_, n) => {
    const value = from + n
    return { key: `k${value % KEYS}`, value: String(value), partition: value % PARTITIONS }
  })
}

function check(values: readonly string[], written: number): void {
  const lanes = Map.groupBy(values, value => {
    const [partition, n] = value.split('/')
    return `${partition}, key ${Number(n) % KEYS}`
  })
  for (const [lane, found] of lanes) {
    const numbers = found.map(value => Number(value.split('/')[1]))
    assert.deepEqual(
      numbers,
      [...new Set(numbers)].sort((a, b) => a - b),
      `partition ${lane}: not each once, in order`,
    )
  }
  assert.equal(values.length, written)
}
