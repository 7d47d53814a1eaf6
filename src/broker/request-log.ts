import type { Clock } from '../base/clock.ts'
import type { ApiName } from '../protocol/apis.ts'

/** One request as the broker saw it. */
export interface LoggedRequest {
  /** They are counted from 1, over all nodes. */
  readonly number: number
  /** When it came: ms since 1970 on the broker's clock. */
  readonly at: number
  /** The node that was asked. */
  readonly node: number
  /** Address and port of the client. */
  readonly client: string
  readonly clientId: string | null
  /** Kafka's name; null: it was no request that is served here. */
  readonly api: ApiName | null
  readonly version: number
  readonly correlationId: number
  /** Topics that it named, the first ten. */
  readonly topics: readonly string[]
  readonly group: string | null
  /** Its length, in bytes. */
  readonly bytes: number
  /** `'silent'`: no answer is due (`acks=0`), or a fault kept it. */
  readonly outcome: 'waiting' | 'answered' | 'silent' | 'closed'
  /** Until then, ms on the broker's clock. */
  readonly tookMs: number
  /** Length of the answer, in bytes. */
  readonly answerBytes: number
  /** Kafka's names of the errors in the answer. */
  readonly errors: readonly string[]
  /** Why the connection was closed; null: it was not. */
  readonly why: string | null
  /** What a fault did to it, by the name of the action; null: none did. */
  readonly fault: string | null
}

/** While it is being served. */
export type OpenRequest = { -readonly [K in keyof LoggedRequest]: LoggedRequest[K] }

/** The last requests, in the order in which they came. */
export class RequestLog {
  readonly #clock: Clock
  readonly #size: number
  readonly #ring: LoggedRequest[] = []
  readonly #listeners = new Set<(request: LoggedRequest) => void>()
  #count = 0

  constructor(clock: Clock, size: number) {
    this.#clock = clock
    this.#size = size
  }

  get requests(): readonly LoggedRequest[] {
    if (this.#count <= this.#size) return [...this.#ring]
    const oldest = this.#count % this.#size
    return [...this.#ring.slice(oldest), ...this.#ring.slice(0, oldest)]
  }

  /** Calls `listener` with each request once it was answered or its connection closed; answers how to end that. */
  listen(listener: (request: LoggedRequest) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  begin(node: number, client: string, bytes: number): OpenRequest {
    const request: OpenRequest = {
      number: this.#count + 1,
      at: this.#clock.wallTime(),
      node,
      client,
      clientId: null,
      api: null,
      version: -1,
      correlationId: 0,
      topics: [],
      group: null,
      bytes,
      outcome: 'waiting',
      tookMs: 0,
      answerBytes: 0,
      errors: [],
      why: null,
      fault: null,
    }
    if (this.#size > 0) this.#ring[this.#count % this.#size] = request
    this.#count++
    return request
  }

  end(request: OpenRequest, outcome: LoggedRequest['outcome']): void {
    request.outcome = outcome
    request.tookMs = this.#clock.wallTime() - request.at
    for (const listener of [...this.#listeners]) {
      try {
        listener(request)
      } catch (error) {
        // A mistake of the listener's owner, who learns of it; the request is served all the same.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
