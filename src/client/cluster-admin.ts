import { type ApiName, apiByKey } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import { software } from './dial.ts'
import type { BrokerAddress } from './low-level-client.ts'
import type { NativeClient } from './native-client.ts'
import { check, unless } from './outcome.ts'

export interface ClusterDescription {
  readonly clusterId: string | null
  /** Node id of the active controller, which need not be a broker; -1 while there is none. */
  readonly controller: number
  readonly brokers: readonly DescribedBroker[]
}

export interface DescribedBroker extends BrokerAddress {
  /** Registered, but shut out until it has caught up (KIP-1073, Kafka 4.0; older brokers tell only of the others). */
  readonly fenced: boolean
}

/** What one broker can do. */
export interface BrokerVersions {
  readonly apis: readonly ApiRange[]
  /** What it could do (KIP-584): `metadata.version`, `group.version`, …; empty before Kafka 2.7. */
  readonly supportedFeatures: readonly FeatureRange[]
  /** What is switched on in the whole cluster. */
  readonly finalizedFeatures: readonly FeatureRange[]
}

export interface ApiRange {
  readonly key: number
  /** Null for one that is not known here. */
  readonly name: ApiName | null
  readonly minVersion: number
  readonly maxVersion: number
}

export interface FeatureRange {
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
}

const brokerEndpoint = 1
const metadataLog = '__cluster_metadata'

/** The part of `Admin` that is about brokers and controllers. */
export class ClusterAdmin {
  readonly #client: NativeClient

  constructor(client: NativeClient) {
    this.#client = client
  }

  async describe(): Promise<ClusterDescription> {
    const { clusterId, controller, brokers } =
      (await unless(this.#described(), 'UNSUPPORTED_VERSION')) ?? (await this.#metadata())
    return { clusterId, controller: (await this.#activeController()) ?? controller, brokers }
  }

  async versions(nodeId: number): Promise<BrokerVersions> {
    const { name: clientSoftwareName, version: clientSoftwareVersion } = software
    const body = (version: number) => (version < 3 ? {} : { clientSoftwareName, clientSoftwareVersion })
    const answer = await this.#client.send({ nodeId }, 'ApiVersions', body)
    check(answer, `asking node ${nodeId} for its versions`)
    return {
      apis: answer.apiKeys.map(({ apiKey: key, minVersion, maxVersion }) => {
        return { key, name: apiByKey(key)?.name ?? null, minVersion, maxVersion }
      }),
      supportedFeatures: answer.supportedFeatures,
      finalizedFeatures: answer.finalizedFeatures.map(({ name, minVersionLevel, maxVersionLevel }) => {
        return { name, minVersion: minVersionLevel, maxVersion: maxVersionLevel }
      }),
    }
  }

  /** KIP-700, Kafka 2.8. */
  async #described(): Promise<ClusterDescription> {
    const answer = await this.#client.send('any', 'DescribeCluster', version => ({
      includeClusterAuthorizedOperations: false,
      ...(version >= 1 && { endpointType: brokerEndpoint }),
      ...(version >= 2 && { includeFencedBrokers: true }),
    }))
    check(answer, 'describing the cluster')
    const brokers = answer.brokers.map(({ brokerId: nodeId, host, port, rack, isFenced: fenced }) => {
      return { nodeId, host, port, rack, fenced }
    })
    return { clusterId: answer.clusterId, controller: answer.controllerId, brokers }
  }

  async #metadata(): Promise<ClusterDescription> {
    const { clusterId, controller, brokers } = await this.#client.metadata([])
    return { clusterId, controller, brokers: brokers.map(broker => ({ ...broker, fenced: false })) }
  }

  /** With KRaft, brokers call any of them the controller; the quorum knows (KIP-595). Null where there is none, or it may not be asked. */
  async #activeController(): Promise<number | null> {
    const body = { topics: [{ topicName: metadataLog, partitions: [{ partitionIndex: 0 }] }] }
    const answer = await unless(this.#client.send('any', 'DescribeQuorum', body), 'UNSUPPORTED_VERSION')
    const quorum = answer?.topics[0]?.partitions[0]
    return quorum === undefined || quorum.errorCode !== errorCodes.NONE ? null : quorum.leaderId
  }
}
