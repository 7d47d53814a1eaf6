import type { Clock, Timer } from '../base/clock.ts'
import { MillraceError, RequestTimeoutError, toError } from '../base/errors.ts'
import type { ApiName } from '../protocol/apis.ts'
import { decodeResponse, encodeRequestParts } from '../protocol/frame.ts'
import type { Requests, Responses } from '../protocol/messages.ts'

/** One request, and how to make of its answer what the caller wants. */
export interface Question<N extends ApiName, T> {
  readonly name: N
  /** Called when the version is known; may be called again with another when the request goes over another connection. */
  readonly body: (version: number) => Requests[N]
  /**
   * Called with the answer while the frame it lies in is still there: views of it must not be kept on fetch connections. What it
   * throws rejects the call.
   */
  readonly read: (answer: Responses[N], version: number) => T
  /** From now to the answer. */
  readonly timeoutMs: number
  readonly minVersion?: number | undefined
  readonly maxVersion?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** `read` keeps the answer as it is: bytes in it must not lie in memory that the next frame overwrites. Default false. */
  readonly keepsFrame?: boolean | undefined
  /** The broker sends no answer (Produce with `acks: 0`): this is it, once the request is written. */
  readonly unanswered?: (() => T) | undefined
}

/** The longest time a timer can be set for. */
export const longestMs = 2 ** 31 - 1

/** The broker's answer cannot be read. Code `BAD_ANSWER`. */
export class AnswerError extends MillraceError {
  constructor(message: string, broker: string, cause: unknown) {
    super('BAD_ANSWER', message, { broker, cause, retriable: true })
  }
}

/** What a connection needs to know of a call. */
export interface Ask {
  readonly name: ApiName
  readonly minVersion: number | undefined
  readonly maxVersion: number | undefined
  /** By the clock's `now`. */
  readonly deadline: number
  readonly answered: boolean
  readonly keepsFrame: boolean
  readonly settled: boolean
  /** A whole frame in pieces; large bytes in it are those that were asked with. */
  encode(version: number, correlationId: number, clientId: string): readonly Uint8Array[]
  /** Answers for how many ms the broker wants to be left alone. */
  answer(version: number, frame: Buffer): number
  written(): void
  fail(error: Error): void
}

/** A request from being asked to being settled: by its answer, its deadline, its signal or a broken connection. */
export class Call<N extends ApiName, T> implements Ask {
  readonly promise: Promise<T>
  readonly deadline: number
  readonly #question: Question<N, T>
  readonly #broker: string
  readonly #onSettled: (call: Ask) => void
  readonly #timer: Timer
  readonly #aborted = () => this.fail(toError(this.#question.signal?.reason))
  #resolve: (value: T) => void = () => {}
  #reject: (error: Error) => void = () => {}
  #settled = false

  /** `late` says what the call was waiting for when its deadline was over. */
  constructor(
    question: Question<N, T>,
    clock: Clock,
    broker: string,
    late: (call: Ask) => string,
    onSettled: (call: Ask) => void,
  ) {
    this.#question = question
    this.#broker = broker
    this.#onSettled = onSettled
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    const { name, timeoutMs, signal } = question
    this.deadline = clock.now() + timeoutMs
    this.#timer = clock.after(Math.min(timeoutMs, longestMs), () => {
      const message = `${broker} gave no answer to ${name} within ${Math.round(timeoutMs)} ms: ${late(this)}`
      this.fail(new RequestTimeoutError(message, { broker }))
    })
    if (signal?.aborted) this.#aborted()
    else signal?.addEventListener('abort', this.#aborted, { once: true })
  }

  get name(): N {
    return this.#question.name
  }
  get minVersion(): number | undefined {
    return this.#question.minVersion
  }
  get maxVersion(): number | undefined {
    return this.#question.maxVersion
  }
  get answered(): boolean {
    return this.#question.unanswered === undefined
  }
  get keepsFrame(): boolean {
    return this.#question.keepsFrame ?? false
  }
  get settled(): boolean {
    return this.#settled
  }

  encode(version: number, correlationId: number, clientId: string): readonly Uint8Array[] {
    return encodeRequestParts(this.#question.name, version, correlationId, clientId, this.#question.body(version))
  }

  answer(version: number, frame: Buffer): number {
    const { name, read } = this.#question
    let answer: Responses[N]
    try {
      answer = decodeResponse(name, version, frame)
    } catch (thrown) {
      const message = `${this.#broker} answered ${name} (version ${version}) with what cannot be read: ${toError(thrown).message}`
      this.fail(new AnswerError(message, this.#broker, thrown))
      return 0
    }
    try {
      const value = read(answer, version)
      if (this.#settle()) this.#resolve(value)
    } catch (thrown) {
      this.fail(toError(thrown))
    }
    return 'throttleTimeMs' in answer ? answer.throttleTimeMs : 0
  }

  written(): void {
    const { unanswered } = this.#question
    if (unanswered !== undefined && this.#settle()) this.#resolve(unanswered())
  }

  fail(error: Error): void {
    if (this.#settle()) this.#reject(error)
  }

  #settle(): boolean {
    if (this.#settled) return false
    this.#settled = true
    this.#timer.cancel()
    this.#question.signal?.removeEventListener('abort', this.#aborted)
    this.#onSettled(this)
    return true
  }
}
