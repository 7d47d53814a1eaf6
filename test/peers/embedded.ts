import { Broker } from '../../src/broker/index.ts'

/** Three nodes, so that the leader, the coordinator and whoever was asked first are seldom the same. */
export function embedded(): Promise<Broker> {
  return Broker.start({ nodes: 3 })
}
