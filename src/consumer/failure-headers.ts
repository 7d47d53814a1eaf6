import { EncodedHeaders, encodeField, encodePairs } from '../records/encoded-headers.ts'
import type { Headers } from '../records/headers.ts'
import type { Failure } from '../work/failure.ts'
import type { AnyMessage } from './claim.ts'

/** Begins the names of all headers that are added. */
const PREFIX = 'millrace.'
/** Of an error's message. */
const MOST_CHARACTERS = 2_000
const ORIGIN = ['topic', 'partition', 'offset', 'timestamp'] as const

/**
 * The headers of letters, but for the value of the last one. Most are as in the letter before: a header is encoded when its value is another,
 * and all are put together when one was.
 */
class LetterHeaders {
  readonly #names: readonly string[]
  readonly #last: string
  readonly #values: (string | number | null)[] = []
  readonly #encoded: string[] = []
  /** How many there are, the last one among them. */
  count = 0
  bytes = Buffer.alloc(0)

  constructor(names: readonly string[], last: string) {
    this.#names = names.map(name => encodeField(PREFIX + name))
    this.#last = encodeField(PREFIX + last)
  }

  /** The value of each name but the last; null: there is no such header. */
  set(values: readonly (string | number | null)[]): void {
    let changed = false
    for (let at = 0; at < values.length; at++) {
      const value = values[at] as string | number | null
      if (value === this.#values[at]) continue
      this.#values[at] = value
      this.#encoded[at] = value === null ? '' : this.#names[at] + encodeField(String(value))
      changed = true
    }
    if (!changed) return
    this.count = values.filter(value => value !== null).length + 1
    this.bytes = Buffer.from(this.#encoded.join('') + this.#last, 'latin1')
  }
}

const letterHeaders = new LetterHeaders(
  [
    'topic',
    'partition',
    'timestamp',
    'group',
    'attempts',
    'reason',
    'error.class',
    'error.message',
    'failed.at',
    'due',
  ],
  'offset',
)

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
  const past = again ? pastOf(message) : NO_PAST
  const { origin } = past
  letterHeaders.set([
    origin.topic ?? message.topic,
    origin.partition ?? message.partition,
    origin.timestamp ?? message.timestamp,
    group,
    past.attempts + attempts,
    reason,
    // Programs without types put anything there.
    String(error.constructor?.name),
    // A stack of nested ones may be long.
    String(error.message).slice(0, MOST_CHARACTERS),
    isoTime(now),
    dueAt,
  ])
  const { bytes, count } = letterHeaders
  const offset = encodeField(String(origin.offset ?? message.offset))
  const own = headersBefore(message)
  if (own.length === 0) return new EncodedHeaders(count, bytes, offset)
  return new EncodedHeaders(own.length + count, Buffer.concat([encodePairs(own), bytes]), offset)
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
  const at = Number(saidOf(message.headers, 'due') ?? 0)
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

/** Of a message that failed before: where it came from first, and how often it was tried. */
interface Past {
  readonly origin: Partial<Record<(typeof ORIGIN)[number], string>>
  readonly attempts: number
}

const NO_PAST: Past = { origin: {}, attempts: 0 }

function pastOf({ headers }: AnyMessage): Past {
  const said = (name: string) => saidOf(headers, name)
  const attempts = Number(said('attempts') ?? 0)
  return {
    origin: Object.fromEntries(ORIGIN.map(name => [name, said(name)])),
    attempts: Number.isSafeInteger(attempts) ? attempts : 0,
  }
}
