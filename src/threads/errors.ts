import { MillraceError } from '../base/errors.ts'
import { partitionName } from '../base/topic-partition.ts'
import type { WorkMessage } from '../work/claim.ts'

function placeOf({ topic, partition, offset }: WorkMessage) {
  return { topic, partition, offset }
}

function nameOf({ topic, partition, offset }: WorkMessage): string {
  return `${partitionName(topic, partition)} offset ${offset}`
}

/** A handler in a thread did not settle within `work.abandonMs` of its signal, so its thread was ended. Code `HANDLER_TERMINATED`. */
export class HandlerTerminated extends MillraceError {
  constructor(message: WorkMessage, afterMs: number) {
    super(
      'HANDLER_TERMINATED',
      `the handler of ${nameOf(message)} still ran ${afterMs} ms after its signal was aborted, so its thread was ended, and another ` +
        'one takes its place',
      { ...placeOf(message), retriable: true },
    )
  }
}

/** A thread ended while it ran a handler. Code `THREAD_ENDED`; `cause` says why. */
export class ThreadEnded extends MillraceError {
  constructor(message: WorkMessage, cause: Error) {
    super(
      'THREAD_ENDED',
      `the thread that ran the handler of ${nameOf(message)} ended: ${cause.message}. Another one takes its place`,
      { ...placeOf(message), retriable: true, cause },
    )
  }
}

/** What serdes made of a message cannot be sent to a thread. Code `NOT_CLONEABLE`. */
export class NotCloneable extends MillraceError {
  constructor(message: WorkMessage, cause: Error) {
    super(
      'NOT_CLONEABLE',
      `what the route's serdes made of ${nameOf(message)} cannot be sent to a thread: ${cause.message}. Let the serde run there: give ` +
        'it to defineHandler() in the handler module',
      { ...placeOf(message), cause },
    )
  }
}

/** A handler module cannot be used. Code `HANDLER_MODULE`. */
export class HandlerModuleError extends MillraceError {
  constructor(module: string, what: string, cause?: unknown) {
    super('HANDLER_MODULE', `the handler module ${module} ${what}`, { cause })
  }
}
