import { type Codec, compile } from './codec.ts'
import type { MessageName } from './definition.ts'
import type { Requests, Responses } from './messages.ts'
import { apiTable } from './schema.ts'
import type { Decoded, Encodable } from './shapes.ts'

export type { Codec } from './codec.ts'

/** `'Fetch'`, `'Produce'`, …: Kafka's names. */
export type ApiName = keyof Requests & keyof Responses

/** One request of the protocol with its response, in all versions that are known here. */
export interface Api<N extends ApiName> {
  readonly name: N
  readonly key: number
  readonly minVersion: number
  /** The latest stable version; below `minVersion` while there is none. */
  readonly maxVersion: number
  /** Strict: a field that this version lacks may only be set when Kafka calls it ignorable. */
  request(version: number): Codec<Requests[N], Decoded<Requests[N]>>
  /** Tolerant: what this version lacks is left out. */
  response(version: number): Codec<Encodable<Responses[N]>, Responses[N]>
}

class CompiledApi<N extends ApiName> implements Api<N> {
  readonly name: N
  readonly key: number
  readonly minVersion: number
  readonly maxVersion: number
  readonly #requests: Codec<Requests[N], Decoded<Requests[N]>>[] = []
  readonly #responses: Codec<Encodable<Responses[N]>, Responses[N]>[] = []

  constructor(name: N) {
    this.name = name
    ;[this.key, this.minVersion, this.maxVersion] = apiTable[name]
  }

  request(version: number): Codec<Requests[N], Decoded<Requests[N]>> {
    this.#requests[version] ??= compile(`${this.name}Request` as MessageName, version, true)
    return this.#requests[version]
  }

  response(version: number): Codec<Encodable<Responses[N]>, Responses[N]> {
    this.#responses[version] ??= compile(`${this.name}Response` as MessageName, version, false)
    return this.#responses[version]
  }
}

const byName = new Map<string, unknown>()
const byKey = new Map<number, Api<ApiName>>()
for (const name of Object.keys(apiTable) as ApiName[]) {
  const made = new CompiledApi(name)
  byName.set(name, made)
  byKey.set(made.key, made)
}

export function api<N extends ApiName>(name: N): Api<N> {
  return byName.get(name) as Api<N>
}

/** The API of that key, when it is known here. */
export function apiByKey(key: number): Api<ApiName> | undefined {
  return byKey.get(key)
}
