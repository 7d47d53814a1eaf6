import { errorCodes } from '../../protocol/error-codes.ts'
import type { Cluster } from '../cluster.ts'
import type { Partition } from '../partition.ts'

/** Where the protocol tells a client whom to turn to (KIP-951). */
export interface LeaderAndEpoch {
  readonly leaderId: number
  readonly leaderEpoch: number
}

/** The leaders that an answer names, each once. */
export class NamedLeaders {
  readonly #cluster: Cluster
  readonly #nodes = new Set<number>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Remembers the partition's leader, and answers what is said of it. */
  name({ leader, leaderEpoch }: Partition): LeaderAndEpoch {
    this.#nodes.add(leader)
    return { leaderId: leader, leaderEpoch }
  }

  /** How to reach them. */
  get endpoints(): { nodeId: number; host: string; port: number; rack: string | null }[] {
    return [...this.#nodes].flatMap(id => {
      const node = this.#cluster.nodes.get(id)
      return node === undefined ? [] : [{ nodeId: id, host: node.host, port: node.port, rack: node.rack }]
    })
  }
}

/** Errors with which an answer names the leader. */
export function saysWhoLeads(errorCode: number): boolean {
  return errorCode === errorCodes.NOT_LEADER_OR_FOLLOWER || errorCode === errorCodes.FENCED_LEADER_EPOCH
}
