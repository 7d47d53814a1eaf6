import type { MessagePort } from 'node:worker_threads'
import { toError } from '../base/errors.ts'
import type { LogLevel } from '../base/logger.ts'
import type { PackedMessage } from '../records/message.ts'
import type { WorkMessage } from '../work/claim.ts'
import { Closing, HandlerTimeout, PartitionLost, PartitionRevoked, Poison, Retry } from '../work/failure.ts'

/** What a thread is told when it is made. */
export interface ThreadData {
  /** URLs of handler modules. */
  readonly modules: readonly string[]
}

/** The first thing that a thread says: how to reach it beside the tasks it is given. */
export interface Introduction {
  readonly thread: number
  readonly port: MessagePort
}

/** One call of a handler. */
export interface Task {
  /** Told apart by it. */
  readonly number: number
  /** Place of the module. */
  readonly module: number
  readonly message: PackedMessage
  readonly attempt: number
  readonly deadline: number
}

/** How a call ended; null: well. */
export type Outcome = null | {
  readonly error: PackedError
  /** Whether it was a serde's. */
  readonly undecoded: boolean
}

/** Why a signal aborts. */
export type PackedReason =
  | { readonly kind: 'timeout'; readonly timeoutMs: number }
  | { readonly kind: 'revoked' | 'lost' | 'closing' }

/** Beside tasks, to a thread: the signal of this one aborts. It may come before the task itself, or after its end. */
export interface Abort {
  readonly number: number
  readonly reason: PackedReason
}

/** Of a line in a log. */
export type WrittenLevel = Exclude<LogLevel, 'silent'>

/** Beside outcomes, from a thread. */
export type Report =
  /** All modules are loaded; of each, in their order, which serdes it brings. */
  | { readonly ready: readonly { readonly key: boolean; readonly value: boolean }[] }
  | { readonly unloadable: PackedError; readonly module: string }
  | { readonly log: WrittenLevel; readonly fields: object; readonly text: string }

/** An error as it travels: its class does not, but for those that mean something. */
export interface PackedError {
  /** Of its class. */
  readonly type: string
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** What else it tells, in plain values: `code`, `retriable`, `status`, … */
  readonly fields: Readonly<Record<string, unknown>>
  readonly cause: PackedError | undefined
}

const DEEPEST_CAUSE = 8
const PLAIN: ReadonlySet<string> = new Set(['string', 'number', 'boolean', 'bigint'])
const PACKED_APART: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause'])

export function packError(thrown: unknown, depth = 0): PackedError {
  const error = toError(thrown)
  const { name, message, stack, cause } = error
  const fields = Object.entries(error).filter(([key, value]) => !PACKED_APART.has(key) && PLAIN.has(typeof value))
  return {
    type: String(error.constructor?.name ?? 'Error'),
    name: String(name),
    message: String(message),
    stack: typeof stack === 'string' ? stack : undefined,
    fields: Object.fromEntries(fields),
    cause: cause instanceof Error && depth < DEEPEST_CAUSE ? packError(cause, depth + 1) : undefined,
  }
}

/** `Retry` and `Poison` are told by their codes: the module may have a copy of the package of its own. */
export function unpackError(packed: PackedError): Error {
  const { name, stack, fields } = packed
  const cause = packed.cause === undefined ? undefined : unpackError(packed.cause)
  const error = Object.assign(errorOf(packed, cause), fields)
  for (const [key, value] of Object.entries({ name, stack })) {
    Object.defineProperty(error, key, { value, configurable: true, writable: true })
  }
  return error
}

function errorOf({ type, message, fields: { code, afterMs } }: PackedError, cause: Error | undefined): Error {
  if (code === 'POISON') return new Poison(message, { cause })
  if (code === 'RETRY' && typeof afterMs === 'number' && afterMs >= 0 && Number.isFinite(afterMs))
    return new Retry({ afterMs, cause })
  // Dead letters say what its class was called.
  const classes = { [type]: class extends Error {} }
  const Named = classes[type] as typeof Error
  return new Named(message, cause === undefined ? undefined : { cause })
}

export function packReason(reason: unknown, timeoutMs: number): PackedReason {
  if (reason instanceof HandlerTimeout) return { kind: 'timeout', timeoutMs }
  if (reason instanceof PartitionRevoked) return { kind: 'revoked' }
  return { kind: reason instanceof PartitionLost ? 'lost' : 'closing' }
}

export function unpackReason(reason: PackedReason, message: WorkMessage): Error {
  const { topic, partition } = message
  switch (reason.kind) {
    case 'timeout':
      return new HandlerTimeout(message, reason.timeoutMs)
    case 'revoked':
      return new PartitionRevoked(topic, partition)
    case 'lost':
      return new PartitionLost(topic, partition)
    case 'closing':
      return new Closing()
  }
}
