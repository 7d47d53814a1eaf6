import type { ApiName } from '../protocol/apis.ts'
import { errorCodes, errorName } from '../protocol/error-codes.ts'
import { versionRefused } from './api/api-versions.ts'
import type { Answer, Call, Handler } from './call.ts'
import type { Cluster } from './cluster.ts'
import { isNameless, type Parts, partsOf } from './parts.ts'
import { covers, type Place, placeOf, type Selection, type Struct, stepInto, within } from './selection.ts'
import type { Topics } from './topics.ts'

/** An error that is to be answered instead of what the selected parts of a request ask for. */
export interface PartError {
  readonly selection: Selection
  /** Kafka's number. */
  readonly code: number
  /** What is said about it, where answers have room for that. */
  readonly message?: string
}

/** These only tell: they are applied, and what their answer says of the selected parts is replaced. */
const reads: ReadonlySet<ApiName> = new Set([
  'Fetch',
  'ListOffsets',
  'Metadata',
  'OffsetFetch',
  'FindCoordinator',
  'DescribeGroups',
  'OffsetForLeaderEpoch',
  'DescribeConfigs',
  'DescribeProducers',
  'DescribeTransactions',
  'DescribeTopicPartitions',
])

/** Errors of a fetch session are about no partition. */
const sessionErrors: ReadonlySet<number> = new Set([
  errorCodes.FETCH_SESSION_ID_NOT_FOUND,
  errorCodes.INVALID_FETCH_SESSION_EPOCH,
  errorCodes.FETCH_SESSION_TOPIC_ID_ERROR,
])

/**
 * Applies a request without the parts that get an error, and answers the errors for those. Of two errors for one part the first is
 * answered. A request that can only be refused as a whole is not applied.
 */
export function withErrors(
  cluster: Cluster,
  call: Call<ApiName>,
  handler: Handler<ApiName>,
  errors: readonly PartError[],
): ReturnType<Handler<ApiName>> {
  const whole = errors.find(error => isForAll(call, error))
  if (whole !== undefined) return refusal(call, whole)
  if (!reads.has(call.name)) return new Remainder(cluster, call, errors).answer(handler)
  const replaced = (answer: Answer<ApiName> | null) =>
    errors.reduceRight<Answer<ApiName> | null>((given, error) => replace(cluster, call, given, error), answer)
  const answer = handler(cluster, atOnce(call))
  return answer instanceof Promise ? answer.then(replaced) : replaced(answer)
}

/** A fetch with an error in it waits for nothing, and opens no session: that would not know what its client was told. */
function atOnce(call: Call<ApiName>): Call<ApiName> {
  if (call.name !== 'Fetch') return call
  const { body } = call as Call<'Fetch'>
  const sessionEpoch = body.sessionEpoch === 0 ? -1 : body.sessionEpoch
  return { ...call, body: { ...body, maxWaitMs: 0, sessionEpoch } } as Call<ApiName>
}

/** Whether the answer has one error for all of the request. */
function isForAll({ name, version }: Call<ApiName>, { selection, code }: PartError): boolean {
  if (partsOf(name).length === 0 || isNameless(name)) return true
  if (selection.topic !== undefined || selection.partition !== undefined) return false
  if (name === 'Fetch') return version >= 7 && sessionErrors.has(code)
  if (name === 'OffsetFetch') return version >= 2 && version < 8
  return name === 'OffsetDelete' || (name === 'FindCoordinator' && version < 4)
}

function refusal({ name, version, body }: Call<ApiName>, { code: errorCode, message }: PartError): Answer<ApiName> {
  if (isNameless(name)) {
    return Object.fromEntries(
      partsOf(name).map(({ asked, answered }) => {
        return [answered, ((body as Struct)[asked] as readonly unknown[]).map(() => ({ errorCode }))]
      }),
    )
  }
  if (name === 'JoinGroup') {
    // Who may not ask is told nothing, not even its own name.
    if (errorCode === errorCodes.GROUP_AUTHORIZATION_FAILED) return { errorCode, protocolName: version < 7 ? '' : null }
    return { errorCode, memberId: (body as Call<'JoinGroup'>['body']).memberId }
  }
  if (name === 'FindCoordinator') return { errorCode, nodeId: -1, port: -1, errorMessage: message ?? '' }
  if (name === 'InitProducerId') return { errorCode, producerEpoch: -1 }
  if (name === 'ApiVersions' && errorCode === errorCodes.UNSUPPORTED_VERSION) return versionRefused
  return { errorCode }
}

function replace(
  cluster: Cluster,
  call: Call<ApiName>,
  answer: Answer<ApiName> | null,
  error: PartError,
): Answer<ApiName> | null {
  const replaceIn = (parts: Parts, struct: Struct, place: Place): Struct => {
    const answered = struct[parts.answered] as readonly Struct[] | undefined
    if (answered === undefined) return struct
    const elements = answered.map(element => {
      const here = stepInto(parts, element, place, 'answered', cluster.topics)
      if (!within(here, error.selection)) return element
      if (parts.error !== null && covers(error.selection, here)) return failed(parts, element, error)
      return parts.within === null ? element : replaceIn(parts.within, element, here)
    })
    return { ...struct, [parts.answered]: elements }
  }
  if (answer === null) return null
  return partsOf(call.name).reduce((struct, parts) => replaceIn(parts, struct, placeOf(call)), answer as Struct)
}

/** What is answered for an element of a list, with an error. `named` has the names as answers do. */
function failed(parts: Parts, named: Struct, { code, message }: PartError): Struct {
  const rest = parts.keeps ? named : identity(parts, named)
  const explanation = parts.explains && message !== undefined && { errorMessage: message }
  return { ...rest, ...parts.blank, ...explanation, [parts.error ?? '']: code }
}

function identity({ name }: Parts, { [name]: own, topicId, resourceType }: Struct): Struct {
  return { [name]: own, topicId, resourceType }
}

/** An element of a request's list, named as in the answer. */
function named({ askedName, name }: Parts, element: unknown): Struct {
  if (askedName === null) return { [name]: element }
  return { ...(element as Struct), [name]: (element as Struct)[askedName] }
}

/** A list of a request, divided. */
interface Divided {
  /** What is still asked for. */
  readonly left: readonly unknown[]
  /** What is answered for the rest. */
  readonly refused: readonly Struct[]
}

/** What is left of a request that changes something, without the parts that get an error. */
class Remainder {
  readonly #topics: Topics
  readonly #cluster: Cluster
  readonly #call: Call<ApiName>
  #body: Struct
  #refused: Struct = {}

  constructor(cluster: Cluster, call: Call<ApiName>, errors: readonly PartError[]) {
    this.#topics = cluster.topics
    this.#cluster = cluster
    this.#call = call
    this.#body = call.body as Struct
    for (const error of errors) this.#take(error)
    // All partitions are added to a transaction, or none.
    if (call.name === 'AddPartitionsToTxn') this.#take({ selection: {}, code: errorCodes.OPERATION_NOT_ATTEMPTED })
  }

  answer(handler: Handler<ApiName>): ReturnType<Handler<ApiName>> {
    const { name, body: whole } = this.#call
    const lists = partsOf(name)
    if (name === 'Produce' && (whole as Call<'Produce'>['body']).acks === 0) {
      throw new Error('a request with acks=0 cannot be answered, and something in it was refused')
    }
    const complete = (answer: Answer<ApiName> | null): Answer<ApiName> | null => {
      // An error for all of it is all that is said.
      if (answer === null || (answer as Struct).errorCode) return answer
      return lists.reduce((struct, parts) => joined(parts, struct, this.#refused), answer as Struct)
    }
    if (lists.every(({ asked }) => (this.#body[asked] as readonly unknown[]).length === 0)) return complete({})
    const answer = handler(this.#cluster, { ...this.#call, body: this.#body } as Call<ApiName>)
    return answer instanceof Promise ? answer.then(complete) : complete(answer)
  }

  #take(error: PartError): void {
    const place = placeOf(this.#call)
    for (const parts of partsOf(this.#call.name)) {
      const { left, refused } = this.#divide(parts, this.#body[parts.asked] as readonly unknown[], place, error)
      this.#body = { ...this.#body, [parts.asked]: left }
      this.#refused = joined(parts, this.#refused, { [parts.answered]: refused })
    }
  }

  #divide(parts: Parts, asked: readonly unknown[], place: Place, error: PartError): Divided {
    const left: unknown[] = []
    const refused: Struct[] = []
    for (const element of asked) {
      const here = stepInto(parts, element, place, 'asked', this.#topics)
      const deeper = parts.within
      if (!within(here, error.selection)) left.push(element)
      else if (parts.error !== null && covers(error.selection, here)) {
        refused.push(failed(parts, named(parts, element), error))
      } else if (deeper === null) left.push(element)
      else {
        const inside = this.#divide(deeper, (element as Struct)[deeper.asked] as readonly unknown[], here, error)
        if (inside.left.length > 0) left.push({ ...(element as Struct), [deeper.asked]: inside.left })
        if (inside.refused.length > 0) {
          refused.push({ ...identity(parts, named(parts, element)), [deeper.answered]: inside.refused })
        }
      }
    }
    return { left, refused }
  }
}

/** The elements of a list of two answers; those of one name are one. */
function joined(parts: Parts, struct: Struct, other: Struct): Struct {
  const list = [...((struct[parts.answered] as readonly Struct[] | undefined) ?? [])]
  for (const element of (other[parts.answered] as readonly Struct[] | undefined) ?? []) {
    const same = list.findIndex(each => nameOf(parts, each) === nameOf(parts, element))
    const known = list[same]
    if (known === undefined) list.push(element)
    else if (parts.within !== null) list[same] = joined(parts.within, known, element)
  }
  return { ...struct, [parts.answered]: list }
}

/** Topics go by their ids in versions without names. */
function nameOf(parts: Parts, element: Struct): unknown {
  const name = element[parts.name]
  return name === undefined || name === null || name === '' ? element.topicId : name
}

/** Kafka's names of the errors that an answer has, each once. */
export function errorsIn(name: ApiName, answer: Answer<ApiName>): readonly string[] {
  const found = new Set<unknown>()
  const look = (struct: Struct, error: string | null, lists: readonly (Parts | null)[]): void => {
    if (error !== null) found.add(struct[error])
    for (const parts of lists) {
      if (parts === null) continue
      for (const element of (struct[parts.answered] as readonly Struct[] | undefined) ?? []) {
        look(element, parts.error, [parts.within])
      }
    }
  }
  look(answer as Struct, 'errorCode', partsOf(name))
  return [...found].flatMap(code => (typeof code === 'number' && code !== 0 ? [errorName(code) ?? String(code)] : []))
}
