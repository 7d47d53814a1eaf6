// Generated from kafka-clients-4.1.1.jar by scripts/generate-protocol.ts: do not edit.

import type { Int64 } from './int64.ts'

/** Versions 3 to 13. */
export interface ProduceRequest {
  readonly transactionalId?: string | null
  readonly acks: number
  readonly timeoutMs: number
  readonly topicData: readonly ProduceRequestTopicProduceData[]
}

export interface ProduceRequestTopicProduceData {
  /** Versions 0 to 12. */
  readonly name?: string
  /** Versions 13+. */
  readonly topicId?: string
  readonly partitionData: readonly ProduceRequestPartitionProduceData[]
}

export interface ProduceRequestPartitionProduceData {
  readonly index: number
  readonly records: Uint8Array | null
}

/** Versions 3 to 13. */
export interface ProduceResponse {
  readonly responses: readonly ProduceResponseTopicProduceResponse[]
  readonly throttleTimeMs: number
  /** Versions 10+. */
  readonly nodeEndpoints: readonly ProduceResponseNodeEndpoint[]
}

export interface ProduceResponseTopicProduceResponse {
  /** Versions 0 to 12. */
  readonly name: string
  /** Versions 13+. */
  readonly topicId: string
  readonly partitionResponses: readonly ProduceResponsePartitionProduceResponse[]
}

export interface ProduceResponsePartitionProduceResponse {
  readonly index: number
  readonly errorCode: number
  readonly baseOffset: number
  readonly logAppendTimeMs: number
  /** Versions 5+. */
  readonly logStartOffset: number
  /** Versions 8+. */
  readonly recordErrors: readonly ProduceResponseBatchIndexAndErrorMessage[]
  /** Versions 8+. */
  readonly errorMessage: string | null
  /** Versions 10+. */
  readonly currentLeader: ProduceResponseLeaderIdAndEpoch
}

export interface ProduceResponseBatchIndexAndErrorMessage {
  readonly batchIndex: number
  readonly batchIndexErrorMessage: string | null
}

export interface ProduceResponseLeaderIdAndEpoch {
  readonly leaderId: number
  readonly leaderEpoch: number
}

export interface ProduceResponseNodeEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

/** Versions 4 to 18. */
export interface FetchRequest {
  /** Versions 12+. */
  readonly clusterId?: string | null
  /** Versions 0 to 14. */
  readonly replicaId?: number
  /** Versions 15+. */
  readonly replicaState?: FetchRequestReplicaState
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes?: number
  readonly isolationLevel?: number
  /** Versions 7+. */
  readonly sessionId?: number
  /** Versions 7+. */
  readonly sessionEpoch?: number
  readonly topics: readonly FetchRequestFetchTopic[]
  /** Versions 7+. */
  readonly forgottenTopicsData?: readonly FetchRequestForgottenTopic[]
  /** Versions 11+. */
  readonly rackId?: string
}

export interface FetchRequestReplicaState {
  readonly replicaId?: number
  readonly replicaEpoch?: number
}

export interface FetchRequestFetchTopic {
  /** Versions 0 to 12. */
  readonly topic?: string
  /** Versions 13+. */
  readonly topicId?: string
  readonly partitions: readonly FetchRequestFetchPartition[]
}

export interface FetchRequestFetchPartition {
  readonly partition: number
  /** Versions 9+. */
  readonly currentLeaderEpoch?: number
  readonly fetchOffset: number
  /** Versions 12+. */
  readonly lastFetchedEpoch?: number
  /** Versions 5+. */
  readonly logStartOffset?: number
  readonly partitionMaxBytes: number
  /** Versions 17+. */
  readonly replicaDirectoryId?: string
  /** Versions 18+. */
  readonly highWatermark?: Int64
}

export interface FetchRequestForgottenTopic {
  /** Versions 7 to 12. */
  readonly topic?: string
  /** Versions 13+. */
  readonly topicId?: string
  readonly partitions: readonly number[]
}

/** Versions 4 to 18. */
export interface FetchResponse {
  readonly throttleTimeMs: number
  /** Versions 7+. */
  readonly errorCode: number
  /** Versions 7+. */
  readonly sessionId: number
  readonly responses: readonly FetchResponseFetchableTopicResponse[]
  /** Versions 16+. */
  readonly nodeEndpoints: readonly FetchResponseNodeEndpoint[]
}

export interface FetchResponseFetchableTopicResponse {
  /** Versions 0 to 12. */
  readonly topic: string
  /** Versions 13+. */
  readonly topicId: string
  readonly partitions: readonly FetchResponsePartitionData[]
}

export interface FetchResponsePartitionData {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  /** Versions 5+. */
  readonly logStartOffset: number
  /** Versions 12+. */
  readonly divergingEpoch: FetchResponseEpochEndOffset
  /** Versions 12+. */
  readonly currentLeader: FetchResponseLeaderIdAndEpoch
  /** Versions 12+. */
  readonly snapshotId: FetchResponseSnapshotId
  readonly abortedTransactions: readonly FetchResponseAbortedTransaction[] | null
  /** Versions 11+. */
  readonly preferredReadReplica: number
  readonly records: Buffer | null
}

export interface FetchResponseEpochEndOffset {
  readonly epoch: number
  readonly endOffset: number
}

export interface FetchResponseLeaderIdAndEpoch {
  readonly leaderId: number
  readonly leaderEpoch: number
}

export interface FetchResponseSnapshotId {
  readonly endOffset: number
  readonly epoch: number
}

export interface FetchResponseAbortedTransaction {
  readonly producerId: Int64
  readonly firstOffset: number
}

export interface FetchResponseNodeEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

/** Versions 1 to 10. */
export interface ListOffsetsRequest {
  readonly replicaId: number
  /** Versions 2+. */
  readonly isolationLevel?: number
  readonly topics: readonly ListOffsetsRequestListOffsetsTopic[]
  /** Versions 10+. */
  readonly timeoutMs?: number
}

export interface ListOffsetsRequestListOffsetsTopic {
  readonly name: string
  readonly partitions: readonly ListOffsetsRequestListOffsetsPartition[]
}

export interface ListOffsetsRequestListOffsetsPartition {
  readonly partitionIndex: number
  /** Versions 4+. */
  readonly currentLeaderEpoch?: number
  readonly timestamp: Int64
}

/** Versions 1 to 10. */
export interface ListOffsetsResponse {
  /** Versions 2+. */
  readonly throttleTimeMs: number
  readonly topics: readonly ListOffsetsResponseListOffsetsTopicResponse[]
}

export interface ListOffsetsResponseListOffsetsTopicResponse {
  readonly name: string
  readonly partitions: readonly ListOffsetsResponseListOffsetsPartitionResponse[]
}

export interface ListOffsetsResponseListOffsetsPartitionResponse {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly timestamp: Int64
  readonly offset: number
  /** Versions 4+. */
  readonly leaderEpoch: number
}

/** Versions 0 to 13. */
export interface MetadataRequest {
  readonly topics: readonly MetadataRequestTopic[] | null
  /** Versions 4+. */
  readonly allowAutoTopicCreation?: boolean
  /** Versions 8 to 10. */
  readonly includeClusterAuthorizedOperations?: boolean
  /** Versions 8+. */
  readonly includeTopicAuthorizedOperations?: boolean
}

export interface MetadataRequestTopic {
  /** Versions 10+. */
  readonly topicId?: string
  readonly name: string | null
}

/** Versions 0 to 13. */
export interface MetadataResponse {
  /** Versions 3+. */
  readonly throttleTimeMs: number
  readonly brokers: readonly MetadataResponseBroker[]
  /** Versions 2+. */
  readonly clusterId: string | null
  /** Versions 1+. */
  readonly controllerId: number
  readonly topics: readonly MetadataResponseTopic[]
  /** Versions 8 to 10. */
  readonly clusterAuthorizedOperations: number
  /** Versions 13+. */
  readonly errorCode: number
}

export interface MetadataResponseBroker {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  /** Versions 1+. */
  readonly rack: string | null
}

export interface MetadataResponseTopic {
  readonly errorCode: number
  readonly name: string | null
  /** Versions 10+. */
  readonly topicId: string
  /** Versions 1+. */
  readonly isInternal: boolean
  readonly partitions: readonly MetadataResponsePartition[]
  /** Versions 8+. */
  readonly topicAuthorizedOperations: number
}

export interface MetadataResponsePartition {
  readonly errorCode: number
  readonly partitionIndex: number
  readonly leaderId: number
  /** Versions 7+. */
  readonly leaderEpoch: number
  readonly replicaNodes: readonly number[]
  readonly isrNodes: readonly number[]
  /** Versions 5+. */
  readonly offlineReplicas: readonly number[]
}

/** Versions 2 to 10. */
export interface OffsetCommitRequest {
  readonly groupId: string
  readonly generationIdOrMemberEpoch?: number
  readonly memberId: string
  /** Versions 7+. */
  readonly groupInstanceId?: string | null
  /** Versions 2 to 4. */
  readonly retentionTimeMs?: number
  readonly topics: readonly OffsetCommitRequestTopic[]
}

export interface OffsetCommitRequestTopic {
  /** Versions 0 to 9. */
  readonly name?: string
  /** Versions 10+. */
  readonly topicId?: string
  readonly partitions: readonly OffsetCommitRequestPartition[]
}

export interface OffsetCommitRequestPartition {
  readonly partitionIndex: number
  readonly committedOffset: number
  /** Versions 6+. */
  readonly committedLeaderEpoch?: number
  readonly committedMetadata: string | null
}

/** Versions 2 to 10. */
export interface OffsetCommitResponse {
  /** Versions 3+. */
  readonly throttleTimeMs: number
  readonly topics: readonly OffsetCommitResponseTopic[]
}

export interface OffsetCommitResponseTopic {
  /** Versions 0 to 9. */
  readonly name: string
  /** Versions 10+. */
  readonly topicId: string
  readonly partitions: readonly OffsetCommitResponsePartition[]
}

export interface OffsetCommitResponsePartition {
  readonly partitionIndex: number
  readonly errorCode: number
}

/** Versions 1 to 10. */
export interface OffsetFetchRequest {
  /** Versions 0 to 7. */
  readonly groupId?: string
  /** Versions 0 to 7. */
  readonly topics?: readonly OffsetFetchRequestTopic[] | null
  /** Versions 8+. */
  readonly groups?: readonly OffsetFetchRequestGroup[]
  /** Versions 7+. */
  readonly requireStable?: boolean
}

export interface OffsetFetchRequestTopic {
  readonly name: string
  readonly partitionIndexes: readonly number[]
}

export interface OffsetFetchRequestGroup {
  readonly groupId: string
  /** Versions 9+. */
  readonly memberId?: string | null
  /** Versions 9+. */
  readonly memberEpoch?: number
  readonly topics: readonly OffsetFetchRequestTopics[] | null
}

export interface OffsetFetchRequestTopics {
  /** Versions 8 to 9. */
  readonly name?: string
  /** Versions 10+. */
  readonly topicId?: string
  readonly partitionIndexes: readonly number[]
}

/** Versions 1 to 10. */
export interface OffsetFetchResponse {
  /** Versions 3+. */
  readonly throttleTimeMs: number
  /** Versions 0 to 7. */
  readonly topics: readonly OffsetFetchResponseTopic[]
  /** Versions 2 to 7. */
  readonly errorCode: number
  /** Versions 8+. */
  readonly groups: readonly OffsetFetchResponseGroup[]
}

export interface OffsetFetchResponseTopic {
  readonly name: string
  readonly partitions: readonly OffsetFetchResponsePartition[]
}

export interface OffsetFetchResponsePartition {
  readonly partitionIndex: number
  readonly committedOffset: number
  /** Versions 5 to 7. */
  readonly committedLeaderEpoch: number
  readonly metadata: string | null
  readonly errorCode: number
}

export interface OffsetFetchResponseGroup {
  readonly groupId: string
  readonly topics: readonly OffsetFetchResponseTopics[]
  readonly errorCode: number
}

export interface OffsetFetchResponseTopics {
  /** Versions 8 to 9. */
  readonly name: string
  /** Versions 10+. */
  readonly topicId: string
  readonly partitions: readonly OffsetFetchResponsePartitions[]
}

export interface OffsetFetchResponsePartitions {
  readonly partitionIndex: number
  readonly committedOffset: number
  readonly committedLeaderEpoch: number
  readonly metadata: string | null
  readonly errorCode: number
}

/** Versions 0 to 6. */
export interface FindCoordinatorRequest {
  /** Versions 0 to 3. */
  readonly key?: string
  /** Versions 1+. */
  readonly keyType?: number
  /** Versions 4+. */
  readonly coordinatorKeys?: readonly string[]
}

/** Versions 0 to 6. */
export interface FindCoordinatorResponse {
  /** Versions 1+. */
  readonly throttleTimeMs: number
  /** Versions 0 to 3. */
  readonly errorCode: number
  /** Versions 1 to 3. */
  readonly errorMessage: string | null
  /** Versions 0 to 3. */
  readonly nodeId: number
  /** Versions 0 to 3. */
  readonly host: string
  /** Versions 0 to 3. */
  readonly port: number
  /** Versions 4+. */
  readonly coordinators: readonly FindCoordinatorResponseCoordinator[]
}

export interface FindCoordinatorResponseCoordinator {
  readonly key: string
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Versions 0 to 9. */
export interface JoinGroupRequest {
  readonly groupId: string
  readonly sessionTimeoutMs: number
  /** Versions 1+. */
  readonly rebalanceTimeoutMs?: number
  readonly memberId: string
  /** Versions 5+. */
  readonly groupInstanceId?: string | null
  readonly protocolType: string
  readonly protocols: readonly JoinGroupRequestProtocol[]
  /** Versions 8+. */
  readonly reason?: string | null
}

export interface JoinGroupRequestProtocol {
  readonly name: string
  readonly metadata: Uint8Array
}

/** Versions 0 to 9. */
export interface JoinGroupResponse {
  /** Versions 2+. */
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly generationId: number
  /** Versions 7+. */
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leader: string
  /** Versions 9+. */
  readonly skipAssignment: boolean
  readonly memberId: string
  readonly members: readonly JoinGroupResponseMember[]
}

export interface JoinGroupResponseMember {
  readonly memberId: string
  /** Versions 5+. */
  readonly groupInstanceId: string | null
  readonly metadata: Buffer
}

/** Versions 0 to 4. */
export interface HeartbeatRequest {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
  /** Versions 3+. */
  readonly groupInstanceId?: string | null
}

/** Versions 0 to 4. */
export interface HeartbeatResponse {
  /** Versions 1+. */
  readonly throttleTimeMs: number
  readonly errorCode: number
}

/** Versions 0 to 5. */
export interface LeaveGroupRequest {
  readonly groupId: string
  /** Versions 0 to 2. */
  readonly memberId?: string
  /** Versions 3+. */
  readonly members?: readonly LeaveGroupRequestMemberIdentity[]
}

export interface LeaveGroupRequestMemberIdentity {
  readonly memberId: string
  readonly groupInstanceId?: string | null
  /** Versions 5+. */
  readonly reason?: string | null
}

/** Versions 0 to 5. */
export interface LeaveGroupResponse {
  /** Versions 1+. */
  readonly throttleTimeMs: number
  readonly errorCode: number
  /** Versions 3+. */
  readonly members: readonly LeaveGroupResponseMemberResponse[]
}

export interface LeaveGroupResponseMemberResponse {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly errorCode: number
}

/** Versions 0 to 5. */
export interface SyncGroupRequest {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
  /** Versions 3+. */
  readonly groupInstanceId?: string | null
  /** Versions 5+. */
  readonly protocolType?: string | null
  /** Versions 5+. */
  readonly protocolName?: string | null
  readonly assignments: readonly SyncGroupRequestAssignment[]
}

export interface SyncGroupRequestAssignment {
  readonly memberId: string
  readonly assignment: Uint8Array
}

/** Versions 0 to 5. */
export interface SyncGroupResponse {
  /** Versions 1+. */
  readonly throttleTimeMs: number
  readonly errorCode: number
  /** Versions 5+. */
  readonly protocolType: string | null
  /** Versions 5+. */
  readonly protocolName: string | null
  readonly assignment: Buffer
}

/** Versions 0 to 6. */
export interface DescribeGroupsRequest {
  readonly groups: readonly string[]
  /** Versions 3+. */
  readonly includeAuthorizedOperations?: boolean
}

/** Versions 0 to 6. */
export interface DescribeGroupsResponse {
  /** Versions 1+. */
  readonly throttleTimeMs: number
  readonly groups: readonly DescribeGroupsResponseDescribedGroup[]
}

export interface DescribeGroupsResponseDescribedGroup {
  readonly errorCode: number
  /** Versions 6+. */
  readonly errorMessage: string | null
  readonly groupId: string
  readonly groupState: string
  readonly protocolType: string
  readonly protocolData: string
  readonly members: readonly DescribeGroupsResponseDescribedGroupMember[]
  /** Versions 3+. */
  readonly authorizedOperations: number
}

export interface DescribeGroupsResponseDescribedGroupMember {
  readonly memberId: string
  /** Versions 4+. */
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly memberMetadata: Buffer
  readonly memberAssignment: Buffer
}

/** Versions 0 to 5. */
export interface ListGroupsRequest {
  /** Versions 4+. */
  readonly statesFilter?: readonly string[]
  /** Versions 5+. */
  readonly typesFilter?: readonly string[]
}

/** Versions 0 to 5. */
export interface ListGroupsResponse {
  /** Versions 1+. */
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly groups: readonly ListGroupsResponseListedGroup[]
}

export interface ListGroupsResponseListedGroup {
  readonly groupId: string
  readonly protocolType: string
  /** Versions 4+. */
  readonly groupState: string
  /** Versions 5+. */
  readonly groupType: string
}

/** Versions 0 to 1. */
export interface SaslHandshakeRequest {
  readonly mechanism: string
}

/** Versions 0 to 1. */
export interface SaslHandshakeResponse {
  readonly errorCode: number
  readonly mechanisms: readonly string[]
}

/** Versions 0 to 4. */
export interface ApiVersionsRequest {
  /** Versions 3+. */
  readonly clientSoftwareName?: string
  /** Versions 3+. */
  readonly clientSoftwareVersion?: string
}

/** Versions 0 to 4. */
export interface ApiVersionsResponse {
  readonly errorCode: number
  readonly apiKeys: readonly ApiVersionsResponseApiVersion[]
  /** Versions 1+. */
  readonly throttleTimeMs: number
  /** Versions 3+. */
  readonly supportedFeatures: readonly ApiVersionsResponseSupportedFeatureKey[]
  /** Versions 3+. */
  readonly finalizedFeaturesEpoch: number
  /** Versions 3+. */
  readonly finalizedFeatures: readonly ApiVersionsResponseFinalizedFeatureKey[]
  /** Versions 3+. */
  readonly zkMigrationReady: boolean
}

export interface ApiVersionsResponseApiVersion {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

export interface ApiVersionsResponseSupportedFeatureKey {
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
}

export interface ApiVersionsResponseFinalizedFeatureKey {
  readonly name: string
  readonly maxVersionLevel: number
  readonly minVersionLevel: number
}

/** Versions 2 to 7. */
export interface CreateTopicsRequest {
  readonly topics: readonly CreateTopicsRequestCreatableTopic[]
  readonly timeoutMs?: number
  readonly validateOnly?: boolean
}

export interface CreateTopicsRequestCreatableTopic {
  readonly name: string
  readonly numPartitions: number
  readonly replicationFactor: number
  readonly assignments: readonly CreateTopicsRequestCreatableReplicaAssignment[]
  readonly configs: readonly CreateTopicsRequestCreatableTopicConfig[]
}

export interface CreateTopicsRequestCreatableReplicaAssignment {
  readonly partitionIndex: number
  readonly brokerIds: readonly number[]
}

export interface CreateTopicsRequestCreatableTopicConfig {
  readonly name: string
  readonly value: string | null
}

/** Versions 2 to 7. */
export interface CreateTopicsResponse {
  readonly throttleTimeMs: number
  readonly topics: readonly CreateTopicsResponseCreatableTopicResult[]
}

export interface CreateTopicsResponseCreatableTopicResult {
  readonly name: string
  /** Versions 7+. */
  readonly topicId: string
  readonly errorCode: number
  readonly errorMessage: string | null
  /** Versions 5+. */
  readonly topicConfigErrorCode: number
  /** Versions 5+. */
  readonly numPartitions: number
  /** Versions 5+. */
  readonly replicationFactor: number
  /** Versions 5+. */
  readonly configs: readonly CreateTopicsResponseCreatableTopicConfigs[] | null
}

export interface CreateTopicsResponseCreatableTopicConfigs {
  readonly name: string
  readonly value: string | null
  readonly readOnly: boolean
  readonly configSource: number
  readonly isSensitive: boolean
}

/** Versions 1 to 6. */
export interface DeleteTopicsRequest {
  /** Versions 6+. */
  readonly topics?: readonly DeleteTopicsRequestDeleteTopicState[]
  /** Versions 0 to 5. */
  readonly topicNames?: readonly string[]
  readonly timeoutMs: number
}

export interface DeleteTopicsRequestDeleteTopicState {
  readonly name?: string | null
  readonly topicId: string
}

/** Versions 1 to 6. */
export interface DeleteTopicsResponse {
  readonly throttleTimeMs: number
  readonly responses: readonly DeleteTopicsResponseDeletableTopicResult[]
}

export interface DeleteTopicsResponseDeletableTopicResult {
  readonly name: string | null
  /** Versions 6+. */
  readonly topicId: string
  readonly errorCode: number
  /** Versions 5+. */
  readonly errorMessage: string | null
}

/** Versions 0 to 2. */
export interface DeleteRecordsRequest {
  readonly topics: readonly DeleteRecordsRequestDeleteRecordsTopic[]
  readonly timeoutMs: number
}

export interface DeleteRecordsRequestDeleteRecordsTopic {
  readonly name: string
  readonly partitions: readonly DeleteRecordsRequestDeleteRecordsPartition[]
}

export interface DeleteRecordsRequestDeleteRecordsPartition {
  readonly partitionIndex: number
  readonly offset: number
}

/** Versions 0 to 2. */
export interface DeleteRecordsResponse {
  readonly throttleTimeMs: number
  readonly topics: readonly DeleteRecordsResponseDeleteRecordsTopicResult[]
}

export interface DeleteRecordsResponseDeleteRecordsTopicResult {
  readonly name: string
  readonly partitions: readonly DeleteRecordsResponseDeleteRecordsPartitionResult[]
}

export interface DeleteRecordsResponseDeleteRecordsPartitionResult {
  readonly partitionIndex: number
  readonly lowWatermark: number
  readonly errorCode: number
}

/** Versions 0 to 6. */
export interface InitProducerIdRequest {
  readonly transactionalId: string | null
  readonly transactionTimeoutMs: number
  /** Versions 3+. */
  readonly producerId?: Int64
  /** Versions 3+. */
  readonly producerEpoch?: number
  /** Versions 6+. */
  readonly enable2Pc?: boolean
  /** Versions 6+. */
  readonly keepPreparedTxn?: boolean
}

/** Versions 0 to 6. */
export interface InitProducerIdResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly producerId: Int64
  readonly producerEpoch: number
  /** Versions 6+. */
  readonly ongoingTxnProducerId: Int64
  /** Versions 6+. */
  readonly ongoingTxnProducerEpoch: number
}

/** Versions 2 to 4. */
export interface OffsetForLeaderEpochRequest {
  /** Versions 3+. */
  readonly replicaId?: number
  readonly topics: readonly OffsetForLeaderEpochRequestOffsetForLeaderTopic[]
}

export interface OffsetForLeaderEpochRequestOffsetForLeaderTopic {
  readonly topic: string
  readonly partitions: readonly OffsetForLeaderEpochRequestOffsetForLeaderPartition[]
}

export interface OffsetForLeaderEpochRequestOffsetForLeaderPartition {
  readonly partition: number
  readonly currentLeaderEpoch?: number
  readonly leaderEpoch: number
}

/** Versions 2 to 4. */
export interface OffsetForLeaderEpochResponse {
  readonly throttleTimeMs: number
  readonly topics: readonly OffsetForLeaderEpochResponseOffsetForLeaderTopicResult[]
}

export interface OffsetForLeaderEpochResponseOffsetForLeaderTopicResult {
  readonly topic: string
  readonly partitions: readonly OffsetForLeaderEpochResponseEpochEndOffset[]
}

export interface OffsetForLeaderEpochResponseEpochEndOffset {
  readonly errorCode: number
  readonly partition: number
  readonly leaderEpoch: number
  readonly endOffset: number
}

/** Versions 0 to 5. */
export interface AddPartitionsToTxnRequest {
  /** Versions 4+. */
  readonly transactions?: readonly AddPartitionsToTxnRequestAddPartitionsToTxnTransaction[]
  /** Versions 0 to 3. */
  readonly v3AndBelowTransactionalId?: string
  /** Versions 0 to 3. */
  readonly v3AndBelowProducerId?: Int64
  /** Versions 0 to 3. */
  readonly v3AndBelowProducerEpoch?: number
  /** Versions 0 to 3. */
  readonly v3AndBelowTopics?: readonly AddPartitionsToTxnRequestAddPartitionsToTxnTopic[]
}

export interface AddPartitionsToTxnRequestAddPartitionsToTxnTransaction {
  readonly transactionalId: string
  readonly producerId: Int64
  readonly producerEpoch: number
  readonly verifyOnly?: boolean
  readonly topics: readonly AddPartitionsToTxnRequestAddPartitionsToTxnTopic[]
}

export interface AddPartitionsToTxnRequestAddPartitionsToTxnTopic {
  readonly name: string
  readonly partitions: readonly number[]
}

/** Versions 0 to 5. */
export interface AddPartitionsToTxnResponse {
  readonly throttleTimeMs: number
  /** Versions 4+. */
  readonly errorCode: number
  /** Versions 4+. */
  readonly resultsByTransaction: readonly AddPartitionsToTxnResponseAddPartitionsToTxnResult[]
  /** Versions 0 to 3. */
  readonly resultsByTopicV3AndBelow: readonly AddPartitionsToTxnResponseAddPartitionsToTxnTopicResult[]
}

export interface AddPartitionsToTxnResponseAddPartitionsToTxnResult {
  readonly transactionalId: string
  readonly topicResults: readonly AddPartitionsToTxnResponseAddPartitionsToTxnTopicResult[]
}

export interface AddPartitionsToTxnResponseAddPartitionsToTxnTopicResult {
  readonly name: string
  readonly resultsByPartition: readonly AddPartitionsToTxnResponseAddPartitionsToTxnPartitionResult[]
}

export interface AddPartitionsToTxnResponseAddPartitionsToTxnPartitionResult {
  readonly partitionIndex: number
  readonly partitionErrorCode: number
}

/** Versions 0 to 4. */
export interface AddOffsetsToTxnRequest {
  readonly transactionalId: string
  readonly producerId: Int64
  readonly producerEpoch: number
  readonly groupId: string
}

/** Versions 0 to 4. */
export interface AddOffsetsToTxnResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
}

/** Versions 0 to 5. */
export interface EndTxnRequest {
  readonly transactionalId: string
  readonly producerId: Int64
  readonly producerEpoch: number
  readonly committed: boolean
}

/** Versions 0 to 5. */
export interface EndTxnResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  /** Versions 5+. */
  readonly producerId: Int64
  /** Versions 5+. */
  readonly producerEpoch: number
}

/** Versions 1. */
export interface WriteTxnMarkersRequest {
  readonly markers: readonly WriteTxnMarkersRequestWritableTxnMarker[]
}

export interface WriteTxnMarkersRequestWritableTxnMarker {
  readonly producerId: Int64
  readonly producerEpoch: number
  readonly transactionResult: boolean
  readonly topics: readonly WriteTxnMarkersRequestWritableTxnMarkerTopic[]
  readonly coordinatorEpoch: number
}

export interface WriteTxnMarkersRequestWritableTxnMarkerTopic {
  readonly name: string
  readonly partitionIndexes: readonly number[]
}

/** Versions 1. */
export interface WriteTxnMarkersResponse {
  readonly markers: readonly WriteTxnMarkersResponseWritableTxnMarkerResult[]
}

export interface WriteTxnMarkersResponseWritableTxnMarkerResult {
  readonly producerId: Int64
  readonly topics: readonly WriteTxnMarkersResponseWritableTxnMarkerTopicResult[]
}

export interface WriteTxnMarkersResponseWritableTxnMarkerTopicResult {
  readonly name: string
  readonly partitions: readonly WriteTxnMarkersResponseWritableTxnMarkerPartitionResult[]
}

export interface WriteTxnMarkersResponseWritableTxnMarkerPartitionResult {
  readonly partitionIndex: number
  readonly errorCode: number
}

/** Versions 0 to 5. */
export interface TxnOffsetCommitRequest {
  readonly transactionalId: string
  readonly groupId: string
  readonly producerId: Int64
  readonly producerEpoch: number
  /** Versions 3+. */
  readonly generationId?: number
  /** Versions 3+. */
  readonly memberId?: string
  /** Versions 3+. */
  readonly groupInstanceId?: string | null
  readonly topics: readonly TxnOffsetCommitRequestTopic[]
}

export interface TxnOffsetCommitRequestTopic {
  readonly name: string
  readonly partitions: readonly TxnOffsetCommitRequestPartition[]
}

export interface TxnOffsetCommitRequestPartition {
  readonly partitionIndex: number
  readonly committedOffset: number
  /** Versions 2+. */
  readonly committedLeaderEpoch?: number
  readonly committedMetadata: string | null
}

/** Versions 0 to 5. */
export interface TxnOffsetCommitResponse {
  readonly throttleTimeMs: number
  readonly topics: readonly TxnOffsetCommitResponseTopic[]
}

export interface TxnOffsetCommitResponseTopic {
  readonly name: string
  readonly partitions: readonly TxnOffsetCommitResponsePartition[]
}

export interface TxnOffsetCommitResponsePartition {
  readonly partitionIndex: number
  readonly errorCode: number
}

/** Versions 1 to 3. */
export interface DescribeAclsRequest {
  readonly resourceTypeFilter: number
  readonly resourceNameFilter: string | null
  readonly patternTypeFilter?: number
  readonly principalFilter: string | null
  readonly hostFilter: string | null
  readonly operation: number
  readonly permissionType: number
}

/** Versions 1 to 3. */
export interface DescribeAclsResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly resources: readonly DescribeAclsResponseDescribeAclsResource[]
}

export interface DescribeAclsResponseDescribeAclsResource {
  readonly resourceType: number
  readonly resourceName: string
  readonly patternType: number
  readonly acls: readonly DescribeAclsResponseAclDescription[]
}

export interface DescribeAclsResponseAclDescription {
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}

/** Versions 1 to 3. */
export interface CreateAclsRequest {
  readonly creations: readonly CreateAclsRequestAclCreation[]
}

export interface CreateAclsRequestAclCreation {
  readonly resourceType: number
  readonly resourceName: string
  readonly resourcePatternType?: number
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}

/** Versions 1 to 3. */
export interface CreateAclsResponse {
  readonly throttleTimeMs: number
  readonly results: readonly CreateAclsResponseAclCreationResult[]
}

export interface CreateAclsResponseAclCreationResult {
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Versions 1 to 3. */
export interface DeleteAclsRequest {
  readonly filters: readonly DeleteAclsRequestDeleteAclsFilter[]
}

export interface DeleteAclsRequestDeleteAclsFilter {
  readonly resourceTypeFilter: number
  readonly resourceNameFilter: string | null
  readonly patternTypeFilter?: number
  readonly principalFilter: string | null
  readonly hostFilter: string | null
  readonly operation: number
  readonly permissionType: number
}

/** Versions 1 to 3. */
export interface DeleteAclsResponse {
  readonly throttleTimeMs: number
  readonly filterResults: readonly DeleteAclsResponseDeleteAclsFilterResult[]
}

export interface DeleteAclsResponseDeleteAclsFilterResult {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly matchingAcls: readonly DeleteAclsResponseDeleteAclsMatchingAcl[]
}

export interface DeleteAclsResponseDeleteAclsMatchingAcl {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly resourceType: number
  readonly resourceName: string
  readonly patternType: number
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}

/** Versions 1 to 4. */
export interface DescribeConfigsRequest {
  readonly resources: readonly DescribeConfigsRequestDescribeConfigsResource[]
  readonly includeSynonyms?: boolean
  /** Versions 3+. */
  readonly includeDocumentation?: boolean
}

export interface DescribeConfigsRequestDescribeConfigsResource {
  readonly resourceType: number
  readonly resourceName: string
  readonly configurationKeys: readonly string[] | null
}

/** Versions 1 to 4. */
export interface DescribeConfigsResponse {
  readonly throttleTimeMs: number
  readonly results: readonly DescribeConfigsResponseDescribeConfigsResult[]
}

export interface DescribeConfigsResponseDescribeConfigsResult {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly resourceType: number
  readonly resourceName: string
  readonly configs: readonly DescribeConfigsResponseDescribeConfigsResourceResult[]
}

export interface DescribeConfigsResponseDescribeConfigsResourceResult {
  readonly name: string
  readonly value: string | null
  readonly readOnly: boolean
  readonly configSource: number
  readonly isSensitive: boolean
  readonly synonyms: readonly DescribeConfigsResponseDescribeConfigsSynonym[]
  /** Versions 3+. */
  readonly configType: number
  /** Versions 3+. */
  readonly documentation: string | null
}

export interface DescribeConfigsResponseDescribeConfigsSynonym {
  readonly name: string
  readonly value: string | null
  readonly source: number
}

/** Versions 0 to 2. */
export interface AlterConfigsRequest {
  readonly resources: readonly AlterConfigsRequestAlterConfigsResource[]
  readonly validateOnly: boolean
}

export interface AlterConfigsRequestAlterConfigsResource {
  readonly resourceType: number
  readonly resourceName: string
  readonly configs: readonly AlterConfigsRequestAlterableConfig[]
}

export interface AlterConfigsRequestAlterableConfig {
  readonly name: string
  readonly value: string | null
}

/** Versions 0 to 2. */
export interface AlterConfigsResponse {
  readonly throttleTimeMs: number
  readonly responses: readonly AlterConfigsResponseAlterConfigsResourceResponse[]
}

export interface AlterConfigsResponseAlterConfigsResourceResponse {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly resourceType: number
  readonly resourceName: string
}

/** Versions 1 to 2. */
export interface AlterReplicaLogDirsRequest {
  readonly dirs: readonly AlterReplicaLogDirsRequestAlterReplicaLogDir[]
}

export interface AlterReplicaLogDirsRequestAlterReplicaLogDir {
  readonly path: string
  readonly topics: readonly AlterReplicaLogDirsRequestAlterReplicaLogDirTopic[]
}

export interface AlterReplicaLogDirsRequestAlterReplicaLogDirTopic {
  readonly name: string
  readonly partitions: readonly number[]
}

/** Versions 1 to 2. */
export interface AlterReplicaLogDirsResponse {
  readonly throttleTimeMs: number
  readonly results: readonly AlterReplicaLogDirsResponseAlterReplicaLogDirTopicResult[]
}

export interface AlterReplicaLogDirsResponseAlterReplicaLogDirTopicResult {
  readonly topicName: string
  readonly partitions: readonly AlterReplicaLogDirsResponseAlterReplicaLogDirPartitionResult[]
}

export interface AlterReplicaLogDirsResponseAlterReplicaLogDirPartitionResult {
  readonly partitionIndex: number
  readonly errorCode: number
}

/** Versions 1 to 4. */
export interface DescribeLogDirsRequest {
  readonly topics: readonly DescribeLogDirsRequestDescribableLogDirTopic[] | null
}

export interface DescribeLogDirsRequestDescribableLogDirTopic {
  readonly topic: string
  readonly partitions: readonly number[]
}

/** Versions 1 to 4. */
export interface DescribeLogDirsResponse {
  readonly throttleTimeMs: number
  /** Versions 3+. */
  readonly errorCode: number
  readonly results: readonly DescribeLogDirsResponseDescribeLogDirsResult[]
}

export interface DescribeLogDirsResponseDescribeLogDirsResult {
  readonly errorCode: number
  readonly logDir: string
  readonly topics: readonly DescribeLogDirsResponseDescribeLogDirsTopic[]
  /** Versions 4+. */
  readonly totalBytes: Int64
  /** Versions 4+. */
  readonly usableBytes: Int64
}

export interface DescribeLogDirsResponseDescribeLogDirsTopic {
  readonly name: string
  readonly partitions: readonly DescribeLogDirsResponseDescribeLogDirsPartition[]
}

export interface DescribeLogDirsResponseDescribeLogDirsPartition {
  readonly partitionIndex: number
  readonly partitionSize: number
  readonly offsetLag: number
  readonly isFutureKey: boolean
}

/** Versions 0 to 2. */
export interface SaslAuthenticateRequest {
  readonly authBytes: Uint8Array
}

/** Versions 0 to 2. */
export interface SaslAuthenticateResponse {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly authBytes: Buffer
  /** Versions 1+. */
  readonly sessionLifetimeMs: number
}

/** Versions 0 to 3. */
export interface CreatePartitionsRequest {
  readonly topics: readonly CreatePartitionsRequestCreatePartitionsTopic[]
  readonly timeoutMs: number
  readonly validateOnly: boolean
}

export interface CreatePartitionsRequestCreatePartitionsTopic {
  readonly name: string
  readonly count: number
  readonly assignments: readonly CreatePartitionsRequestCreatePartitionsAssignment[] | null
}

export interface CreatePartitionsRequestCreatePartitionsAssignment {
  readonly brokerIds: readonly number[]
}

/** Versions 0 to 3. */
export interface CreatePartitionsResponse {
  readonly throttleTimeMs: number
  readonly results: readonly CreatePartitionsResponseCreatePartitionsTopicResult[]
}

export interface CreatePartitionsResponseCreatePartitionsTopicResult {
  readonly name: string
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Versions 1 to 3. */
export interface CreateDelegationTokenRequest {
  /** Versions 3+. */
  readonly ownerPrincipalType?: string | null
  /** Versions 3+. */
  readonly ownerPrincipalName?: string | null
  readonly renewers: readonly CreateDelegationTokenRequestCreatableRenewers[]
  readonly maxLifetimeMs: number
}

export interface CreateDelegationTokenRequestCreatableRenewers {
  readonly principalType: string
  readonly principalName: string
}

/** Versions 1 to 3. */
export interface CreateDelegationTokenResponse {
  readonly errorCode: number
  readonly principalType: string
  readonly principalName: string
  /** Versions 3+. */
  readonly tokenRequesterPrincipalType: string
  /** Versions 3+. */
  readonly tokenRequesterPrincipalName: string
  readonly issueTimestampMs: number
  readonly expiryTimestampMs: number
  readonly maxTimestampMs: number
  readonly tokenId: string
  readonly hmac: Buffer
  readonly throttleTimeMs: number
}

/** Versions 1 to 2. */
export interface RenewDelegationTokenRequest {
  readonly hmac: Uint8Array
  readonly renewPeriodMs: number
}

/** Versions 1 to 2. */
export interface RenewDelegationTokenResponse {
  readonly errorCode: number
  readonly expiryTimestampMs: number
  readonly throttleTimeMs: number
}

/** Versions 1 to 2. */
export interface ExpireDelegationTokenRequest {
  readonly hmac: Uint8Array
  readonly expiryTimePeriodMs: number
}

/** Versions 1 to 2. */
export interface ExpireDelegationTokenResponse {
  readonly errorCode: number
  readonly expiryTimestampMs: number
  readonly throttleTimeMs: number
}

/** Versions 1 to 3. */
export interface DescribeDelegationTokenRequest {
  readonly owners: readonly DescribeDelegationTokenRequestDescribeDelegationTokenOwner[] | null
}

export interface DescribeDelegationTokenRequestDescribeDelegationTokenOwner {
  readonly principalType: string
  readonly principalName: string
}

/** Versions 1 to 3. */
export interface DescribeDelegationTokenResponse {
  readonly errorCode: number
  readonly tokens: readonly DescribeDelegationTokenResponseDescribedDelegationToken[]
  readonly throttleTimeMs: number
}

export interface DescribeDelegationTokenResponseDescribedDelegationToken {
  readonly principalType: string
  readonly principalName: string
  /** Versions 3+. */
  readonly tokenRequesterPrincipalType: string
  /** Versions 3+. */
  readonly tokenRequesterPrincipalName: string
  readonly issueTimestamp: number
  readonly expiryTimestamp: number
  readonly maxTimestamp: number
  readonly tokenId: string
  readonly hmac: Buffer
  readonly renewers: readonly DescribeDelegationTokenResponseDescribedDelegationTokenRenewer[]
}

export interface DescribeDelegationTokenResponseDescribedDelegationTokenRenewer {
  readonly principalType: string
  readonly principalName: string
}

/** Versions 0 to 2. */
export interface DeleteGroupsRequest {
  readonly groupsNames: readonly string[]
}

/** Versions 0 to 2. */
export interface DeleteGroupsResponse {
  readonly throttleTimeMs: number
  readonly results: readonly DeleteGroupsResponseDeletableGroupResult[]
}

export interface DeleteGroupsResponseDeletableGroupResult {
  readonly groupId: string
  readonly errorCode: number
}

/** Versions 0 to 2. */
export interface ElectLeadersRequest {
  /** Versions 1+. */
  readonly electionType?: number
  readonly topicPartitions: readonly ElectLeadersRequestTopicPartitions[] | null
  readonly timeoutMs?: number
}

export interface ElectLeadersRequestTopicPartitions {
  readonly topic: string
  readonly partitions: readonly number[]
}

/** Versions 0 to 2. */
export interface ElectLeadersResponse {
  readonly throttleTimeMs: number
  /** Versions 1+. */
  readonly errorCode: number
  readonly replicaElectionResults: readonly ElectLeadersResponseReplicaElectionResult[]
}

export interface ElectLeadersResponseReplicaElectionResult {
  readonly topic: string
  readonly partitionResult: readonly ElectLeadersResponsePartitionResult[]
}

export interface ElectLeadersResponsePartitionResult {
  readonly partitionId: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Versions 0 to 1. */
export interface IncrementalAlterConfigsRequest {
  readonly resources: readonly IncrementalAlterConfigsRequestAlterConfigsResource[]
  readonly validateOnly: boolean
}

export interface IncrementalAlterConfigsRequestAlterConfigsResource {
  readonly resourceType: number
  readonly resourceName: string
  readonly configs: readonly IncrementalAlterConfigsRequestAlterableConfig[]
}

export interface IncrementalAlterConfigsRequestAlterableConfig {
  readonly name: string
  readonly configOperation: number
  readonly value: string | null
}

/** Versions 0 to 1. */
export interface IncrementalAlterConfigsResponse {
  readonly throttleTimeMs: number
  readonly responses: readonly IncrementalAlterConfigsResponseAlterConfigsResourceResponse[]
}

export interface IncrementalAlterConfigsResponseAlterConfigsResourceResponse {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly resourceType: number
  readonly resourceName: string
}

/** Versions 0 to 1. */
export interface AlterPartitionReassignmentsRequest {
  readonly timeoutMs?: number
  /** Versions 1+. */
  readonly allowReplicationFactorChange?: boolean
  readonly topics: readonly AlterPartitionReassignmentsRequestReassignableTopic[]
}

export interface AlterPartitionReassignmentsRequestReassignableTopic {
  readonly name: string
  readonly partitions: readonly AlterPartitionReassignmentsRequestReassignablePartition[]
}

export interface AlterPartitionReassignmentsRequestReassignablePartition {
  readonly partitionIndex: number
  readonly replicas?: readonly number[] | null
}

/** Versions 0 to 1. */
export interface AlterPartitionReassignmentsResponse {
  readonly throttleTimeMs: number
  /** Versions 1+. */
  readonly allowReplicationFactorChange: boolean
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly responses: readonly AlterPartitionReassignmentsResponseReassignableTopicResponse[]
}

export interface AlterPartitionReassignmentsResponseReassignableTopicResponse {
  readonly name: string
  readonly partitions: readonly AlterPartitionReassignmentsResponseReassignablePartitionResponse[]
}

export interface AlterPartitionReassignmentsResponseReassignablePartitionResponse {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Versions 0. */
export interface ListPartitionReassignmentsRequest {
  readonly timeoutMs?: number
  readonly topics?: readonly ListPartitionReassignmentsRequestListPartitionReassignmentsTopics[] | null
}

export interface ListPartitionReassignmentsRequestListPartitionReassignmentsTopics {
  readonly name: string
  readonly partitionIndexes: readonly number[]
}

/** Versions 0. */
export interface ListPartitionReassignmentsResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly topics: readonly ListPartitionReassignmentsResponseOngoingTopicReassignment[]
}

export interface ListPartitionReassignmentsResponseOngoingTopicReassignment {
  readonly name: string
  readonly partitions: readonly ListPartitionReassignmentsResponseOngoingPartitionReassignment[]
}

export interface ListPartitionReassignmentsResponseOngoingPartitionReassignment {
  readonly partitionIndex: number
  readonly replicas: readonly number[]
  readonly addingReplicas: readonly number[]
  readonly removingReplicas: readonly number[]
}

/** Versions 0. */
export interface OffsetDeleteRequest {
  readonly groupId: string
  readonly topics: readonly OffsetDeleteRequestTopic[]
}

export interface OffsetDeleteRequestTopic {
  readonly name: string
  readonly partitions: readonly OffsetDeleteRequestPartition[]
}

export interface OffsetDeleteRequestPartition {
  readonly partitionIndex: number
}

/** Versions 0. */
export interface OffsetDeleteResponse {
  readonly errorCode: number
  readonly throttleTimeMs: number
  readonly topics: readonly OffsetDeleteResponseTopic[]
}

export interface OffsetDeleteResponseTopic {
  readonly name: string
  readonly partitions: readonly OffsetDeleteResponsePartition[]
}

export interface OffsetDeleteResponsePartition {
  readonly partitionIndex: number
  readonly errorCode: number
}

/** Versions 0 to 1. */
export interface DescribeClientQuotasRequest {
  readonly components: readonly DescribeClientQuotasRequestComponentData[]
  readonly strict: boolean
}

export interface DescribeClientQuotasRequestComponentData {
  readonly entityType: string
  readonly matchType: number
  readonly match: string | null
}

/** Versions 0 to 1. */
export interface DescribeClientQuotasResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly entries: readonly DescribeClientQuotasResponseEntryData[] | null
}

export interface DescribeClientQuotasResponseEntryData {
  readonly entity: readonly DescribeClientQuotasResponseEntityData[]
  readonly values: readonly DescribeClientQuotasResponseValueData[]
}

export interface DescribeClientQuotasResponseEntityData {
  readonly entityType: string
  readonly entityName: string | null
}

export interface DescribeClientQuotasResponseValueData {
  readonly key: string
  readonly value: number
}

/** Versions 0 to 1. */
export interface AlterClientQuotasRequest {
  readonly entries: readonly AlterClientQuotasRequestEntryData[]
  readonly validateOnly: boolean
}

export interface AlterClientQuotasRequestEntryData {
  readonly entity: readonly AlterClientQuotasRequestEntityData[]
  readonly ops: readonly AlterClientQuotasRequestOpData[]
}

export interface AlterClientQuotasRequestEntityData {
  readonly entityType: string
  readonly entityName: string | null
}

export interface AlterClientQuotasRequestOpData {
  readonly key: string
  readonly value: number
  readonly remove: boolean
}

/** Versions 0 to 1. */
export interface AlterClientQuotasResponse {
  readonly throttleTimeMs: number
  readonly entries: readonly AlterClientQuotasResponseEntryData[]
}

export interface AlterClientQuotasResponseEntryData {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly entity: readonly AlterClientQuotasResponseEntityData[]
}

export interface AlterClientQuotasResponseEntityData {
  readonly entityType: string
  readonly entityName: string | null
}

/** Versions 0. */
export interface DescribeUserScramCredentialsRequest {
  readonly users: readonly DescribeUserScramCredentialsRequestUserName[] | null
}

export interface DescribeUserScramCredentialsRequestUserName {
  readonly name: string
}

/** Versions 0. */
export interface DescribeUserScramCredentialsResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly results: readonly DescribeUserScramCredentialsResponseDescribeUserScramCredentialsResult[]
}

export interface DescribeUserScramCredentialsResponseDescribeUserScramCredentialsResult {
  readonly user: string
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly credentialInfos: readonly DescribeUserScramCredentialsResponseCredentialInfo[]
}

export interface DescribeUserScramCredentialsResponseCredentialInfo {
  readonly mechanism: number
  readonly iterations: number
}

/** Versions 0. */
export interface AlterUserScramCredentialsRequest {
  readonly deletions: readonly AlterUserScramCredentialsRequestScramCredentialDeletion[]
  readonly upsertions: readonly AlterUserScramCredentialsRequestScramCredentialUpsertion[]
}

export interface AlterUserScramCredentialsRequestScramCredentialDeletion {
  readonly name: string
  readonly mechanism: number
}

export interface AlterUserScramCredentialsRequestScramCredentialUpsertion {
  readonly name: string
  readonly mechanism: number
  readonly iterations: number
  readonly salt: Uint8Array
  readonly saltedPassword: Uint8Array
}

/** Versions 0. */
export interface AlterUserScramCredentialsResponse {
  readonly throttleTimeMs: number
  readonly results: readonly AlterUserScramCredentialsResponseAlterUserScramCredentialsResult[]
}

export interface AlterUserScramCredentialsResponseAlterUserScramCredentialsResult {
  readonly user: string
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Versions 0 to 2. */
export interface VoteRequest {
  readonly clusterId?: string | null
  /** Versions 1+. */
  readonly voterId?: number
  readonly topics: readonly VoteRequestTopicData[]
}

export interface VoteRequestTopicData {
  readonly topicName: string
  readonly partitions: readonly VoteRequestPartitionData[]
}

export interface VoteRequestPartitionData {
  readonly partitionIndex: number
  readonly replicaEpoch: number
  readonly replicaId: number
  /** Versions 1+. */
  readonly replicaDirectoryId?: string
  /** Versions 1+. */
  readonly voterDirectoryId?: string
  readonly lastOffsetEpoch: number
  readonly lastOffset: number
  /** Versions 2+. */
  readonly preVote?: boolean
}

/** Versions 0 to 2. */
export interface VoteResponse {
  readonly errorCode: number
  readonly topics: readonly VoteResponseTopicData[]
  /** Versions 1+. */
  readonly nodeEndpoints: readonly VoteResponseNodeEndpoint[]
}

export interface VoteResponseTopicData {
  readonly topicName: string
  readonly partitions: readonly VoteResponsePartitionData[]
}

export interface VoteResponsePartitionData {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly voteGranted: boolean
}

export interface VoteResponseNodeEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

/** Versions 0 to 1. */
export interface BeginQuorumEpochRequest {
  readonly clusterId?: string | null
  /** Versions 1+. */
  readonly voterId?: number
  readonly topics: readonly BeginQuorumEpochRequestTopicData[]
  /** Versions 1+. */
  readonly leaderEndpoints?: readonly BeginQuorumEpochRequestLeaderEndpoint[]
}

export interface BeginQuorumEpochRequestTopicData {
  readonly topicName: string
  readonly partitions: readonly BeginQuorumEpochRequestPartitionData[]
}

export interface BeginQuorumEpochRequestPartitionData {
  readonly partitionIndex: number
  /** Versions 1+. */
  readonly voterDirectoryId?: string
  readonly leaderId: number
  readonly leaderEpoch: number
}

export interface BeginQuorumEpochRequestLeaderEndpoint {
  readonly name: string
  readonly host: string
  readonly port: number
}

/** Versions 0 to 1. */
export interface BeginQuorumEpochResponse {
  readonly errorCode: number
  readonly topics: readonly BeginQuorumEpochResponseTopicData[]
  /** Versions 1+. */
  readonly nodeEndpoints: readonly BeginQuorumEpochResponseNodeEndpoint[]
}

export interface BeginQuorumEpochResponseTopicData {
  readonly topicName: string
  readonly partitions: readonly BeginQuorumEpochResponsePartitionData[]
}

export interface BeginQuorumEpochResponsePartitionData {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly leaderId: number
  readonly leaderEpoch: number
}

export interface BeginQuorumEpochResponseNodeEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

/** Versions 0 to 1. */
export interface EndQuorumEpochRequest {
  readonly clusterId?: string | null
  readonly topics: readonly EndQuorumEpochRequestTopicData[]
  /** Versions 1+. */
  readonly leaderEndpoints?: readonly EndQuorumEpochRequestLeaderEndpoint[]
}

export interface EndQuorumEpochRequestTopicData {
  readonly topicName: string
  readonly partitions: readonly EndQuorumEpochRequestPartitionData[]
}

export interface EndQuorumEpochRequestPartitionData {
  readonly partitionIndex: number
  readonly leaderId: number
  readonly leaderEpoch: number
  /** Versions 0. */
  readonly preferredSuccessors?: readonly number[]
  /** Versions 1+. */
  readonly preferredCandidates?: readonly EndQuorumEpochRequestReplicaInfo[]
}

export interface EndQuorumEpochRequestReplicaInfo {
  readonly candidateId: number
  readonly candidateDirectoryId: string
}

export interface EndQuorumEpochRequestLeaderEndpoint {
  readonly name: string
  readonly host: string
  readonly port: number
}

/** Versions 0 to 1. */
export interface EndQuorumEpochResponse {
  readonly errorCode: number
  readonly topics: readonly EndQuorumEpochResponseTopicData[]
  /** Versions 1+. */
  readonly nodeEndpoints: readonly EndQuorumEpochResponseNodeEndpoint[]
}

export interface EndQuorumEpochResponseTopicData {
  readonly topicName: string
  readonly partitions: readonly EndQuorumEpochResponsePartitionData[]
}

export interface EndQuorumEpochResponsePartitionData {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly leaderId: number
  readonly leaderEpoch: number
}

export interface EndQuorumEpochResponseNodeEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

/** Versions 0 to 2. */
export interface DescribeQuorumRequest {
  readonly topics: readonly DescribeQuorumRequestTopicData[]
}

export interface DescribeQuorumRequestTopicData {
  readonly topicName: string
  readonly partitions: readonly DescribeQuorumRequestPartitionData[]
}

export interface DescribeQuorumRequestPartitionData {
  readonly partitionIndex: number
}

/** Versions 0 to 2. */
export interface DescribeQuorumResponse {
  readonly errorCode: number
  /** Versions 2+. */
  readonly errorMessage: string | null
  readonly topics: readonly DescribeQuorumResponseTopicData[]
  /** Versions 2+. */
  readonly nodes: readonly DescribeQuorumResponseNode[]
}

export interface DescribeQuorumResponseTopicData {
  readonly topicName: string
  readonly partitions: readonly DescribeQuorumResponsePartitionData[]
}

export interface DescribeQuorumResponsePartitionData {
  readonly partitionIndex: number
  readonly errorCode: number
  /** Versions 2+. */
  readonly errorMessage: string | null
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly highWatermark: number
  readonly currentVoters: readonly DescribeQuorumResponseReplicaState[]
  readonly observers: readonly DescribeQuorumResponseReplicaState[]
}

export interface DescribeQuorumResponseReplicaState {
  readonly replicaId: number
  /** Versions 2+. */
  readonly replicaDirectoryId: string
  readonly logEndOffset: number
  /** Versions 1+. */
  readonly lastFetchTimestamp: number
  /** Versions 1+. */
  readonly lastCaughtUpTimestamp: number
}

export interface DescribeQuorumResponseNode {
  readonly nodeId: number
  readonly listeners: readonly DescribeQuorumResponseListener[]
}

export interface DescribeQuorumResponseListener {
  readonly name: string
  readonly host: string
  readonly port: number
}

/** Versions 2 to 3. */
export interface AlterPartitionRequest {
  readonly brokerId: number
  readonly brokerEpoch?: number
  readonly topics: readonly AlterPartitionRequestTopicData[]
}

export interface AlterPartitionRequestTopicData {
  readonly topicId: string
  readonly partitions: readonly AlterPartitionRequestPartitionData[]
}

export interface AlterPartitionRequestPartitionData {
  readonly partitionIndex: number
  readonly leaderEpoch: number
  /** Versions 0 to 2. */
  readonly newIsr?: readonly number[]
  /** Versions 3+. */
  readonly newIsrWithEpochs?: readonly AlterPartitionRequestBrokerState[]
  readonly leaderRecoveryState?: number
  readonly partitionEpoch: number
}

export interface AlterPartitionRequestBrokerState {
  readonly brokerId: number
  readonly brokerEpoch?: number
}

/** Versions 2 to 3. */
export interface AlterPartitionResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly topics: readonly AlterPartitionResponseTopicData[]
}

export interface AlterPartitionResponseTopicData {
  readonly topicId: string
  readonly partitions: readonly AlterPartitionResponsePartitionData[]
}

export interface AlterPartitionResponsePartitionData {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly isr: readonly number[]
  readonly leaderRecoveryState: number
  readonly partitionEpoch: number
}

/** Versions 0 to 2. */
export interface UpdateFeaturesRequest {
  readonly timeoutMs?: number
  readonly featureUpdates: readonly UpdateFeaturesRequestFeatureUpdateKey[]
  /** Versions 1+. */
  readonly validateOnly?: boolean
}

export interface UpdateFeaturesRequestFeatureUpdateKey {
  readonly feature: string
  readonly maxVersionLevel: number
  /** Versions 0. */
  readonly allowDowngrade?: boolean
  /** Versions 1+. */
  readonly upgradeType?: number
}

/** Versions 0 to 2. */
export interface UpdateFeaturesResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
  /** Versions 0 to 1. */
  readonly results: readonly UpdateFeaturesResponseUpdatableFeatureResult[]
}

export interface UpdateFeaturesResponseUpdatableFeatureResult {
  readonly feature: string
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Versions 0. */
export interface EnvelopeRequest {
  readonly requestData: Uint8Array
  readonly requestPrincipal: Uint8Array | null
  readonly clientHostAddress: Uint8Array
}

/** Versions 0. */
export interface EnvelopeResponse {
  readonly responseData: Buffer | null
  readonly errorCode: number
}

/** Versions 0 to 1. */
export interface FetchSnapshotRequest {
  readonly clusterId?: string | null
  readonly replicaId?: number
  readonly maxBytes?: number
  readonly topics: readonly FetchSnapshotRequestTopicSnapshot[]
}

export interface FetchSnapshotRequestTopicSnapshot {
  readonly name: string
  readonly partitions: readonly FetchSnapshotRequestPartitionSnapshot[]
}

export interface FetchSnapshotRequestPartitionSnapshot {
  readonly partition: number
  readonly currentLeaderEpoch: number
  readonly snapshotId: FetchSnapshotRequestSnapshotId
  readonly position: number
  /** Versions 1+. */
  readonly replicaDirectoryId?: string
}

export interface FetchSnapshotRequestSnapshotId {
  readonly endOffset: number
  readonly epoch: number
}

/** Versions 0 to 1. */
export interface FetchSnapshotResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly topics: readonly FetchSnapshotResponseTopicSnapshot[]
  /** Versions 1+. */
  readonly nodeEndpoints: readonly FetchSnapshotResponseNodeEndpoint[]
}

export interface FetchSnapshotResponseTopicSnapshot {
  readonly name: string
  readonly partitions: readonly FetchSnapshotResponsePartitionSnapshot[]
}

export interface FetchSnapshotResponsePartitionSnapshot {
  readonly index: number
  readonly errorCode: number
  readonly snapshotId: FetchSnapshotResponseSnapshotId
  readonly currentLeader: FetchSnapshotResponseLeaderIdAndEpoch
  readonly size: number
  readonly position: number
  readonly unalignedRecords: Buffer
}

export interface FetchSnapshotResponseSnapshotId {
  readonly endOffset: number
  readonly epoch: number
}

export interface FetchSnapshotResponseLeaderIdAndEpoch {
  readonly leaderId: number
  readonly leaderEpoch: number
}

export interface FetchSnapshotResponseNodeEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

/** Versions 0 to 2. */
export interface DescribeClusterRequest {
  readonly includeClusterAuthorizedOperations: boolean
  /** Versions 1+. */
  readonly endpointType?: number
  /** Versions 2+. */
  readonly includeFencedBrokers?: boolean
}

/** Versions 0 to 2. */
export interface DescribeClusterResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
  /** Versions 1+. */
  readonly endpointType: number
  readonly clusterId: string
  readonly controllerId: number
  readonly brokers: readonly DescribeClusterResponseDescribeClusterBroker[]
  readonly clusterAuthorizedOperations: number
}

export interface DescribeClusterResponseDescribeClusterBroker {
  readonly brokerId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
  /** Versions 2+. */
  readonly isFenced: boolean
}

/** Versions 0. */
export interface DescribeProducersRequest {
  readonly topics: readonly DescribeProducersRequestTopicRequest[]
}

export interface DescribeProducersRequestTopicRequest {
  readonly name: string
  readonly partitionIndexes: readonly number[]
}

/** Versions 0. */
export interface DescribeProducersResponse {
  readonly throttleTimeMs: number
  readonly topics: readonly DescribeProducersResponseTopicResponse[]
}

export interface DescribeProducersResponseTopicResponse {
  readonly name: string
  readonly partitions: readonly DescribeProducersResponsePartitionResponse[]
}

export interface DescribeProducersResponsePartitionResponse {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly activeProducers: readonly DescribeProducersResponseProducerState[]
}

export interface DescribeProducersResponseProducerState {
  readonly producerId: Int64
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly lastTimestamp: Int64
  readonly coordinatorEpoch: number
  readonly currentTxnStartOffset: number
}

/** Versions 0 to 4. */
export interface BrokerRegistrationRequest {
  readonly brokerId: number
  readonly clusterId: string
  readonly incarnationId: string
  readonly listeners: readonly BrokerRegistrationRequestListener[]
  readonly features: readonly BrokerRegistrationRequestFeature[]
  readonly rack: string | null
  /** Versions 1+. */
  readonly isMigratingZkBroker?: boolean
  /** Versions 2+. */
  readonly logDirs?: readonly string[]
  /** Versions 3+. */
  readonly previousBrokerEpoch?: number
}

export interface BrokerRegistrationRequestListener {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly securityProtocol: number
}

export interface BrokerRegistrationRequestFeature {
  readonly name: string
  readonly minSupportedVersion: number
  readonly maxSupportedVersion: number
}

/** Versions 0 to 4. */
export interface BrokerRegistrationResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly brokerEpoch: number
}

/** Versions 0 to 1. */
export interface BrokerHeartbeatRequest {
  readonly brokerId: number
  readonly brokerEpoch?: number
  readonly currentMetadataOffset: number
  readonly wantFence: boolean
  readonly wantShutDown: boolean
  /** Versions 1+. */
  readonly offlineLogDirs?: readonly string[]
}

/** Versions 0 to 1. */
export interface BrokerHeartbeatResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly isCaughtUp: boolean
  readonly isFenced: boolean
  readonly shouldShutDown: boolean
}

/** Versions 0. */
export interface UnregisterBrokerRequest {
  readonly brokerId: number
}

/** Versions 0. */
export interface UnregisterBrokerResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Versions 0. */
export interface DescribeTransactionsRequest {
  readonly transactionalIds: readonly string[]
}

/** Versions 0. */
export interface DescribeTransactionsResponse {
  readonly throttleTimeMs: number
  readonly transactionStates: readonly DescribeTransactionsResponseTransactionState[]
}

export interface DescribeTransactionsResponseTransactionState {
  readonly errorCode: number
  readonly transactionalId: string
  readonly transactionState: string
  readonly transactionTimeoutMs: number
  readonly transactionStartTimeMs: number
  readonly producerId: Int64
  readonly producerEpoch: number
  readonly topics: readonly DescribeTransactionsResponseTopicData[]
}

export interface DescribeTransactionsResponseTopicData {
  readonly topic: string
  readonly partitions: readonly number[]
}

/** Versions 0 to 2. */
export interface ListTransactionsRequest {
  readonly stateFilters: readonly string[]
  readonly producerIdFilters: readonly Int64[]
  /** Versions 1+. */
  readonly durationFilter?: number
  /** Versions 2+. */
  readonly transactionalIdPattern?: string | null
}

/** Versions 0 to 2. */
export interface ListTransactionsResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly unknownStateFilters: readonly string[]
  readonly transactionStates: readonly ListTransactionsResponseTransactionState[]
}

export interface ListTransactionsResponseTransactionState {
  readonly transactionalId: string
  readonly producerId: Int64
  readonly transactionState: string
}

/** Versions 0. */
export interface AllocateProducerIdsRequest {
  readonly brokerId: number
  readonly brokerEpoch?: number
}

/** Versions 0. */
export interface AllocateProducerIdsResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly producerIdStart: Int64
  readonly producerIdLen: number
}

/** Versions 0 to 1. */
export interface ConsumerGroupHeartbeatRequest {
  readonly groupId: string
  readonly memberId: string
  readonly memberEpoch: number
  readonly instanceId?: string | null
  readonly rackId?: string | null
  readonly rebalanceTimeoutMs?: number
  readonly subscribedTopicNames?: readonly string[] | null
  /** Versions 1+. */
  readonly subscribedTopicRegex?: string | null
  readonly serverAssignor?: string | null
  readonly topicPartitions?: readonly ConsumerGroupHeartbeatRequestTopicPartitions[] | null
}

export interface ConsumerGroupHeartbeatRequestTopicPartitions {
  readonly topicId: string
  readonly partitions: readonly number[]
}

/** Versions 0 to 1. */
export interface ConsumerGroupHeartbeatResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly memberId: string | null
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  readonly assignment: ConsumerGroupHeartbeatResponseAssignment | null
}

export interface ConsumerGroupHeartbeatResponseAssignment {
  readonly topicPartitions: readonly ConsumerGroupHeartbeatResponseTopicPartitions[]
}

export interface ConsumerGroupHeartbeatResponseTopicPartitions {
  readonly topicId: string
  readonly partitions: readonly number[]
}

/** Versions 0 to 1. */
export interface ConsumerGroupDescribeRequest {
  readonly groupIds: readonly string[]
  readonly includeAuthorizedOperations: boolean
}

/** Versions 0 to 1. */
export interface ConsumerGroupDescribeResponse {
  readonly throttleTimeMs: number
  readonly groups: readonly ConsumerGroupDescribeResponseDescribedGroup[]
}

export interface ConsumerGroupDescribeResponseDescribedGroup {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly groupId: string
  readonly groupState: string
  readonly groupEpoch: number
  readonly assignmentEpoch: number
  readonly assignorName: string
  readonly members: readonly ConsumerGroupDescribeResponseMember[]
  readonly authorizedOperations: number
}

export interface ConsumerGroupDescribeResponseMember {
  readonly memberId: string
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly memberEpoch: number
  readonly clientId: string
  readonly clientHost: string
  readonly subscribedTopicNames: readonly string[]
  readonly subscribedTopicRegex: string | null
  readonly assignment: ConsumerGroupDescribeResponseAssignment
  readonly targetAssignment: ConsumerGroupDescribeResponseAssignment
  /** Versions 1+. */
  readonly memberType: number
}

export interface ConsumerGroupDescribeResponseAssignment {
  readonly topicPartitions: readonly ConsumerGroupDescribeResponseTopicPartitions[]
}

export interface ConsumerGroupDescribeResponseTopicPartitions {
  readonly topicId: string
  readonly topicName: string
  readonly partitions: readonly number[]
}

/** Versions 0. */
export interface ControllerRegistrationRequest {
  readonly controllerId: number
  readonly incarnationId: string
  readonly zkMigrationReady: boolean
  readonly listeners: readonly ControllerRegistrationRequestListener[]
  readonly features: readonly ControllerRegistrationRequestFeature[]
}

export interface ControllerRegistrationRequestListener {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly securityProtocol: number
}

export interface ControllerRegistrationRequestFeature {
  readonly name: string
  readonly minSupportedVersion: number
  readonly maxSupportedVersion: number
}

/** Versions 0. */
export interface ControllerRegistrationResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Versions 0. */
export interface GetTelemetrySubscriptionsRequest {
  readonly clientInstanceId: string
}

/** Versions 0. */
export interface GetTelemetrySubscriptionsResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly clientInstanceId: string
  readonly subscriptionId: number
  readonly acceptedCompressionTypes: readonly number[]
  readonly pushIntervalMs: number
  readonly telemetryMaxBytes: number
  readonly deltaTemporality: boolean
  readonly requestedMetrics: readonly string[]
}

/** Versions 0. */
export interface PushTelemetryRequest {
  readonly clientInstanceId: string
  readonly subscriptionId: number
  readonly terminating: boolean
  readonly compressionType: number
  readonly metrics: Uint8Array
}

/** Versions 0. */
export interface PushTelemetryResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
}

/** Versions 0. */
export interface AssignReplicasToDirsRequest {
  readonly brokerId: number
  readonly brokerEpoch?: number
  readonly directories: readonly AssignReplicasToDirsRequestDirectoryData[]
}

export interface AssignReplicasToDirsRequestDirectoryData {
  readonly id: string
  readonly topics: readonly AssignReplicasToDirsRequestTopicData[]
}

export interface AssignReplicasToDirsRequestTopicData {
  readonly topicId: string
  readonly partitions: readonly AssignReplicasToDirsRequestPartitionData[]
}

export interface AssignReplicasToDirsRequestPartitionData {
  readonly partitionIndex: number
}

/** Versions 0. */
export interface AssignReplicasToDirsResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly directories: readonly AssignReplicasToDirsResponseDirectoryData[]
}

export interface AssignReplicasToDirsResponseDirectoryData {
  readonly id: string
  readonly topics: readonly AssignReplicasToDirsResponseTopicData[]
}

export interface AssignReplicasToDirsResponseTopicData {
  readonly topicId: string
  readonly partitions: readonly AssignReplicasToDirsResponsePartitionData[]
}

export interface AssignReplicasToDirsResponsePartitionData {
  readonly partitionIndex: number
  readonly errorCode: number
}

/** Versions 0 to 1. */
export interface ListConfigResourcesRequest {
  /** Versions 1+. */
  readonly resourceTypes?: readonly number[]
}

/** Versions 0 to 1. */
export interface ListConfigResourcesResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly configResources: readonly ListConfigResourcesResponseConfigResource[]
}

export interface ListConfigResourcesResponseConfigResource {
  readonly resourceName: string
  /** Versions 1+. */
  readonly resourceType: number
}

/** Versions 0. */
export interface DescribeTopicPartitionsRequest {
  readonly topics: readonly DescribeTopicPartitionsRequestTopicRequest[]
  readonly responsePartitionLimit?: number
  readonly cursor?: DescribeTopicPartitionsRequestCursor | null
}

export interface DescribeTopicPartitionsRequestTopicRequest {
  readonly name: string
}

export interface DescribeTopicPartitionsRequestCursor {
  readonly topicName: string
  readonly partitionIndex: number
}

/** Versions 0. */
export interface DescribeTopicPartitionsResponse {
  readonly throttleTimeMs: number
  readonly topics: readonly DescribeTopicPartitionsResponseTopic[]
  readonly nextCursor: DescribeTopicPartitionsResponseCursor | null
}

export interface DescribeTopicPartitionsResponseTopic {
  readonly errorCode: number
  readonly name: string | null
  readonly topicId: string
  readonly isInternal: boolean
  readonly partitions: readonly DescribeTopicPartitionsResponsePartition[]
  readonly topicAuthorizedOperations: number
}

export interface DescribeTopicPartitionsResponsePartition {
  readonly errorCode: number
  readonly partitionIndex: number
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly replicaNodes: readonly number[]
  readonly isrNodes: readonly number[]
  readonly eligibleLeaderReplicas: readonly number[] | null
  readonly lastKnownElr: readonly number[] | null
  readonly offlineReplicas: readonly number[]
}

export interface DescribeTopicPartitionsResponseCursor {
  readonly topicName: string
  readonly partitionIndex: number
}

/** Versions 1. */
export interface ShareGroupHeartbeatRequest {
  readonly groupId: string
  readonly memberId: string
  readonly memberEpoch: number
  readonly rackId?: string | null
  readonly subscribedTopicNames?: readonly string[] | null
}

/** Versions 1. */
export interface ShareGroupHeartbeatResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly memberId: string | null
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  readonly assignment: ShareGroupHeartbeatResponseAssignment | null
}

export interface ShareGroupHeartbeatResponseAssignment {
  readonly topicPartitions: readonly ShareGroupHeartbeatResponseTopicPartitions[]
}

export interface ShareGroupHeartbeatResponseTopicPartitions {
  readonly topicId: string
  readonly partitions: readonly number[]
}

/** Versions 1. */
export interface ShareGroupDescribeRequest {
  readonly groupIds: readonly string[]
  readonly includeAuthorizedOperations: boolean
}

/** Versions 1. */
export interface ShareGroupDescribeResponse {
  readonly throttleTimeMs: number
  readonly groups: readonly ShareGroupDescribeResponseDescribedGroup[]
}

export interface ShareGroupDescribeResponseDescribedGroup {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly groupId: string
  readonly groupState: string
  readonly groupEpoch: number
  readonly assignmentEpoch: number
  readonly assignorName: string
  readonly members: readonly ShareGroupDescribeResponseMember[]
  readonly authorizedOperations: number
}

export interface ShareGroupDescribeResponseMember {
  readonly memberId: string
  readonly rackId: string | null
  readonly memberEpoch: number
  readonly clientId: string
  readonly clientHost: string
  readonly subscribedTopicNames: readonly string[]
  readonly assignment: ShareGroupDescribeResponseAssignment
}

export interface ShareGroupDescribeResponseAssignment {
  readonly topicPartitions: readonly ShareGroupDescribeResponseTopicPartitions[]
}

export interface ShareGroupDescribeResponseTopicPartitions {
  readonly topicId: string
  readonly topicName: string
  readonly partitions: readonly number[]
}

/** Versions 1. */
export interface ShareFetchRequest {
  readonly groupId?: string | null
  readonly memberId: string | null
  readonly shareSessionEpoch: number
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes?: number
  readonly maxRecords: number
  readonly batchSize: number
  readonly topics: readonly ShareFetchRequestFetchTopic[]
  readonly forgottenTopicsData: readonly ShareFetchRequestForgottenTopic[]
}

export interface ShareFetchRequestFetchTopic {
  readonly topicId: string
  readonly partitions: readonly ShareFetchRequestFetchPartition[]
}

export interface ShareFetchRequestFetchPartition {
  readonly partitionIndex: number
  /** Versions 0. */
  readonly partitionMaxBytes?: number
  readonly acknowledgementBatches: readonly ShareFetchRequestAcknowledgementBatch[]
}

export interface ShareFetchRequestAcknowledgementBatch {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly acknowledgeTypes: readonly number[]
}

export interface ShareFetchRequestForgottenTopic {
  readonly topicId: string
  readonly partitions: readonly number[]
}

/** Versions 1. */
export interface ShareFetchResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly acquisitionLockTimeoutMs: number
  readonly responses: readonly ShareFetchResponseShareFetchableTopicResponse[]
  readonly nodeEndpoints: readonly ShareFetchResponseNodeEndpoint[]
}

export interface ShareFetchResponseShareFetchableTopicResponse {
  readonly topicId: string
  readonly partitions: readonly ShareFetchResponsePartitionData[]
}

export interface ShareFetchResponsePartitionData {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly acknowledgeErrorCode: number
  readonly acknowledgeErrorMessage: string | null
  readonly currentLeader: ShareFetchResponseLeaderIdAndEpoch
  readonly records: Buffer | null
  readonly acquiredRecords: readonly ShareFetchResponseAcquiredRecords[]
}

export interface ShareFetchResponseLeaderIdAndEpoch {
  readonly leaderId: number
  readonly leaderEpoch: number
}

export interface ShareFetchResponseAcquiredRecords {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly deliveryCount: number
}

export interface ShareFetchResponseNodeEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

/** Versions 1. */
export interface ShareAcknowledgeRequest {
  readonly groupId?: string | null
  readonly memberId: string | null
  readonly shareSessionEpoch: number
  readonly topics: readonly ShareAcknowledgeRequestAcknowledgeTopic[]
}

export interface ShareAcknowledgeRequestAcknowledgeTopic {
  readonly topicId: string
  readonly partitions: readonly ShareAcknowledgeRequestAcknowledgePartition[]
}

export interface ShareAcknowledgeRequestAcknowledgePartition {
  readonly partitionIndex: number
  readonly acknowledgementBatches: readonly ShareAcknowledgeRequestAcknowledgementBatch[]
}

export interface ShareAcknowledgeRequestAcknowledgementBatch {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly acknowledgeTypes: readonly number[]
}

/** Versions 1. */
export interface ShareAcknowledgeResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly responses: readonly ShareAcknowledgeResponseShareAcknowledgeTopicResponse[]
  readonly nodeEndpoints: readonly ShareAcknowledgeResponseNodeEndpoint[]
}

export interface ShareAcknowledgeResponseShareAcknowledgeTopicResponse {
  readonly topicId: string
  readonly partitions: readonly ShareAcknowledgeResponsePartitionData[]
}

export interface ShareAcknowledgeResponsePartitionData {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly currentLeader: ShareAcknowledgeResponseLeaderIdAndEpoch
}

export interface ShareAcknowledgeResponseLeaderIdAndEpoch {
  readonly leaderId: number
  readonly leaderEpoch: number
}

export interface ShareAcknowledgeResponseNodeEndpoint {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

/** Versions 0. */
export interface AddRaftVoterRequest {
  readonly clusterId: string | null
  readonly timeoutMs: number
  readonly voterId: number
  readonly voterDirectoryId: string
  readonly listeners: readonly AddRaftVoterRequestListener[]
}

export interface AddRaftVoterRequestListener {
  readonly name: string
  readonly host: string
  readonly port: number
}

/** Versions 0. */
export interface AddRaftVoterResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Versions 0. */
export interface RemoveRaftVoterRequest {
  readonly clusterId: string | null
  readonly voterId: number
  readonly voterDirectoryId: string
}

/** Versions 0. */
export interface RemoveRaftVoterResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Versions 0. */
export interface UpdateRaftVoterRequest {
  readonly clusterId: string | null
  readonly currentLeaderEpoch: number
  readonly voterId: number
  readonly voterDirectoryId: string
  readonly listeners: readonly UpdateRaftVoterRequestListener[]
  readonly kRaftVersionFeature: UpdateRaftVoterRequestKRaftVersionFeature
}

export interface UpdateRaftVoterRequestListener {
  readonly name: string
  readonly host: string
  readonly port: number
}

export interface UpdateRaftVoterRequestKRaftVersionFeature {
  readonly minSupportedVersion: number
  readonly maxSupportedVersion: number
}

/** Versions 0. */
export interface UpdateRaftVoterResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly currentLeader: UpdateRaftVoterResponseCurrentLeader
}

export interface UpdateRaftVoterResponseCurrentLeader {
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly host: string
  readonly port: number
}

/** Versions 0. */
export interface InitializeShareGroupStateRequest {
  readonly groupId: string
  readonly topics: readonly InitializeShareGroupStateRequestInitializeStateData[]
}

export interface InitializeShareGroupStateRequestInitializeStateData {
  readonly topicId: string
  readonly partitions: readonly InitializeShareGroupStateRequestPartitionData[]
}

export interface InitializeShareGroupStateRequestPartitionData {
  readonly partition: number
  readonly stateEpoch: number
  readonly startOffset: number
}

/** Versions 0. */
export interface InitializeShareGroupStateResponse {
  readonly results: readonly InitializeShareGroupStateResponseInitializeStateResult[]
}

export interface InitializeShareGroupStateResponseInitializeStateResult {
  readonly topicId: string
  readonly partitions: readonly InitializeShareGroupStateResponsePartitionResult[]
}

export interface InitializeShareGroupStateResponsePartitionResult {
  readonly partition: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Versions 0. */
export interface ReadShareGroupStateRequest {
  readonly groupId: string
  readonly topics: readonly ReadShareGroupStateRequestReadStateData[]
}

export interface ReadShareGroupStateRequestReadStateData {
  readonly topicId: string
  readonly partitions: readonly ReadShareGroupStateRequestPartitionData[]
}

export interface ReadShareGroupStateRequestPartitionData {
  readonly partition: number
  readonly leaderEpoch: number
}

/** Versions 0. */
export interface ReadShareGroupStateResponse {
  readonly results: readonly ReadShareGroupStateResponseReadStateResult[]
}

export interface ReadShareGroupStateResponseReadStateResult {
  readonly topicId: string
  readonly partitions: readonly ReadShareGroupStateResponsePartitionResult[]
}

export interface ReadShareGroupStateResponsePartitionResult {
  readonly partition: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly stateEpoch: number
  readonly startOffset: number
  readonly stateBatches: readonly ReadShareGroupStateResponseStateBatch[]
}

export interface ReadShareGroupStateResponseStateBatch {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly deliveryState: number
  readonly deliveryCount: number
}

/** Versions 0. */
export interface WriteShareGroupStateRequest {
  readonly groupId: string
  readonly topics: readonly WriteShareGroupStateRequestWriteStateData[]
}

export interface WriteShareGroupStateRequestWriteStateData {
  readonly topicId: string
  readonly partitions: readonly WriteShareGroupStateRequestPartitionData[]
}

export interface WriteShareGroupStateRequestPartitionData {
  readonly partition: number
  readonly stateEpoch: number
  readonly leaderEpoch: number
  readonly startOffset: number
  readonly stateBatches: readonly WriteShareGroupStateRequestStateBatch[]
}

export interface WriteShareGroupStateRequestStateBatch {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly deliveryState: number
  readonly deliveryCount: number
}

/** Versions 0. */
export interface WriteShareGroupStateResponse {
  readonly results: readonly WriteShareGroupStateResponseWriteStateResult[]
}

export interface WriteShareGroupStateResponseWriteStateResult {
  readonly topicId: string
  readonly partitions: readonly WriteShareGroupStateResponsePartitionResult[]
}

export interface WriteShareGroupStateResponsePartitionResult {
  readonly partition: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Versions 0. */
export interface DeleteShareGroupStateRequest {
  readonly groupId: string
  readonly topics: readonly DeleteShareGroupStateRequestDeleteStateData[]
}

export interface DeleteShareGroupStateRequestDeleteStateData {
  readonly topicId: string
  readonly partitions: readonly DeleteShareGroupStateRequestPartitionData[]
}

export interface DeleteShareGroupStateRequestPartitionData {
  readonly partition: number
}

/** Versions 0. */
export interface DeleteShareGroupStateResponse {
  readonly results: readonly DeleteShareGroupStateResponseDeleteStateResult[]
}

export interface DeleteShareGroupStateResponseDeleteStateResult {
  readonly topicId: string
  readonly partitions: readonly DeleteShareGroupStateResponsePartitionResult[]
}

export interface DeleteShareGroupStateResponsePartitionResult {
  readonly partition: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Versions 0. */
export interface ReadShareGroupStateSummaryRequest {
  readonly groupId: string
  readonly topics: readonly ReadShareGroupStateSummaryRequestReadStateSummaryData[]
}

export interface ReadShareGroupStateSummaryRequestReadStateSummaryData {
  readonly topicId: string
  readonly partitions: readonly ReadShareGroupStateSummaryRequestPartitionData[]
}

export interface ReadShareGroupStateSummaryRequestPartitionData {
  readonly partition: number
  readonly leaderEpoch: number
}

/** Versions 0. */
export interface ReadShareGroupStateSummaryResponse {
  readonly results: readonly ReadShareGroupStateSummaryResponseReadStateSummaryResult[]
}

export interface ReadShareGroupStateSummaryResponseReadStateSummaryResult {
  readonly topicId: string
  readonly partitions: readonly ReadShareGroupStateSummaryResponsePartitionResult[]
}

export interface ReadShareGroupStateSummaryResponsePartitionResult {
  readonly partition: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly stateEpoch: number
  readonly leaderEpoch: number
  readonly startOffset: number
}

/** Versions 0. */
export interface StreamsGroupHeartbeatRequest {
  readonly groupId: string
  readonly memberId: string
  readonly memberEpoch: number
  readonly endpointInformationEpoch: number
  readonly instanceId?: string | null
  readonly rackId?: string | null
  readonly rebalanceTimeoutMs?: number
  readonly topology?: StreamsGroupHeartbeatRequestTopology | null
  readonly activeTasks?: readonly StreamsGroupHeartbeatRequestTaskIds[] | null
  readonly standbyTasks?: readonly StreamsGroupHeartbeatRequestTaskIds[] | null
  readonly warmupTasks?: readonly StreamsGroupHeartbeatRequestTaskIds[] | null
  readonly processId?: string | null
  readonly userEndpoint?: StreamsGroupHeartbeatRequestEndpoint | null
  readonly clientTags?: readonly StreamsGroupHeartbeatRequestKeyValue[] | null
  readonly taskOffsets?: readonly StreamsGroupHeartbeatRequestTaskOffset[] | null
  readonly taskEndOffsets?: readonly StreamsGroupHeartbeatRequestTaskOffset[] | null
  readonly shutdownApplication?: boolean
}

export interface StreamsGroupHeartbeatRequestTopology {
  readonly epoch: number
  readonly subtopologies: readonly StreamsGroupHeartbeatRequestSubtopology[]
}

export interface StreamsGroupHeartbeatRequestSubtopology {
  readonly subtopologyId: string
  readonly sourceTopics: readonly string[]
  readonly sourceTopicRegex: readonly string[]
  readonly stateChangelogTopics: readonly StreamsGroupHeartbeatRequestTopicInfo[]
  readonly repartitionSinkTopics: readonly string[]
  readonly repartitionSourceTopics: readonly StreamsGroupHeartbeatRequestTopicInfo[]
  readonly copartitionGroups: readonly StreamsGroupHeartbeatRequestCopartitionGroup[]
}

export interface StreamsGroupHeartbeatRequestTopicInfo {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor: number
  readonly topicConfigs: readonly StreamsGroupHeartbeatRequestKeyValue[]
}

export interface StreamsGroupHeartbeatRequestKeyValue {
  readonly key: string
  readonly value: string
}

export interface StreamsGroupHeartbeatRequestCopartitionGroup {
  readonly sourceTopics: readonly number[]
  readonly sourceTopicRegex: readonly number[]
  readonly repartitionSourceTopics: readonly number[]
}

export interface StreamsGroupHeartbeatRequestTaskIds {
  readonly subtopologyId: string
  readonly partitions: readonly number[]
}

export interface StreamsGroupHeartbeatRequestEndpoint {
  readonly host: string
  readonly port: number
}

export interface StreamsGroupHeartbeatRequestTaskOffset {
  readonly subtopologyId: string
  readonly partition: number
  readonly offset: number
}

/** Versions 0. */
export interface StreamsGroupHeartbeatResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly memberId: string
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  readonly acceptableRecoveryLag: number
  readonly taskOffsetIntervalMs: number
  readonly status: readonly StreamsGroupHeartbeatResponseStatus[] | null
  readonly activeTasks: readonly StreamsGroupHeartbeatResponseTaskIds[] | null
  readonly standbyTasks: readonly StreamsGroupHeartbeatResponseTaskIds[] | null
  readonly warmupTasks: readonly StreamsGroupHeartbeatResponseTaskIds[] | null
  readonly endpointInformationEpoch: number
  readonly partitionsByUserEndpoint: readonly StreamsGroupHeartbeatResponseEndpointToPartitions[] | null
}

export interface StreamsGroupHeartbeatResponseStatus {
  readonly statusCode: number
  readonly statusDetail: string
}

export interface StreamsGroupHeartbeatResponseTaskIds {
  readonly subtopologyId: string
  readonly partitions: readonly number[]
}

export interface StreamsGroupHeartbeatResponseEndpointToPartitions {
  readonly userEndpoint: StreamsGroupHeartbeatResponseEndpoint
  readonly activePartitions: readonly StreamsGroupHeartbeatResponseTopicPartition[]
  readonly standbyPartitions: readonly StreamsGroupHeartbeatResponseTopicPartition[]
}

export interface StreamsGroupHeartbeatResponseEndpoint {
  readonly host: string
  readonly port: number
}

export interface StreamsGroupHeartbeatResponseTopicPartition {
  readonly topic: string
  readonly partitions: readonly number[]
}

/** Versions 0. */
export interface StreamsGroupDescribeRequest {
  readonly groupIds: readonly string[]
  readonly includeAuthorizedOperations: boolean
}

/** Versions 0. */
export interface StreamsGroupDescribeResponse {
  readonly throttleTimeMs: number
  readonly groups: readonly StreamsGroupDescribeResponseDescribedGroup[]
}

export interface StreamsGroupDescribeResponseDescribedGroup {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly groupId: string
  readonly groupState: string
  readonly groupEpoch: number
  readonly assignmentEpoch: number
  readonly topology: StreamsGroupDescribeResponseTopology | null
  readonly members: readonly StreamsGroupDescribeResponseMember[]
  readonly authorizedOperations: number
}

export interface StreamsGroupDescribeResponseTopology {
  readonly epoch: number
  readonly subtopologies: readonly StreamsGroupDescribeResponseSubtopology[] | null
}

export interface StreamsGroupDescribeResponseSubtopology {
  readonly subtopologyId: string
  readonly sourceTopics: readonly string[]
  readonly repartitionSinkTopics: readonly string[]
  readonly stateChangelogTopics: readonly StreamsGroupDescribeResponseTopicInfo[]
  readonly repartitionSourceTopics: readonly StreamsGroupDescribeResponseTopicInfo[]
}

export interface StreamsGroupDescribeResponseTopicInfo {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor: number
  readonly topicConfigs: readonly StreamsGroupDescribeResponseKeyValue[]
}

export interface StreamsGroupDescribeResponseKeyValue {
  readonly key: string
  readonly value: string
}

export interface StreamsGroupDescribeResponseMember {
  readonly memberId: string
  readonly memberEpoch: number
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly topologyEpoch: number
  readonly processId: string
  readonly userEndpoint: StreamsGroupDescribeResponseEndpoint | null
  readonly clientTags: readonly StreamsGroupDescribeResponseKeyValue[]
  readonly taskOffsets: readonly StreamsGroupDescribeResponseTaskOffset[]
  readonly taskEndOffsets: readonly StreamsGroupDescribeResponseTaskOffset[]
  readonly assignment: StreamsGroupDescribeResponseAssignment
  readonly targetAssignment: StreamsGroupDescribeResponseAssignment
  readonly isClassic: boolean
}

export interface StreamsGroupDescribeResponseEndpoint {
  readonly host: string
  readonly port: number
}

export interface StreamsGroupDescribeResponseTaskOffset {
  readonly subtopologyId: string
  readonly partition: number
  readonly offset: number
}

export interface StreamsGroupDescribeResponseAssignment {
  readonly activeTasks: readonly StreamsGroupDescribeResponseTaskIds[]
  readonly standbyTasks: readonly StreamsGroupDescribeResponseTaskIds[]
  readonly warmupTasks: readonly StreamsGroupDescribeResponseTaskIds[]
}

export interface StreamsGroupDescribeResponseTaskIds {
  readonly subtopologyId: string
  readonly partitions: readonly number[]
}

/** Versions 0. */
export interface DescribeShareGroupOffsetsRequest {
  readonly groups: readonly DescribeShareGroupOffsetsRequestGroup[]
}

export interface DescribeShareGroupOffsetsRequestGroup {
  readonly groupId: string
  readonly topics: readonly DescribeShareGroupOffsetsRequestTopic[] | null
}

export interface DescribeShareGroupOffsetsRequestTopic {
  readonly topicName: string
  readonly partitions: readonly number[]
}

/** Versions 0. */
export interface DescribeShareGroupOffsetsResponse {
  readonly throttleTimeMs: number
  readonly groups: readonly DescribeShareGroupOffsetsResponseGroup[]
}

export interface DescribeShareGroupOffsetsResponseGroup {
  readonly groupId: string
  readonly topics: readonly DescribeShareGroupOffsetsResponseTopic[]
  readonly errorCode: number
  readonly errorMessage: string | null
}

export interface DescribeShareGroupOffsetsResponseTopic {
  readonly topicName: string
  readonly topicId: string
  readonly partitions: readonly DescribeShareGroupOffsetsResponsePartition[]
}

export interface DescribeShareGroupOffsetsResponsePartition {
  readonly partitionIndex: number
  readonly startOffset: number
  readonly leaderEpoch: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Versions 0. */
export interface AlterShareGroupOffsetsRequest {
  readonly groupId: string
  readonly topics: readonly AlterShareGroupOffsetsRequestTopic[]
}

export interface AlterShareGroupOffsetsRequestTopic {
  readonly topicName: string
  readonly partitions: readonly AlterShareGroupOffsetsRequestPartition[]
}

export interface AlterShareGroupOffsetsRequestPartition {
  readonly partitionIndex: number
  readonly startOffset: number
}

/** Versions 0. */
export interface AlterShareGroupOffsetsResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly responses: readonly AlterShareGroupOffsetsResponseTopic[]
}

export interface AlterShareGroupOffsetsResponseTopic {
  readonly topicName: string
  readonly topicId: string
  readonly partitions: readonly AlterShareGroupOffsetsResponsePartition[]
}

export interface AlterShareGroupOffsetsResponsePartition {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Versions 0. */
export interface DeleteShareGroupOffsetsRequest {
  readonly groupId: string
  readonly topics: readonly DeleteShareGroupOffsetsRequestTopic[]
}

export interface DeleteShareGroupOffsetsRequestTopic {
  readonly topicName: string
}

/** Versions 0. */
export interface DeleteShareGroupOffsetsResponse {
  readonly throttleTimeMs: number
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly responses: readonly DeleteShareGroupOffsetsResponseTopic[]
}

export interface DeleteShareGroupOffsetsResponseTopic {
  readonly topicName: string
  readonly topicId: string
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Versions 1 to 2. */
export interface RequestHeader {
  readonly requestApiKey: number
  readonly requestApiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
}

/** Versions 0 to 1. */
export interface ResponseHeader {
  readonly correlationId: number
}

/** Versions 0 to 3. */
export interface ConsumerProtocolAssignment {
  readonly assignedPartitions: readonly ConsumerProtocolAssignmentTopicPartition[]
  readonly userData?: Uint8Array | null
}

export interface ConsumerProtocolAssignmentTopicPartition {
  readonly topic: string
  readonly partitions: readonly number[]
}

/** Versions 0 to 3. */
export interface ConsumerProtocolSubscription {
  readonly topics: readonly string[]
  readonly userData?: Uint8Array | null
  /** Versions 1+. */
  readonly ownedPartitions?: readonly ConsumerProtocolSubscriptionTopicPartition[]
  /** Versions 2+. */
  readonly generationId?: number
  /** Versions 3+. */
  readonly rackId?: string | null
}

export interface ConsumerProtocolSubscriptionTopicPartition {
  readonly topic: string
  readonly partitions: readonly number[]
}

/** Versions 0. */
export interface DefaultPrincipalData {
  readonly type: string
  readonly name: string
  readonly tokenAuthenticated: boolean
}

/** Versions 0. */
export interface EndTxnMarker {
  readonly coordinatorEpoch: number
}

/** Versions 0. */
export interface KRaftVersionRecord {
  readonly version: number
  readonly kRaftVersion: number
}

/** Versions 0 to 1. */
export interface LeaderChangeMessage {
  readonly version: number
  readonly leaderId: number
  readonly voters: readonly LeaderChangeMessageVoter[]
  readonly grantingVoters: readonly LeaderChangeMessageVoter[]
}

export interface LeaderChangeMessageVoter {
  readonly voterId: number
  /** Versions 1+. */
  readonly voterDirectoryId?: string
}

/** Versions 0. */
export interface SnapshotFooterRecord {
  readonly version: number
}

/** Versions 0. */
export interface SnapshotHeaderRecord {
  readonly version: number
  readonly lastContainedLogTimestamp: Int64
}

/** Versions 0. */
export interface VotersRecord {
  readonly version: number
  readonly voters: readonly VotersRecordVoter[]
}

export interface VotersRecordVoter {
  readonly voterId: number
  readonly voterDirectoryId: string
  readonly endpoints: readonly VotersRecordEndpoint[]
  readonly kRaftVersionFeature: VotersRecordKRaftVersionFeature
}

export interface VotersRecordEndpoint {
  readonly name: string
  readonly host: string
  readonly port: number
}

export interface VotersRecordKRaftVersionFeature {
  readonly minSupportedVersion: number
  readonly maxSupportedVersion: number
}

/** Requests by API, as they are written: a field that may be missing holds its default. */
export interface Requests {
  Produce: ProduceRequest
  Fetch: FetchRequest
  ListOffsets: ListOffsetsRequest
  Metadata: MetadataRequest
  OffsetCommit: OffsetCommitRequest
  OffsetFetch: OffsetFetchRequest
  FindCoordinator: FindCoordinatorRequest
  JoinGroup: JoinGroupRequest
  Heartbeat: HeartbeatRequest
  LeaveGroup: LeaveGroupRequest
  SyncGroup: SyncGroupRequest
  DescribeGroups: DescribeGroupsRequest
  ListGroups: ListGroupsRequest
  SaslHandshake: SaslHandshakeRequest
  ApiVersions: ApiVersionsRequest
  CreateTopics: CreateTopicsRequest
  DeleteTopics: DeleteTopicsRequest
  DeleteRecords: DeleteRecordsRequest
  InitProducerId: InitProducerIdRequest
  OffsetForLeaderEpoch: OffsetForLeaderEpochRequest
  AddPartitionsToTxn: AddPartitionsToTxnRequest
  AddOffsetsToTxn: AddOffsetsToTxnRequest
  EndTxn: EndTxnRequest
  WriteTxnMarkers: WriteTxnMarkersRequest
  TxnOffsetCommit: TxnOffsetCommitRequest
  DescribeAcls: DescribeAclsRequest
  CreateAcls: CreateAclsRequest
  DeleteAcls: DeleteAclsRequest
  DescribeConfigs: DescribeConfigsRequest
  AlterConfigs: AlterConfigsRequest
  AlterReplicaLogDirs: AlterReplicaLogDirsRequest
  DescribeLogDirs: DescribeLogDirsRequest
  SaslAuthenticate: SaslAuthenticateRequest
  CreatePartitions: CreatePartitionsRequest
  CreateDelegationToken: CreateDelegationTokenRequest
  RenewDelegationToken: RenewDelegationTokenRequest
  ExpireDelegationToken: ExpireDelegationTokenRequest
  DescribeDelegationToken: DescribeDelegationTokenRequest
  DeleteGroups: DeleteGroupsRequest
  ElectLeaders: ElectLeadersRequest
  IncrementalAlterConfigs: IncrementalAlterConfigsRequest
  AlterPartitionReassignments: AlterPartitionReassignmentsRequest
  ListPartitionReassignments: ListPartitionReassignmentsRequest
  OffsetDelete: OffsetDeleteRequest
  DescribeClientQuotas: DescribeClientQuotasRequest
  AlterClientQuotas: AlterClientQuotasRequest
  DescribeUserScramCredentials: DescribeUserScramCredentialsRequest
  AlterUserScramCredentials: AlterUserScramCredentialsRequest
  Vote: VoteRequest
  BeginQuorumEpoch: BeginQuorumEpochRequest
  EndQuorumEpoch: EndQuorumEpochRequest
  DescribeQuorum: DescribeQuorumRequest
  AlterPartition: AlterPartitionRequest
  UpdateFeatures: UpdateFeaturesRequest
  Envelope: EnvelopeRequest
  FetchSnapshot: FetchSnapshotRequest
  DescribeCluster: DescribeClusterRequest
  DescribeProducers: DescribeProducersRequest
  BrokerRegistration: BrokerRegistrationRequest
  BrokerHeartbeat: BrokerHeartbeatRequest
  UnregisterBroker: UnregisterBrokerRequest
  DescribeTransactions: DescribeTransactionsRequest
  ListTransactions: ListTransactionsRequest
  AllocateProducerIds: AllocateProducerIdsRequest
  ConsumerGroupHeartbeat: ConsumerGroupHeartbeatRequest
  ConsumerGroupDescribe: ConsumerGroupDescribeRequest
  ControllerRegistration: ControllerRegistrationRequest
  GetTelemetrySubscriptions: GetTelemetrySubscriptionsRequest
  PushTelemetry: PushTelemetryRequest
  AssignReplicasToDirs: AssignReplicasToDirsRequest
  ListConfigResources: ListConfigResourcesRequest
  DescribeTopicPartitions: DescribeTopicPartitionsRequest
  ShareGroupHeartbeat: ShareGroupHeartbeatRequest
  ShareGroupDescribe: ShareGroupDescribeRequest
  ShareFetch: ShareFetchRequest
  ShareAcknowledge: ShareAcknowledgeRequest
  AddRaftVoter: AddRaftVoterRequest
  RemoveRaftVoter: RemoveRaftVoterRequest
  UpdateRaftVoter: UpdateRaftVoterRequest
  InitializeShareGroupState: InitializeShareGroupStateRequest
  ReadShareGroupState: ReadShareGroupStateRequest
  WriteShareGroupState: WriteShareGroupStateRequest
  DeleteShareGroupState: DeleteShareGroupStateRequest
  ReadShareGroupStateSummary: ReadShareGroupStateSummaryRequest
  StreamsGroupHeartbeat: StreamsGroupHeartbeatRequest
  StreamsGroupDescribe: StreamsGroupDescribeRequest
  DescribeShareGroupOffsets: DescribeShareGroupOffsetsRequest
  AlterShareGroupOffsets: AlterShareGroupOffsetsRequest
  DeleteShareGroupOffsets: DeleteShareGroupOffsetsRequest
}

/** Responses by API, as they are read: every field is there. */
export interface Responses {
  Produce: ProduceResponse
  Fetch: FetchResponse
  ListOffsets: ListOffsetsResponse
  Metadata: MetadataResponse
  OffsetCommit: OffsetCommitResponse
  OffsetFetch: OffsetFetchResponse
  FindCoordinator: FindCoordinatorResponse
  JoinGroup: JoinGroupResponse
  Heartbeat: HeartbeatResponse
  LeaveGroup: LeaveGroupResponse
  SyncGroup: SyncGroupResponse
  DescribeGroups: DescribeGroupsResponse
  ListGroups: ListGroupsResponse
  SaslHandshake: SaslHandshakeResponse
  ApiVersions: ApiVersionsResponse
  CreateTopics: CreateTopicsResponse
  DeleteTopics: DeleteTopicsResponse
  DeleteRecords: DeleteRecordsResponse
  InitProducerId: InitProducerIdResponse
  OffsetForLeaderEpoch: OffsetForLeaderEpochResponse
  AddPartitionsToTxn: AddPartitionsToTxnResponse
  AddOffsetsToTxn: AddOffsetsToTxnResponse
  EndTxn: EndTxnResponse
  WriteTxnMarkers: WriteTxnMarkersResponse
  TxnOffsetCommit: TxnOffsetCommitResponse
  DescribeAcls: DescribeAclsResponse
  CreateAcls: CreateAclsResponse
  DeleteAcls: DeleteAclsResponse
  DescribeConfigs: DescribeConfigsResponse
  AlterConfigs: AlterConfigsResponse
  AlterReplicaLogDirs: AlterReplicaLogDirsResponse
  DescribeLogDirs: DescribeLogDirsResponse
  SaslAuthenticate: SaslAuthenticateResponse
  CreatePartitions: CreatePartitionsResponse
  CreateDelegationToken: CreateDelegationTokenResponse
  RenewDelegationToken: RenewDelegationTokenResponse
  ExpireDelegationToken: ExpireDelegationTokenResponse
  DescribeDelegationToken: DescribeDelegationTokenResponse
  DeleteGroups: DeleteGroupsResponse
  ElectLeaders: ElectLeadersResponse
  IncrementalAlterConfigs: IncrementalAlterConfigsResponse
  AlterPartitionReassignments: AlterPartitionReassignmentsResponse
  ListPartitionReassignments: ListPartitionReassignmentsResponse
  OffsetDelete: OffsetDeleteResponse
  DescribeClientQuotas: DescribeClientQuotasResponse
  AlterClientQuotas: AlterClientQuotasResponse
  DescribeUserScramCredentials: DescribeUserScramCredentialsResponse
  AlterUserScramCredentials: AlterUserScramCredentialsResponse
  Vote: VoteResponse
  BeginQuorumEpoch: BeginQuorumEpochResponse
  EndQuorumEpoch: EndQuorumEpochResponse
  DescribeQuorum: DescribeQuorumResponse
  AlterPartition: AlterPartitionResponse
  UpdateFeatures: UpdateFeaturesResponse
  Envelope: EnvelopeResponse
  FetchSnapshot: FetchSnapshotResponse
  DescribeCluster: DescribeClusterResponse
  DescribeProducers: DescribeProducersResponse
  BrokerRegistration: BrokerRegistrationResponse
  BrokerHeartbeat: BrokerHeartbeatResponse
  UnregisterBroker: UnregisterBrokerResponse
  DescribeTransactions: DescribeTransactionsResponse
  ListTransactions: ListTransactionsResponse
  AllocateProducerIds: AllocateProducerIdsResponse
  ConsumerGroupHeartbeat: ConsumerGroupHeartbeatResponse
  ConsumerGroupDescribe: ConsumerGroupDescribeResponse
  ControllerRegistration: ControllerRegistrationResponse
  GetTelemetrySubscriptions: GetTelemetrySubscriptionsResponse
  PushTelemetry: PushTelemetryResponse
  AssignReplicasToDirs: AssignReplicasToDirsResponse
  ListConfigResources: ListConfigResourcesResponse
  DescribeTopicPartitions: DescribeTopicPartitionsResponse
  ShareGroupHeartbeat: ShareGroupHeartbeatResponse
  ShareGroupDescribe: ShareGroupDescribeResponse
  ShareFetch: ShareFetchResponse
  ShareAcknowledge: ShareAcknowledgeResponse
  AddRaftVoter: AddRaftVoterResponse
  RemoveRaftVoter: RemoveRaftVoterResponse
  UpdateRaftVoter: UpdateRaftVoterResponse
  InitializeShareGroupState: InitializeShareGroupStateResponse
  ReadShareGroupState: ReadShareGroupStateResponse
  WriteShareGroupState: WriteShareGroupStateResponse
  DeleteShareGroupState: DeleteShareGroupStateResponse
  ReadShareGroupStateSummary: ReadShareGroupStateSummaryResponse
  StreamsGroupHeartbeat: StreamsGroupHeartbeatResponse
  StreamsGroupDescribe: StreamsGroupDescribeResponse
  DescribeShareGroupOffsets: DescribeShareGroupOffsetsResponse
  AlterShareGroupOffsets: AlterShareGroupOffsetsResponse
  DeleteShareGroupOffsets: DeleteShareGroupOffsetsResponse
}

/** Messages that travel inside of others, or in the log; as they are written. */
export interface DataMessages {
  ConsumerProtocolAssignment: ConsumerProtocolAssignment
  ConsumerProtocolSubscription: ConsumerProtocolSubscription
  DefaultPrincipalData: DefaultPrincipalData
  EndTxnMarker: EndTxnMarker
  KRaftVersionRecord: KRaftVersionRecord
  LeaderChangeMessage: LeaderChangeMessage
  SnapshotFooterRecord: SnapshotFooterRecord
  SnapshotHeaderRecord: SnapshotHeaderRecord
  VotersRecord: VotersRecord
}
