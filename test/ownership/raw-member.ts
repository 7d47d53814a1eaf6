import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { NativeClient, systemClock, type TopicPartition } from '../../src/index.ts'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../src/ownership/consumer-protocol.ts'
import { errorCodes } from '../../src/protocol/error-codes.ts'

const protocolType = 'consumer'
const joinConnection = 1

/** A member that does just what a test tells it to: it joins, shares out and leaves by single requests, and sends no heartbeats. */
export class RawMember implements AsyncDisposable {
  memberId = ''
  generation = -1
  /** Members of the generation by their ids, with the topics that they said; empty when another member leads. */
  readonly others = new Map<string, readonly string[]>()
  readonly #client: NativeClient
  readonly #group: string
  readonly #topics: readonly string[]
  readonly #strategy: string

  constructor(brokers: readonly string[], group: string, topics: readonly string[], strategy = 'cooperative-sticky') {
    this.#client = new NativeClient({
      brokers,
      clientId: 'raw',
      requestTimeoutMs: 20_000,
      logger: new StderrLogger('silent', systemClock),
    })
    this.#group = group
    this.#topics = topics
    this.#strategy = strategy
  }

  /** Resolves when all members have joined. */
  async join(owned: readonly TopicPartition[] = []): Promise<void> {
    const subscription = { topics: this.#topics, owned, generation: this.generation, rack: null, userData: null }
    const protocols = [{ name: this.#strategy, metadata: encodeSubscription(subscription) }]
    for (;;) {
      const { memberId } = this
      const times = { sessionTimeoutMs: 20_000, rebalanceTimeoutMs: 20_000 }
      const body = { groupId: this.#group, ...times, memberId, protocolType, protocols }
      const answer = await this.#client.send({ group: this.#group, connection: joinConnection }, 'JoinGroup', body)
      this.memberId = answer.memberId
      if (answer.errorCode === errorCodes.MEMBER_ID_REQUIRED) continue
      if (answer.errorCode !== errorCodes.NONE) throw new Error(`JoinGroup was answered ${answer.errorCode}`)
      this.generation = answer.generationId
      this.others.clear()
      for (const { memberId, metadata } of answer.members) {
        if (memberId !== this.memberId) this.others.set(memberId, decodeSubscription(metadata).topics)
      }
      return
    }
  }

  /** Resolves to what it gets. As leader it gives these partitions to the one other member. */
  async sync(given: readonly TopicPartition[] = []): Promise<readonly TopicPartition[]> {
    const assignments = [...this.others.keys()].map(memberId => ({ memberId, assignment: encodeAssignment(given) }))
    const answer = await this.#client.send({ group: this.#group, connection: joinConnection }, 'SyncGroup', {
      groupId: this.#group,
      generationId: this.generation,
      memberId: this.memberId,
      protocolType,
      protocolName: this.#strategy,
      assignments,
    })
    if (answer.errorCode !== errorCodes.NONE) throw new Error(`SyncGroup was answered ${answer.errorCode}`)
    return answer.assignment.length === 0 ? [] : decodeAssignment(answer.assignment).partitions
  }

  /** Puts a member out of the group. */
  async dismiss(memberId: string): Promise<void> {
    const body = { groupId: this.#group, members: [{ memberId }] }
    await this.#client.send({ group: this.#group }, 'LeaveGroup', body)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close()
  }
}
