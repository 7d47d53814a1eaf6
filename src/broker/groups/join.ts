import type { Random } from '../../base/random.ts'
import { errorCodes } from '../../protocol/error-codes.ts'
import type { Allowance } from './allowance.ts'
import type { Group } from './group.ts'
import { type JoinTerms, type Member, memberCost, type Reply, sameProtocols } from './member.ts'
import { newMemberId } from './member-id.ts'
import type { Asker } from './roster.ts'

export interface JoinRequest extends Asker, JoinTerms {
  readonly version: number
  readonly clientId: string
  readonly host: string
  readonly protocolType: string
}

/** Of one member. Comparing many with many takes long; clients have a handful. */
const mostProtocols = 100

export interface JoinParts {
  readonly random: Random
  readonly allowance: Allowance
  /** Members that a group may have. */
  readonly maxSize: number
}

/** Decides what a request to join means: a refusal, an id to come again with, the present generation, or a rebalance. */
export function join(group: Group, request: JoinRequest, reply: Reply<'JoinGroup'>, parts: JoinParts): void {
  const { memberId, groupInstanceId } = request
  const refuse = (errorCode: number, id = memberId) => reply({ errorCode, memberId: id })
  const known = group.members.get(memberId)
  if (!hasRoom(group, known, parts.maxSize)) {
    if (known !== undefined) group.drop(known)
    group.pending.delete(memberId)
    refuse(errorCodes.GROUP_MAX_SIZE_REACHED, '')
  } else if (!speaks(group, request)) {
    refuse(errorCodes.INCONSISTENT_GROUP_PROTOCOL)
  } else if (!parts.allowance.fits(2 * memberCost(identity(memberId, request), request))) {
    // Twice, because a member is stored as well.
    refuse(errorCodes.GROUP_MAX_SIZE_REACHED, '')
  } else if (memberId === '') {
    joinNew(group, request, reply, parts)
  } else if (group.pending.has(memberId)) {
    // Only members without an instance id are given an id before they join.
    if (groupInstanceId !== null) refuse(errorCodes.UNKNOWN_SERVER_ERROR, '')
    else group.add(identity(memberId, request), request.protocolType, terms(request), reply)
  } else {
    const member = group.members.find(request)
    if (typeof member === 'number') refuse(member)
    else rejoin(group, member, request, reply)
  }
}

/** While a rebalance waits, those who have rejoined count: when the members are too many, the last ones are left out. */
function hasRoom({ state, members }: Group, known: Member | undefined, maxSize: number): boolean {
  if (state === 'Empty') return true
  if (state === 'PreparingRebalance') return known?.joining === true || members.joined < maxSize
  return known !== undefined || members.size < maxSize
}

function speaks(group: Group, { protocolType, protocols }: JoinRequest): boolean {
  if (protocols.length > mostProtocols) return false
  if (group.state === 'Empty') return protocolType !== '' && protocols.length > 0
  return protocolType === group.protocolType && protocols.some(({ name }) => group.members.allSpeak(name))
}

function joinNew(group: Group, request: JoinRequest, reply: Reply<'JoinGroup'>, { random }: JoinParts): void {
  const { groupInstanceId, clientId, version } = request
  const id = newMemberId(groupInstanceId ?? clientId, random)
  const known = groupInstanceId === null ? undefined : group.members.ofInstance(groupInstanceId)
  if (known !== undefined) {
    replace(group, known, id, request, reply)
  } else if (groupInstanceId !== null || version < 4) {
    group.add(identity(id, request), request.protocolType, terms(request), reply)
  } else {
    // The client is to come again with this id: then one that lost an answer does not become two members (KIP-394).
    group.pending.add(id, request.sessionTimeoutMs)
    reply({ errorCode: errorCodes.MEMBER_ID_REQUIRED, memberId: id })
  }
}

function rejoin(group: Group, member: Member, request: JoinRequest, reply: Reply<'JoinGroup'>): void {
  const changed = !sameProtocols(member.terms.protocols, request.protocols)
  // The leader of a stable group comes again when the work is to be shared out anew.
  const restarts = group.state === 'Stable' && member === group.members.leader
  if (group.state === 'PreparingRebalance' || changed || restarts) group.rejoin(member, terms(request), reply)
  else reply(group.joined(member))
}

function replace(group: Group, known: Member, id: string, request: JoinRequest, reply: Reply<'JoinGroup'>): void {
  const leader = group.members.leader?.id ?? ''
  const member = group.replace(known, id, terms(request), reply)
  if (group.state !== 'Stable') return
  const joined = group.joined(member)
  // A client that cannot be told not to share out the work is not told that it leads (KIP-814).
  const skipAssignment = member === group.members.leader
  member.answerJoin(request.version >= 9 ? { ...joined, skipAssignment } : { ...joined, leader, members: [] })
}

function identity(id: string, { groupInstanceId, clientId, host }: JoinRequest) {
  return { id, instanceId: groupInstanceId, clientId, host }
}

function terms({ protocols, sessionTimeoutMs, rebalanceTimeoutMs }: JoinRequest): JoinTerms {
  return { protocols, sessionTimeoutMs, rebalanceTimeoutMs }
}
