import assert from 'node:assert/strict'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { TopicPartition } from '../../src/base/topic-partition.ts'
import type { Assignor } from '../../src/ownership/assignors/assignor.ts'
import { encodeSubscription } from '../../src/ownership/consumer-protocol.ts'
import type { Group } from '../ownership/groups.ts'
import { startJava } from './java.ts'

/** Kafka's own assignors and wire formats of consumer groups, in a process that answers a line of JSON with one. */
export class JavaAssignors {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #answers: AsyncIterator<string>
  #errors = ''

  static async start(): Promise<JavaAssignors> {
    return new JavaAssignors(
      await startJava('Assignors', [], { sources: [`${import.meta.dirname}/java/Assignors.java`] }),
    )
  }

  private constructor(process: ChildProcessWithoutNullStreams) {
    this.#process = process
    process.stdin.on('error', () => {})
    process.stderr.on('data', chunk => {
      this.#errors = `${this.#errors}${chunk}`.slice(-2_000)
    })
    this.#answers = createInterface(process.stdout)[Symbol.asyncIterator]()
  }

  async ask(questions: readonly object[]): Promise<unknown[]> {
    this.#process.stdin.write(questions.map(each => `${JSON.stringify(each)}\n`).join(''))
    const answers: unknown[] = []
    while (answers.length < questions.length) {
      const { value, done } = await this.#answers.next()
      if (done) assert.fail(`Java ended after ${answers.length} answers: ${this.#errors}`)
      answers.push(JSON.parse(value))
    }
    return answers
  }

  /** What Kafka's assignor of the same name gives to each member of each group. */
  async assign(assignor: Assignor, groups: readonly Group[]): Promise<Map<string, TopicPartition[]>[]> {
    const answers = await this.ask(groups.map(group => assignQuestion(assignor, group)))
    // Ids are no keys of an object: JSON.parse of Node 24 takes one escaped character as a key for another.
    return (answers as [string, [string, number][]][][]).map(
      answer =>
        new Map(answer.map(([id, list]) => [id, list.map(([topic, partition]) => ({ topic, partition }))] as const)),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#process, 'close')
    this.#process.stdin.end()
    await ended
  }
}

function assignQuestion(assignor: Assignor, { members, topics }: Group): object {
  const racks = [...topics].map(([name, topic]) => [
    name,
    Array.from({ length: topic.partitions }, (_, partition) => topic.racks?.[partition] ?? []),
  ])
  return {
    do: 'assign',
    strategy: assignor.name,
    topics: Object.fromEntries(racks),
    members: members.map(member => ({
      id: member.id,
      instanceId: member.instanceId,
      metadata: encodeSubscription({ ...member, userData: assignor.userData?.(member) ?? null }).toString('hex'),
    })),
  }
}
