import { OptionError } from '../base/errors.ts'
import { describe, SectionCheck } from '../base/option-check.ts'
import type { ApiName } from '../protocol/apis.ts'
import { type ErrorName, errorCodes } from '../protocol/error-codes.ts'
import { apiTable } from './api/table.ts'
import type { Answer, Call } from './call.ts'
import { namesPartitions, namesTopics, type PartitionApi, type TopicApi } from './parts.ts'
import { type GroupApi, namesGroups } from './selection.ts'

/** Exactly one of these. */
type OneOf<T> = {
  [K in keyof T]: { readonly [P in K]: T[P] } & { readonly [P in Exclude<keyof T, K>]?: never }
}[keyof T]

/** What becomes of a request instead of an answer in good order. */
export type FaultAction<N extends ApiName = ApiName> = OneOf<{
  /**
   * What the fault is about is answered with this error and not applied: all of the request, or with `topic`, `partition` or `group`
   * only what is asked about these, while the rest is served as ever. Requests that only read (Fetch, Metadata, OffsetFetch, …) are
   * applied, and the error replaces what they tell; then a fetch does not wait.
   */
  error: ErrorName
  /** The request is applied at once, and answered so much later on the broker's clock; later requests of its connection wait. */
  delayMs: number
  /** The connection is closed without an answer, before the request is applied or after. */
  drop: 'before' | 'after'
  /** The request is applied and never answered; the connection goes on with its later requests. */
  noReply: true
  /** The request is applied; so many bytes of the answer are sent, its length of four bytes included, and the connection is closed. */
  truncate: number
  /**
   * The request is applied, and another answer is sent: the one that is made of the real one, or these very bytes, which begin with
   * the length of a frame if the client is to read them as one.
   */
  reply: Uint8Array | ((answer: Answer<N>, call: Call<N>) => Answer<N>)
  /** Only counted. */
  observe: true
}>

/** Which requests a fault is about (all that match everything given), and what becomes of them. */
export interface FaultOptions<N extends ApiName = ApiName> {
  readonly api?: N | readonly N[]
  /** Number of the node that was asked. */
  readonly node?: number
  readonly clientId?: string
  /** The request asks about this topic, by its name or its id, or about all. */
  readonly topic?: N extends TopicApi ? string : never
  readonly partition?: N extends PartitionApi ? number : never
  readonly group?: N extends GroupApi ? string : never
  /** Asked last, and to be answered at once; what is in `call` is only valid during the call. */
  readonly when?: (call: Call<N>) => boolean
  /** Requests that match and pass unharmed before the first hit. Default 0. */
  readonly skip?: number
  /** Hits after which the fault is spent. Default: no end. */
  readonly count?: number
  readonly action: FaultAction<N>
}

/** A fault, checked and complete. */
export interface FaultSettings {
  readonly apis: ReadonlySet<ApiName> | null
  readonly node: number | undefined
  readonly clientId: string | undefined
  readonly topic: string | undefined
  readonly partition: number | undefined
  readonly group: string | undefined
  readonly when: (call: Call<ApiName>) => boolean
  readonly skip: number
  readonly count: number
  readonly action: FaultAction
}

const names = ['api', 'node', 'clientId', 'topic', 'partition', 'group', 'when', 'skip', 'count', 'action']
const actions = ['error', 'delayMs', 'drop', 'noReply', 'truncate', 'reply', 'observe']

/** @throws {OptionError} that names the first wrong option */
export function checkFault(options: unknown, nodes: number): FaultSettings {
  const section = new SectionCheck('fault', options, names)
  const apis = checkedApis(section)
  const settings = {
    apis,
    node: section.optional('node', { min: 1, max: nodes }),
    clientId: section.string('clientId'),
    topic: section.string('topic'),
    partition: section.optional('partition', { min: 0 }),
    group: section.string('group'),
    when: checkedWhen(section),
    skip: section.number('skip', 0, { min: 0 }),
    count: section.number('count', Number.POSITIVE_INFINITY, { min: 1 }),
    action: checkedAction(section.get('action'), apis),
  }
  const named = [...(apis ?? [])]
  if (settings.partition !== undefined && settings.topic === undefined) {
    throw new OptionError('fault.partition needs fault.topic: the partition of which topic?')
  }
  refuseUnless(named.every(namesTopics), settings.topic, 'topic', named)
  refuseUnless(named.every(namesPartitions), settings.partition, 'partition', named)
  refuseUnless(named.every(namesGroups), settings.group, 'group', named)
  return settings
}

function refuseUnless(sound: boolean, value: unknown, name: string, apis: readonly ApiName[]): void {
  if (value === undefined || sound) return
  throw new OptionError(`fault.${name} never matches: not all requests of ${apis.join(', ')} name a ${name}`)
}

function checkedApis(section: SectionCheck): ReadonlySet<ApiName> | null {
  const given = section.get('api')
  if (given === undefined) return null
  const apis = Array.isArray(given) ? given : [given]
  const known = (name: unknown) => typeof name === 'string' && Object.hasOwn(apiTable, name)
  if (apis.length === 0 || !apis.every(known)) {
    throw section.wrong(
      'api',
      "Kafka's name of a request that is served here, such as 'Fetch', or a list of such names",
    )
  }
  return new Set(apis)
}

function checkedWhen(section: SectionCheck): FaultSettings['when'] {
  const when = section.get('when') ?? (() => true)
  if (typeof when !== 'function') throw section.wrong('when', 'a function')
  return when as FaultSettings['when']
}

function checkedAction(given: unknown, apis: ReadonlySet<ApiName> | null): FaultAction {
  const action = new SectionCheck('fault.action', given, actions)
  const chosen = actions.filter(name => action.get(name) !== undefined)
  if (chosen.length !== 1) throw new OptionError(`fault.action must have exactly one of ${actions.join(', ')}`)
  const error = action.string('error')
  if (error !== undefined && (!Object.hasOwn(errorCodes, error) || error === 'NONE')) {
    throw action.wrong('error', "Kafka's name of an error, such as 'NOT_LEADER_OR_FOLLOWER'")
  }
  action.optional('delayMs', { min: 0, max: 2 ** 31 - 1 })
  action.optional('truncate', { min: 0 })
  action.oneOf('drop', undefined, ['before', 'after'])
  action.oneOf('noReply', undefined, [true])
  action.oneOf('observe', undefined, [true])
  const reply = action.get('reply')
  if (reply !== undefined && typeof reply !== 'function' && !(reply instanceof Uint8Array)) {
    throw action.wrong('reply', 'bytes, or a function that makes an answer of an answer')
  }
  if (typeof reply === 'function' && apis?.size !== 1) {
    throw new OptionError(
      `fault.action.reply is a function, so fault.api must be one name, not ${describe([...(apis ?? [])])}`,
    )
  }
  return given as FaultAction
}
