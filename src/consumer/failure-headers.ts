import type { Bytes } from '../records/batch-builder.ts'
import type { Headers } from '../records/headers.ts'
import type { Failure } from '../work/failure.ts'
import type { AnyMessage } from './claim.ts'

/** Begins the names of all headers that are added. */
const PREFIX = 'millrace.'
/** When a message of a retry topic is to be handled, ms since 1970. */
const DUE = `${PREFIX}due`
/** Of an error's message; a stack of nested ones may be long. */
const MOST_CHARACTERS = 2_000
const ORIGIN = ['topic', 'partition', 'offset', 'timestamp'] as const

export interface FailureHeadersOptions {
  readonly group: string | null
  /** Ms since 1970. */
  readonly now: number
  /** It was read from a retry topic: where it came from first is in its headers, and how often it was tried before. */
  readonly again: boolean
  /** When it is to be handled, ms since 1970; null: nobody says. */
  readonly dueAt: number | null
}

/** The headers of a message that failed, and with them where it came from and why it failed; what an earlier failure said is replaced. */
export function failureHeaders(
  { message, error, attempts, reason }: Failure<AnyMessage>,
  { group, now, again, dueAt }: FailureHeadersOptions,
): readonly (readonly [string, Bytes])[] {
  const before = again ? earlier(message) : null
  const own: [string, string][] = ORIGIN.map(name => [name, before?.origin[name] ?? String(message[name])])
  if (group !== null) own.push(['group', group])
  own.push(['attempts', String((before?.attempts ?? 0) + attempts)])
  own.push(['reason', reason])
  own.push(['error.class', error.constructor.name])
  own.push(['error.message', error.message.slice(0, MOST_CHARACTERS)])
  own.push(['failed.at', new Date(now).toISOString()])
  if (dueAt !== null) own.push(['due', String(dueAt)])
  return [...headersBefore(message), ...own.map(([name, text]) => [PREFIX + name, text] as const)]
}

/** When a message of a retry topic is to be handled, ms since 1970; one that does not say so is to be at once. */
export function dueAt(message: AnyMessage): number {
  const at = Number(message.headers.get(DUE) ?? 0)
  return Number.isSafeInteger(at) ? at : 0
}

/** What the headers say of a failure, as `error.message`; undefined: nothing. */
export function saidOf(headers: Headers, name: string): string | undefined {
  return headers.get(PREFIX + name)?.toString()
}

/** The headers of a message without those that say how it failed. */
export function headersBefore({ headers }: AnyMessage): readonly (readonly [string, Buffer | null])[] {
  return headers.raw.filter(([name]) => !name.startsWith(PREFIX))
}

function earlier({ headers }: AnyMessage) {
  const said = (name: string) => saidOf(headers, name)
  const attempts = Number(said('attempts') ?? 0)
  return {
    origin: Object.fromEntries(ORIGIN.map(name => [name, said(name)])),
    attempts: Number.isSafeInteger(attempts) ? attempts : 0,
  }
}
