import { systemClock } from '../../src/base/clock.ts'
import { StderrLogger } from '../../src/base/stderr-logger.ts'
import type { Isolation } from '../../src/client/low-level-client.ts'
import { NativeClient } from '../../src/client/native-client.ts'
import { AbortedFilter } from '../../src/records/aborted.ts'
import { openBatch } from '../../src/records/open-batch.ts'
import type { Cluster } from '../cluster.ts'
import { until } from '../until.ts'

/** Reads logs whole, as a consumer would. */
export class LogReader implements AsyncDisposable {
  readonly #client: NativeClient

  constructor({ brokers, security }: Pick<Cluster, 'brokers'> & { readonly security?: Cluster['security'] }) {
    this.#client = new NativeClient({ brokers, ...security, logger: new StderrLogger('silent', systemClock) })
  }

  /** The values of a partition; those of committed transactions once all that is in it is ended. */
  async values(topic: string, partition = 0, isolation: Isolation = 'read_committed'): Promise<string[]> {
    let values: string[] = []
    await until(`all of ${topic}[${partition}] can be read`, async () => {
      const read = await this.#read(topic, partition, isolation)
      if (read === null) return false
      values = read
      return true
    })
    return values
  }

  close(): Promise<void> {
    return this.#client.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Null when something in it is not decided yet, or its leader is not there. */
  async #read(topic: string, partition: number, isolation: Isolation): Promise<string[] | null> {
    await this.#client.metadata([topic])
    const nodeId = this.#client.leaderOf(topic, partition)?.nodeId ?? -1
    if (nodeId < 0) return null
    const values: string[] = []
    for (let offset = 0; ; ) {
      const { partitions } = await this.#client.fetch({
        nodeId,
        connection: 0,
        maxWaitMs: 0,
        minBytes: 0,
        maxBytes: 1 << 24,
        isolation,
        partitions: [{ topic, partition, offset, leaderEpoch: -1, maxBytes: 1 << 24 }],
      })
      const fetched = partitions[0]
      // What is as it was when it was last asked for is left out (KIP-227).
      if (fetched === undefined || fetched.error !== null) return null
      const { batches, aborted, highWatermark, lastStableOffset } = fetched
      if (lastStableOffset >= 0 && lastStableOffset < highWatermark && isolation === 'read_committed') return null
      const filter = new AbortedFilter(aborted)
      for (const batch of batches) {
        offset = batch.lastOffset + 1
        if (!filter.keeps(batch) || batch.isControl) continue
        const open = await openBatch(batch, { topic, partition, highWatermark, maxInflatedBytes: 1 << 24 })
        for (let message = open.next(); message !== null; message = open.next()) values.push(String(message.value))
      }
      if (offset >= highWatermark || batches.length === 0) return values
    }
  }
}
