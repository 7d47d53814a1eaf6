import { lookup } from 'node:dns/promises'
import { type Backoff, exponential } from '../base/backoff.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { OptionError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import { type Address, parseBrokers } from './address.ts'
import { longestMs } from './call.ts'
import { type Credentials, resolveSasl } from './sasl/credentials.ts'
import type { SaslOptions, TlsOptions } from './security.ts'
import { notSsl, resolveTls, type Tls } from './tls.ts'

/** What a client tells about its connections. These only inform: one that throws is logged and stops nothing. */
export interface ClientEvents {
  /** A connection could not be made or broke; the next attempt is made `inMs` from now at the earliest, when there is need. */
  reconnecting?(event: { address: string; cause: Error; attempt: number; inMs: number }): void
  connected?(event: { address: string }): void
}

export interface ClientOptions {
  /** `host:port`, `host` (port 9092) or `[IPv6]:port`: a few brokers of the cluster, from which the others are learned. */
  readonly brokers: readonly string[]
  /** How the brokers' logs, quotas and metrics name this client. Default `'millrace'`. */
  readonly clientId?: string
  /** From asking to answer, waiting for a connection included. Default 30,000. */
  readonly requestTimeoutMs?: number
  /** For each address: TCP and what has to be said before the first request. Default 10,000. */
  readonly connectTimeoutMs?: number
  /** Waits between attempts to connect; they double. Default 50 to 10,000. */
  readonly reconnect?: { readonly minMs?: number; readonly maxMs?: number }
  /** How old metadata may get before topics in use are looked up again. Default 300,000. */
  readonly metadataMaxAgeMs?: number
  /** Longest answer that is believed. Default 128 MiB, at most 256 MiB. */
  readonly maxFrameBytes?: number
  /** TLS to all brokers: `true` trusts the system's authorities. Default false. */
  readonly tls?: boolean | TlsOptions
  /** Who this client is, for listeners with SASL. Default: it does not say. */
  readonly sasl?: SaslOptions
  readonly logger: Logger
  readonly events?: ClientEvents
  readonly clock?: Clock
  readonly random?: Random
  /** Finds the IP addresses of a host; default the system's resolver. */
  readonly lookup?: Lookup
}

export type Lookup = (host: string) => Promise<readonly string[]>

/** The options, checked and complete, as all parts of one client share them. */
export interface Settings {
  readonly brokers: readonly Address[]
  readonly clientId: string
  readonly requestTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly backoff: Backoff
  readonly metadataMaxAgeMs: number
  readonly maxFrameBytes: number
  readonly tls: Tls | null
  readonly credentials: Credentials | null
  readonly logger: Logger
  readonly events: Required<ClientEvents>
  readonly clock: Clock
  readonly random: Random
  readonly lookup: Lookup
}

const MiB = 1024 * 1024

/** Throws an `OptionError` that names the wrong option. */
export function resolveOptions(options: ClientOptions): Settings {
  // Nobody else looks at names that are not known here, and this one would leave the connections plain.
  if ('ssl' in options) throw new OptionError(`ssl is not an option: ${notSsl}`)
  const minMs = whole('reconnect.minMs', options.reconnect?.minMs ?? 50, 1, longestMs)
  return {
    brokers: parseBrokers(options.brokers),
    clientId: clientId(options.clientId ?? 'millrace'),
    requestTimeoutMs: whole('requestTimeoutMs', options.requestTimeoutMs ?? 30_000, 1, longestMs),
    connectTimeoutMs: whole('connectTimeoutMs', options.connectTimeoutMs ?? 10_000, 1, longestMs),
    backoff: exponential(
      minMs,
      whole('reconnect.maxMs', options.reconnect?.maxMs ?? Math.max(10_000, minMs), minMs, longestMs),
    ),
    metadataMaxAgeMs: whole('metadataMaxAgeMs', options.metadataMaxAgeMs ?? 300_000, 1, longestMs),
    maxFrameBytes: whole('maxFrameBytes', options.maxFrameBytes ?? 128 * MiB, 1024, 256 * MiB),
    tls: resolveTls(options.tls),
    credentials: resolveSasl(options.sasl),
    logger: options.logger,
    events: guarded(options.events ?? {}, options.logger),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    lookup: options.lookup ?? resolveHost,
  }
}

function whole(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
  throw new OptionError(`${name} is ${String(value)}; expected a whole number from ${min} to ${max}`)
}

function clientId(value: unknown): string {
  if (typeof value === 'string' && Buffer.byteLength(value) <= 32_767) return value
  throw new OptionError('clientId must be a string of at most 32,767 bytes')
}

function guarded(events: ClientEvents, logger: Logger): Required<ClientEvents> {
  const call = (tell: () => void) => {
    try {
      tell()
    } catch (error) {
      logger.error({ err: error }, 'a listener of the Kafka client threw')
    }
  }
  return {
    reconnecting: event => call(() => events.reconnecting?.(event)),
    connected: event => call(() => events.connected?.(event)),
  }
}

async function resolveHost(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(found => found.address)
}
