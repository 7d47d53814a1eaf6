import assert from 'node:assert/strict'
import { ConnectionError } from '../../src/base/errors.ts'
import { ProducerBatch } from '../../src/producer/batch.ts'
import type { Delivery, DeliveryError } from '../../src/producer/delivery.ts'
import type { Identity, IdentitySource } from '../../src/producer/identity.ts'
import { Outgoing } from '../../src/producer/outgoing.ts'
import { type Outcome, PartitionQueue } from '../../src/producer/partition-queue.ts'
import { type ErrorName, errorCodes, KafkaError } from '../../src/protocol/error-codes.ts'
import { OpenRecordBatch } from '../../src/records/open-record-batch.ts'
import { HEADER_BYTES, RecordBatch } from '../../src/records/record-batch.ts'
import { ModelPartition } from './model-partition.ts'

const plain = { compression: 'none', level: undefined } as const

class Keeper implements IdentitySource {
  current: Identity = { producerId: 7, epoch: 0 }
  renew(from: Identity): void {
    if (this.current === from) this.current = { producerId: 7, epoch: from.epoch + 1 }
  }
}

/** One partition with a leader, and a queue of batches for it that a test moves step by step. */
export class Scene {
  readonly keeper = new Keeper()
  readonly queue: PartitionQueue
  readonly leader = new ModelPartition()
  /** What became of each message. */
  readonly told = new Map<string, Delivery | DeliveryError>()
  now = 0

  /** Default: an idempotent producer's. */
  constructor(queue?: PartitionQueue) {
    this.queue = queue ?? new PartitionQueue('orders', 0, this.keeper, { acks: -1, maxInFlight: 5 })
  }

  /** A batch with these messages, to be tried for a second. */
  add(...values: string[]): ProducerBatch {
    const batch = new ProducerBatch('orders', 0, this.now, this.now + 1_000, 64)
    const tell = (at: number, result: Delivery | DeliveryError) => {
      const value = values[at] as string
      assert.ok(!this.told.has(value), `${value} was told twice`)
      this.told.set(value, result)
    }
    for (const [at, value] of values.entries()) {
      const fields = { topic: 'orders', key: null, value, headers: undefined, timestamp: 0, partition: 0 }
      const message = new Outgoing(fields, { delivered: tell, failed: tell }, at)
      message.value = value
      batch.add(message, Number.POSITIVE_INFINITY)
    }
    this.queue.add(batch)
    return batch
  }

  take(): ProducerBatch {
    assert.ok(this.queue.canTake(this.now), 'nothing may be taken')
    return this.queue.take()
  }

  /** What is sent of it now. */
  request(batch: ProducerBatch): Request {
    return { batch, bytes: new RecordBatch(Buffer.from(batch.bytes(plain, false))) }
  }

  /** The leader gets it, and answers. */
  apply({ bytes }: Request): Outcome {
    const made = this.leader.append(bytes, valuesIn(bytes))
    return 'code' in made ? refusedBy(made.code) : { error: null, baseOffset: made.baseOffset, logAppendTime: -1 }
  }

  /** Whether that settled it. */
  answered(batch: ProducerBatch, outcome: Outcome): boolean {
    return this.queue.answered(batch, outcome, this.now) === 'over'
  }

  /** Sends what may be sent, and the leader answers in good order, until nothing is left. */
  settle(): void {
    for (let rounds = 0; !this.queue.isEmpty; rounds++) {
      assert.ok(rounds < 100, 'the queue does not come to an end')
      const batch = this.take()
      this.answered(batch, this.apply(this.request(batch)))
    }
  }
}

function valuesIn(bytes: RecordBatch): string[] {
  const place = { topic: 'orders', partition: 0, maxInflatedBytes: 1 << 20, highWatermark: -1 }
  const open = new OpenRecordBatch(bytes, bytes.buffer.subarray(HEADER_BYTES), place)
  const values: string[] = []
  for (let message = open.next(); message !== null; message = open.next()) values.push(String(message.value))
  return values
}

export interface Request {
  readonly batch: ProducerBatch
  readonly bytes: RecordBatch
}

/** The connection broke while the request was on its way. */
export const lost: Outcome = { error: new ConnectionError('lost'), sent: true }
/** There was no connection to send it over. */
export const unsent: Outcome = { error: new ConnectionError('not sent'), sent: false }

function refusedBy(code: number): Outcome {
  return { error: new KafkaError(code, 'writing'), sent: true }
}

export function refused(name: ErrorName): Outcome {
  return refusedBy(errorCodes[name])
}
