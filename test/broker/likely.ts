import type { Random } from '../../src/base/random.ts'
import type { ApiName } from '../../src/protocol/apis.ts'
import { writeBatch } from '../../src/records/batch-writer.ts'
import { COMPRESSIONS } from '../../src/records/record-batch.ts'

type Struct = Record<string, unknown>
type Choose = () => unknown

/** How often a random value is left as it is. */
const wildness = 0.15
/** How many of a kind are remembered from answers. */
const remembered = 10

/**
 * Makes requests with random values likely: names of topics, groups and members that exist, ids and epochs that were answered before,
 * records that are some. So requests get past the checks at the door.
 */
export class Likely {
  readonly #random: Random
  readonly #topicIds: () => readonly string[]
  readonly #now: () => number
  /** What answers gave to members and producers, with the names they have it under. */
  readonly #given = { members: [] as Struct[], producers: [] as Struct[] }
  readonly #fields: Readonly<Record<string, Choose>>

  constructor(random: Random, topicIds: () => readonly string[], now: () => number) {
    this.#random = random
    this.#topicIds = topicIds
    this.#now = now
    this.#fields = this.#choices()
  }

  /** Changes the request in place. */
  request(name: ApiName, body: Struct): void {
    this.#improve(body)
    if (name === 'JoinGroup') body.protocols = [{ name: 'range', metadata: Buffer.from('topics') }]
    // Else there would seldom be any.
    if (name === 'DeleteTopics' && this.#below(10) > 0) Object.assign(body, { topics: [], topicNames: [] })
    if (this.#below(3) === 0) return
    for (const given of [this.#known('members'), this.#known('producers')]) {
      for (const [field, value] of Object.entries(given)) {
        const old = `v3AndBelow${field.charAt(0).toUpperCase()}${field.slice(1)}`
        if (field in body) body[field] = value
        if (old in body) body[old] = value
      }
    }
  }

  /** Remembers what later requests may repeat. */
  answer(name: ApiName, body: Struct, answer: Struct): void {
    const { groupId, transactionalId } = body
    const { memberId, generationId, producerId, producerEpoch } = answer
    if (name === 'JoinGroup' && memberId !== '') {
      const generation = { generationId, generationIdOrMemberEpoch: generationId }
      this.#remember('members', { groupId, memberId, ...(generationId !== -1 && generation) })
    }
    if ((name === 'InitProducerId' || name === 'EndTxn') && producerId !== -1) {
      this.#remember('producers', { transactionalId, producerId, producerEpoch })
    }
  }

  #remember(kind: 'members' | 'producers', given: Struct): void {
    const all = this.#given[kind]
    all[all.length < remembered ? all.length : this.#below(remembered)] = given
  }

  #known(kind: 'members' | 'producers'): Struct {
    return this.#given[kind][this.#below(remembered)] ?? {}
  }

  #improve(body: Struct): void {
    for (const [name, value] of Object.entries(body)) {
      const choose = this.#fields[name]
      if (choose === undefined || this.#random() < wildness) this.#within(value)
      else
        body[name] = Array.isArray(value)
          ? value.map(each => this.#improved(each, choose))
          : this.#improved(value, choose)
    }
  }

  #improved(value: unknown, choose: Choose): unknown {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return choose()
    this.#improve(value as Struct)
    return value
  }

  #within(value: unknown): void {
    if (Array.isArray(value)) for (const each of value) this.#within(each)
    else if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array))
      this.#improve(value as Struct)
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #oneOf<T>(...values: readonly T[]): T {
    return values[this.#below(values.length)] as T
  }

  #records(): Buffer {
    const keys = Array.from({ length: 1 + this.#below(3) }, () => ({ key: `k${this.#below(5)}`, value: 'v' }))
    const compression = this.#oneOf('none', ...COMPRESSIONS)
    const { producerId, producerEpoch } = this.#known('producers') as { producerId?: number; producerEpoch?: number }
    if (producerId === undefined || producerEpoch === undefined || this.#below(2) === 0) {
      return writeBatch(keys, { compression, now: this.#now() })
    }
    const baseSequence = this.#below(4)
    const transactional = this.#below(2) === 0
    return writeBatch(keys, { compression, now: this.#now(), producerId, producerEpoch, baseSequence, transactional })
  }

  #choices(): Record<string, Choose> {
    const topic = () => this.#oneOf('orders', 'orders', 'payments', `topic-${this.#below(30)}`)
    const index = () => this.#below(4)
    const group = () => `group-${this.#below(4)}`
    const transaction = () => this.#oneOf(null, 'till-0', 'till-1', 'till-2')
    const ms = () => this.#oneOf(0, 100, 10_000, 60_000)
    return {
      topic,
      resourceName: topic,
      topicName: topic,
      name: topic,
      topicNames: topic,
      topicId: () => this.#oneOf(...this.#topicIds()),
      partition: index,
      partitionIndex: index,
      index,
      partitions: index,
      partitionIndexes: index,
      groupId: group,
      groups: group,
      groupsNames: group,
      key: group,
      coordinatorKeys: group,
      memberId: () => '',
      groupInstanceId: () => this.#oneOf(null, null, 'static-0', 'static-1'),
      transactionalId: transaction,
      v3AndBelowTransactionalId: transaction,
      protocolType: () => 'consumer',
      protocolName: () => 'range',
      sessionTimeoutMs: () => this.#oneOf(6_000, 30_000),
      rebalanceTimeoutMs: ms,
      timeoutMs: ms,
      transactionTimeoutMs: ms,
      maxWaitMs: ms,
      retentionTimeMs: () => -1,
      acks: () => this.#oneOf(-1, 1, 0),
      records: () => this.#records(),
      keyType: () => this.#oneOf(0, 1),
      resourceType: () => this.#oneOf(2, 4),
      configOperation: index,
      fetchOffset: () => this.#below(30),
      committedOffset: () => this.#below(30),
      committedMetadata: () => 'metadata',
      offset: () => this.#oneOf(-1, this.#below(30)),
      sessionId: () => 0,
      sessionEpoch: () => this.#oneOf(-1, 0),
      minBytes: () => this.#oneOf(0, 1, 1_000),
      maxBytes: () => 1_000_000,
      partitionMaxBytes: () => this.#oneOf(1, 1_000, 1_000_000),
      isolationLevel: () => this.#below(2),
      currentLeaderEpoch: () => this.#oneOf(-1, 0, 1),
      leaderEpoch: () => this.#oneOf(0, 1),
      lastFetchedEpoch: () => -1,
      timestamp: () => this.#oneOf(-1, -2, -3, this.#now() - this.#below(100_000)),
      numPartitions: () => this.#oneOf(-1, 1, 3),
      replicationFactor: () => this.#oneOf(-1, 1),
      count: () => 1 + this.#below(6),
      value: () => this.#oneOf('1000', 'compact', 'delete', null),
      clientSoftwareName: () => 'fuzz',
      clientSoftwareVersion: () => '1.0',
    }
  }
}
