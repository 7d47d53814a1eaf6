import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { micros } from '../rebalance/micros.ts'

/** What a member of the group is told, in the order of its arguments; the Java program gets the same. */
export interface MemberTask {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly group: string
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly commitIntervalMs: number
  readonly handlerMs: number
}

/** Somebody's client, not yet in the group. */
export interface GroupClient {
  join(): Promise<void>
  /** Resolves when it has left. */
  leave(): Promise<void>
}

export function readMemberTask(): MemberTask {
  const [brokers = '', topic = '', group = '', ...numbers] = process.argv.slice(2)
  const [sessionTimeoutMs = 0, heartbeatIntervalMs = 0, commitIntervalMs = 0, handlerMs = 0] = numbers.map(Number)
  if (topic === '' || numbers.length < 4) throw new Error('This is started by bench/rebalance, with its task')
  return {
    brokers: brokers.split(','),
    topic,
    group,
    sessionTimeoutMs,
    heartbeatIntervalMs,
    commitIntervalMs,
    handlerMs,
  }
}

/** The handler of all: it waits, and tells what is done by when. What was written survives a kill. */
export async function handle(task: MemberTask, partition: number, offset: number | string | bigint): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, task.handlerMs))
  writeSync(1, `${partition} ${offset} ${micros()}\n`)
}

/** Says that it is there, then joins and leaves the group when it is told so on its standard input. */
export async function serve(client: GroupClient): Promise<void> {
  writeSync(1, `ready ${micros()}\n`)
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'join') await client.join()
    if (line === 'leave') break
  }
  await client.leave()
  // A client may keep something open; nobody waits for that.
  process.exit(0)
}
