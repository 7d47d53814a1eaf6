import type { Clock, Timer } from '../../base/clock.ts'
import { toError } from '../../base/errors.ts'
import type { Logger } from '../../base/logger.ts'
import { errorCodes, isCoordinatorError } from '../../protocol/error-codes.ts'
import { type GroupClient, heartbeatConnection } from './group-client.ts'
import type { MemberIdentity } from './membership.ts'

/** After a failure the next one follows sooner than the interval says. */
const RETRY_MS = 250
/** After a rebalance they come in quick succession at first, and slower and slower. */
const FIRST_MS = 50
const GROWTH = 1.5

export interface HeartbeatParts {
  readonly client: GroupClient
  readonly group: string
  readonly clock: Clock
  readonly logger: Logger
  readonly intervalMs: number
  readonly sessionTimeoutMs: number
  /** As whom they are sent; null: none is. */
  readonly identity: () => MemberIdentity | null
  /** The group counts this member in; `sentAt`: when it was asked. `rebalancing`: it is to join again. */
  readonly acknowledged: (sentAt: number, rebalancing: boolean) => void
  /** The group answered with another error than that it is being looked for. */
  readonly refused: (identity: MemberIdentity, errorCode: number) => void
}

/** Tells the group, as long as this process is a member, that it lives. Waits for nothing else in the process. */
export class Heartbeats {
  readonly #parts: HeartbeatParts
  readonly #ended = new AbortController()
  readonly #flights = new Set<Promise<void>>()
  #timer: Timer | null = null
  #nextMs: number

  constructor(parts: HeartbeatParts) {
    this.#parts = parts
    this.#nextMs = parts.intervalMs
  }

  /**
   * Sends one now, and the next ones soon: a rebalance is often followed by another one, which gives away what members gave up in this
   * one and is heard of by a heartbeat only. So partitions that move stand still for little longer than their owners drain.
   */
  quicken(): void {
    this.#nextMs = FIRST_MS
    this.beat()
  }

  /** Sends one now, and the next after the interval. One that is under way may have been sent before it became doubtful whether this is a member. */
  beat(): void {
    this.#beat(1)
  }

  /** Sends one unless more than so many are under way. */
  #beat(others: number): void {
    if (this.#ended.signal.aborted) return
    this.#beatIn(this.#nextMs)
    this.#nextMs = Math.min(this.#parts.intervalMs, this.#nextMs * GROWTH)
    const identity = this.#parts.identity()
    if (identity === null || this.#flights.size > others) return
    const flight = this.#send(identity).finally(() => this.#flights.delete(flight))
    this.#flights.add(flight)
  }

  async close(): Promise<void> {
    this.#ended.abort(new Error('heartbeats ended'))
    this.#timer?.cancel()
    await Promise.all(this.#flights)
  }

  #beatIn(ms: number): void {
    this.#timer?.cancel()
    if (this.#ended.signal.aborted) return
    // One after another: a connection is given up as silent when all that wait for an answer have waited too long.
    this.#timer = this.#parts.clock.after(Math.min(ms, this.#parts.intervalMs), () => this.#beat(0))
  }

  async #send(identity: MemberIdentity): Promise<void> {
    const { client, group, clock, logger, sessionTimeoutMs, acknowledged, refused } = this.#parts
    const { signal } = this.#ended
    const sentAt = clock.now()
    const { generation: generationId, memberId, instanceId: groupInstanceId } = identity
    try {
      const target = { group, connection: heartbeatConnection }
      // Before version 3 there are no static members.
      const body = { groupId: group, generationId, memberId, ...(groupInstanceId === null ? {} : { groupInstanceId }) }
      const minVersion = groupInstanceId === null ? 0 : 3
      const options = { timeoutMs: Math.max(1, sessionTimeoutMs / 3), minVersion, signal }
      const { errorCode } = await client.send(target, 'Heartbeat', body, options)
      if (signal.aborted) return
      if (isCoordinatorError(errorCode)) {
        client.forgetCoordinator(group)
        this.#beatIn(RETRY_MS)
        return
      }
      const rebalancing = errorCode === errorCodes.REBALANCE_IN_PROGRESS
      const counted = errorCode === errorCodes.NONE || rebalancing
      if (counted && identity === this.#parts.identity()) acknowledged(sentAt, rebalancing)
      if (errorCode !== errorCodes.NONE) refused(identity, errorCode)
    } catch (thrown) {
      if (signal.aborted) return
      client.forgetCoordinator(group)
      const error = toError(thrown)
      logger.warn({ err: error, group }, `a heartbeat got no answer: ${error.message}`)
      this.#beatIn(RETRY_MS)
    }
  }
}
