import type { Cluster } from '../cluster.ts'

/** All groups by name: members and generations (KIP-345 static members too), and committed offsets. */
export class Groups {
  constructor(_cluster: Cluster) {
    throw new Error('not yet')
  }

  /** Offsets that this producer's transaction holds back for the group are committed, or forgotten. */
  endTransaction(_group: string, _producerId: number, _result: 'commit' | 'abort'): void {
    throw new Error('not yet')
  }

  /** Kafka forgets the offsets of a deleted topic. */
  topicDeleted(_topic: string): void {
    throw new Error('not yet')
  }

  close(): void {
    throw new Error('not yet')
  }
}
