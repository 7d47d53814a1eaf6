import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Random } from '../../src/base/random.ts'
import type { Cluster } from '../cluster.ts'
import { until } from '../until.ts'

const witness = fileURLToPath(new URL('programs/witness.ts', import.meta.url))
const PARTITIONS = 4
const PER_ROUND = 2_000

export interface KillReport {
  readonly handled: number
  /** Messages that were handled more than once: what was under way when the process was killed. */
  readonly again: number
}

/**
 * Kills a consumer with SIGKILL at random moments while it works, `rounds` times, then lets one finish. What is committed never
 * passes what was handled, and in the end everything was handled.
 */
export async function killRounds(cluster: Cluster, rounds: number, random: Random): Promise<KillReport> {
  const topic = `kill-${Math.floor(random() * 1e9)}`
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kill-'))
  const log = join(folder, 'handled')
  const start = () => spawn(process.execPath, [witness, cluster.brokers.join(), topic, topic, String(PARTITIONS), log])
  try {
    await cluster.createTopic(topic, { partitions: PARTITIONS })
    let written = 0
    let before = 0
    for (let round = 0; round < rounds; round++) {
      await cluster.write(topic, messages(PER_ROUND, written))
      written += PER_ROUND
      const child = start()
      // Some are killed right at the start, some in the midst of it, some between the last message and its commit.
      const enough = before + Math.floor(random() * PER_ROUND * 1.2)
      await until('it works', async () => (await handled(log)).size >= Math.min(enough, written))
      child.kill('SIGKILL')
      await once(child, 'exit')
      const done = await handled(log)
      before = done.size
      for (const { partition, offset } of await cluster.committed(topic)) {
        for (let at = 0; at < offset; at++) {
          assert.ok(done.has(`${partition} ${at}`), `committed ${partition}@${offset}, but ${at} was never handled`)
        }
      }
    }
    const last = start()
    await until('everything is handled', async () => (await handled(log)).size === written)
    last.kill('SIGTERM')
    assert.deepEqual(await once(last, 'exit'), [0, null])
    const end = (await cluster.committed(topic)).reduce((sum, { offset }) => sum + offset, 0)
    assert.equal(end, written)
    const lines = (await readFile(log, 'utf8')).split('\n').length - 1
    return { handled: written, again: lines - written }
  } finally {
    await rm(folder, { recursive: true })
  }
}

function messages(count: number, from: number) {
  return Array.from({ length: count }, (_, n) => {
    return { key: `k${n % 97}`, value: String(from + n), partition: n % PARTITIONS }
  })
}

async function handled(log: string): Promise<Set<string>> {
  const text = await readFile(log, 'utf8').catch(() => '')
  // What follows the last line break may be half a line.
  return new Set(text.split('\n').slice(0, -1))
}
