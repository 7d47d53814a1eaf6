import { errorCodes } from '../../protocol/error-codes.ts'
import type { Answer, Call, Handlers } from '../call.ts'
import type { Cluster } from '../cluster.ts'
import { orRefusal, Refusal } from '../refusal.ts'
import { type Acl, aclOperations, theCluster } from '../security/acl.ts'

/** Kafka's numbers, by their place. */
const resourceTypes = [null, null, 'topic', 'group', 'cluster', 'transactionalId'] as const
const permissions = [null, null, 'deny', 'allow'] as const
const any = 1
const matching = 2
const literal = 3
const prefixed = 4

/** What clients may make the broker keep. */
const mostRules = 10_000
const longestText = 1_000

/** Why rules can be neither told nor changed; null: they can. */
function refusal({ acls }: Cluster, call: Call<'DescribeAcls' | 'CreateAcls' | 'DeleteAcls'>): Refusal | null {
  if (acls.rules === null) return new Refusal('SECURITY_DISABLED', 'No Authorizer is configured.')
  const operation = call.name === 'DescribeAcls' ? 'Describe' : 'Alter'
  if (acls.allows(call, operation, 'cluster')) return null
  return new Refusal('CLUSTER_AUTHORIZATION_FAILED', 'Cluster authorization failed.')
}

function said({ errorCode, message }: Refusal): { errorCode: number; errorMessage: string } {
  return { errorCode, errorMessage: message }
}

// ── CreateAcls ────────────────────────────────────────────────────────────────────────────────────────────────────────

function createAcls(cluster: Cluster, call: Call<'CreateAcls'>): Answer<'CreateAcls'> {
  const { creations } = call.body
  const refused = refusal(cluster, call)
  if (refused !== null) return { results: creations.map(() => said(refused)) }
  const kept = new Map((cluster.acls.rules ?? []).map(rule => [keyOf(rule), rule]))
  const results = creations.map(creation => {
    const rule = orRefusal(() => created(creation))
    if (rule instanceof Refusal) return said(rule)
    if (kept.size >= mostRules) return said(new Refusal('POLICY_VIOLATION', `There may be ${mostRules} rules at most.`))
    kept.set(keyOf(rule), rule)
    return { errorCode: errorCodes.NONE }
  })
  cluster.acls.replace([...kept.values()])
  return { results }
}

function keyOf({ principal, host, operation, permission, type, name, isPrefix }: Acl): string {
  return JSON.stringify([principal, host, operation, permission, type, name, isPrefix])
}

/** @throws {Refusal} INVALID_REQUEST */
function created(creation: Call<'CreateAcls'>['body']['creations'][number]): Acl {
  const { resourceType, resourceName: name, resourcePatternType, principal, host } = creation
  const type = resourceTypes[resourceType] ?? invalid(`Invalid resourceType ${resourceType}`)
  const permission =
    permissions[creation.permissionType] ?? invalid(`Invalid permissionType ${creation.permissionType}`)
  const operation = aclOperations[creation.operation]
  if (operation === undefined || operation === 'Unknown' || operation === 'Any') {
    return invalid(`Invalid operation ${creation.operation}`)
  }
  if (resourcePatternType !== literal && resourcePatternType !== prefixed) {
    return invalid(`Invalid patternType ${resourcePatternType}`)
  }
  if (type === 'cluster' && name !== theCluster) {
    return invalid(`The only valid name for the CLUSTER resource is ${theCluster}`)
  }
  if (name === '') return invalid('Invalid empty resource name')
  if (!principal.includes(':')) {
    const why = 'no colon is present separating the principal type from the principal name'
    return invalid(`Could not parse principal from \`${principal}\` (${why})`)
  }
  if (Math.max(name.length, principal.length, host.length) > longestText) return invalid('A text is too long.')
  return { principal, host, operation, permission, type, name, isPrefix: resourcePatternType === prefixed }
}

function invalid(why: string): never {
  throw new Refusal('INVALID_REQUEST', why)
}

// ── DescribeAcls, DeleteAcls ──────────────────────────────────────────────────────────────────────────────────────────

/** Null, and Kafka's numbers for "any", leave a field open. */
type Filter = Call<'DeleteAcls'>['body']['filters'][number]

function isMeant(rule: Acl, filter: Filter): boolean {
  const { resourceTypeFilter, principalFilter, hostFilter, operation, permissionType } = filter
  const isOpen = (number: number) => number === any
  return (
    (isOpen(resourceTypeFilter) || resourceTypes[resourceTypeFilter] === rule.type) &&
    isNamed(rule, filter) &&
    (principalFilter === null || principalFilter === rule.principal) &&
    (hostFilter === null || hostFilter === rule.host) &&
    (isOpen(operation) || aclOperations[operation] === rule.operation) &&
    (isOpen(permissionType) || permissions[permissionType] === rule.permission)
  )
}

/** By the pattern itself, or by a name that it is about. */
function isNamed(rule: Acl, { resourceNameFilter: name, patternTypeFilter: wanted }: Filter): boolean {
  if (wanted !== any && wanted !== matching && wanted !== patternOf(rule)) return false
  if (name === null || name === rule.name) return true
  if (wanted !== matching) return false
  return rule.isPrefix ? name.startsWith(rule.name) : rule.name === '*'
}

function patternOf({ isPrefix }: Acl): number {
  return isPrefix ? prefixed : literal
}

function told(rule: Acl) {
  const { principal, host, operation, permission } = rule
  const [operationNumber, permissionType] = [aclOperations.indexOf(operation), permissions.indexOf(permission)]
  return { principal, host, operation: operationNumber, permissionType }
}

function resourceOf(rule: Acl) {
  const { type, name: resourceName } = rule
  return { resourceType: resourceTypes.indexOf(type), resourceName, patternType: patternOf(rule) }
}

function describeAcls(cluster: Cluster, call: Call<'DescribeAcls'>): Answer<'DescribeAcls'> {
  const refused = refusal(cluster, call)
  if (refused !== null) return said(refused)
  const meant = (cluster.acls.rules ?? []).filter(rule => isMeant(rule, call.body))
  const byResource = Map.groupBy(meant, rule => JSON.stringify(resourceOf(rule)))
  const resources = [...byResource.values()].flatMap(([first, ...more]) => {
    return first === undefined ? [] : [{ ...resourceOf(first), acls: [first, ...more].map(told) }]
  })
  return { resources }
}

function deleteAcls(cluster: Cluster, call: Call<'DeleteAcls'>): Answer<'DeleteAcls'> {
  const { filters } = call.body
  const refused = refusal(cluster, call)
  if (refused !== null) return { filterResults: filters.map(() => said(refused)) }
  const rules = cluster.acls.rules ?? []
  cluster.acls.replace(rules.filter(rule => !filters.some(filter => isMeant(rule, filter))))
  const filterResults = filters.map(filter => {
    const meant = rules.filter(rule => isMeant(rule, filter))
    return {
      errorMessage: null,
      matchingAcls: meant.map(rule => ({ errorMessage: null, ...resourceOf(rule), ...told(rule) })),
    }
  })
  return { filterResults }
}

export const aclHandlers: Handlers<'DescribeAcls' | 'CreateAcls' | 'DeleteAcls'> = {
  DescribeAcls: describeAcls,
  CreateAcls: createAcls,
  DeleteAcls: deleteAcls,
}
