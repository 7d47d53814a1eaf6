import { setTimeout as delay } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'

const PAUSE_MS = 50
/** Writes that may fail one after another while nodes come and go. */
const FAILURES = 400

/** Writes to all partitions of a topic in turn, from the time it is made until it is stopped. */
export class Load {
  /** How many messages each partition has. */
  readonly ends: number[]
  readonly #cluster: Cluster
  readonly #topic: string
  readonly #perSecond: number
  readonly #done: Promise<void>
  #stopped = false
  #failure: unknown

  constructor(cluster: Cluster, topic: string, options: { readonly partitions: number; readonly perSecond: number }) {
    this.#cluster = cluster
    this.#topic = topic
    this.#perSecond = options.perSecond
    this.ends = new Array(options.partitions).fill(0)
    this.#done = this.#write().catch(error => {
      this.#failure = error
    })
  }

  /** Messages that were acknowledged. */
  get written(): number {
    return this.ends.reduce((sum, end) => sum + end, 0)
  }

  /** Resolves to how many were written when the last ones are acknowledged; rejects when one could not be. */
  async stop(): Promise<number> {
    this.#stopped = true
    await this.#done
    if (this.#failure !== undefined) throw this.#failure
    return this.written
  }

  async #write(): Promise<void> {
    const began = performance.now()
    let failures = 0
    for (let next = 0; !this.#stopped || failures > 0; ) {
      const due = Math.ceil(((performance.now() - began + PAUSE_MS) * this.#perSecond) / 1000)
      // After a write that took long there is not all at once what it kept waiting.
      const count = Math.min(due - next, this.#perSecond)
      const messages = Array.from({ length: count }, () => {
        const n = next++
        return { key: `k${n % 97}`, value: String(n), partition: n % this.ends.length }
      })
      try {
        const written = await this.#cluster.write(this.#topic, messages)
        for (const { partition, offset } of written) {
          this.ends[partition] = Math.max(this.ends[partition] ?? 0, offset + 1)
        }
        failures = 0
      } catch (error) {
        // What was written nevertheless is before what is written next.
        if (++failures > FAILURES) throw error
      }
      await delay(PAUSE_MS)
    }
  }
}
