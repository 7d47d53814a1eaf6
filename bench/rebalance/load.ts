import type { LowLevelClient } from '../../src/index.ts'
import { batchWriter, millrace } from '../children/source.ts'
import { silent } from '../log.ts'
import { micros } from './micros.ts'

const TICK_MS = 5
const VALUE = Buffer.alloc(20, 'x')

/** Writes to all partitions of a topic at one rate, until it is stopped. */
export class SteadyLoad {
  readonly #client: LowLevelClient
  readonly #topic: string
  /** When each message was acknowledged, in µs of the clock that all processes share, by partition and offset. */
  readonly #written: readonly number[][]
  readonly #perSecond: number
  readonly #startedAt = performance.now()
  readonly #timer: NodeJS.Timeout
  #sent = 0
  #underWay: Promise<void> | null = null
  #failure: Error | null = null

  /** `perSecond`: messages for each partition. */
  constructor(brokers: readonly string[], topic: string, partitions: number, perSecond: number) {
    this.#client = new millrace.NativeClient({ brokers, clientId: 'load', logger: silent })
    this.#topic = topic
    this.#written = Array.from({ length: partitions }, () => [])
    this.#perSecond = perSecond
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  /** Resolves to when each message was there, in µs of the clock that all processes share, by partition and offset. */
  async stop(): Promise<readonly (readonly number[])[]> {
    clearInterval(this.#timer)
    await this.#underWay
    await this.#client.close()
    if (this.#failure !== null) throw this.#failure
    return this.#written
  }

  /** What is due; one request at a time. */
  #tick(): void {
    const due = Math.floor(((performance.now() - this.#startedAt) / 1_000) * this.#perSecond) - this.#sent
    if (due <= 0 || this.#underWay !== null || this.#failure !== null) return
    this.#underWay = this.#write(due)
      .catch(error => {
        this.#failure = error
      })
      .finally(() => {
        this.#underWay = null
      })
  }

  async #write(count: number): Promise<void> {
    const records = batchWriter.writeBatch(Array.from({ length: count }, () => ({ value: VALUE })))
    const batches = this.#written.map((_, partition) => ({ topic: this.#topic, partition, records }))
    const answers = await this.#client.produce(batches)
    const now = micros()
    for (const { partition, baseOffset, error } of answers) {
      // A new topic takes a moment until its leaders know.
      if (error?.retriable) continue
      const times = this.#written[partition]
      if (error !== null || times === undefined) throw error ?? new Error(`no partition ${partition} was written to`)
      for (let place = 0; place < count; place++) times[baseOffset + place] = now
    }
    this.#sent += count
  }
}
