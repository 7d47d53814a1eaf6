import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { exponential } from '../../src/base/backoff.ts'
import { systemClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import { Broker, type FaultAction } from '../../src/broker/index.ts'
import { NativeClient } from '../../src/client/native-client.ts'
import type { Delivery, DeliveryError } from '../../src/producer/delivery.ts'
import { Producer } from '../../src/producer/producer.ts'
import { openBatch } from '../../src/records/open-batch.ts'

import { inLanes } from './lanes.ts'

const topic = 'orders'
const partitions = 3
const nodes = 3
const silent = new StderrLogger('silent', systemClock)

export interface ScheduleReport {
  readonly sent: number
  readonly delivered: number
  /** By what is said of it. */
  readonly refused: number
  readonly unsure: number
}

/**
 * One random story: messages are sent in bursts while answers to Produce are errors, late, cut short or lost, before the broker applied
 * the batch or after, leaders move and nodes stop. Then what each promise said is held against the logs.
 */
async function runSchedule(seed: number, host: string): Promise<ScheduleReport> {
  const random = seededRandom(seed)
  const upTo = (most: number) => Math.floor(random() * (most + 1))
  await using broker = await Broker.start({ host, nodes, topics: { [topic]: partitions } })
  const producer = new Producer(
    {
      brokers: broker.brokers,
      logger: silent,
      requestTimeoutMs: 60 + upTo(60),
      deliveryTimeoutMs: random() < 0.5 ? 150 + upTo(200) : 2_000,
      batchBytes: 100 + upTo(400),
      lingerMs: random() < 0.7 ? 0 : upTo(5),
      maxInFlight: 1 + upTo(4),
      reconnect: { minMs: 1, maxMs: 10 },
    },
    { random, backoff: exponential(1, 10) },
  )
  const results: Promise<{ partition: number; value: number; result: Delivery | DeliveryError }>[] = []
  let stopped = 0
  for (let burst = 0, value = 0; burst < 6; burst++) {
    using _ = broker.fault({ api: 'Produce', skip: upTo(3), count: 1 + upTo(4), action: harm() })
    for (let n = 1 + upTo(12); n > 0; n--, value++) {
      const partition = value % partitions
      const sent = producer.send({ topic, partition, value: String(value) })
      const told = { partition, value }
      results.push(
        sent.then(
          result => ({ ...told, result }),
          result => ({ ...told, result }),
        ),
      )
    }
    if (random() < 0.2) await broker.moveLeader(topic, upTo(partitions - 1))
    if (random() < 0.1 && stopped === 0) {
      stopped = 1 + upTo(nodes - 1)
      await broker.stopNode(stopped)
    }
    await delay(upTo(15))
    if (stopped > 0 && random() < 0.5) {
      await broker.startNode(stopped)
      stopped = 0
    }
  }
  if (stopped > 0) await broker.startNode(stopped)
  await producer.flush()
  await producer.close()
  return judge(await Promise.all(results), await readLogs(broker))

  function harm(): FaultAction {
    const errors = [
      'NOT_LEADER_OR_FOLLOWER',
      'NOT_ENOUGH_REPLICAS',
      'REQUEST_TIMED_OUT',
      'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
      'KAFKA_STORAGE_ERROR',
      'INVALID_RECORD',
    ] as const
    const kind = upTo(5)
    if (kind === 0) return { drop: 'before' }
    if (kind === 1) return { drop: 'after' }
    if (kind === 2) return { delayMs: upTo(150) }
    if (kind === 3) return { noReply: true }
    if (kind === 4) return { truncate: upTo(30) }
    return { error: errors[upTo(errors.length - 1)] as (typeof errors)[number] }
  }
}

function judge(
  results: readonly { partition: number; value: number; result: Delivery | DeliveryError }[],
  logs: readonly (readonly number[])[],
): ScheduleReport {
  let [delivered, refused, unsure] = [0, 0, 0]
  for (const { partition, value, result } of results) {
    const log = logs[partition] ?? []
    const times = log.filter(each => each === value).length
    if (!(result instanceof Error)) {
      delivered++
      assert.equal(times, 1, `message ${value} was delivered and is ${times} times in the log`)
      if (result.offset >= 0) assert.equal(log[result.offset], value, `message ${value} is not at its offset`)
    } else if (result.written === 'no') {
      refused++
      assert.equal(times, 0, `message ${value} is in the log, and was told not to be: ${result.message}`)
    } else {
      unsure++
      assert.ok(times <= 1, `message ${value} is ${times} times in the log`)
    }
  }
  for (const [partition, log] of logs.entries()) {
    assert.deepEqual(
      log,
      log.toSorted((a, b) => a - b),
      `partition ${partition} is out of order`,
    )
  }
  return { sent: results.length, delivered, refused, unsure }
}

/** The values of each partition. */
async function readLogs(broker: Broker): Promise<number[][]> {
  const client = new NativeClient({ brokers: broker.brokers, logger: silent })
  try {
    const logs: number[][] = []
    for (let partition = 0; partition < partitions; partition++) {
      const log: number[] = []
      const nodeId = await broker.leader(topic, partition)
      await client.metadata([topic])
      const answer = await client.fetch({
        nodeId,
        connection: 0,
        maxWaitMs: 0,
        minBytes: 0,
        maxBytes: 1 << 24,
        isolation: 'read_uncommitted',
        partitions: [{ topic, partition, offset: 0, leaderEpoch: -1, maxBytes: 1 << 24 }],
      })
      for (const { batches, error, highWatermark } of answer.partitions) {
        assert.equal(error, null)
        for (const batch of batches) {
          const open = await openBatch(batch, { topic, partition, highWatermark, maxInflatedBytes: 1 << 20 })
          for (let message = open.next(); message !== null; message = open.next()) log.push(Number(message.value))
        }
        assert.equal(log.length, highWatermark)
      }
      logs.push(log)
    }
    return logs
  } finally {
    await client.close()
  }
}

/** The stories of all these seeds, together. */
export async function runSchedules(seed: number, stories: number): Promise<ScheduleReport> {
  const total = { sent: 0, delivered: 0, refused: 0, unsure: 0 }
  await inLanes(seed, stories, async (each, host) => {
    const report = await runSchedule(each, host)
    for (const what of Object.keys(total) as (keyof ScheduleReport)[]) total[what] += report[what]
  })
  return total
}
