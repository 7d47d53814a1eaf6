import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { OptionError, toError } from '../base/errors.ts'
import type { SaslOptions, TlsOptions } from '../client/security.ts'
import type { ConnectionFields } from './given.ts'

/** The option `tls`, of the config file and what goes before it; undefined: nobody said anything. */
export function tlsOf(
  ofFile: boolean | TlsOptions | undefined,
  fields: ConnectionFields,
): boolean | TlsOptions | undefined {
  const { tls, tlsCa, tlsCert, tlsKey = tlsCert, tlsServerName, tlsInsecure } = fields
  if (tls === false) return false
  const own: TlsOptions = {
    ...(tlsCa !== undefined && { ca: contentOf(tlsCa, '--tls-ca') }),
    ...(tlsCert !== undefined && { cert: contentOf(tlsCert, '--tls-cert') }),
    ...(tlsKey !== undefined && { key: contentOf(tlsKey, '--tls-key') }),
    ...(tlsServerName !== undefined && { servername: tlsServerName }),
    ...(tlsInsecure !== undefined && { rejectUnauthorized: !tlsInsecure }),
  }
  if (Object.keys(own).length === 0) return tls ?? ofFile
  return { ...(typeof ofFile === 'object' && ofFile), ...own }
}

/** The option `sasl`, likewise. What is missing is an error that says how to give it. */
export function saslOf(ofFile: SaslOptions | undefined, fields: ConnectionFields): SaslOptions | undefined {
  const {
    saslMechanism: mechanism = ofFile?.mechanism,
    saslUsername,
    saslPassword,
    saslPasswordFile,
    saslTokenFile,
  } = fields
  const given = [fields.saslMechanism, saslUsername, saslPassword, saslPasswordFile, saslTokenFile]
  if (given.every(value => value === undefined)) return ofFile
  if (mechanism === undefined) {
    throw new OptionError('SASL needs a mechanism: --sasl-mechanism PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER')
  }
  if (mechanism === 'OAUTHBEARER') {
    if (saslTokenFile !== undefined) return { mechanism, token: tokenIn(saslTokenFile) }
    if (ofFile?.mechanism === mechanism) return ofFile
    throw new OptionError(
      'OAUTHBEARER needs a token: --sasl-token-file FILE, or a config file .js with the option sasl.token',
    )
  }
  if (saslPassword !== undefined && saslPasswordFile !== undefined) {
    throw new OptionError('The SASL password is given twice: by itself, and by --sasl-password-file')
  }
  const before = ofFile !== undefined && 'username' in ofFile ? ofFile : undefined
  const username = saslUsername ?? before?.username
  const password = saslPasswordFile === undefined ? (saslPassword ?? before?.password) : passwordIn(saslPasswordFile)
  if (username === undefined)
    throw new OptionError(`${mechanism} needs a name: --sasl-username (or MILLRACE_SASL_USERNAME)`)
  if (password === undefined) {
    throw new OptionError(`${mechanism} needs a password: --sasl-password-file FILE, or MILLRACE_SASL_PASSWORD`)
  }
  return { mechanism, username, password }
}

/** Read for each connection, so that it may change; a line end behind it is not part of it. */
export function passwordIn(path: string): () => Promise<string> {
  return async () => (await textIn(path, 'The SASL password')).replace(/\r?\n$/, '')
}

export function tokenIn(path: string): () => Promise<{ value: string }> {
  return async () => ({ value: (await textIn(path, 'The SASL token')).trim() })
}

async function textIn(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (thrown) {
    throw new OptionError(`${what} cannot be read: ${toError(thrown).message}`)
  }
}

function contentOf(path: string, option: string): Buffer {
  try {
    return readFileSync(path)
  } catch (thrown) {
    throw new OptionError(`${option}: ${toError(thrown).message}`)
  }
}
