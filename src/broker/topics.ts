import type { Cluster } from './cluster.ts'
import type { Config } from './config.ts'
import type { Partition } from './partition.ts'

export interface Topic {
  readonly name: string
  /** 22 letters of base64url; a topic made again under the same name has another. */
  readonly id: string
  readonly config: Config
  readonly partitions: readonly Partition[]
}

/** All topics by name and by id. */
export class Topics {
  constructor(_cluster: Cluster) {
    throw new Error('not yet')
  }

  get(_name: string): Topic | undefined {
    throw new Error('not yet')
  }

  byId(_id: string): Topic | undefined {
    throw new Error('not yet')
  }

  [Symbol.iterator](): Iterator<Topic> {
    throw new Error('not yet')
  }

  /** Tells every partition that nodes came or went, so that it looks for its leader. */
  nodesChanged(): void {}

  close(): void {}
}
