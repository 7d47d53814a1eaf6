import type { Requests, Responses } from '../../../src/protocol/messages.ts'
import type { Encodable } from '../../../src/protocol/shapes.ts'
import { writeBatch } from '../../../src/records/batch-writer.ts'
import type { AskOptions, Probe, ProbeTopic } from '../probe.ts'

type ProducerId = Responses['InitProducerId']['producerId']

/** Kafka ends transactions in the background, and refuses the next one until it has. */
const concurrent = 51

/**
 * A transactional producer, in the versions that belong to a version of EndTxn: 5 is the first one of transaction version 2, in which
 * partitions are added by Produce and the epoch grows with each end (KIP-890).
 */
export class TransactionSession {
  readonly id: string
  producerId: ProducerId = -1
  epoch = -1
  readonly #probe: Probe
  readonly #version: number
  #sequence = 0

  constructor(probe: Probe, version: number, id = probe.named('transaction')) {
    this.#probe = probe
    this.#version = version
    this.id = id
  }

  get #who() {
    return { transactionalId: this.id, producerId: this.producerId, producerEpoch: this.epoch }
  }

  async init(step: string, more: Encodable<Requests['InitProducerId']> = {}): Promise<Responses['InitProducerId']> {
    const body = { transactionalId: this.id, transactionTimeoutMs: 60_000, ...more }
    const until = ({ errorCode }: Responses['InitProducerId']) => errorCode !== concurrent
    const answer = await this.#probe.ask(step, 'InitProducerId', this.#version, body, { until })
    if (answer.errorCode === 0) this.#become(answer)
    return answer
  }

  #become({ producerId, producerEpoch }: { producerId: ProducerId; producerEpoch: number }): void {
    this.producerId = producerId
    this.epoch = producerEpoch
    this.#sequence = 0
  }

  /** Version 4 and later are among brokers only. */
  add(step: string, topic: string, partition = 0, more: Encodable<Requests['AddPartitionsToTxn']> = {}) {
    const body = {
      v3AndBelowTransactionalId: this.id,
      v3AndBelowProducerId: this.producerId,
      v3AndBelowProducerEpoch: this.epoch,
      v3AndBelowTopics: [{ name: topic, partitions: [partition] }],
    }
    const until = ({ resultsByTopicV3AndBelow }: Responses['AddPartitionsToTxn']) =>
      resultsByTopicV3AndBelow[0]?.resultsByPartition[0]?.partitionErrorCode !== concurrent
    return this.#probe.ask(step, 'AddPartitionsToTxn', Math.min(this.#version, 3), { ...body, ...more }, { until })
  }

  addOffsets(step: string, groupId: string, more: Encodable<Requests['AddOffsetsToTxn']> = {}) {
    const until = ({ errorCode }: Responses['AddOffsetsToTxn']) => errorCode !== concurrent
    const body = { ...this.#who, groupId, ...more }
    return this.#probe.ask(step, 'AddOffsetsToTxn', Math.min(this.#version, 4), body, { until })
  }

  commitOffsets(
    step: string,
    groupId: string,
    topic: string,
    committedOffset: number,
    more: object = {},
    options: AskOptions<'TxnOffsetCommit'> = {},
  ) {
    const topics = [{ name: topic, partitions: [{ partitionIndex: 0, committedOffset, committedMetadata: 'm' }] }]
    const until = ({ topics }: Responses['TxnOffsetCommit']) => topics[0]?.partitions[0]?.errorCode !== concurrent
    const body = { ...this.#who, groupId, topics, ...more }
    return this.#probe.ask(step, 'TxnOffsetCommit', this.#version, body, { until, ...options })
  }

  /** Two records; the sequence goes on when they were taken. */
  async produce(step: string, { name, id }: ProbeTopic, more: { epoch?: number; producerId?: ProducerId } = {}) {
    // Of now: beside a marker of now, those of long ago would be in a segment of their own, which Kafka reads alone.
    const records = writeBatch([{ value: 'a' }, { value: 'b' }], {
      producerId: more.producerId ?? this.producerId,
      producerEpoch: more.epoch ?? this.epoch,
      baseSequence: this.#sequence,
      transactional: true,
    })
    const topicData = [{ name, topicId: id, partitionData: [{ index: 0, records }] }]
    const body = { transactionalId: this.id, acks: -1, timeoutMs: 5_000, topicData }
    const version = this.#version < 5 ? 11 : 13
    const until = ({ responses }: Responses['Produce']) => responses[0]?.partitionResponses[0]?.errorCode !== concurrent
    const answer = await this.#probe.ask(step, 'Produce', version, body, { until })
    if (answer.responses[0]?.partitionResponses[0]?.errorCode === 0) this.#sequence += 2
    return answer
  }

  async end(step: string, committed: boolean, more: Encodable<Requests['EndTxn']> = {}): Promise<Responses['EndTxn']> {
    const until = ({ errorCode }: Responses['EndTxn']) => errorCode !== concurrent
    const body = { ...this.#who, committed, ...more }
    const answer = await this.#probe.ask(step, 'EndTxn', this.#version, body, { until })
    if (answer.errorCode === 0 && this.#version >= 5 && Object.keys(more).length === 0) this.#become(answer)
    return answer
  }
}
