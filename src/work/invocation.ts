import type { AsyncResource } from 'node:async_hooks'
import { toError } from '../base/errors.ts'
import { isThenable } from '../base/thenable.ts'
import { batchMessages, UndecodedMembers } from './batches.ts'
import type { WorkMessage } from './claim.ts'
import type { Attempt } from './context.ts'
import type { BatchRoute, SingleRoute } from './route.ts'
import type { Slot } from './slot.ts'
import { Verdicts, type VerdictsParts } from './verdicts.ts'

/**
 * The async context that was current when the dispatcher was made: each handler is entered in it, so that what one handler stores
 * in its context is not seen by the next. (`runInAsyncScope` costs 20 ns, a bound `AsyncLocalStorage.snapshot()` 200.)
 */
export type Scope = Pick<AsyncResource, 'runInAsyncScope'>

/** Decodes the slot's message, or its batch, and enters the handler. Answers what the handler answers. */
export function invoke<M extends WorkMessage>(
  slot: Slot<M>,
  attempt: Attempt,
  scope: Scope,
  parts: VerdictsParts<M>,
): unknown {
  const { route } = slot.intake
  if (route.batch !== null) return invokeBatch(slot, route, attempt, scope, parts)
  slot.decoded = false
  const pending = route.decode?.(slot.message)
  return pending === undefined ? handle(slot, route, attempt, scope) : handleLater(pending, slot, route, attempt, scope)
}

function handle<M extends WorkMessage>(slot: Slot<M>, route: SingleRoute<M>, attempt: Attempt, scope: Scope): unknown {
  slot.decoded = true
  return scope.runInAsyncScope(route.handle, undefined, slot.message, attempt)
}

export async function handleLater<M extends WorkMessage>(
  decoded: Promise<void>,
  slot: Slot<M>,
  route: SingleRoute<M>,
  attempt: Attempt,
  scope: Scope,
): Promise<unknown> {
  await decoded
  if (attempt.aborted !== null) throw attempt.aborted
  return handle(slot, route, attempt, scope)
}

function invokeBatch<M extends WorkMessage>(
  leader: Slot<M>,
  route: BatchRoute<M>,
  attempt: Attempt,
  scope: Scope,
  parts: VerdictsParts<M>,
): unknown {
  leader.decoded = false
  leader.verdicts = null
  const members = leader.members ?? [leader]
  const messages = batchMessages(members, leader.loose, route.batch.by === 'route')
  const handle = () => {
    leader.decoded = true
    leader.verdicts = new Verdicts(leader, messages, parts)
    return scope.runInAsyncScope(route.handle, undefined, leader.verdicts.batch, attempt)
  }
  if (route.decode === null) return handle()
  return decodeMembers(members, route.decode).then(() => {
    if (attempt.aborted !== null) throw attempt.aborted
    return handle()
  })
}

async function decodeMembers<M extends WorkMessage>(
  members: readonly Slot<M>[],
  decode: (message: M) => void | Promise<void>,
): Promise<void> {
  const results = await Promise.allSettled(members.map(async member => decode(member.message)))
  const undecoded = new UndecodedMembers<M>()
  members.forEach((member, index) => {
    const result = results[index]
    if (result?.status === 'rejected') undecoded.errors.set(member, toError(result.reason))
  })
  if (undecoded.errors.size > 0) throw undecoded
}

/** Calls a handler, and tells once how it ended. Answers what it answered, if that is to be waited for; throws what it throws. */
export function told(call: () => unknown, resolved: () => void, rejected: () => void): Promise<unknown> | null {
  let pending: Promise<unknown> | null
  try {
    pending = promised(call())
  } catch (error) {
    rejected()
    throw error
  }
  if (pending === null) resolved()
  else pending.then(resolved, rejected)
  return pending
}

/** What a handler answered, if it is to be waited for. */
export function promised(result: unknown): Promise<unknown> | null {
  if (result instanceof Promise) return result
  return isThenable(result) ? Promise.resolve(result) : null
}
