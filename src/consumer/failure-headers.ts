import { EncodedHeaders, encodeField, encodeHeader } from '../records/encoded-headers.ts'
import type { Headers } from '../records/headers.ts'
import type { Failure } from '../work/failure.ts'
import type { AnyMessage } from './claim.ts'

/** Begins the names of all headers that are added. */
const PREFIX = 'millrace.'
/** When a message of a retry topic is to be handled, ms since 1970. */
const DUE = `${PREFIX}due`
/** Of an error's message. */
const MOST_CHARACTERS = 2_000
const ORIGIN = ['topic', 'partition', 'offset', 'timestamp'] as const

/** A header of letters. Most have the value of the one before, so it is made when that changes. */
class LetterHeader {
  readonly #name: string
  #value: string | null = null
  #text = ''

  constructor(name: string) {
    this.#name = encodeField(name)
  }

  with(value: string): string {
    if (value !== this.#value) {
      this.#text = this.#name + encodeField(value)
      this.#value = value
    }
    return this.#text
  }
}

const ORIGINS = ORIGIN.map(field => [field, new LetterHeader(PREFIX + field)] as const)
const GROUP = new LetterHeader(`${PREFIX}group`)
const ATTEMPTS = new LetterHeader(`${PREFIX}attempts`)
const REASON = new LetterHeader(`${PREFIX}reason`)
const ERROR_CLASS = new LetterHeader(`${PREFIX}error.class`)
const ERROR_MESSAGE = new LetterHeader(`${PREFIX}error.message`)
const FAILED_AT = new LetterHeader(`${PREFIX}failed.at`)
const DUE_AT = new LetterHeader(DUE)

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
): EncodedHeaders {
  const before = again ? earlier(message) : null
  let count = 0
  let text = ''
  const add = (header: string): void => {
    count++
    text += header
  }
  for (const [name, value] of headersBefore(message)) add(encodeHeader(name, value))
  for (const [field, header] of ORIGINS) add(header.with(before?.origin[field] ?? String(message[field])))
  if (group !== null) add(GROUP.with(group))
  add(ATTEMPTS.with(String((before?.attempts ?? 0) + attempts)))
  add(REASON.with(reason))
  add(ERROR_CLASS.with(error.constructor.name))
  // A stack of nested ones may be long.
  add(ERROR_MESSAGE.with(error.message.slice(0, MOST_CHARACTERS)))
  add(FAILED_AT.with(isoTime(now)))
  if (dueAt !== null) add(DUE_AT.with(String(dueAt)))
  return new EncodedHeaders(count, text)
}

let isoTimeOf = Number.NaN
let isoText = ''

/** Many messages fail in one millisecond, and it takes longer to write than all else here. */
function isoTime(ms: number): string {
  if (ms !== isoTimeOf) {
    isoText = new Date(ms).toISOString()
    isoTimeOf = ms
  }
  return isoText
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
export function headersBefore({ headers }: AnyMessage): (readonly [string, Buffer | null])[] {
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
