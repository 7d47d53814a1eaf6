import type { Clock } from '../base/clock.ts'
import type { Admission } from './admission.ts'
import type { AnyMessage } from './claim.ts'

/** The first grant, before it is known how fast messages are handled. */
const FIRST = 16
const MOST = 8_192
/** A grant is to last this long, ms: it says how much a crash loses, and how often is committed. */
const SHORT_MS = 50
const LONG_MS = 200

/** What a grant needs of its claim. */
export interface GrantParts {
  readonly clock: Clock
  /** Most messages that can be in handlers at the same time. */
  readonly handlers: number
  /** The offset behind all that was fetched. */
  readonly fetched: () => number
  /** Messages that were taken and are not done. */
  readonly open: () => number
  /** `asked` is to be committed now. */
  readonly commit: () => void
}

/**
 * Messages of one claim are handed out below an offset whose commit was acknowledged, and so at most once: whoever owns the partition next
 * begins above them. The next offsets are committed before these are used up, so that handlers need not wait.
 *
 * ```
 *    done, running │ granted, not begun │ being committed │ fetched
 *   ───────────────┴────────────────────┴─────────────────┴──────────
 *             next message             end              asked
 * ```
 *
 * What a crash loses is what was granted and not begun, so a grant is as small as it can be without making handlers wait: it doubles when
 * they did, or when it lasts for less than 50 ms, and halves when it lasts for more than 200 ms.
 */
export class Grant implements Admission {
  readonly #parts: GrantParts
  #end = -1
  #asked = -1
  /** The message from which on more is asked for; Infinity while that is under way. */
  #askFrom = -1
  #size = FIRST
  /** Of the last grant: when it was asked for; null: there was none. */
  #askedAt: number | null = null
  /** It ended where nothing more was fetched, and tells nothing of how fast messages are handled. */
  #partial = false
  /** A message had to wait for it. */
  #late = false
  #stopped = false

  constructor(parts: GrantParts) {
    this.#parts = parts
  }

  /** Below it messages may be handed out; -1: nothing was acknowledged yet. */
  get end(): number {
    return this.#end
  }

  /** What is to be committed at least; -1: nothing yet. */
  get asked(): number {
    return this.#asked
  }

  admits({ offset }: AnyMessage): boolean {
    if (offset >= this.#askFrom) this.#ask(offset)
    if (offset < this.#end) return true
    if (this.#asked > this.#end) this.#late = true
    return false
  }

  /** A commit of this offset was acknowledged. */
  acknowledged(offset: number): void {
    if (this.#stopped || offset <= this.#end) return
    this.#end = offset
    if (this.#asked <= offset) this.#askFrom = offset - Math.ceil(this.#size / 2)
  }

  /** Nothing more is handed out. What lies behind the last message that was begun is given back: its commit is a lower one. */
  stop(begun: number): void {
    this.#stopped = true
    this.#end = -1
    this.#asked = begun + 1
    this.#askFrom = Number.POSITIVE_INFINITY
  }

  #ask(offset: number): void {
    const { handlers, open, fetched, commit } = this.#parts
    // What was taken and waits for others of its key has not begun either.
    if (this.#stopped || open() > handlers + this.#size) return
    const behind = fetched()
    if (behind <= this.#end) return
    this.#resize()
    this.#partial = behind < offset + 1 + this.#size
    this.#asked = Math.max(offset + 1, Math.min(behind, offset + 1 + this.#size))
    this.#askFrom = Number.POSITIVE_INFINITY
    this.#late = false
    commit()
  }

  #resize(): void {
    const now = this.#parts.clock.now()
    const lasted = this.#askedAt === null ? SHORT_MS : now - this.#askedAt
    this.#askedAt = now
    if (this.#partial) return
    if (this.#late || lasted < SHORT_MS) this.#size = Math.min(MOST, 2 * this.#size)
    else if (lasted > LONG_MS) this.#size = Math.max(1, this.#size >> 1)
  }
}
