import type { Timer } from '../../base/clock.ts'
import { errorCodes } from '../../protocol/error-codes.ts'
import type { Answer } from '../call.ts'
import { entryCost, textCost } from './allowance.ts'

/** Gives the answer to a request, now or later, once; null when the broker closes. */
export type Reply<N extends 'JoinGroup' | 'SyncGroup'> = (answer: Answer<N> | null) => void

/** One way of sharing out the work (an assignor, for consumers), and what the member says about itself to whoever does it. */
export interface Protocol {
  readonly name: string
  readonly metadata: Buffer
}

/** What a member says each time it joins. */
export interface JoinTerms {
  /** The preferred one first. */
  readonly protocols: readonly Protocol[]
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
}

/** What stays the same as long as the member has this id. */
export interface MemberIdentity {
  readonly id: string
  /** Of a static member (KIP-345), which keeps its place when it comes again under another id. */
  readonly instanceId: string | null
  readonly clientId: string
  /** As Kafka shows it: an address behind a slash. */
  readonly host: string
}

export const noBytes = Buffer.alloc(0)

export class Member {
  readonly identity: MemberIdentity
  terms: JoinTerms
  /** Of the generation it is in; empty until the leader told. */
  assignment: Buffer = noBytes
  /** In its first rebalance: it waits for its first answer, and nobody can expect heartbeats of it. */
  fresh: boolean
  #session: Timer | null = null
  #join: Reply<'JoinGroup'> | null = null
  #sync: Reply<'SyncGroup'> | null = null

  constructor(identity: MemberIdentity, terms: JoinTerms, fresh: boolean) {
    this.identity = identity
    this.terms = terms
    this.fresh = fresh
  }

  get id(): string {
    return this.identity.id
  }

  /** Memory that it takes. */
  get cost(): number {
    return memberCost(this.identity, this.terms) + this.assignment.length
  }

  /** Whether it waits for the end of the rebalance: it has rejoined. */
  get joining(): boolean {
    return this.#join !== null
  }

  get syncing(): boolean {
    return this.#sync !== null
  }

  /**
   * Holds the request until the rebalance is over. One that was held before is told to try again: Kafka leaves it without an answer
   * for ever, and with it all that is behind it on its connection.
   */
  holdJoin(reply: Reply<'JoinGroup'>): void {
    this.answerJoin({ errorCode: errorCodes.REBALANCE_IN_PROGRESS, memberId: this.id })
    this.#join = reply
  }

  holdSync(reply: Reply<'SyncGroup'>): void {
    this.answerSync({ errorCode: errorCodes.REBALANCE_IN_PROGRESS })
    this.#sync = reply
  }

  answerJoin(answer: Answer<'JoinGroup'> | null): void {
    const reply = this.#join
    this.#join = null
    reply?.(answer)
  }

  /** Answers whether somebody waited. */
  answerSync(answer: Answer<'SyncGroup'> | null): boolean {
    const reply = this.#sync
    this.#sync = null
    reply?.(answer)
    return reply !== null
  }

  metadata(protocol: string | null): Buffer {
    return this.terms.protocols.find(({ name }) => name === protocol)?.metadata ?? noBytes
  }

  /** Sets when it is missed, instead of what was set before. */
  expect(session: Timer): void {
    this.#session?.cancel()
    this.#session = session
  }

  /** It is a member no more; whoever waits in its name is told so. */
  end(errorCode: number): void {
    this.#session?.cancel()
    this.answerJoin({ errorCode, memberId: errorCode === errorCodes.FENCED_INSTANCE_ID ? this.id : '' })
    this.answerSync({ errorCode })
  }

  /** The broker closes. */
  close(): void {
    this.#session?.cancel()
    this.answerJoin(null)
    this.answerSync(null)
  }
}

export function memberCost(identity: MemberIdentity, { protocols }: JoinTerms): number {
  const { id, instanceId, clientId, host } = identity
  const bytes = protocols.reduce((sum, { name, metadata }) => sum + entryCost + textCost(name) + metadata.length, 0)
  return entryCost + textCost(id, instanceId, clientId, host) + bytes
}

export function sameProtocols(some: readonly Protocol[], others: readonly Protocol[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ name, metadata }, at) => name === others[at]?.name && metadata.equals(others[at].metadata))
  )
}
