import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Random } from '../../src/base/random.ts'
import type { Cluster } from '../cluster.ts'
import { until } from '../until.ts'
import { handledLines, numbered } from './handled-log.ts'

const program = fileURLToPath(new URL('programs/once.ts', import.meta.url))
const PARTITIONS = 4
const PER_ROUND = 1_000

/**
 * Kills a consumer that handles at most once, `rounds` times, at random moments while it works, then lets one finish. No message is handled
 * twice, and none before a commit above it. Answers how many were lost.
 */
export async function onceRounds(cluster: Cluster, rounds: number, random: Random): Promise<number> {
  const topic = `once-${Math.floor(random() * 1e9)}`
  const folder = await mkdtemp(join(tmpdir(), 'millrace-once-'))
  const log = join(folder, 'handled')
  const args = [program, cluster.brokers.join(), topic, topic, String(PARTITIONS), log]
  const start = () => spawn(process.execPath, args, { stdio: 'inherit' })
  try {
    await cluster.createTopic(topic, { partitions: PARTITIONS })
    let written = 0
    for (let round = 0; round < rounds; round++) {
      await cluster.write(topic, numbered(PER_ROUND, written, PARTITIONS))
      written += PER_ROUND
      const before = (await handledLines(log)).length
      const child = start()
      const enough = before + Math.floor(random() * PER_ROUND * 0.8)
      await until('it works', async () => (await handledLines(log)).length > enough)
      child.kill('SIGKILL')
      await once(child, 'exit')
      const committed = new Map((await cluster.committed(topic)).map(({ partition, offset }) => [partition, offset]))
      for (const name of await handledLines(log)) {
        const [partition = -1, offset = -1] = name.split(' ').map(Number)
        const above = committed.get(partition) ?? -1
        assert.ok(above > offset, `${partition}@${offset} was handled, and ${above} is committed`)
      }
    }
    // What the last one begins with, it does to the end.
    await cluster.write(topic, numbered(PER_ROUND, written, PARTITIONS))
    written += PER_ROUND
    const last = start()
    const end = written / PARTITIONS - 1
    await until('the last messages are handled', async () => {
      const names = new Set(await handledLines(log))
      return [...Array(PARTITIONS).keys()].every(partition => names.has(`${partition} ${end}`))
    })
    last.kill('SIGTERM')
    assert.deepEqual(await once(last, 'exit'), [0, null])
    assert.equal(
      (await cluster.committed(topic)).reduce((sum, { offset }) => sum + offset, 0),
      written,
    )
    const names = await handledLines(log)
    assert.equal(new Set(names).size, names.length, 'a message was handled twice')
    return written - names.length
  } finally {
    await rm(folder, { recursive: true })
  }
}
