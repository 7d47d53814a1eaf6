import type { MessagePort } from 'node:worker_threads'
import { ClosedError, MillraceError, OptionError, toError } from '../base/errors.ts'
import type { ApiName } from '../protocol/apis.ts'
import type { Broker } from './broker.ts'
import type { FaultOptions } from './fault.ts'
import type { GroupState } from './groups/group.ts'
import type { GroupSnapshot } from './groups/groups.ts'
import type { BrokerOptions } from './options.ts'
import type { LoggedRequest } from './request-log.ts'

/** What a broker in a thread can be asked for. Everything goes and comes by value, so faults go by numbers. */
export interface Questions
  extends Pick<
    Broker,
    | 'issueCertificate'
    | 'createTopic'
    | 'deleteTopic'
    | 'setAcls'
    | 'leader'
    | 'moveLeader'
    | 'lagFollower'
    | 'deleteRecords'
    | 'compact'
    | 'committed'
    | 'setCoordinator'
    | 'stopNode'
    | 'startNode'
    | 'close'
  > {
  group(name: string): Promise<GroupSnapshot>
  groupUntil(name: string, state: GroupState, members?: number): Promise<GroupSnapshot>
  requests(): readonly LoggedRequest[]
  /** Whether finished requests are to be told. */
  tellRequests(told: boolean): void
  fault(options: FaultOptions<ApiName>): number
  hits(fault: number): number
  hit(fault: number, n?: number): Promise<void>
  removeFault(fault: number): void
}

export interface Question {
  readonly number: number
  readonly method: keyof Questions
  readonly args: readonly unknown[]
}

/** An error as it can be sent: its class and its code do not cross by themselves. */
interface PackedError {
  readonly code: string
  readonly message: string
  readonly retriable: boolean
}

export type Outcome = { readonly value: unknown } | { readonly error: PackedError }

/** What stays as it is from the start on. */
export type BrokerFacts = Pick<Broker, 'brokers' | 'ca'>

/** What comes from the thread. */
export type FromThread =
  | { readonly started: BrokerFacts }
  | { readonly failed: PackedError }
  | { readonly request: LoggedRequest }
  | { readonly number: number; readonly outcome: Outcome }

export interface ThreadData {
  readonly options: BrokerOptions
  /** For questions during which the one who asks stands still. */
  readonly still: MessagePort
  /** Set to 1 and notified when such a question is answered. */
  readonly answered: Int32Array<SharedArrayBuffer>
}

export function packError(thrown: unknown): PackedError {
  const error = toError(thrown)
  const { code, retriable } = error instanceof MillraceError ? error : { code: 'UNEXPECTED', retriable: false }
  return { code, message: error.message, retriable }
}

export function unpackError({ code, message, retriable }: PackedError): Error {
  if (code === 'INVALID_OPTION') return new OptionError(message)
  if (code === 'CLOSED') return new ClosedError('The broker')
  return new MillraceError(code, message, { retriable })
}
