import { join } from 'node:path'
import { until } from '../until.ts'
import { Child } from './child.ts'
import { startJava } from './java.ts'

const source = join(import.meta.dirname, 'java/Member.java')

/** A member of a group, on Kafka's own consumer in a process of its own. */
export class JavaMember {
  /** Names of messages in the order in which they were handled, as `topic-partition@offset`. */
  readonly handled: string[] = []
  /** How many partitions it owns. */
  owns = 0
  /** How often it shared out the partitions. */
  led = 0
  readonly #child: Child

  private constructor(process: Awaited<ReturnType<typeof startJava>>) {
    this.#child = new Child('The Java member', process, line => {
      const [what, rest = ''] = line.split(' ')
      if (what === 'handled') this.handled.push(rest)
      if (what === 'owns') this.owns = Number(rest)
      if (what === 'leads') this.led++
    })
  }

  /** Resolves when it owns partitions. */
  static async join(
    brokers: readonly string[],
    topic: string,
    group: string,
    strategy: 'range' | 'cooperative-sticky',
  ): Promise<JavaMember> {
    const member = new JavaMember(
      await startJava('Member', [brokers.join(), topic, group, strategy], { sources: [source] }),
    )
    await until('the Java member owns partitions', () => {
      if (!member.#child.running) throw member.#child.failure('did not join')
      return member.owns > 0
    })
    return member
  }

  /** In good order: what was handled is committed. */
  async leave(): Promise<void> {
    this.#child.endInput()
    await this.#child.ended
  }

  kill(): Promise<void> {
    return this.#child.end('SIGKILL')
  }
}
