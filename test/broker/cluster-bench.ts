import { apiTable } from '../../src/broker/api/table.ts'
import type { Call } from '../../src/broker/call.ts'
import type { Cluster } from '../../src/broker/cluster.ts'
import type { ApiName } from '../../src/protocol/apis.ts'
import { decodeRequest, decodeResponse, encodeResponse } from '../../src/protocol/frame.ts'
import type { Requests, Responses } from '../../src/protocol/messages.ts'
import type { Encodable } from '../../src/protocol/shapes.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { requestFrame } from './raw-connection.ts'
import { startCluster } from './start-cluster.ts'

export interface BenchOptions {
  readonly nodes?: number
  readonly config?: Readonly<Record<string, string>>
}

/** A cluster without sockets, with the topics `t` and `u`. Requests and answers go through the codec; time stands still. */
export class ClusterBench implements Disposable {
  readonly clock = new VirtualClock()
  readonly cluster: Cluster

  constructor({ nodes = 1, config = {} }: BenchOptions = {}) {
    this.cluster = startCluster(this.clock, config, nodes)
  }

  /** Fields that the version lacks are left out. */
  async ask<N extends ApiName>(
    name: N,
    version: number,
    body: Encodable<Requests[N]>,
    node = 1,
  ): Promise<Responses[N]> {
    const request = decodeRequest(requestFrame(name, version, body))
    const { signal: gone } = new AbortController()
    const call = { ...request, host: '127.0.0.1', node, gone } as unknown as Call<N>
    const answer = await apiTable[name]?.(this.cluster, call)
    if (!answer) throw new Error('there is no answer')
    return decodeResponse(name, version, encodeResponse(name, version, 1, answer).subarray(4))
  }

  /** The codes and messages of a topic that is made: 0 and null when it is there. */
  async create(topic: Encodable<Requests['CreateTopics']['topics'][number]>, more: object = {}) {
    const topics = [{ numPartitions: 1, replicationFactor: 1, ...topic }]
    const [made] = (await this.ask('CreateTopics', 7, { topics, ...more })).topics
    if (made === undefined) throw new Error('there is no answer for the topic')
    return made
  }

  /** Lets a node stop or start, as those do who have its socket. */
  run(node: number, running: boolean): void {
    const found = this.cluster.nodes.get(node)
    if (found === undefined) throw new Error(`there is no node ${node}`)
    found.running = running
    this.cluster.topics.nodesChanged()
    this.cluster.groups.coordinatorsChanged()
  }

  [Symbol.dispose](): void {
    this.cluster.close()
  }
}
