import { partitionName } from '../base/topic-partition.ts'
import { type FetchTrace, tracing } from '../consumer/tracing.ts'

interface Fetched {
  readonly lastOffset: number
  readonly at: number
}

/** When the answer came that had a message: what all consumers of this process fetch, until its messages are asked about. */
export class FetchTimes implements Disposable {
  readonly #fetched = new Map<string, Fetched[]>()
  readonly #listener = (trace: unknown) => this.#add(trace as FetchTrace)

  constructor() {
    tracing.fetch.asyncEnd.subscribe(this.#listener)
  }

  /** By `performance.now()`. Of one partition, messages are asked about in the order of their offsets. */
  of(topic: string, partition: number, offset: number): number {
    const fetched = this.#fetched.get(partitionName(topic, partition)) ?? []
    while ((fetched[0]?.lastOffset ?? Number.POSITIVE_INFINITY) < offset) fetched.shift()
    return fetched[0]?.at ?? performance.now()
  }

  [Symbol.dispose](): void {
    tracing.fetch.asyncEnd.unsubscribe(this.#listener)
  }

  #add({ result }: FetchTrace): void {
    const at = performance.now()
    for (const { topic, partition, batches } of result?.partitions ?? []) {
      const last = batches.at(-1)
      if (last === undefined) continue
      const name = partitionName(topic, partition)
      const fetched = this.#fetched.get(name)
      if (fetched === undefined) this.#fetched.set(name, [{ lastOffset: last.lastOffset, at }])
      else fetched.push({ lastOffset: last.lastOffset, at })
    }
  }
}
