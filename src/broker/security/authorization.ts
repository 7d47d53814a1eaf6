import type { ApiName } from '../../protocol/apis.ts'
import { errorCodes } from '../../protocol/error-codes.ts'
import type { Call, Handler } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import { type PartError, withErrors } from '../part-errors.ts'
import { placeOf, type Selection, topicsOf } from '../selection.ts'
import type { AclOperation } from './acl.ts'

/** What a client must be allowed to, and the errors for the parts of its request with which it is not. */
type Rule = (cluster: Cluster, call: Call<ApiName>) => readonly PartError[]

/** Kafka's own words. */
const messages = {
  [errorCodes.TOPIC_AUTHORIZATION_FAILED]: 'Topic authorization failed.',
  [errorCodes.GROUP_AUTHORIZATION_FAILED]: 'Group authorization failed.',
  [errorCodes.CLUSTER_AUTHORIZATION_FAILED]: 'Cluster authorization failed.',
  [errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED]: 'Transactional Id authorization failed.',
}

function refused(selection: Selection, code: keyof typeof messages): PartError {
  return { selection, code, message: messages[code] }
}

/** All parts of a request, or the request as a whole where it has none. */
function all(code: keyof typeof messages): readonly PartError[] {
  return [refused({}, code)]
}

function topics(operation: AclOperation): Rule {
  return (cluster, call) =>
    topicsOf(call, cluster.topics, Number.POSITIVE_INFINITY)
      .filter(topic => !cluster.acls.allows(call, operation, 'topic', topic))
      .map(topic => refused({ topic }, errorCodes.TOPIC_AUTHORIZATION_FAILED))
}

/** The one group that a request is about. */
function group(operation: AclOperation): Rule {
  return (cluster, call) =>
    cluster.acls.allows(call, operation, 'group', placeOf(call).group ?? '')
      ? []
      : all(errorCodes.GROUP_AUTHORIZATION_FAILED)
}

function refusedGroups(cluster: Cluster, call: Call<ApiName>, operation: AclOperation, groups: readonly string[]) {
  return groups
    .filter(group => !cluster.acls.allows(call, operation, 'group', group))
    .map(group => refused({ group }, errorCodes.GROUP_AUTHORIZATION_FAILED))
}

function transaction(id: (body: never) => string | null): Rule {
  return (cluster, call) => {
    const named = id(call.body as never)
    if (named === null || cluster.acls.allows(call, 'Write', 'transactionalId', named)) return []
    return all(errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
  }
}

const itsTransaction = transaction(({ transactionalId }: { transactionalId: string | null }) => transactionalId)

/** Brokers have settings too, which are the cluster's. */
function resources(operation: AclOperation): Rule {
  return (cluster, call) => [
    ...topics(operation)(cluster, call),
    ...(cluster.acls.allows(call, operation, 'cluster')
      ? []
      : [refused({ topic: '' }, errorCodes.CLUSTER_AUTHORIZATION_FAILED)]),
  ]
}

/** The first of several rules that refuses something: Kafka asks no further then. */
function each(...rules: readonly Rule[]): Rule {
  return (cluster, call) => rules.map(rule => rule(cluster, call)).find(({ length }) => length > 0) ?? []
}

function findCoordinator(cluster: Cluster, call: Call<'FindCoordinator'>): readonly PartError[] {
  const { version, body } = call
  const type = (['group', 'transactionalId'] as const)[body.keyType]
  if (type === undefined) return []
  const code =
    type === 'group' ? errorCodes.GROUP_AUTHORIZATION_FAILED : errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
  const may = (key: string) => cluster.acls.allows(call, 'Describe', type, key)
  if (version < 4) return may(body.key) ? [] : all(code)
  return body.coordinatorKeys.filter(key => !may(key)).map(group => refused({ group }, code))
}

function initProducerId(cluster: Cluster, call: Call<'InitProducerId'>): readonly PartError[] {
  const { acls } = cluster
  if (call.body.transactionalId !== null) return itsTransaction(cluster, call)
  const may = acls.allows(call, 'IdempotentWrite', 'cluster') || acls.allowsSome(call, 'Write', 'topic')
  return may ? [] : all(errorCodes.CLUSTER_AUTHORIZATION_FAILED)
}

function addPartitionsToTxn(cluster: Cluster, call: Call<'AddPartitionsToTxn'>): readonly PartError[] {
  if (call.version < 4) {
    return each(
      transaction((body: Call<'AddPartitionsToTxn'>['body']) => body.v3AndBelowTransactionalId),
      topics('Write'),
    )(cluster, call)
  }
  // From version 4 on it is what brokers ask one another.
  return cluster.acls.allows(call, 'ClusterAction', 'cluster') ? [] : all(errorCodes.CLUSTER_AUTHORIZATION_FAILED)
}

function createTopics(cluster: Cluster, call: Call<'CreateTopics'>): readonly PartError[] {
  return cluster.acls.allows(call, 'Create', 'cluster') ? [] : topics('Create')(cluster, call)
}

/**
 * What each API asks for, as Kafka's `KafkaApis`. Those whose answers leave out what a client may not know (lists, descriptions), and
 * Fetch, which waits for the rest, ask for themselves.
 */
const rules: { readonly [N in ApiName]?: (cluster: Cluster, call: Call<N>) => readonly PartError[] } = {
  Produce: topics('Write'),
  ListOffsets: topics('Describe'),
  OffsetForLeaderEpoch: topics('Describe'),
  OffsetCommit: each(group('Read'), topics('Read')),
  TxnOffsetCommit: each(itsTransaction, group('Read'), topics('Read')),
  OffsetFetch(cluster, call) {
    const named = call.version >= 8 ? call.body.groups.map(({ groupId }) => groupId) : [call.body.groupId]
    return [...refusedGroups(cluster, call, 'Describe', named), ...topics('Describe')(cluster, call)]
  },
  OffsetDelete: each(group('Delete'), topics('Read')),
  FindCoordinator: findCoordinator,
  JoinGroup: group('Read'),
  SyncGroup: group('Read'),
  Heartbeat: group('Read'),
  LeaveGroup: group('Read'),
  DescribeGroups: (cluster, call) => refusedGroups(cluster, call, 'Describe', call.body.groups),
  DeleteGroups: (cluster, call) => refusedGroups(cluster, call, 'Delete', call.body.groupsNames),
  CreateTopics: createTopics,
  DeleteTopics: topics('Delete'),
  CreatePartitions: topics('Alter'),
  DeleteRecords: topics('Delete'),
  DescribeConfigs: resources('DescribeConfigs'),
  AlterConfigs: resources('AlterConfigs'),
  IncrementalAlterConfigs: resources('AlterConfigs'),
  InitProducerId: initProducerId,
  AddPartitionsToTxn: addPartitionsToTxn,
  AddOffsetsToTxn: each(itsTransaction, group('Read')),
  EndTxn: itsTransaction,
}

/** The same handler, for the parts of a request with which the client may do what it asks for; the others get errors. */
export function authorized(name: ApiName, handler: Handler<ApiName>): Handler<ApiName> {
  const rule = rules[name] as Rule | undefined
  if (rule === undefined) return handler
  return (cluster, call) => {
    if (cluster.acls.rules === null) return handler(cluster, call)
    const errors = rule(cluster, call)
    return errors.length === 0 ? handler(cluster, call) : withErrors(cluster, call, handler, errors)
  }
}
