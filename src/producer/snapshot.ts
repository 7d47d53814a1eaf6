import type { Clock } from '../base/clock.ts'
import { comparePlaces } from '../base/topic-partition.ts'
import { NativeClient } from '../client/native-client.ts'
import type { Engine } from './engine.ts'
import type { ResolvedProducer } from './options.ts'
import type { Outgoing } from './outgoing.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { ProducerPartitionState, ProducerState, TransactionState, WaitingState } from './state.ts'
import type { Transactions } from './transactions.ts'

/** Ms since 1970, of a time by the clock's `now`. */
type WallTime = (time: number) => number

/** What `Producer.state()` answers. */
export function snapshot(
  options: ResolvedProducer,
  status: ProducerState['status'],
  engine: Engine,
  clock: Clock,
): ProducerState {
  const behind = clock.wallTime() - clock.now()
  const wallTime: WallTime = time => Math.round(behind + time)
  const { accumulator, sender, ledger, client, transactions } = engine
  const identity = transactions?.identity ?? engine.keeper?.known ?? null
  return {
    status,
    clientId: options.clientId,
    delivered: ledger.delivered,
    failed: ledger.failed.total,
    lastFailure: ledger.lastFailure,
    buffer: {
      bytes: accumulator.bytes,
      limit: options.bufferBytes,
      fullSince: accumulator.fullSince === null ? null : wallTime(accumulator.fullSince),
    },
    waiting: [...accumulator.lines].flatMap(([topic, { length, head }]) => {
      if (head === undefined) return []
      return [waitingState(engine, topic, length, head, wallTime(head.deadline - options.deliveryTimeoutMs))]
    }),
    partitions: [...sender.active].flatMap(queue => partitionState(engine, queue, wallTime) ?? []).sort(comparePlaces),
    requests: [...sender.inFlight]
      .filter(([, inFlight]) => inFlight > 0)
      .map(([nodeId, inFlight]) => ({ nodeId, inFlight })),
    identity: identity === null ? null : { producerId: String(identity.producerId), epoch: identity.epoch },
    transaction: transactions === null ? null : transactionState(transactions),
    connections: client instanceof NativeClient ? client.state() : null,
  }
}

function waitingState(
  { topics }: Engine,
  topic: string,
  messages: number,
  first: Outgoing,
  since: number,
): WaitingState {
  const unknown = topics.known(topic) === null
  const reason = first.encoding ? 'serde' : unknown ? 'topic' : 'room'
  return { topic, messages, for: reason, since, cause: unknown ? (topics.error(topic)?.message ?? null) : null }
}

function partitionState({ topics }: Engine, queue: PartitionQueue, wallTime: WallTime): ProducerPartitionState | null {
  const { topic, partition, all, waiting } = queue
  const [first] = all
  if (first === undefined) return null
  return {
    topic,
    partition,
    leader: topics.known(topic)?.partitions[partition]?.leader ?? -1,
    messages: all.reduce((sum, batch) => sum + batch.count, 0),
    bytes: all.reduce((sum, batch) => sum + batch.length, 0),
    waiting: waiting.length,
    underWay: all.length - waiting.length,
    since: wallTime(first.createdAt),
    attempts: first.attempts,
    cause: first.cause?.message ?? null,
  }
}

function transactionState({ transactionalId, isOpen, broken, fenced }: Transactions): TransactionState {
  if (fenced !== null) return { transactionalId, status: 'fenced', cause: fenced.message }
  if (!isOpen) return { transactionalId, status: 'none', cause: null }
  return { transactionalId, status: broken === null ? 'open' : 'broken', cause: broken?.message ?? null }
}
