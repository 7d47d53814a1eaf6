import { errorCodes } from '../../protocol/error-codes.ts'
import type { Answer, Call, Handlers } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import { coordinatorTypes } from '../nodes.ts'
import { clusterOperations } from '../operations.ts'

const brokerEndpoint = 1
const controllerEndpoint = 2

function describeCluster(cluster: Cluster, call: Call<'DescribeCluster'>): Answer<'DescribeCluster'> {
  const { version, body } = call
  const { endpointType, includeFencedBrokers, includeClusterAuthorizedOperations } = body
  if (version >= 1 && endpointType === controllerEndpoint) {
    const errorMessage = 'The request was sent to a broker, but is for a controller.'
    return { errorCode: errorCodes.MISMATCHED_ENDPOINT_TYPE, errorMessage }
  }
  if (version >= 1 && endpointType !== brokerEndpoint) {
    return {
      errorCode: errorCodes.UNSUPPORTED_ENDPOINT_TYPE,
      errorMessage: `Unsupported endpoint type ${endpointType}`,
    }
  }
  const { nodes } = cluster
  const told = includeFencedBrokers ? nodes.all : nodes.running
  return {
    clusterId: cluster.id,
    controllerId: nodes.controller,
    brokers: told.map(({ id, host, port, rack, running }) => ({ brokerId: id, host, port, rack, isFenced: !running })),
    ...(includeClusterAuthorizedOperations && { clusterAuthorizedOperations: clusterOperations(cluster, call) }),
  }
}

/** Kafka's third one. Brokers ask for it, of which nothing is said but that it is no coordinator of clients. */
const shareType = 2

function findCoordinator({ nodes }: Cluster, { version, body }: Call<'FindCoordinator'>): Answer<'FindCoordinator'> {
  const type = coordinatorTypes[body.keyType]
  const find = (key: string) => {
    const none = { nodeId: -1, host: '', port: -1 }
    if (type === undefined) return { errorCode: errorCodes.INVALID_REQUEST, ...none }
    const node = nodes.get(nodes.coordinator(type, key))
    if (node === undefined) return { errorCode: errorCodes.COORDINATOR_NOT_AVAILABLE, ...none }
    return { errorCode: errorCodes.NONE, nodeId: node.id, host: node.host, port: node.port }
  }
  const isUnknown = type === undefined && body.keyType !== shareType
  const errorMessage = isUnknown ? `Unsupported coordinator type ${body.keyType}` : ''
  if (version >= 4) return { coordinators: body.coordinatorKeys.map(key => ({ key, ...find(key), errorMessage })) }
  // That nothing went wrong has a name of its own.
  return { ...find(body.key), errorMessage: errorMessage || 'NONE' }
}

export const clusterHandlers: Handlers<'DescribeCluster' | 'FindCoordinator'> = {
  DescribeCluster: describeCluster,
  FindCoordinator: findCoordinator,
}
