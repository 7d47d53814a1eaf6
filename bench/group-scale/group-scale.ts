import { join } from 'node:path'
import { canPin, runToEnd, startEmbedded } from '../launch.ts'
import { log } from '../log.ts'
import { occasion } from '../occasion.ts'
import type { ScaleResult, ScaleRun, ScaleTask } from './result.ts'

const MEMBERS = 200
const PARTITIONS = 1_000

const program = (name: string) => join(import.meta.dirname, '../children', `${name}.ts`)

/** A large group on the embedded broker, all members in one process; both processes are new in each round. */
export async function groupScale(rounds: number, pin: 'split' | 'none'): Promise<ScaleResult> {
  const split = pin === 'split' && canPin()
  const here = occasion('group-scale', rounds, split)
  const runs: ScaleRun[] = []
  const failed: ScaleResult['failed'][number][] = []
  for (let round = 1; round <= rounds; round++) {
    const label = `group-scale, round ${round} of ${rounds}`
    const broker = await startEmbedded(split ? '0' : null, [program('broker')])
    try {
      const task: ScaleTask = { brokers: broker.brokers, topic: 'wide', members: MEMBERS, partitions: PARTITIONS }
      const command = [process.execPath, '--expose-gc', program('group-scale'), JSON.stringify(task)]
      const run = await runToEnd<ScaleRun>('group-scale', command, split ? '1' : null)
      runs.push(run)
      log(`${label}: ${JSON.stringify(run)}`)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      failed.push({ round, reason })
      log(`${label}: ${reason}`)
    } finally {
      await broker.stop()
    }
  }
  return { ...here, members: MEMBERS, partitions: PARTITIONS, runs, failed }
}
