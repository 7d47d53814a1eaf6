import type { Cluster } from './cluster.ts'
import type { Log } from './log/log.ts'
import type { Topic } from './topics.ts'

/** One partition: its log, and who leads it. The nodes share the log: what is appended is replicated at once. */
export class Partition {
  readonly topic: Topic
  readonly index: number
  /** Node numbers, the preferred leader first. */
  readonly replicas: readonly number[]
  readonly log: Log

  /** Elects the first running replica. */
  constructor(_cluster: Cluster, _topic: Topic, _index: number, _replicas: readonly number[]) {
    throw new Error('not yet')
  }

  /** Node number, -1 while no replica runs. */
  get leader(): number {
    throw new Error('not yet')
  }

  /** Grows with each election, from 0. */
  get leaderEpoch(): number {
    throw new Error('not yet')
  }

  /** The running replicas. */
  get isr(): readonly number[] {
    throw new Error('not yet')
  }

  /** Makes this replica the leader under a new epoch, and lets waiting fetches look again. */
  elect(_node: number): void {
    throw new Error('not yet')
  }

  /** Elects another leader where the present one stopped, or one where there was none. */
  nodesChanged(): void {
    throw new Error('not yet')
  }

  /** Writes the marker that ends this producer's transaction here, when it has one open here. */
  endTransaction(_producerId: number, _producerEpoch: number, _result: 'commit' | 'abort'): void {
    throw new Error('not yet')
  }

  /** The topic was deleted, or the cluster is closed: who waits gets an answer, timers end. */
  close(): void {
    throw new Error('not yet')
  }
}
