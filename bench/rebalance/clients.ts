import { join } from 'node:path'
import { classPath, javaCommand } from '../../test/kafka/jars.ts'
import { quiet } from '../../test/kafka/java.ts'
import type { MemberTask } from '../children/member.ts'
import { KAFKA } from '../kafka.ts'

/** A client whose groups are watched, with the best strategy that it has. */
export interface GroupedClient {
  readonly name: string
  readonly strategy: string
  /** When it commits. */
  readonly commits: string
  readonly program: 'member-millrace' | 'member-kafkajs' | 'member-platformatic' | 'Member'
}

/** The first one is compared with each of the others. */
export const clients: readonly GroupedClient[] = [
  {
    name: 'Millrace',
    strategy: 'cooperative-sticky',
    commits: 'commits what is done, every second and before partitions are given up',
    program: 'member-millrace',
  },
  {
    name: "Java's KafkaConsumer",
    strategy: 'cooperative-sticky',
    commits: 'commits automatically every second, and in `onPartitionsRevoked`',
    program: 'Member',
  },
  {
    name: '@platformatic/kafka, stream',
    strategy: 'cooperative-sticky',
    commits: 'commits each message when it is handled',
    program: 'member-platformatic',
  },
  {
    name: 'kafkajs, eachBatch',
    strategy: 'round-robin',
    commits: 'commits after each batch',
    program: 'member-kafkajs',
  },
]

const bench = join(import.meta.dirname, '..')

export async function memberCommand(client: GroupedClient, task: MemberTask): Promise<readonly string[]> {
  const { brokers, topic, group, sessionTimeoutMs, heartbeatIntervalMs, commitIntervalMs, handlerMs } = task
  const numbers = [sessionTimeoutMs, heartbeatIntervalMs, commitIntervalMs, handlerMs].map(String)
  const args = [brokers.join(','), topic, group, ...numbers]
  if (client.program !== 'Member') return [process.execPath, join(bench, 'children', `${client.program}.ts`), ...args]
  const path = await classPath(KAFKA, [join(bench, 'java/Member.java')])
  return [javaCommand('java'), '-Xmx256m', quiet, '-cp', path, client.program, ...args]
}
