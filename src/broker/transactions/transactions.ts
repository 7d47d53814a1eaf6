import type { Cluster } from '../cluster.ts'

/** Producer ids, and the transactions of each transactional id. Ends are completed at once: no state lasts "preparing". */
export class Transactions {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /**
   * Whether a transactional batch may be appended to this partition: Produce asks before it appends. With transaction version 2 (the
   * client's Produce version is 12 or higher) the partition is added to the transaction here (KIP-890). Answers an error code.
   */
  admit(
    _transactionalId: string,
    _producerId: number,
    _producerEpoch: number,
    _topic: string,
    _partition: number,
    _implicit: boolean,
  ): number {
    throw new Error('not yet')
  }

  /** The same for offsets of a group: TxnOffsetCommit asks; implicit from its version 5 on. */
  admitGroup(
    _transactionalId: string,
    _producerId: number,
    _producerEpoch: number,
    _group: string,
    _implicit: boolean,
  ): number {
    throw new Error('not yet')
  }

  close(): void {}
}
