import { randomUUID } from 'node:crypto'
import { type ApiName, api } from '../../src/protocol/apis.ts'
import { kafkaError } from '../../src/protocol/error-codes.ts'
import { decodeResponse } from '../../src/protocol/frame.ts'
import type { Requests, Responses } from '../../src/protocol/messages.ts'
import type { Encodable } from '../../src/protocol/shapes.ts'
import { type BatchOptions, type RecordInput, writeBatch } from '../../src/records/batch-writer.ts'
import { crc32c } from '../../src/records/crc32c.ts'
import type { TestMessage, Transaction, WriteOptions, Written } from '../cluster.ts'
import { RawConnection, requestFrame } from './raw-connection.ts'

interface Began {
  /** Where it is coordinated. */
  readonly node: number
  readonly producerId: number | bigint
  readonly producerEpoch: number
}

/** Writes to a broker as tests want it, by raw requests: nothing that is under test is between the test and the log. */
export class TestProducer {
  readonly #brokers: readonly string[]

  constructor(brokers: readonly string[]) {
    this.#brokers = brokers
  }

  write(topic: string, messages: readonly TestMessage[], options: WriteOptions): Promise<readonly Written[]> {
    return this.#write(topic, messages, options)
  }

  /** The second version of transactions (KIP-890): Produce adds partitions by itself. */
  transaction(options: WriteOptions): Transaction {
    const transactionalId = `test-${randomUUID()}`
    const sequences = new Map<string, number>()
    let began: Promise<Began> | undefined
    const end = async (committed: boolean) => {
      if (began === undefined) return
      const { node, producerId, producerEpoch } = await began
      const body = { transactionalId, producerId, producerEpoch, committed }
      refuse((await this.#ask(node, 'EndTxn', body)).errorCode, 'end of a transaction')
    }
    return {
      write: async (topic, messages) => {
        began ??= this.#begin(transactionalId)
        const { producerId, producerEpoch } = await began
        const transactional = (partition: number, count: number) => {
          const baseSequence = sequences.get(`${topic} ${partition}`) ?? 0
          sequences.set(`${topic} ${partition}`, baseSequence + count)
          return { transactional: true, producerId, producerEpoch, baseSequence }
        }
        return this.#write(topic, messages, options, transactionalId, transactional)
      },
      commit: () => end(true),
      abort: () => end(false),
    }
  }

  async #begin(transactionalId: string): Promise<Began> {
    const asked = { keyType: 1, coordinatorKeys: [transactionalId] }
    const node = (await this.#askAny('FindCoordinator', asked)).coordinators[0]?.nodeId ?? -1
    const body = { transactionalId, transactionTimeoutMs: 60_000 }
    const { errorCode, producerId, producerEpoch } = await this.#ask(node, 'InitProducerId', body)
    refuse(errorCode, 'begin of a transaction')
    return { node, producerId, producerEpoch }
  }

  async #write(
    topic: string,
    messages: readonly TestMessage[],
    { compression = 'none' }: WriteOptions,
    transactionalId: string | null = null,
    batchOptions: (partition: number, count: number) => BatchOptions = () => ({}),
  ): Promise<readonly Written[]> {
    const { topicId, partitions } = await this.topic(topic)
    const places = spread(messages, partitions.length)
    const offsets = new Map<number, number>()
    const write = async (index: number, leader: number) => {
      const own = messages.filter((_, at) => places[at] === index).map(recordOf)
      if (own.length === 0) return
      const records = writeBatch(own, { compression, ...batchOptions(index, own.length) })
      const topicData = [{ name: topic, topicId, partitionData: [{ index, records }] }]
      const body = { transactionalId, acks: -1, timeoutMs: 10_000, topicData }
      const answer = (await this.#ask(leader, 'Produce', body)).responses[0]?.partitionResponses[0]
      refuse(answer?.errorCode ?? -1, `write to ${topic} [${index}]`)
      offsets.set(index, answer?.baseOffset ?? -1)
    }
    await Promise.all(partitions.map(({ partitionIndex, leaderId }) => write(partitionIndex, leaderId)))
    return places.map(partition => {
      const offset = offsets.get(partition) ?? -1
      offsets.set(partition, offset + 1)
      return { partition, offset }
    })
  }

  /** What any node tells of a topic; an error when it is none. */
  async topic(name: string): Promise<Responses['Metadata']['topics'][number]> {
    const [topic] = (await this.#askAny('Metadata', { topics: [{ name }] })).topics
    refuse(topic?.errorCode ?? -1, `metadata of ${name}`)
    return topic as NonNullable<typeof topic>
  }

  /** Asks whichever node runs. */
  async #askAny<N extends ApiName>(name: N, body: Encodable<Requests[N]>): Promise<Responses[N]> {
    for (const node of this.#brokers.keys()) {
      const answer = await this.#ask(node + 1, name, body).catch(() => null)
      if (answer !== null) return answer
    }
    throw new Error(`No node answers ${name}: of ${this.#brokers.length} none runs.`)
  }

  async #ask<N extends ApiName>(node: number, name: N, body: Encodable<Requests[N]>): Promise<Responses[N]> {
    // A connection that is kept would be one to the node before it was killed.
    using connection = await RawConnection.to(this.#brokers[node - 1] ?? `no address of node ${node}`)
    const version = api(name).maxVersion
    const frame = await connection.exchange(requestFrame(name, version, body))
    if (frame === null) throw new Error(`Node ${node} closed the connection instead of answering ${name}.`)
    return decodeResponse(name, version, frame)
  }
}

function refuse(errorCode: number, doing: string): void {
  const error = kafkaError(errorCode, doing)
  if (error !== null) throw error
}

/** The partition of each message: its own, that of its key, or the next one in turn. */
function spread(messages: readonly TestMessage[], partitions: number): number[] {
  let turn = 0
  return messages.map(({ partition, key }) => {
    if (partition !== undefined) return partition
    return (key == null ? turn++ : crc32c(Buffer.from(key as string))) % partitions
  })
}

function recordOf({ key, value, headers = [], timestamp }: TestMessage): RecordInput {
  const bytes = (given: string | Uint8Array | null | undefined) =>
    given instanceof Uint8Array ? Buffer.from(given) : (given ?? null)
  return { key: bytes(key), value: bytes(value), headers: headers.map(([n, v]) => [n, bytes(v)] as const), timestamp }
}
