import type { Backoff } from '../base/backoff.ts'
import { type Clock, sleep } from '../base/clock.ts'
import { MillraceError, toError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { TopicPartition } from '../base/topic-partition.ts'
import { software } from '../client/dial.ts'
import type { NativeClient, SendOptions } from '../client/native-client.ts'
import { errorCodes, isCoordinatorError, KafkaError, kafkaError } from '../protocol/error-codes.ts'
import type { Identity } from './identity.ts'

/** An offset that is committed with a transaction: the next one to read. */
export interface TransactionOffset extends TopicPartition {
  readonly offset: number
  /** Of the message before it; default -1, not known (KIP-320). */
  readonly leaderEpoch?: number
  readonly metadata?: string
}

/**
 * The group whose offsets they are, and as which member of it (KIP-447): `consumer.state().ownership.membership` is one. A member that is
 * none any more is refused. Without `memberId` and `generation` nobody is, as for offsets that no group of consumers shares.
 */
export interface TransactionGroup {
  readonly group: string
  readonly memberId?: string
  readonly generation?: number
  readonly instanceId?: string | null
}

export interface TransactionCallsParts {
  readonly client: NativeClient
  readonly transactionalId: string
  readonly clock: Clock
  readonly random: Random
  readonly backoff: Backoff
  readonly requestTimeoutMs: number
  /** Ends everything. */
  readonly signal: AbortSignal
}

/** How long a call is tried. */
export interface Deadline {
  /** By the clock's `now`. */
  readonly at: number
  /** Nobody needs it any more. */
  readonly isOver?: () => boolean
}

/** How an attempt to end a transaction ended. */
export type Ended =
  /** `identity`: as whom the next one is written. */
  | { readonly result: 'done'; readonly identity: Identity; readonly error?: never }
  /** It surely did not end so. */
  | { readonly result: 'refused'; readonly error: Error }
  /** Nobody said. */
  | { readonly result: 'unclear'; readonly error: Error }

/** The coordinator writes the end of the one before; soon it is through. */
const CONCURRENT_WAIT_MS = 20
/** The feature's level from which on partitions are added by being written to, and each transaction has an epoch of its own (KIP-890). */
const LEVEL_THAT_ADDS = 2

/** What a transactional producer asks of coordinators: again while it passes, until a deadline (KIP-98, KIP-360, KIP-890). */
export class TransactionCalls {
  readonly #parts: TransactionCallsParts

  constructor(parts: TransactionCallsParts) {
    this.#parts = parts
  }

  /** Ends whatever an earlier producer of the same id left open, and fences it. `from`: a new epoch of this one's own. */
  async init(from: Identity | null, timeoutMs: number, deadline: Deadline): Promise<Identity> {
    const { transactionalId } = this.#parts
    const own = from === null ? {} : { producerId: from.producerId, producerEpoch: from.epoch }
    const body = { transactionalId, transactionTimeoutMs: timeoutMs, ...own }
    const versions = from === null ? {} : { minVersion: 3 }
    const answer = await this.#again(deadline, async ms => {
      const found = await this.#send('InitProducerId', body, ms, versions)
      this.#check(found.errorCode, `beginning as transactional id ${transactionalId}`)
      return found
    })
    return { producerId: answer.producerId, epoch: answer.producerEpoch }
  }

  /** Whether the cluster has transactions of the second kind. */
  async addsPartitions(deadline: Deadline): Promise<boolean> {
    const { client, signal } = this.#parts
    const { name: clientSoftwareName, version: clientSoftwareVersion } = software
    const body = (version: number) => (version < 3 ? {} : { clientSoftwareName, clientSoftwareVersion })
    const answer = await this.#again(deadline, async timeoutMs => {
      const found = await client.send('any', 'ApiVersions', body, { timeoutMs, signal })
      this.#check(found.errorCode, 'asking which transactions the cluster has')
      return found
    })
    const level = answer.finalizedFeatures.find(({ name }) => name === 'transaction.version')?.maxVersionLevel ?? 0
    return level >= LEVEL_THAT_ADDS
  }

  async addPartitions(identity: Identity, partitions: readonly TopicPartition[], deadline: Deadline): Promise<void> {
    const { transactionalId } = this.#parts
    const body = {
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: identity.producerId,
      v3AndBelowProducerEpoch: identity.epoch,
      v3AndBelowTopics: byTopic(partitions, ({ partition }) => partition),
    }
    await this.#again(deadline, async ms => {
      const answer = await this.#send('AddPartitionsToTxn', body, ms, { maxVersion: 3 })
      for (const { name, resultsByPartition } of answer.resultsByTopicV3AndBelow) {
        for (const { partitionIndex, partitionErrorCode } of resultsByPartition) {
          // Refused because another partition is: that one says why.
          if (partitionErrorCode === errorCodes.OPERATION_NOT_ATTEMPTED) continue
          this.#check(partitionErrorCode, `adding ${name}[${partitionIndex}] to the transaction`)
        }
      }
    })
  }

  async commitOffsets(
    identity: Identity,
    offsets: readonly TransactionOffset[],
    member: TransactionGroup,
    addsPartitions: boolean,
    deadline: Deadline,
  ): Promise<void> {
    const { client, transactionalId, signal } = this.#parts
    const { group: groupId, memberId = '', generation = -1, instanceId = null } = member
    const who = { transactionalId, producerId: identity.producerId, producerEpoch: identity.epoch, groupId }
    if (!addsPartitions) {
      await this.#again(deadline, async ms => {
        const answer = await this.#send('AddOffsetsToTxn', who, ms)
        this.#check(answer.errorCode, `adding the offsets of group ${groupId} to the transaction`)
      })
    }
    const partitions = byTopic(offsets, ({ partition, offset, leaderEpoch = -1, metadata = '' }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      committedMetadata: metadata,
    }))
    const body = { ...who, generationId: generation, memberId, groupInstanceId: instanceId, topics: partitions }
    const versions = addsPartitions ? { minVersion: 5 } : { minVersion: 3, maxVersion: 4 }
    await this.#again(deadline, async ms => {
      const options = { timeoutMs: ms, signal, ...versions }
      const answer = await client.send({ group: groupId }, 'TxnOffsetCommit', body, options).catch(thrown => {
        client.forgetCoordinator(groupId)
        throw thrown
      })
      for (const { name, partitions } of answer.topics) {
        for (const { partitionIndex, errorCode } of partitions) {
          if (isCoordinatorError(errorCode)) client.forgetCoordinator(groupId)
          this.#check(
            errorCode,
            `committing the offset of ${name}[${partitionIndex}] for group ${groupId} in the transaction`,
          )
        }
      }
    })
  }

  /** Never rejects. */
  async end(identity: Identity, committed: boolean, addsPartitions: boolean, deadline: Deadline): Promise<Ended> {
    const { transactionalId } = this.#parts
    const body = { transactionalId, producerId: identity.producerId, producerEpoch: identity.epoch, committed }
    let attempts = 0
    try {
      const { producerId, producerEpoch: epoch } = await this.#again(deadline, async ms => {
        attempts++
        const answer = await this.#send('EndTxn', body, ms, addsPartitions ? { minVersion: 5 } : { maxVersion: 4 })
        this.#check(answer.errorCode, committed ? 'committing the transaction' : 'aborting the transaction')
        return answer
      })
      return { result: 'done', identity: addsPartitions && epoch >= 0 ? { producerId, epoch } : identity }
    } catch (thrown) {
      const error = toError(thrown)
      const said = error instanceof KafkaError && !passes(error)
      // An earlier attempt may have been heard, and what was begun since then be what is answered about; not so with this one.
      const sure = said && (!committed || attempts === 1 || error.errorCode === errorCodes.INVALID_TXN_STATE)
      return { result: sure ? 'refused' : 'unclear', error }
    }
  }

  async #send<N extends 'InitProducerId' | 'AddPartitionsToTxn' | 'AddOffsetsToTxn' | 'EndTxn'>(
    name: N,
    body: Parameters<typeof NativeClient.prototype.send<N>>[2],
    timeoutMs: number,
    versions: Pick<SendOptions, 'minVersion' | 'maxVersion'> = {},
  ) {
    const { client, transactionalId, signal } = this.#parts
    try {
      return await client.send({ transactionalId }, name, body, { timeoutMs, signal, ...versions })
    } catch (thrown) {
      // It may be another one by now.
      client.forgetTransactionCoordinator(transactionalId)
      throw thrown
    }
  }

  #check(errorCode: number, doing: string): void {
    const { client, transactionalId } = this.#parts
    if (isCoordinatorError(errorCode)) client.forgetTransactionCoordinator(transactionalId)
    const error = kafkaError(errorCode, doing)
    if (error !== null) throw error
  }

  async #again<T>(deadline: Deadline, call: (timeoutMs: number) => Promise<T>): Promise<T> {
    const { clock, random, backoff, requestTimeoutMs, signal } = this.#parts
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted()
      try {
        return await call(Math.max(1, Math.min(requestTimeoutMs, deadline.at - clock.now())))
      } catch (thrown) {
        const waitMs = backoff(attempt, random)
        const concurrent = thrown instanceof KafkaError && thrown.errorCode === errorCodes.CONCURRENT_TRANSACTIONS
        const shortMs = concurrent ? Math.min(waitMs, CONCURRENT_WAIT_MS * attempt) : waitMs
        const late = clock.now() + shortMs >= deadline.at || deadline.isOver?.()
        if (!passes(thrown) || signal.aborted || late) throw thrown
        await sleep(clock, shortMs, signal)
      }
    }
  }
}

function passes(thrown: unknown): boolean {
  return thrown instanceof MillraceError && thrown.retriable
}

function byTopic<T extends TopicPartition, P>(
  items: readonly T[],
  each: (item: T) => P,
): { name: string; partitions: P[] }[] {
  const topics = Map.groupBy(items, ({ topic }) => topic)
  return [...topics].map(([name, entries]) => ({ name, partitions: entries.map(each) }))
}
