import { MillraceError } from '../base/errors.ts'
import { partitionName } from '../base/topic-partition.ts'
import { Admin } from '../client/admin.ts'
import type { DescribedGroup, DescribedMember, GroupOffset } from '../client/group-admin.ts'
import type { NativeClient } from '../client/native-client.ts'
import { CommandError, exitCodes } from './failure.ts'
import { printable } from './printable.ts'

/** Of members that are told in an error message. */
const mostNames = 10

/** Null when there is no such group, or none of consumers. */
export async function findGroup(client: NativeClient, name: string): Promise<DescribedGroup | null> {
  try {
    return await new Admin(client).describeGroup(name)
  } catch (thrown) {
    if (thrown instanceof MillraceError && thrown.code === 'GROUP_ID_NOT_FOUND') return null
    throw thrown
  }
}

/**
 * Each once.
 *
 * @throws {CommandError} when one does not exist
 */
export function findGroups(client: NativeClient, names: readonly string[]): Promise<readonly DescribedGroup[]> {
  const asked = [...new Set(names)].map(async name => {
    const found = await findGroup(client, name)
    if (found !== null) return found
    const message = `Group "${name}" does not exist, or is no group of consumers. "millrace groups list" lists all`
    throw new CommandError(exitCodes.unknown, 'UNKNOWN_GROUP', message)
  })
  return Promise.all(asked)
}

/**
 * What a group has committed, by partition.
 *
 * @throws {MillraceError} when a partition does not tell
 */
export async function committedOffsets(client: NativeClient, group: string): Promise<ReadonlyMap<string, GroupOffset>> {
  const offsets = new Map<string, GroupOffset>()
  for (const found of await new Admin(client).groupOffsets(group)) {
    if (found.error !== null) throw found.error
    offsets.set(partitionName(found.topic, found.partition), found)
  }
  return offsets
}

/** @throws {CommandError} that names the members, and says what was not done */
export function checkEmpty({ group, state, members }: DescribedGroup, undone: string): void {
  if (state === 'Empty') return
  const more = members.length > mostNames ? ` and ${members.length - mostNames} more` : ''
  const who = members.slice(0, mostNames).map(member => `${nameOf(member)} at ${member.host}`)
  throw new CommandError(
    exitCodes.failure,
    'GROUP_HAS_MEMBERS',
    `Group "${group}" has members (state ${state}): ${printable(who.join(', '))}${more}. ${undone}. Stop them first: one ` +
      'that crashed stays a member until its session timeout is over',
  )
}

/** Of a static member that name stays the same when it is started again; ids of others begin with the client's in most groups. */
export function nameOf({ memberId, instanceId }: Pick<DescribedMember, 'memberId' | 'instanceId'>): string {
  return instanceId ?? memberId
}
