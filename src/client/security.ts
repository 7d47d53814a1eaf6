import type { ConnectionOptions } from 'node:tls'

/**
 * TLS to all brokers. The names are those of `node:tls`, where each is described. `ca` replaces the system's authorities; `cert` and `key`
 * (PEM), or `pfx`, say who this client is; `servername` is what certificates are checked for instead of each broker's own host.
 */
export type TlsOptions = Pick<
  ConnectionOptions,
  | 'ca'
  | 'cert'
  | 'key'
  | 'pfx'
  | 'passphrase'
  | 'servername'
  | 'rejectUnauthorized'
  | 'minVersion'
  | 'maxVersion'
  | 'ciphers'
  | 'checkServerIdentity'
  | 'secureContext'
>

/** A name and a password, sent as they are (`PLAIN`, RFC 4616), or proven without being sent (`SCRAM-…`, RFC 5802). */
export interface PasswordSasl {
  mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  username: string
  /** Or where to get it: asked anew for each connection, so that it may change. */
  password: string | (() => string | Promise<string>)
}

/** What a token function answers. */
export interface OAuthToken {
  value: string
  /** Extensions of the broker's (KIP-342), sent in the clear beside the token. */
  extensions?: Readonly<Record<string, string>>
}

/** A bearer token (`OAUTHBEARER`, RFC 7628, KIP-255): OAuth, OpenID Connect, and what clouds make of it, such as AWS MSK IAM. */
export interface OAuthSasl {
  mechanism: 'OAUTHBEARER'
  /** Asked for each connection and before each re-authentication; keep and refresh tokens there if they are costly. */
  token: () => OAuthToken | Promise<OAuthToken>
}

/** Who this client is, for brokers whose listener wants SASL. */
export type SaslOptions = PasswordSasl | OAuthSasl
