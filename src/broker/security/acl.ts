import { OptionError } from '../../base/errors.ts'
import { SectionCheck } from '../../base/option-check.ts'

/** By Kafka's numbers for them; the first two stand for none and for any. */
export const aclOperations = [
  'Unknown',
  'Any',
  'All',
  'Read',
  'Write',
  'Create',
  'Delete',
  'Alter',
  'Describe',
  'ClusterAction',
  'DescribeConfigs',
  'AlterConfigs',
  'IdempotentWrite',
] as const

type Numbered = (typeof aclOperations)[number]
export type AclOperation = Exclude<Numbered, 'Unknown' | 'Any'>

/** What can be done with each type of resource. */
export const operationsOf = {
  topic: ['Read', 'Write', 'Create', 'Delete', 'Alter', 'Describe', 'DescribeConfigs', 'AlterConfigs'],
  group: ['Read', 'Delete', 'Describe', 'DescribeConfigs', 'AlterConfigs'],
  cluster: ['Create', 'Alter', 'Describe', 'ClusterAction', 'DescribeConfigs', 'AlterConfigs', 'IdempotentWrite'],
  transactionalId: ['Write', 'Describe'],
} as const satisfies Readonly<Record<string, readonly AclOperation[]>>

export type ResourceType = keyof typeof operationsOf

/** Kafka's name of the one cluster that there is. */
export const theCluster = 'kafka-cluster'

/** One access rule, as Kafka keeps it. */
export interface Acl {
  /** Such as `User:shop`; `User:*` is everybody. */
  readonly principal: string
  /** The address of clients; `*` is any. */
  readonly host: string
  readonly operation: AclOperation
  readonly permission: 'allow' | 'deny'
  readonly type: ResourceType
  /** `*`, where it is no prefix, is all of that type. */
  readonly name: string
  readonly isPrefix: boolean
}

/** A name, `'*'` for all, or all names that begin so. */
export type AclResource = string | { readonly prefix: string }

/** An access rule: who may do what, or may not, with one of `topic`, `group`, `transactionalId` and `cluster`. */
export interface AclOptions {
  /** Such as `User:shop`, or `User:*` for everybody. */
  readonly principal: string
  /** `All` is every one of them. What may be read, written, deleted or altered may be described too. */
  readonly operation: AclOperation
  readonly topic?: AclResource
  readonly group?: AclResource
  readonly transactionalId?: AclResource
  readonly cluster?: true
  /** Denial wins. Default `'allow'`. */
  readonly permission?: 'allow' | 'deny'
  /** Address from which clients come. Default `'*'`: any. */
  readonly host?: string
}

const resourceTypes = Object.keys(operationsOf) as ResourceType[]

/**
 * The access rules of an option; null: there are none, and everything is allowed.
 * @throws {OptionError}
 */
export function aclSettings(options: unknown): readonly Acl[] | null {
  if (options === undefined || options === null) return null
  if (!Array.isArray(options)) throw new OptionError('acls must be a list of access rules')
  return options.map((rule, at) => acl(`acls[${at}]`, rule))
}

function acl(path: string, rule: unknown): Acl {
  const section = new SectionCheck(path, rule, ['principal', 'operation', ...resourceTypes, 'permission', 'host'])
  const types = resourceTypes.filter(type => section.get(type) !== undefined)
  const [type] = types
  if (type === undefined || types.length > 1) {
    throw new OptionError(`${path} must have one of ${resourceTypes.join(', ')}, not ${types.join(' and ') || 'none'}`)
  }
  const principal = section.get('principal')
  checkPrincipal(principal, () => section.wrong('principal', "a type and a name, such as 'User:shop'"))
  const known = ['All', ...operationsOf[type]] as const
  const operation = known.find(each => each === section.get('operation'))
  if (operation === undefined) throw section.wrong('operation', `for a ${type} one of ${known.join(', ')}`)
  const permission = section.oneOf('permission', 'allow', ['allow', 'deny'])
  const host = section.string('host') ?? '*'
  return { principal, host, operation, permission, type, ...resource(section, type) }
}

function resource(section: SectionCheck, type: ResourceType): Pick<Acl, 'name' | 'isPrefix'> {
  const given = section.get(type)
  if (type === 'cluster') {
    if (given !== true) throw section.wrong(type, 'true')
    return { name: theCluster, isPrefix: false }
  }
  if (typeof given === 'string' && given !== '') return { name: given, isPrefix: false }
  const prefix: unknown = typeof given === 'object' && given !== null ? Reflect.get(given, 'prefix') : undefined
  if (typeof prefix === 'string' && prefix !== '') return { name: prefix, isPrefix: true }
  throw section.wrong(type, "a name, '*', or { prefix }")
}

/** Who may do everything, whatever the rules say. */
export function superUserSettings(given: unknown): readonly string[] {
  const expected = "superUsers must be a list of principals, such as 'User:admin'"
  if (given !== undefined && !Array.isArray(given)) throw new OptionError(expected)
  const principals: readonly unknown[] = given ?? []
  return principals.map(principal => {
    checkPrincipal(principal, () => new OptionError(expected))
    return principal
  })
}

function checkPrincipal(given: unknown, wrong: () => OptionError): asserts given is string {
  if (typeof given !== 'string' || !/^\w+:./.test(given)) throw wrong()
}
