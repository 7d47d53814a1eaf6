/** Why TLS failed, in words that go on a sentence about the broker, and whether it is about a certificate. */
export interface TlsFault {
  readonly why: string
  readonly certificate: boolean
}

/** What is wrong with the broker's certificate, by the codes of OpenSSL and Node. */
const untrusted: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN:
    'its certificate comes from an authority that is not trusted here: set tls.ca to that authority',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed: set tls.ca to it, or have it signed by an authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate comes from an authority that is not known here: set tls.ca to that authority, or let the broker send the ' +
    'certificates between',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate comes from an authority that is not known here: set tls.ca to that authority, or let the broker send the ' +
    'certificates between',
  CERT_HAS_EXPIRED: "its certificate, or that of its authority, has expired: renew it (or set this machine's clock)",
  CERT_NOT_YET_VALID: "its certificate is not valid yet: set this machine's clock",
  CERT_SIGNATURE_FAILURE: 'the signature of its certificate is wrong: tls.ca holds another authority of the same name',
  INVALID_PURPOSE: 'its certificate is not made for servers: have it issued for server authentication',
  CERT_REVOKED: 'its certificate was revoked: the broker needs another',
}

/** What a broker's alert says of this client's certificate (RFC 8446, 6.2), as OpenSSL calls it. */
const refused: Readonly<Record<string, string>> = {
  CERTIFICATE_REQUIRED: 'it wants a certificate of this client: set tls.cert and tls.key',
  BAD_CERTIFICATE: 'it does not take the certificate of this client, or wants one: check tls.cert and tls.key',
  UNSUPPORTED_CERTIFICATE:
    'it does not take a certificate of this kind: check tls.cert (its algorithm, and that it is for clients)',
  CERTIFICATE_REVOKED: 'it says that the certificate of this client was revoked: set another tls.cert and tls.key',
  CERTIFICATE_EXPIRED: 'it says that the certificate of this client has expired: renew tls.cert and tls.key',
  CERTIFICATE_UNKNOWN:
    'it does not trust the certificate of this client: tls.cert must come from an authority in its truststore',
  UNKNOWN_CA:
    "it does not know the authority of this client's certificate: tls.cert must come from one in its truststore",
  ACCESS_DENIED: 'it denies access to the certificate of this client: check tls.cert',
}

const noTls =
  "it answers, but not with TLS: this port expects plain text, or is not a Kafka broker's. Leave tls out, or use the port " +
  'of an SSL or SASL_SSL listener'
const noCommon =
  'both sides have no TLS version or cipher in common: check tls.minVersion, tls.maxVersion and tls.ciphers, and ssl.enabled.protocols ' +
  'of the broker'

/** Reads an error of a TLS socket; null when it is not about TLS. */
export function tlsFault(error: unknown): TlsFault | null {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  if (typeof code !== 'string' || !(error instanceof Error)) return null
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return { why: wrongName(error), certificate: true }
  const distrust = untrusted[code]
  if (distrust !== undefined) return { why: `${distrust} (${code})`, certificate: true }
  const alert = /_ALERT_(\w+)$/.exec(code)?.[1]
  const refusal = refused[alert ?? '']
  if (refusal !== undefined) return { why: `${refusal} (its alert: ${words(alert)})`, certificate: true }
  if (alert === 'HANDSHAKE_FAILURE') {
    const why = `it refuses the TLS handshake: it wants a certificate of this client (tls.cert, tls.key), or ${noCommon} (its alert: ${words(alert)})`
    return { why, certificate: false }
  }
  if (alert === 'PROTOCOL_VERSION' || /UNSUPPORTED_PROTOCOL|NO_PROTOCOLS|NO_SHARED_CIPHER|NO_CIPHERS/.test(code)) {
    return { why: `${noCommon} (${code})`, certificate: false }
  }
  if (alert !== undefined)
    return { why: `it ended TLS with the alert "${words(alert)}": see the broker's log`, certificate: false }
  if (
    /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH|RECORD_TOO|BAD_RECORD|HTTP|UNEXPECTED|UNKNOWN_PROTOCOL)/.test(code)
  ) {
    return { why: noTls, certificate: false }
  }
  // Codes of OpenSSL's verification that are not in the table above.
  if (/CERT|CRL|_CA$|ISSUER|HOSTNAME_MISMATCH|EE_KEY/.test(code)) {
    return {
      why: `its certificate cannot be trusted: ${error.message} (${code}). Check the certificate and tls.ca`,
      certificate: true,
    }
  }
  return code.startsWith('ERR_SSL') ? { why: `TLS failed: ${error.message} (${code})`, certificate: false } : null
}

function words(alert = ''): string {
  return alert.toLowerCase().replaceAll('_', ' ')
}

/** Node tells the name that was looked for and those that the certificate has. */
function wrongName(error: Error): string {
  const reason: unknown = Reflect.get(error, 'reason')
  const detail = typeof reason === 'string' ? reason : error.message
  return (
    `its certificate is for another name: ${detail.replace(/\.$/, '')}. Use a name of the certificate in brokers and the broker's ` +
    'advertised.listeners, or set tls.servername'
  )
}
