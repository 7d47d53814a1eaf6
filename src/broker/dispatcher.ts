import { toError } from '../base/errors.ts'
import { type ApiName, api, apiByKey } from '../protocol/apis.ts'
import { decodeRequest, encodeResponseParts, type RequestHead, requestHead } from '../protocol/frame.ts'
import { versionRefused } from './api/api-versions.ts'
import { apiTable } from './api/table.ts'
import type { Answer, Call, Handler } from './call.ts'
import type { Cluster } from './cluster.ts'

/** Who sends a request, and whom it reached. */
export interface Caller {
  /** The node that was asked. */
  readonly node: number
  /** Address of the client, without its port. */
  readonly host: string
  /** Aborted when nobody waits for answers any more. */
  readonly gone: AbortSignal
}

/** What a connection does for one request: first the bytes are sent, then it may be over. */
export interface Reply {
  /** A whole frame in pieces, its length included; null: no answer. */
  readonly frame: readonly Uint8Array[] | null
  /** Why the connection is to be closed; null: it is not. */
  readonly close: string | null
}

/** Reads requests, has them applied by their handlers, and writes the answers. Knows nothing of sockets. */
export class Dispatcher {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Applies the request before it returns; only the reply may come later. Never throws nor rejects. */
  handle(frame: Buffer, caller: Caller): Reply | Promise<Reply> {
    try {
      const head = requestHead(frame)
      const name = apiByKey(head.key)?.name
      if (name === undefined || apiTable[name] === undefined)
        return closing(`no API with the key ${head.key} is served`)
      const { minVersion, maxVersion } = api(name)
      if (head.version < minVersion || head.version > maxVersion) return refuse(name, head)
      return this.#apply(name, frame, caller)
    } catch (thrown) {
      return closing(toError(thrown).message)
    }
  }

  #apply(name: ApiName, frame: Buffer, caller: Caller): Reply | Promise<Reply> {
    const { version, correlationId, clientId, body } = decodeRequest(frame)
    const call = { ...caller, name, version, clientId, body } as Call<ApiName>
    const handler = apiTable[name] as Handler<ApiName>
    const answer = handler(this.#cluster, call)
    const reply = (given: Answer<ApiName> | null) => ({
      frame: given === null ? null : encodeResponseParts(name, version, correlationId, given),
      close: null,
    })
    if (!(answer instanceof Promise)) return reply(answer)
    return answer.then(reply).catch(thrown => closing(toError(thrown).message))
  }
}

function closing(why: string): Reply {
  return { frame: null, close: why }
}

function refuse(name: ApiName, head: RequestHead): Reply {
  if (name === 'ApiVersions') {
    return { frame: encodeResponseParts('ApiVersions', 0, head.correlationId, versionRefused), close: null }
  }
  return closing(`${name} has no version ${head.version} here`)
}
