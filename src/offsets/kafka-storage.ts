import { type Backoff, exponential } from '../base/backoff.ts'
import { type Clock, sleep } from '../base/clock.ts'
import { type ErrorPlace, MillraceError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { partitionName, type TopicPartition } from '../base/topic-partition.ts'
import type { NativeClient } from '../client/native-client.ts'
import { AuthenticationError } from '../client/security-errors.ts'
import { errorCodes, isCoordinatorError, KafkaError, kafkaError } from '../protocol/error-codes.ts'
import { OffsetError } from './error.ts'
import { findLiveGroup, liveGroupMessage } from './live-group.ts'
import { type GroupMembership, isAboutMembership, type MemberIdentity } from './membership.ts'
import { askForOffsets, askForTopics, commitOffsets } from './offset-calls.ts'
import type { CommittedOffset, LoadResult, OffsetStorage, StorageResult } from './storage.ts'

/** A broker writes one commit as one record batch, which must fit `max.message.bytes` of its offsets topic (1 MiB by default). */
const MOST_COMMIT_BYTES = 500_000
/** What it writes for one offset beside group, topic and metadata, at most. */
const BYTES_PER_OFFSET = 100

/**
 * How long the first attempt waits for its answer, each further one twice as long. All that is asked here may be asked twice; and a broker
 * that is silent must not keep a partition that is to be released from being committed, as a whole deadline would.
 */
const FIRST_ATTEMPT_MS = 2_000

/** The group as a whole is refused. `GROUP_ID_NOT_FOUND`: the id belongs to a group of another kind, such as a share group. */
const refused: ReadonlySet<number> = new Set([
  errorCodes.GROUP_AUTHORIZATION_FAILED,
  errorCodes.INVALID_GROUP_ID,
  errorCodes.GROUP_ID_NOT_FOUND,
])

export interface KafkaOffsetStorageParts {
  readonly client: Pick<NativeClient, 'send' | 'forgetCoordinator'>
  readonly group: string
  /** Of the member that this process is; null: offsets are committed from outside of the group. */
  readonly membership?: GroupMembership | null
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /** For each call, its repetitions included, ms. Default 30,000. */
  readonly timeoutMs?: number
  /** Waits between the repetitions, ms. Default 100 to 1,000. */
  readonly backoff?: Backoff
  /** Ends the waits, when the consumer closes. */
  readonly signal?: AbortSignal
}

/**
 * Offsets of a Kafka group, committed as a member, or from outside without joining it. Brokers allow the latter only while the group has
 * no members: see `refuseLiveGroup`.
 *
 * A commit goes out under the membership that stood when it was asked for, repetitions included: one that was overtaken by a rebalance is
 * refused by the broker, and can overwrite nothing of the next owner's. Such a refusal, and any commit while there is no membership, is an
 * error of each partition that is `rebalancing`: those that are still owned are to be committed anew.
 *
 * What passes by itself is asked again until `timeoutMs` is over: a coordinator that moved or is loading, and a broken connection. The
 * pending commit of a transaction (KIP-447) is a retriable error of its partition, and holds up no other. All calls reject with a fatal
 * `OffsetError` when the group as a whole is refused (`GROUP_HAS_MEMBERS`, `GROUP_NOT_AUTHORIZED`, `GROUP_REFUSED`); errors of single
 * partitions are in their results.
 */
export class KafkaOffsetStorage implements OffsetStorage {
  readonly #client: Pick<NativeClient, 'send' | 'forgetCoordinator'>
  readonly #group: string
  readonly #membership: GroupMembership | null
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger
  readonly #timeoutMs: number
  readonly #backoff: Backoff
  readonly #signal: AbortSignal | undefined

  constructor(parts: KafkaOffsetStorageParts) {
    this.#client = parts.client
    this.#group = parts.group
    this.#membership = parts.membership ?? null
    this.#clock = parts.clock
    this.#random = parts.random
    this.#logger = parts.logger
    this.#timeoutMs = parts.timeoutMs ?? 30_000
    this.#backoff = parts.backoff ?? exponential(100, 1_000)
    this.#signal = parts.signal
  }

  load(partitions: readonly TopicPartition[]): Promise<readonly LoadResult[]> {
    return this.#askEach(partitions, this.#deadline(), {
      ask: async (left, timeoutMs) => {
        const found = await askForOffsets(this.#client, this.#group, left, timeoutMs)
        return left.map(partition => this.#loaded(partition, found))
      },
      failed: ({ topic, partition }, error) => ({ topic, partition, committed: null, error }),
    })
  }

  /** In one request, or in several one after another where one would be too large for the broker to write. */
  async commit(offsets: readonly CommittedOffset[]): Promise<readonly StorageResult[]> {
    const deadline = this.#deadline()
    const results: StorageResult[] = []
    const member = this.#membership?.current ?? null
    for (const part of splitCommit(this.#group, offsets)) {
      const done = await this.#askEach<CommittedOffset, StorageResult>(part, deadline, {
        ask: async (left, timeoutMs) => {
          if (this.#overtaken(member)) {
            const error = this.#rebalancing()
            return left.map(({ topic, partition }) => ({ topic, partition, error }))
          }
          const codes = await commitOffsets(this.#client, this.#group, member, left, timeoutMs)
          return left.map(offset => this.#stored(offset, codes, member))
        },
        failed: ({ topic, partition }, error) => ({ topic, partition, error }),
      })
      results.push(...done)
    }
    return results
  }

  /** Rejects with `GROUP_HAS_MEMBERS` when somebody consumes for the group now; such a group would refuse all commits. */
  async refuseLiveGroup(): Promise<void> {
    const live = await this.#ask(timeoutMs => findLiveGroup(this.#client, this.#group, timeoutMs))
    if (live !== null) throw new OffsetError('GROUP_HAS_MEMBERS', liveGroupMessage(this.#group, live), { fatal: true })
  }

  /** Topics for which the group has committed something. */
  topics(): Promise<readonly string[]> {
    return this.#ask(timeoutMs => askForTopics(this.#client, this.#group, timeoutMs))
  }

  /** Asks until it works, or the time is over. */
  async #ask<T>(call: (timeoutMs: number) => Promise<T>): Promise<T> {
    const deadline = this.#deadline()
    for (let attempt = 1; ; attempt++) {
      try {
        return await call(this.#patience(attempt, deadline))
      } catch (thrown) {
        const error = this.#retriable(thrown)
        if (!passes(error) || !(await this.#wait(error, attempt, deadline))) throw error
      }
    }
  }

  #loaded(place: TopicPartition, found: Awaited<ReturnType<typeof askForOffsets>>): LoadResult {
    const { topic, partition } = place
    const name = partitionName(topic, partition)
    const answer = found.get(name)
    const error = this.#answered(answer?.errorCode, `loading the offset of ${name} for group ${this.#group}`, place)
    if (answer === undefined || error !== null || answer.committedOffset < 0)
      return { topic, partition, committed: null, error }
    const { committedOffset: offset, committedLeaderEpoch: leaderEpoch, metadata } = answer
    return { topic, partition, error, committed: { topic, partition, offset, leaderEpoch, metadata: metadata ?? '' } }
  }

  #stored(
    { topic, partition, offset }: CommittedOffset,
    codes: ReadonlyMap<string, number>,
    member: MemberIdentity | null,
  ): StorageResult {
    const name = partitionName(topic, partition)
    const doing = `committing offset ${offset} of ${name} for group ${this.#group}`
    const code = codes.get(name)
    if (code !== undefined && member !== null && isAboutMembership(code)) {
      this.#membership?.refused(member, code)
      return { topic, partition, error: this.#rebalancing(kafkaError(code, doing, { topic, partition })) }
    }
    return { topic, partition, error: this.#answered(code, doing, { topic, partition }) }
  }

  /** Whether there is no such membership any more, or none at all. */
  #overtaken(member: MemberIdentity | null): boolean {
    return this.#membership !== null && (member === null || member !== this.#membership.current)
  }

  #rebalancing(cause: MillraceError | null = null): OffsetError {
    const why = cause?.message ?? `group ${this.#group} is being joined, and takes no commit now`
    return new OffsetError('REBALANCE_IN_PROGRESS', why, {
      cause: cause ?? undefined,
      retriable: true,
      rebalancing: true,
    })
  }

  /** What a partition's error code means. Throws when it means that the whole group is refused. */
  #answered(code: number | undefined, doing: string, place: ErrorPlace): MillraceError | null {
    if (code === undefined) {
      const message = `${doing}: the broker's answer leaves it out`
      return new OffsetError('BAD_ANSWER', message, { ...place, retriable: true })
    }
    const error = kafkaError(code, doing, place)
    if (error !== null) this.#throwIfFatal(error)
    return error
  }

  #throwIfFatal(cause: KafkaError): void {
    if (isAboutMembership(cause.errorCode)) {
      const message =
        `The group ${this.#group} got members while this consumer commits for it without joining, and refuses its commits ` +
        `(${cause.code}): messages may be handled twice. Stop those members, or give this consumer a group of its own`
      throw new OffsetError('GROUP_HAS_MEMBERS', message, { cause, fatal: true })
    }
    if (refused.has(cause.errorCode)) {
      const denied = cause.errorCode === errorCodes.GROUP_AUTHORIZATION_FAILED
      throw new OffsetError(denied ? 'GROUP_NOT_AUTHORIZED' : 'GROUP_REFUSED', cause.message, { cause, fatal: true })
    }
  }

  /** Asks for all, then again for those whose error passes, until the time is over. */
  async #askEach<T extends TopicPartition, R extends StorageResult>(
    items: readonly T[],
    deadline: number,
    call: {
      ask(items: readonly T[], timeoutMs: number): Promise<readonly R[]>
      failed(item: T, error: MillraceError): R
    },
  ): Promise<readonly R[]> {
    const results: R[] = []
    let left = items
    for (let attempt = 1; left.length > 0; attempt++) {
      const answers = await call.ask(left, this.#patience(attempt, deadline)).catch((thrown: unknown) => {
        const error = this.#retriable(thrown)
        return left.map(item => call.failed(item, error))
      })
      const first = answers.find(({ error }) => passes(error))
      if (!first?.error || !(await this.#wait(first.error, attempt, deadline))) return [...results, ...answers]
      results.push(...answers.filter(({ error }) => !passes(error)))
      left = left.filter((_, i) => passes(answers[i]?.error ?? null))
    }
    return results
  }

  /** The error, if doing the same again may help; throws any other. */
  #retriable(thrown: unknown): MillraceError {
    if (thrown instanceof KafkaError) this.#throwIfFatal(thrown)
    if (thrown instanceof MillraceError && thrown.retriable) return thrown
    if (thrown instanceof AuthenticationError) {
      throw new OffsetError(thrown.code, thrown.message, { cause: thrown, broker: thrown.broker, fatal: true })
    }
    throw thrown
  }

  /** Waits before the same is asked again; false when there is no time for that. */
  async #wait(error: MillraceError, attempt: number, deadline: number): Promise<boolean> {
    const waitMs = this.#backoff(attempt, this.#random)
    if (this.#clock.now() + waitMs >= deadline) return false
    this.#logger.debug({ err: error, group: this.#group, attempt, waitMs }, 'The group coordinator is asked again')
    this.#client.forgetCoordinator(this.#group)
    await sleep(this.#clock, waitMs, this.#signal)
    return true
  }

  #deadline(): number {
    return this.#clock.now() + this.#timeoutMs
  }

  #patience(attempt: number, deadline: number): number {
    return Math.max(1, Math.min(FIRST_ATTEMPT_MS * 2 ** (attempt - 1), deadline - this.#clock.now()))
  }
}

function passes(error: MillraceError | null): boolean {
  if (error instanceof OffsetError && error.rebalancing) return false
  if (error instanceof KafkaError) return isCoordinatorError(error.errorCode)
  return error?.retriable ?? false
}

/** In parts that a broker can write. */
export function* splitCommit(
  group: string,
  offsets: readonly CommittedOffset[],
): Generator<readonly CommittedOffset[]> {
  let part: CommittedOffset[] = []
  let bytes = 0
  for (const offset of offsets) {
    // A UTF-16 unit takes at most 3 bytes in UTF-8.
    const size = BYTES_PER_OFFSET + 3 * (group.length + offset.topic.length + offset.metadata.length)
    if (bytes + size > MOST_COMMIT_BYTES && part.length > 0) {
      yield part
      part = []
      bytes = 0
    }
    part.push(offset)
    bytes += size
  }
  if (part.length > 0) yield part
}
