export { type Backoff, constant, exponential } from './base/backoff.ts'
export { type Clock, systemClock, type Timer } from './base/clock.ts'
export {
  ClosedError,
  ConnectionError,
  type ErrorDetails,
  type ErrorPlace,
  MillraceError,
  OptionError,
  RequestTimeoutError,
} from './base/errors.ts'
export type { Logger, LogLevel } from './base/logger.ts'
export type { Histogram, Metric, MetricLabels, Metrics, ReportValue } from './base/metrics.ts'
export type { Random } from './base/random.ts'
export type { TopicPartition } from './base/topic-partition.ts'
export type { AccessOptions } from './client/access-options.ts'
export { Admin, type AdminOptions, type PositionQuery } from './client/admin.ts'
export type { BrokerState } from './client/brokers.ts'
export { AnswerError } from './client/call.ts'
export type * from './client/cluster-admin.ts'
export type * from './client/config-admin.ts'
export type { DeletedRecords, DeleteRecordsQuery } from './client/delete-records.ts'
export type {
  DescribedGroup,
  DescribedMember,
  GroupOffset,
  ListedGroup,
  MemberName,
  NewGroupOffset,
  PartitionOutcome,
  RemovedMember,
} from './client/group-admin.ts'
export { type LinkState, QueueFullError, type Role } from './client/link.ts'
export type * from './client/low-level-client.ts'
export { type ClientState, NativeClient, type SendOptions, type Target } from './client/native-client.ts'
export type { ClientEvents, ClientOptions } from './client/options.ts'
export type { OAuthSasl, OAuthToken, PasswordSasl, SaslOptions, TlsOptions } from './client/security.ts'
export { AuthenticationError, TlsError } from './client/security-errors.ts'
export type * from './client/topic-admin.ts'
export { UnsupportedVersionError } from './client/versions.ts'
export type { BreakerOptions, CircuitFailures, CircuitState } from './consumer/breaker-options.ts'
export { type CloseOptions, Consumer, type ContextOf, type RunOptions } from './consumer/consumer.ts'
export { type DeadLetterOptions, deadLetter } from './consumer/dead-letter.ts'
export type * from './consumer/events.ts'
export type {
  FailureDecision,
  FailureSink,
  KeepingSink,
  LetterSink,
  OnFailureOption,
  RetryPlace,
  SinkParts,
} from './consumer/failure-sink.ts'
export type {
  ConsumerOptions,
  FetchSection,
  OffsetsMode,
  OffsetsOptions,
  RouteWorkOptions,
  WorkOptions,
} from './consumer/options.ts'
export type { TransactionContext } from './consumer/outputs.ts'
export type { OwnershipCallback, OwnershipOptions } from './consumer/ownership-options.ts'
export { park } from './consumer/park.ts'
export {
  type PropertiesRead,
  type PropertyOptions,
  readProperties,
} from './consumer/properties/read-properties.ts'
export type { RateOptions } from './consumer/rate-options.ts'
export { type RetryTier, type RetryTopicOptions, retryTopic } from './consumer/retry-topic.ts'
export {
  type Batch,
  type BatchHandler,
  type BatchOptions,
  batch,
  type Handler,
  type RouteOptions,
} from './consumer/route.ts'
export type * from './consumer/state.ts'
export type {
  CommitTrace,
  FetchTrace,
  HandleTrace,
  RebalanceTrace,
  Traced,
  TracedConsumer,
} from './consumer/tracing.ts'
export type { OutputOptions, TransactionOption, TransactionOptions } from './consumer/transaction-options.ts'
export type { FetchPhase, OpenTransaction, OutOfRange, StartPosition, Truncated } from './fetch/options.ts'
export type { MetricsOptions } from './metrics/metrics-option.ts'
export type { Rates } from './metrics/rates.ts'
export type * from './metrics/snapshot.ts'
export { OffsetError } from './offsets/error.ts'
export { MemoryOffsetStorage } from './offsets/memory-storage.ts'
export type { CommittedOffset, LoadResult, OffsetStorage, StorageResult } from './offsets/storage.ts'
export type {
  Assignment,
  Assignor,
  GroupMember,
  GroupTopic,
  GroupTopics,
  LastAssignment,
  MemberSubscription,
} from './ownership/assignors/assignor.ts'
export type { Strategy, StrategyName } from './ownership/assignors/strategies.ts'
export type { OwnershipState } from './ownership/coordinator.ts'
export { GroupError } from './ownership/group/group-error.ts'
export type { MemberPhase, MembershipState } from './ownership/group/membership.ts'
export { AmbiguousTopicError, type Match } from './ownership/subscription.ts'
export type { Channel, ChannelFailure, ChannelOptions, ChannelSuccess } from './producer/channel.ts'
export { type Delivery, DeliveryError, type Written } from './producer/delivery.ts'
export type { LastFailure } from './producer/ledger.ts'
export { encodeHeaders, type MessageOf, type ProducerMessage, type Sends } from './producer/message.ts'
export type { WritableOptions } from './producer/message-sink.ts'
export type { ProducerOptions } from './producer/options.ts'
export { constantPartition } from './producer/partitioners/keyless.ts'
export type {
  MessageToPlace,
  Partitioner,
  PartitionerName,
  PartitionerOption,
} from './producer/partitioners/partitioner.ts'
export { Producer, type ProducerEnvironment } from './producer/producer.ts'
export {
  type ProducerPropertiesRead,
  type ProducerPropertyOptions,
  readProducerProperties,
} from './producer/properties/read-properties.ts'
export type { KeyFor, MessageSerdes, NoTopicSerdes, TopicSerdes, ValueFor } from './producer/serdes.ts'
export type * from './producer/state.ts'
export type { Transaction } from './producer/transaction.ts'
export type { TransactionGroup, TransactionOffset } from './producer/transaction-calls.ts'
export { TransactionError } from './producer/transaction-error.ts'
export type { PropertyNote } from './properties/draft.ts'
export type { PropertySource } from './properties/source.ts'
export { KafkaError } from './protocol/error-codes.ts'
export type { Bytes, HeaderInput } from './records/batch-builder.ts'
export { type RecordInput, writeBatch } from './records/batch-writer.ts'
export type { EncodedHeaders } from './records/encoded-headers.ts'
export { CorruptBatchError } from './records/errors.ts'
export type { Headers } from './records/headers.ts'
export { Message } from './records/message.ts'
export { SerdeError } from './serde/error.ts'
export { json } from './serde/json.ts'
export { bytes, int32, string } from './serde/primitives.ts'
export type { Deserializer, Serde, SerdeHeaders, SerdeInfo, Serializer } from './serde/serde.ts'
export { HandlerModuleError, HandlerTerminated, NotCloneable, ThreadEnded } from './threads/errors.ts'
export { type DefinedHandler, defineHandler } from './threads/handler-module.ts'
export type { ThreadPoolState } from './threads/pool.ts'
export { type ThreadedHandler, threads } from './threads/threads.ts'
export type { CircuitDecision, CircuitPhase } from './work/circuit.ts'
export type { HandlerContext } from './work/context.ts'
export {
  Closing,
  type Decision,
  type Failure,
  type FailureBackoff,
  type FailureReason,
  HandlerAbandoned,
  HandlerTimeout,
  type OnFailure,
  PartitionLost,
  PartitionRevoked,
  Poison,
  Retry,
  WorkStopped,
} from './work/failure.ts'
export type { BatchLimits, Order } from './work/route.ts'
