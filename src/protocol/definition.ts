import { schema } from './schema.ts'

/** A field of a message, as `schema.ts` holds it: Kafka's definition without its prose. Versions are written as in Kafka: `3+`. */
export interface FieldDefinition {
  readonly name: string
  /** `int32`, `string`, the name of a struct, …; with `[]` before it for an array. */
  readonly type: string
  readonly versions: string
  /** Versions in which it may be null. */
  readonly nullable?: string
  /** Versions in which it is a tagged field (KIP-482), with its tag. */
  readonly tagged?: string
  readonly tag?: number
  /** Overrides the message's own: the client id in a request header is never compact. */
  readonly flexible?: string
  /** Where it is not the type's own (0, false, empty). An int64 that a number cannot hold is a string. */
  readonly default?: string | number | boolean | null
  /** May be left out silently where a version lacks it. */
  readonly ignorable?: boolean
  /** An int64 that really holds values beyond ±2^53: such a value is a bigint. */
  readonly wide?: boolean
  /** Fields of the struct that `type` names, where it first appears. */
  readonly fields?: readonly FieldDefinition[]
}

export interface StructDefinition {
  readonly name: string
  readonly fields: readonly FieldDefinition[]
}

export interface MessageDefinition extends StructDefinition {
  readonly versions: string
  readonly flexible: string
  /** Structs that several fields share. */
  readonly structs?: readonly StructDefinition[]
}

export type MessageName = keyof typeof schema

const parsed = new Map<MessageName, MessageDefinition>()

/** The definition of a message: `FetchRequest`, `ResponseHeader`, `ConsumerProtocolSubscription`, … */
export function definition(name: MessageName): MessageDefinition {
  let found = parsed.get(name)
  if (found === undefined) {
    found = JSON.parse(schema[name]) as MessageDefinition
    parsed.set(name, found)
  }
  return found
}
