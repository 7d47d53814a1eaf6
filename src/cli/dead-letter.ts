import { saidOf } from '../consumer/failure-headers.ts'
import type { Message } from '../records/message.ts'

/** A message of a dead-letter topic, and what its headers say. */
export interface DeadLetter {
  readonly message: Message
  /** Null: they do not say. */
  readonly origin: { readonly topic: string; readonly partition: number | null; readonly offset: number | null } | null
  readonly group: string | null
  readonly attempts: number | null
  readonly reason: string | null
  /** `TypeError: no address`; null: they do not say. */
  readonly error: string | null
  readonly failedAt: string | null
}

/** Which dead letters are meant. */
export interface DeadLetterFilter {
  /** The topic that they came from. */
  readonly origin?: string
  /** What their error matches. */
  readonly error?: RegExp
  readonly reason?: string
}

export function readDeadLetter(message: Message): DeadLetter {
  const said = (name: string) => saidOf(message.headers, name) ?? null
  const number = (name: string) => {
    const text = said(name)
    return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null
  }
  const topic = said('topic')
  const [kind, what] = [said('error.class'), said('error.message')]
  return {
    message,
    origin: topic === null ? null : { topic, partition: number('partition'), offset: number('offset') },
    group: said('group'),
    attempts: number('attempts'),
    reason: said('reason'),
    error: kind === null && what === null ? null : [kind, what].filter(part => part !== null).join(': '),
    failedAt: said('failed.at'),
  }
}

export function isMeant(letter: DeadLetter, { origin, error, reason }: DeadLetterFilter): boolean {
  return (
    (origin === undefined || letter.origin?.topic === origin) &&
    (error === undefined || error.test(letter.error ?? '')) &&
    (reason === undefined || letter.reason === reason)
  )
}
