import { SectionCheck } from '../base/option-check.ts'
import { longestMs } from './call.ts'
import type { ClientOptions } from './options.ts'
import { resolveSasl } from './sasl/credentials.ts'
import type { SaslOptions, TlsOptions } from './security.ts'
import { resolveTls } from './tls.ts'

/** How a cluster is reached, and as whom: options of consumers and producers. */
export interface AccessOptions {
  /** `host:port` of some brokers; the others are found through them. */
  brokers: readonly string[]
  /** Default `'millrace'`. */
  clientId?: string
  /** TLS to all brokers. `true` trusts the system's authorities. Default false. */
  tls?: boolean | TlsOptions
  /** Who this client is, for listeners with SASL. Default: it does not say. */
  sasl?: SaslOptions
  /** Deadline of a request. Default 30,000 ms. */
  requestTimeoutMs?: number
  /** Default 10,000 ms. */
  connectTimeoutMs?: number
  /** Waits between attempts to connect. Default 50 and 10,000 ms. */
  reconnect?: { minMs?: number; maxMs?: number }
}

export interface ResolvedAccess {
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly tls: boolean | TlsOptions
  /** Holds secrets. */
  readonly sasl: SaslOptions | null
  readonly requestTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly reconnect: { readonly minMs: number; readonly maxMs: number }
}

export const accessNames: readonly (keyof AccessOptions)[] = [
  'brokers',
  'clientId',
  'tls',
  'sasl',
  'requestTimeoutMs',
  'connectTimeoutMs',
  'reconnect',
]

/** `top`: the section that they are in. @throws {OptionError} */
export function resolveAccess(top: SectionCheck, options: AccessOptions): ResolvedAccess {
  resolveTls(options.tls)
  resolveSasl(options.sasl)
  return {
    brokers: brokers(top),
    clientId: top.string('clientId') ?? 'millrace',
    tls: options.tls ?? false,
    sasl: options.sasl ?? null,
    requestTimeoutMs: top.number('requestTimeoutMs', 30_000, { min: 1, max: longestMs }),
    connectTimeoutMs: top.number('connectTimeoutMs', 10_000, { min: 1, max: longestMs }),
    reconnect: resolveWaits('reconnect', options.reconnect, { minMs: 50, maxMs: 10_000 }),
  }
}

/** The same for a client. */
export function clientAccess(access: ResolvedAccess): Omit<ClientOptions, 'logger'> {
  const { brokers, clientId, tls, sasl, requestTimeoutMs, connectTimeoutMs, reconnect } = access
  return { brokers, clientId, tls, ...(sasl === null ? {} : { sasl }), requestTimeoutMs, connectTimeoutMs, reconnect }
}

/** The shortest and the longest wait of several. @throws {OptionError} */
export function resolveWaits(
  path: string,
  values: { minMs?: number; maxMs?: number } | undefined,
  byDefault: ResolvedAccess['reconnect'],
): ResolvedAccess['reconnect'] {
  const section = new SectionCheck(path, values, ['minMs', 'maxMs'])
  const minMs = section.number('minMs', byDefault.minMs, { min: 1, max: longestMs })
  const bounds = { min: minMs, max: longestMs }
  return { minMs, maxMs: section.number('maxMs', Math.max(minMs, byDefault.maxMs), bounds) }
}

function brokers(top: SectionCheck): readonly string[] {
  const value = top.get('brokers')
  const sound = Array.isArray(value) && value.length > 0 && value.every(item => typeof item === 'string' && item !== '')
  if (!sound) throw top.wrong('brokers', "a list of addresses such as ['localhost:9092']")
  return value
}
