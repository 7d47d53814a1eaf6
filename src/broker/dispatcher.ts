import { sleep } from '../base/clock.ts'
import { MillraceError, toError } from '../base/errors.ts'
import { type ApiName, api, apiByKey } from '../protocol/apis.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import { decodeRequest, encodeResponseParts, type RequestHead, requestHead } from '../protocol/frame.ts'
import type { ReaderOptions } from '../protocol/reader.ts'
import { versionRefused } from './api/api-versions.ts'
import { apiTable } from './api/table.ts'
import type { Answer, Call, Handler } from './call.ts'
import type { Cluster } from './cluster.ts'
import type { Faults, Harm } from './faults.ts'
import { errorsIn, withErrors } from './part-errors.ts'
import type { OpenRequest, RequestLog } from './request-log.ts'
import { authorized } from './security/authorization.ts'
import type { Session } from './security/session.ts'
import { placeOf, topicsOf } from './selection.ts'

/** Who sends a request, and whom it reached. */
export interface Caller {
  /** The node that was asked. */
  readonly node: number
  /** Address of the client, without its port. */
  readonly host: string
  /** The same with its port. */
  readonly client: string
  readonly session: Session
  /** Aborted when nobody waits for answers any more. */
  readonly gone: AbortSignal
}

/** What a connection does for one request: the bytes are sent, then it may be over. */
export interface Reply {
  /** A frame in pieces, its length included; empty: no answer. */
  readonly pieces: readonly Uint8Array[]
  readonly close: boolean
}

export interface DispatcherOptions {
  readonly cluster: Cluster
  readonly faults: Faults
  readonly log: RequestLog
  /** Most elements that the arrays of a request may have together. Default: any number. */
  readonly elements?: number
}

/** One request on its way. */
interface Served {
  readonly call: Call<ApiName>
  readonly correlationId: number
  readonly logged: OpenRequest
}

type OtherHarm = Exclude<Harm, { readonly errors: unknown }>

const loggedTopics = 10
const loggedText = 249

const silence: Reply = { pieces: [], close: false }

/** Reads requests, has them applied by their handlers, and writes the answers. Knows nothing of sockets. */
export class Dispatcher {
  readonly #cluster: Cluster
  readonly #faults: Faults
  readonly #log: RequestLog
  readonly #decoding: ReaderOptions

  constructor({ cluster, faults, log, elements = Number.POSITIVE_INFINITY }: DispatcherOptions) {
    this.#cluster = cluster
    this.#faults = faults
    this.#log = log
    this.#decoding = { elements }
  }

  /** Applies the request before it returns; only the reply may come later. Never throws nor rejects. */
  handle(frame: Buffer, caller: Caller): Reply | Promise<Reply> {
    const logged = this.#log.begin(caller.node, caller.client, frame.length)
    const { session } = caller
    if (session.takesBareMessage) return this.#authenticate(session, frame, logged)
    try {
      const head = requestHead(frame)
      logged.version = head.version
      logged.correlationId = head.correlationId
      const name = apiByKey(head.key)?.name
      if (name === undefined || apiTable[name] === undefined) {
        throw new Error(`nothing with the API key ${head.key} is served`)
      }
      logged.api = name
      const refused = session.admit(name)
      const { minVersion, maxVersion } = api(name)
      if (head.version < minVersion || head.version > maxVersion) return this.#refuse(name, head, logged)
      const { clientId, body } = decodeRequest(frame, this.#decoding)
      const { node, host, gone } = caller
      const call = { node, host, gone, session, name, version: head.version, clientId, body } as Call<ApiName>
      if (refused !== errorCodes.NONE)
        return this.#tooEarly({ call, correlationId: head.correlationId, logged }, refused)
      const reply = this.#serve({ call, correlationId: head.correlationId, logged })
      return reply instanceof Promise ? reply.catch(thrown => this.#close(logged, thrown)) : reply
    } catch (thrown) {
      return this.#close(logged, thrown)
    }
  }

  /** Answered with an error, and not applied. */
  #tooEarly(served: Served, code: number): Reply | Promise<Reply> {
    const answer = withErrors(this.#cluster, served.call, () => ({}), [{ selection: {}, code }])
    return answer instanceof Promise ? answer.then(late => this.#send(served, late)) : this.#send(served, answer)
  }

  /** A message of SASL without a request around it. */
  async #authenticate(session: Session, frame: Buffer, logged: OpenRequest): Promise<Reply> {
    try {
      const message = await session.authenticateBare(frame)
      const length = Buffer.alloc(4)
      length.writeInt32BE(message.length)
      return this.#answered(logged, [length, message])
    } catch (thrown) {
      return this.#close(logged, thrown)
    }
  }

  /** Tells why a connection was closed that sent no request. */
  closed(node: number, client: string, why: string): void {
    this.#close(this.#log.begin(node, client, 0), why)
  }

  #refuse(name: ApiName, { version, correlationId }: RequestHead, logged: OpenRequest): Reply {
    if (name !== 'ApiVersions') throw new Error(`${name} has no version ${version} here`)
    logged.errors = ['UNSUPPORTED_VERSION']
    return this.#answered(logged, encodeResponseParts(name, 0, correlationId, versionRefused))
  }

  #serve(served: Served): Reply | Promise<Reply> {
    const { call, logged } = served
    logged.clientId = call.clientId === null ? null : short(call.clientId)
    logged.topics = this.#topicsOf(call).map(short)
    const { group } = placeOf(call)
    if (group !== undefined) logged.group = short(group)
    // All that a session fetches takes time to list: only where a fault may be about it.
    const whole = this.#faults.mayHit(call.name) ? this.#inFull(call) : call
    const harm = this.#faults.strike(call, whole)
    const handler = authorized(call.name, apiTable[call.name] as Handler<ApiName>)
    if (harm !== null && !('errors' in harm)) return this.#harm(served, handler, harm)
    if (harm !== null) logged.fault = 'error'
    const cluster = this.#cluster
    const answer = harm === null ? handler(cluster, call) : withErrors(cluster, whole, handler, harm.errors)
    return answer instanceof Promise ? answer.then(late => this.#send(served, late)) : this.#send(served, answer)
  }

  /** The first topics that a request is about, those of its fetch session included. */
  #topicsOf(call: Call<ApiName>): readonly string[] {
    const named = topicsOf(call, this.#cluster.topics, loggedTopics)
    if (call.name !== 'Fetch') return named
    const found = new Set(named)
    for (const topic of this.#cluster.fetchSessions(call.node).topicsOf(call as Call<'Fetch'>)) {
      if (found.size >= loggedTopics) break
      found.add(topic)
    }
    return [...found]
  }

  /** Of a fetch in a session, with all that the session fetches: faults are about that. */
  #inFull(call: Call<ApiName>): Call<ApiName> {
    if (call.name !== 'Fetch') return call
    return this.#cluster.fetchSessions(call.node).inFull(call as Call<'Fetch'>)
  }

  #harm(served: Served, handler: Handler<ApiName>, harm: OtherHarm): Promise<Reply> {
    const { call, logged } = served
    logged.fault = Object.keys(harm)[0] ?? null
    if (harm.drop === 'before') throw new Error('a fault dropped the connection before the request was applied')
    const answer = handler(this.#cluster, call)
    if (harm.drop === undefined) return this.#late(served, answer, harm)
    // Nobody waits for it any more.
    if (answer instanceof Promise) answer.catch(() => {})
    throw new Error('a fault dropped the connection after the request was applied')
  }

  async #late(served: Served, answer: ReturnType<Handler<ApiName>>, harm: OtherHarm): Promise<Reply> {
    const { call, logged } = served
    const given = await answer
    if (harm.delayMs !== undefined) await sleep(this.#cluster.clock, harm.delayMs, call.gone)
    if (harm.noReply || given === null) return this.#send(served, null)
    if (harm.reply instanceof Uint8Array) return this.#answered(logged, [harm.reply])
    if (harm.reply !== undefined) return this.#send(served, harm.reply(given, call))
    if (harm.truncate === undefined) return this.#send(served, given)
    const part = Buffer.concat(this.#encoded(served, given)).subarray(0, harm.truncate)
    logged.answerBytes = part.length
    return this.#close(logged, `a fault sent only ${harm.truncate} bytes of the answer`, [part])
  }

  #send(served: Served, answer: Answer<ApiName> | null): Reply {
    const { call, logged } = served
    if (answer !== null) {
      const pieces = this.#encoded(served, answer)
      const { failure } = call.session
      return failure === null ? this.#answered(logged, pieces) : this.#close(logged, failure, pieces)
    }
    this.#log.end(logged, 'silent')
    return silence
  }

  #encoded({ call, correlationId, logged }: Served, answer: Answer<ApiName>): readonly Uint8Array[] {
    if (call.gone.aborted) throw call.gone.reason
    logged.errors = errorsIn(call.name, answer)
    const refusesVersion = call.name === 'ApiVersions' && logged.errors[0] === 'UNSUPPORTED_VERSION'
    return encodeResponseParts(call.name, refusesVersion ? 0 : call.version, correlationId, answer)
  }

  #answered(logged: OpenRequest, pieces: readonly Uint8Array[]): Reply {
    logged.answerBytes = pieces.reduce((bytes, piece) => bytes + piece.length, 0)
    this.#log.end(logged, 'answered')
    return { pieces, close: false }
  }

  #close(logged: OpenRequest, thrown: unknown, pieces: readonly Uint8Array[] = []): Reply {
    logged.why = reasonOf(toError(thrown))
    this.#log.end(logged, 'closed')
    return { pieces, close: true }
  }
}

/** An error of another kind is a defect of ours: its name tells so. */
function reasonOf(error: Error): string {
  return error instanceof MillraceError || error.name === 'Error' ? error.message : String(error)
}

/** What is remembered of a text from outside. */
function short(text: string): string {
  return text.length <= loggedText ? text : Buffer.from(text.slice(0, loggedText)).toString()
}
