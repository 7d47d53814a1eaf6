import { availableParallelism } from 'node:os'
import { exponential } from '../base/backoff.ts'
import { clientAccess } from '../client/access-options.ts'
import type { LowLevelClient } from '../client/low-level-client.ts'
import { NativeClient } from '../client/native-client.ts'
import { type CommitEvents, CommitLoop } from '../offsets/commit-loop.ts'
import { KafkaOffsetStorage } from '../offsets/kafka-storage.ts'
import type { GroupMembership } from '../offsets/membership.ts'
import type { OffsetStorage } from '../offsets/storage.ts'
import type { ConsumerCoordinator } from '../ownership/coordinator.ts'
import type { GroupClient } from '../ownership/group/group-client.ts'
import { GroupCoordinator } from '../ownership/group/group-coordinator.ts'
import { StaticCoordinator } from '../ownership/static-coordinator.ts'
import { ThreadPool } from '../threads/pool.ts'
import { Breaker } from './breaker.ts'
import type { Claims } from './claims.ts'
import { observedStorage } from './observed.ts'
import type { OutputParts } from './outputs.ts'
import type { EngineParts } from './parts.ts'
import { outputProducer, ownId, type TransactionEvents, Transactions } from './transactions.ts'

/** A day. */
const RECOMMIT_MS = 86_400_000

/** Whether this process is to be a member of its group. */
function joins({ options, subscription }: EngineParts): boolean {
  return options.group !== null && !subscription.namesPartitions
}

/** Null when nothing needs it: another client fetches, and no group of Kafka's is involved. */
export function nativeClient(parts: EngineParts): NativeClient | null {
  const { options, clock, random, logger, tell } = parts
  if (options.client instanceof NativeClient) return options.client
  const grouped = joins(parts) || (options.group !== null && options.offsets.storage === null)
  if (options.client !== null && (parts.groupClient !== null || !grouped)) return null
  return new NativeClient({
    ...clientAccess(options),
    logger,
    clock,
    random,
    events: { reconnecting: event => tell('reconnecting', event) },
  })
}

/** Who decides what is owned: a group, or the routes. */
export function coordinator(
  parts: EngineParts,
  client: LowLevelClient,
  groupClient: GroupClient | null,
): ConsumerCoordinator {
  const { options, subscription, clock, random, logger } = parts
  const { group, ownership, rack } = options
  const { missingTopics, refreshMs } = ownership
  const backoff = exponential(250, 5_000)
  const watch = { client, clock, random, logger, subscription, missingTopics, refreshMs, backoff }
  if (group === null || groupClient === null || !joins(parts)) return new StaticCoordinator(watch)
  return new GroupCoordinator({
    ...watch,
    groupClient,
    options: { ...ownership, group, rack },
    joinBackoff: exponential(100, 5_000),
  })
}

/** As whom offsets are committed; null: nobody joins a group. */
export function membershipOf(ownership: ConsumerCoordinator): GroupMembership | null {
  if (!(ownership instanceof GroupCoordinator)) return null
  return {
    get current() {
      return ownership.membership.current
    },
    refused: (identity, errorCode) => ownership.refused(identity, errorCode),
  }
}

/** Where offsets are kept; null without a group. `signal` ends its waits. */
export function offsetStorage(
  { options: { group, offsets }, clock, random, logger }: EngineParts,
  client: GroupClient | null,
  membership: GroupMembership | null,
  signal: AbortSignal,
): OffsetStorage | null {
  if (group === null || client === null) return offsets.storage
  return offsets.storage ?? new KafkaOffsetStorage({ client, group, membership, clock, random, logger, signal })
}

/** Null without the option. */
export function transactions(
  parts: EngineParts,
  client: NativeClient | null,
  membership: GroupMembership | null,
  claims: Claims,
  events: Pick<TransactionEvents, 'again' | 'roomAgain' | 'metadataTooLarge'>,
): Transactions | null {
  const { options, clock, random, logger, tell, fatal } = parts
  const { transaction } = options.work
  const { group, brokers } = options
  if (transaction === null || group === null) return null
  const id = transaction.id ?? ownId(group)
  const producer = () => {
    // Options are checked for it.
    return outputProducer(transaction, id, { client: client as NativeClient, brokers, clock, random, logger })
  }
  return new Transactions({
    id,
    makeProducer: parts.outputProducer ?? producer,
    ownId: transaction.id === null,
    group,
    membership,
    claims,
    clock,
    random,
    logger,
    events: { ...events, aborted: event => tell('transaction-aborted', event), fatal },
  })
}

/** What handlers need to send; null: they do not. */
export function outputParts(transactions: Transactions | null, parts: EngineParts): OutputParts | null {
  const { clock, options } = parts
  if (transactions === null || options.work.transaction === null) return null
  return {
    wallTime: () => clock.wallTime(),
    maxRequestBytes: options.work.transaction.maxRequestBytes,
    attach: (message, outputs) => transactions.attach(message, outputs),
  }
}

/** What commits; null without a storage. */
export function commitLoop(
  { options, observation, clock, random, logger, fatal }: EngineParts,
  storage: OffsetStorage | null,
  transactions: Transactions | null,
  events: Omit<CommitEvents, 'fatal'>,
): CommitLoop | null {
  if (storage === null) return null
  const { commitIntervalMs, maxCommitAgeMs } = options.offsets
  const transacted = transactions && {
    load: storage.load.bind(storage),
    commit: transactions.commit.bind(transactions),
  }
  return new CommitLoop({
    storage: observedStorage(transacted ?? storage, observation),
    clock,
    random,
    logger,
    options: {
      commitIntervalMs: options.work.transaction?.intervalMs ?? commitIntervalMs,
      maxCommitAgeMs,
      recommitMs: RECOMMIT_MS,
      backoff: exponential(250, 5_000),
      together: transacted !== null,
    },
    events: { ...events, fatal },
  })
}

/** The threads of handlers; null: no route has its handler in one. */
export function threadPool({ options, routes, clock, logger, fatal }: EngineParts): ThreadPool | null {
  if (!routes.some(({ threaded }) => threaded)) return null
  const { concurrency, threads } = options.work
  const size = threads ?? Math.max(1, Math.min(concurrency, availableParallelism() - 1))
  return new ThreadPool({ size, clock, logger, fatal })
}

/** Null without the option. `changed`: more may be started, or less. */
export function breaker(
  { options: { work }, clock, logger, fatal, tell }: EngineParts,
  wallTime: (at: number) => number,
  changed: () => void,
): Breaker | null {
  if (work.breaker === null) return null
  return new Breaker({
    options: work.breaker,
    clock,
    logger,
    fatal,
    wallTime,
    changed: state => {
      tell('circuit', state)
      changed()
    },
  })
}
