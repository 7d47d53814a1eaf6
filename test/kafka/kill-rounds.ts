import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Random } from '../../src/base/random.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Admin, systemClock } from '../../src/index.ts'
import { decodeGaps } from '../../src/offsets/gap-codec.ts'
import type { Cluster } from '../cluster.ts'
import { until } from '../until.ts'
import { handledLines, numbered } from './handled-log.ts'

const witness = fileURLToPath(new URL('programs/witness.ts', import.meta.url))
const PARTITIONS = 4
const PER_ROUND = 2_000

export interface KillReport {
  readonly handled: number
  /** Messages that were handled more than once: what was under way when the process was killed. */
  readonly again: number
  /** Messages that a commit had remembered to be done above its offset, at the end of a round. */
  readonly remembered: number
}

/**
 * Kills a consumer with SIGKILL at random moments while it works, `rounds` times, then lets one finish. What is committed never
 * passes what was handled, and in the end everything was handled. `stuck`: the first message of each partition fails until then, so that
 * all else is done above what is committed; what a commit remembers of that is handled by none that comes later.
 */
export async function killRounds(
  cluster: Cluster,
  rounds: number,
  random: Random,
  { stuck = false } = {},
): Promise<KillReport> {
  const topic = `kill-${Math.floor(random() * 1e9)}`
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kill-'))
  const log = join(folder, 'handled')
  const args = [witness, cluster.brokers.join(), topic, topic, String(PARTITIONS), log]
  const start = (...more: string[]) => spawn(process.execPath, [...args, ...more])
  const remembered = new Map<string, number>()
  try {
    await cluster.createTopic(topic, { partitions: PARTITIONS })
    let written = 0
    let before = 0
    for (let round = 0; round < rounds; round++) {
      await cluster.write(topic, numbered(PER_ROUND, written, PARTITIONS))
      written += PER_ROUND
      const child = start(...(stuck ? ['stuck'] : []))
      // Some are killed right at the start, some in the midst of it, some between the last message and its commit.
      const enough = before + Math.floor(random() * PER_ROUND * 1.2)
      await until(
        'it works',
        async () => (await handled(log)).size >= Math.min(enough, stuck ? written - PARTITIONS : written),
      )
      child.kill('SIGKILL')
      await once(child, 'exit')
      const done = await handled(log)
      before = done.size
      for (const { partition, offset } of await cluster.committed(topic)) {
        for (let at = 0; at < offset; at++) {
          assert.ok(done.has(`${partition} ${at}`), `committed ${partition}@${offset}, but ${at} was never handled`)
        }
      }
      for (const name of await rememberedBy(cluster, topic)) {
        assert.ok(done.has(name), `${name} is remembered to be done, and was never handled`)
        remembered.set(name, done.get(name) ?? 0)
      }
    }
    const last = start()
    await until('everything is handled', async () => (await handled(log)).size === written)
    last.kill('SIGTERM')
    assert.deepEqual(await once(last, 'exit'), [0, null])
    const end = (await cluster.committed(topic)).reduce((sum, { offset }) => sum + offset, 0)
    assert.equal(end, written)
    const times = await handled(log)
    for (const [name, before] of remembered) {
      assert.equal(times.get(name), before, `${name} was remembered to be done, and was handled again`)
    }
    const lines = [...times.values()].reduce((sum, each) => sum + each, 0)
    return { handled: written, again: lines - written, remembered: remembered.size }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** How often each message was handled. */
async function handled(log: string): Promise<Map<string, number>> {
  const times = new Map<string, number>()
  for (const name of await handledLines(log)) times.set(name, (times.get(name) ?? 0) + 1)
  return times
}

/** The messages, all of whose offsets exist, that the group's commits say are done above them. */
async function rememberedBy(cluster: Cluster, group: string): Promise<string[]> {
  const logger = new StderrLogger('silent', systemClock)
  await using admin = new Admin({ brokers: cluster.brokers, ...cluster.security, logger })
  const offsets = await admin.groupOffsets(group)
  return offsets.flatMap(({ partition, metadata }) =>
    (decodeGaps(metadata)?.done ?? []).flatMap(({ from, to }) =>
      Array.from({ length: to - from }, (_, at) => `${partition} ${from + at}`),
    ),
  )
}
