import { errorCodes } from '../../protocol/error-codes.ts'
import type { Answer, Call, Handlers } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import type { Group } from '../groups/group.ts'
import type { Protocol } from '../groups/member.ts'
import { AnswerSize } from './answer-size.ts'

/** What Kafka says where that is not asked. */
const operationsNotAsked = -(2 ** 31)

/** Why this node cannot answer for a group: an error code. */
export function groupError(cluster: Cluster, call: { readonly node: number }, id: string): number {
  return cluster.nodes.coordinator('group', id) === call.node ? errorCodes.NONE : errorCodes.NOT_COORDINATOR
}

/** The same where a group must have a name. Requests that Kafka had before it asked for one take the empty name too. */
export function namedGroupError(cluster: Cluster, call: { readonly node: number }, id: string): number {
  return id === '' ? errorCodes.INVALID_GROUP_ID : groupError(cluster, call, id)
}

function joinGroup(cluster: Cluster, call: Call<'JoinGroup'>): Promise<Answer<'JoinGroup'> | null> {
  const { version, body } = call
  return new Promise(resolve => {
    const reply = (answer: Answer<'JoinGroup'> | null) => {
      // An empty name says the same as null, which older versions lack.
      resolve(answer && { ...answer, protocolName: answer.protocolName || (version >= 7 ? null : '') })
    }
    const error = namedGroupError(cluster, call, body.groupId)
    if (error === errorCodes.INVALID_GROUP_ID) reply({ errorCode: error, memberId: body.memberId })
    else if (!isSessionTimeout(cluster, body.sessionTimeoutMs)) {
      reply({ errorCode: errorCodes.INVALID_SESSION_TIMEOUT, memberId: body.memberId })
    } else if (error !== errorCodes.NONE) reply({ errorCode: error })
    else {
      const request = {
        ...body,
        version,
        protocols: copied(body.protocols),
        rebalanceTimeoutMs: version === 0 ? body.sessionTimeoutMs : body.rebalanceTimeoutMs,
        clientId: call.clientId ?? '',
        host: `/${call.host}`,
      }
      cluster.groups.join(body.groupId, request, reply)
    }
  })
}

function isSessionTimeout({ config }: Cluster, ms: number): boolean {
  return ms >= config.number('group.min.session.timeout.ms') && ms <= config.number('group.max.session.timeout.ms')
}

/** What outlives the request; of protocols with the same name, the first. */
function copied(protocols: readonly Protocol[]): Protocol[] {
  const byName = new Map<string, Protocol>()
  for (const { name, metadata } of protocols) {
    if (!byName.has(name)) byName.set(name, { name, metadata: Buffer.from(metadata) })
  }
  return [...byName.values()]
}

function syncGroup(
  cluster: Cluster,
  call: Call<'SyncGroup'>,
): Answer<'SyncGroup'> | Promise<Answer<'SyncGroup'> | null> {
  const { version, body } = call
  if (version >= 5 && (body.protocolType === null || body.protocolName === null)) {
    return { errorCode: errorCodes.INCONSISTENT_GROUP_PROTOCOL }
  }
  const errorCode = namedGroupError(cluster, call, body.groupId)
  if (errorCode !== errorCodes.NONE) return { errorCode }
  const group = cluster.groups.get(body.groupId)
  if (group === undefined) return { errorCode: errorCodes.UNKNOWN_MEMBER_ID }
  return new Promise(resolve => group.sync(body, resolve))
}

function heartbeat(cluster: Cluster, call: Call<'Heartbeat'>): Answer<'Heartbeat'> {
  const { body } = call
  const errorCode = namedGroupError(cluster, call, body.groupId)
  if (errorCode !== errorCodes.NONE) return { errorCode }
  const group = cluster.groups.get(body.groupId)
  return { errorCode: group?.heartbeat(body, body.generationId) ?? errorCodes.UNKNOWN_MEMBER_ID }
}

function leaveGroup(cluster: Cluster, call: Call<'LeaveGroup'>): Answer<'LeaveGroup'> {
  const { version, body } = call
  const errorCode = namedGroupError(cluster, call, body.groupId)
  if (errorCode !== errorCodes.NONE) return { errorCode }
  const leavers = version >= 3 ? body.members : [{ memberId: body.memberId, groupInstanceId: null }]
  const codes = cluster.groups.get(body.groupId)?.leave(leavers)
  const members = leavers.map(({ memberId, groupInstanceId }, at) => {
    return { memberId, groupInstanceId, errorCode: codes?.[at] ?? errorCodes.UNKNOWN_MEMBER_ID }
  })
  return version >= 3 ? { members } : { errorCode: members[0]?.errorCode ?? errorCodes.NONE }
}

/** Each node tells the groups that it coordinates. */
function listGroups(cluster: Cluster, call: Call<'ListGroups'>): Answer<'ListGroups'> {
  const states = call.body.statesFilter.map(state => state.trim().toLowerCase())
  const all = cluster.acls.allows(call, 'Describe', 'cluster')
  const types = call.body.typesFilter.map(type => type.toLowerCase())
  const listed = [...cluster.groups].filter(({ id, state }) => {
    return (
      groupError(cluster, call, id) === errorCodes.NONE &&
      (all || cluster.acls.allows(call, 'Describe', 'group', id)) &&
      (states.length === 0 || states.includes(state.toLowerCase()))
    )
  })
  const groups = types.length === 0 || types.includes(groupType) ? listed : []
  return {
    groups: groups.map(({ id, protocolType, state }) => {
      return { groupId: id, protocolType: protocolType ?? '', groupState: state, groupType }
    }),
  }
}

/** Of groups whose members share out the work themselves. */
const groupType = 'classic'

function describeGroups(cluster: Cluster, call: Call<'DescribeGroups'>): Answer<'DescribeGroups'> {
  const size = new AnswerSize()
  return {
    groups: call.body.groups.map(groupId => {
      const errorCode = groupError(cluster, call, groupId)
      if (errorCode !== errorCodes.NONE) return { groupId, errorCode }
      const authorizedOperations = call.body.includeAuthorizedOperations
        ? cluster.acls.operations(call, 'group', groupId)
        : operationsNotAsked
      const group = cluster.groups.get(groupId)
      for (const { cost } of group?.members ?? []) size.add(cost)
      if (group !== undefined) return { ...described(group), authorizedOperations }
      const dead = { groupId, groupState: 'Dead' }
      if (call.version < 6) return { ...dead, authorizedOperations }
      return { ...dead, errorCode: errorCodes.GROUP_ID_NOT_FOUND, errorMessage: `Group ${groupId} not found.` }
    }),
  }
}

/** What members say of themselves is shown once they agreed on how to say it. */
function described(group: Group) {
  const protocol = group.state === 'Stable' ? group.protocol : null
  return {
    groupId: group.id,
    groupState: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: protocol ?? '',
    members: [...group.members].map(member => {
      const { id: memberId, instanceId: groupInstanceId, clientId, host: clientHost } = member.identity
      const memberMetadata = member.metadata(protocol)
      return { memberId, groupInstanceId, clientId, clientHost, memberMetadata, memberAssignment: member.assignment }
    }),
  }
}

function deleteGroups(cluster: Cluster, call: Call<'DeleteGroups'>): Answer<'DeleteGroups'> {
  return {
    results: [...new Set(call.body.groupsNames)].map(groupId => {
      const errorCode = groupError(cluster, call, groupId)
      if (errorCode !== errorCodes.NONE) return { groupId, errorCode }
      return { groupId, errorCode: deleteGroup(cluster, groupId) }
    }),
  }
}

function deleteGroup({ groups }: Cluster, id: string): number {
  const group = groups.get(id)
  if (group === undefined) return errorCodes.GROUP_ID_NOT_FOUND
  if (group.state !== 'Empty') return errorCodes.NON_EMPTY_GROUP
  groups.delete(id)
  return errorCodes.NONE
}

export const groupHandlers: Handlers<
  'JoinGroup' | 'SyncGroup' | 'Heartbeat' | 'LeaveGroup' | 'ListGroups' | 'DescribeGroups' | 'DeleteGroups'
> = {
  JoinGroup: joinGroup,
  SyncGroup: syncGroup,
  Heartbeat: heartbeat,
  LeaveGroup: leaveGroup,
  ListGroups: listGroups,
  DescribeGroups: describeGroups,
  DeleteGroups: deleteGroups,
}
