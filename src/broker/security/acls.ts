import { type Acl, type AclOperation, aclOperations, operationsOf, type ResourceType, theCluster } from './acl.ts'

/** Who asks, and from where. */
export interface Asker {
  readonly session: { readonly principal: string }
  /** Address without its port. */
  readonly host: string
}

/** What includes what: who may do one of these may do the other too. */
const including: Partial<Readonly<Record<AclOperation, readonly AclOperation[]>>> = {
  Describe: ['Read', 'Write', 'Delete', 'Alter'],
  DescribeConfigs: ['AlterConfigs'],
}

/** The access rules of the cluster, judged as Kafka's `StandardAuthorizer` does. */
export class Acls {
  readonly #superUsers: ReadonlySet<string>
  /** Null: everything is allowed. */
  #rules: readonly Acl[] | null

  constructor(rules: readonly Acl[] | null, superUsers: readonly string[]) {
    this.#rules = rules
    this.#superUsers = new Set(superUsers)
  }

  /** Null: none are asked. */
  get rules(): readonly Acl[] | null {
    return this.#rules
  }

  /** From the next request on. */
  replace(rules: readonly Acl[] | null): void {
    this.#rules = rules
  }

  /** A rule that denies wins; without one that allows nothing is allowed. */
  allows(asker: Asker, operation: AclOperation, type: ResourceType, name: string = theCluster): boolean {
    if (this.#allowsAll(asker)) return true
    const rules = this.#rulesFor(asker, type).filter(rule => isAbout(rule, name))
    if (rules.some(rule => rule.permission === 'deny' && covers(rule, operation))) return false
    const enough = [operation, ...(including[operation] ?? [])]
    return rules.some(rule => rule.permission === 'allow' && enough.some(each => covers(rule, each)))
  }

  /** Whether there is, or could be, anything of this type with which it is allowed. */
  allowsSome(asker: Asker, operation: AclOperation, type: ResourceType): boolean {
    if (this.#allowsAll(asker)) return true
    const rules = this.#rulesFor(asker, type).filter(rule => covers(rule, operation))
    const denied = rules.filter(({ permission }) => permission === 'deny')
    return rules.some(rule => {
      if (rule.permission === 'deny') return false
      const isDenied = (denial: Acl) =>
        rule.isPrefix || isAll(rule) ? includes(denial, rule) : isAbout(denial, rule.name)
      return !denied.some(isDenied)
    })
  }

  /** A bit for each operation that is allowed, at the place of its number: as answers tell it. */
  operations(asker: Asker, type: ResourceType, name: string = theCluster): number {
    return operationsOf[type]
      .filter(operation => this.allows(asker, operation, type, name))
      .reduce((bits, operation) => bits | (1 << aclOperations.indexOf(operation)), 0)
  }

  #allowsAll({ session }: Asker): boolean {
    return this.#rules === null || this.#superUsers.has(session.principal)
  }

  #rulesFor({ session, host }: Asker, type: ResourceType): readonly Acl[] {
    return (this.#rules ?? []).filter(rule => {
      const isPrincipal = rule.principal === session.principal || rule.principal === 'User:*'
      return rule.type === type && isPrincipal && (rule.host === '*' || rule.host === host)
    })
  }
}

function covers(rule: Acl, operation: AclOperation): boolean {
  return rule.operation === operation || rule.operation === 'All'
}

function isAll({ name, isPrefix }: Acl): boolean {
  return name === '*' && !isPrefix
}

function isAbout(rule: Acl, name: string): boolean {
  return isAll(rule) || (rule.isPrefix ? name.startsWith(rule.name) : name === rule.name)
}

/** Whether one rule is about everything that the other, a wide one, is about. */
function includes(rule: Acl, other: Acl): boolean {
  return isAll(rule) || (rule.isPrefix && other.isPrefix && other.name.startsWith(rule.name))
}
