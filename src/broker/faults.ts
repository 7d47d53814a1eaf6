import { ClosedError, MillraceError, OptionError } from '../base/errors.ts'
import type { ApiName } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import type { Call } from './call.ts'
import type { Cluster } from './cluster.ts'
import { checkFault, type FaultAction, type FaultOptions, type FaultSettings } from './fault.ts'
import type { PartError } from './part-errors.ts'
import { type Selection, selects } from './selection.ts'
import type { Topics } from './topics.ts'

/** A fault that was set, until it is removed. */
export interface Fault extends Disposable {
  /** Requests that it has hit so far. */
  readonly hits: number
  /** Resolves when the n-th request is hit (default: the first); rejects when the fault is removed or the broker closed before. */
  hit(n?: number): Promise<void>
  /** Later requests are served as ever. May be called more than once. */
  remove(): void
}

/** What becomes of one request. */
export type Harm = Exclude<FaultAction, { readonly error: string }> | { readonly errors: readonly PartError[] }

/**
 * The faults that are set, in the order in which they were. A request is taken by the first one that it matches, and errors only
 * take the parts they are about, so that others may take other parts. Those that observe count all that they match, and take nothing.
 */
export class Faults {
  readonly #cluster: Cluster
  readonly #set = new Set<SetFault>()
  #closed = false

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Whether a fault may be about such a request. */
  mayHit(name: ApiName): boolean {
    return [...this.#set].some(({ settings: { apis } }) => apis === null || apis.has(name))
  }

  /** @throws {OptionError} */
  add<N extends ApiName>(options: FaultOptions<N>): Fault {
    if (this.#closed) throw new ClosedError('The broker')
    const fault = new SetFault(checkFault(options, this.#cluster.nodes.all.length), () => this.#set.delete(fault))
    this.#set.add(fault)
    return fault
  }

  /**
   * What becomes of a request; null: it is served as ever. The faults that it hits count it. `whole` is the same with what it is about
   * without saying so.
   */
  strike(call: Call<ApiName>, whole: Call<ApiName>): Harm | null {
    const errors: PartError[] = []
    let harm: Harm | null = null
    const { topics } = this.#cluster
    for (const fault of this.#set) {
      const { action, topic, partition, group } = fault.settings
      const { error, observe } = action
      if (observe) {
        if (fault.matches(call, whole, topics, [])) fault.count()
      } else if (harm === null && (errors.length === 0 || error !== undefined)) {
        const taken = errors.map(({ selection }) => selection)
        if (!fault.matches(call, whole, topics, taken) || !fault.count()) continue
        if (error === undefined) harm = action
        else errors.push({ selection: { topic, partition, group }, code: errorCodes[error] })
      }
    }
    return errors.length > 0 ? { errors } : harm
  }

  close(): void {
    this.#closed = true
    for (const fault of [...this.#set]) fault.end(new ClosedError('The broker'))
  }
}

interface Waiting {
  readonly n: number
  resolve(): void
  reject(reason: Error): void
}

class SetFault implements Fault {
  readonly settings: FaultSettings
  readonly #onEnd: () => void
  readonly #waiting: Waiting[] = []
  #passed = 0
  #hits = 0
  #ended: Error | null = null

  constructor(settings: FaultSettings, onEnd: () => void) {
    this.settings = settings
    this.#onEnd = onEnd
  }

  get hits(): number {
    return this.#hits
  }

  hit(n = 1): Promise<void> {
    const { count } = this.settings
    if (!Number.isInteger(n) || n < 1 || n > count) {
      return Promise.reject(new OptionError(`this fault has no hit ${n}; expected a whole number from 1 to ${count}`))
    }
    if (n <= this.#hits) return Promise.resolve()
    if (this.#ended !== null) return Promise.reject(this.#ended)
    const hit = new Promise<void>((resolve, reject) => this.#waiting.push({ n, resolve, reject }))
    // It may be asked for before it is waited for, and never be waited for.
    hit.catch(() => {})
    return hit
  }

  remove(): void {
    this.end(new MillraceError('FAULT_REMOVED', `The fault was removed after ${this.#hits} hits`))
  }

  [Symbol.dispose](): void {
    this.remove()
  }

  /** Whether a request, without the parts that others took, is one that this fault is about. */
  matches(call: Call<ApiName>, whole: Call<ApiName>, topics: Topics, taken: readonly Selection[]): boolean {
    const { apis, node, clientId, when } = this.settings
    return (
      (apis === null || apis.has(call.name)) &&
      (node === undefined || node === call.node) &&
      (clientId === undefined || clientId === call.clientId) &&
      selects(this.settings, whole, topics, taken) &&
      when(call)
    )
  }

  /** Counts a request that matches, and answers whether it is hit. */
  count(): boolean {
    const { skip, count } = this.settings
    if (this.#passed < skip) {
      this.#passed++
      return false
    }
    this.#hits++
    for (const each of this.#waiting) if (each.n <= this.#hits) each.resolve()
    if (this.#hits === count) this.#onEnd()
    return true
  }

  end(reason: Error): void {
    this.#ended ??= reason
    this.#onEnd()
    for (const each of this.#waiting.splice(0)) each.reject(reason)
  }
}
