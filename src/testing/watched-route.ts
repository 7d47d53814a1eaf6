import type { AnyMessage } from '../consumer/claim.ts'
import type { HandlerContext } from '../work/context.ts'
import type { Order, Route } from '../work/route.ts'
import { batchOf, type MessageBatch } from '../work/verdicts.ts'

/** The same route, whose handler tells each message that it handled, and which attempt that was. */
export function watchedRoute(
  route: Route<AnyMessage>,
  handled: (message: AnyMessage, attempt: number) => void,
): Route<AnyMessage> {
  if (route.batch === null) {
    const { handle } = route
    return {
      ...route,
      handle: async (message: AnyMessage, context: HandlerContext) => {
        await handle(message, context)
        handled(message, context.attempt)
      },
    }
  }
  const { handle, order } = route
  return {
    ...route,
    handle: async (batch: MessageBatch<AnyMessage>, context: HandlerContext) => {
      const done = new Set<AnyMessage>()
      const failed = new Set<AnyMessage>()
      const watched = batchOf([...batch], {
        done: message => {
          const counts = batch.done(message)
          if (counts) {
            done.add(message)
            handled(message, context.attempt)
          }
          return counts
        },
        fail: (message, error) => {
          const counts = batch.fail(message, error)
          if (counts) failed.add(message)
          return counts
        },
      })
      await handle(watched, context)
      for (const message of doneWithIt(batch, done, failed, order)) handled(message, context.attempt)
    },
  }
}

/** Of which nothing was said, and which do not wait behind one that failed. */
function doneWithIt(
  batch: MessageBatch<AnyMessage>,
  done: ReadonlySet<AnyMessage>,
  failed: ReadonlySet<AnyMessage>,
  order: Order,
): AnyMessage[] {
  const waits = (message: AnyMessage, at: number) =>
    batch.slice(0, at).some(other => failed.has(other) && inOrder(other, message, order))
  return batch.filter((message, at) => !done.has(message) && !failed.has(message) && !waits(message, at))
}

function inOrder(a: AnyMessage, b: AnyMessage, order: Order): boolean {
  if (order === 'none' || a.topic !== b.topic || a.partition !== b.partition) return false
  return order === 'partition' || (b.rawKey !== null && a.hasKeyOf(b))
}
