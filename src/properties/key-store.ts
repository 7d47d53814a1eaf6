import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { toError } from '../base/errors.ts'
import type { TlsOptions } from '../client/security.ts'
import type { Entry } from './entry.ts'

type Parts = ReadonlyMap<string, Entry>

/** What a store of Java's is made into with its own tool and OpenSSL. */
const toPem = {
  jks: (path: string) => `keytool -importkeystore -srckeystore ${path} -destkeystore store.p12 -deststoretype PKCS12`,
  trust: (path: string) => `openssl pkcs12 -in ${path} -nokeys -out ca.pem`,
}

/** Who is trusted: `ssl.truststore.*`. */
export function trustStore(parts: Parts): Pick<TlsOptions, 'ca'> {
  const certificates = parts.get('ssl.truststore.certificates')
  const location = parts.get('ssl.truststore.location')
  const type = typeOf(parts.get('ssl.truststore.type'))
  if (certificates !== undefined) return { ca: authorities(certificates, certificates.value) }
  if (location === undefined) return {}
  const content = read(location)
  const format = formatOf(content)
  if (format === 'PEM' && type === 'PEM') return { ca: authorities(location, content.toString()) }
  if (format === 'PEM') throw location.wrong('is a PEM file: say ssl.truststore.type=PEM')
  const path = location.value
  const steps = format === 'JKS' ? `${toPem.jks(path)} && ${toPem.trust('store.p12')}` : toPem.trust(path)
  throw location.wrong(
    `is ${format === 'JKS' ? 'a Java key store (JKS)' : 'no PEM file'}, from which no authorities are read. Make one of it: ` +
      `${steps}; and say ssl.truststore.type=PEM`,
  )
}

/** Who this client is: `ssl.keystore.*` and `ssl.key.password`. */
export function keyStore(parts: Parts): Pick<TlsOptions, 'cert' | 'key' | 'pfx' | 'passphrase'> {
  const chain = parts.get('ssl.keystore.certificate.chain')
  const key = parts.get('ssl.keystore.key')
  const location = parts.get('ssl.keystore.location')
  const type = typeOf(parts.get('ssl.keystore.type'))
  const keyPassword = parts.get('ssl.key.password')?.value
  if (chain !== undefined || key !== undefined) {
    if (chain === undefined) throw (key as Entry).wrong('needs ssl.keystore.certificate.chain beside it')
    if (key === undefined) throw chain.wrong('needs ssl.keystore.key beside it')
    const both = { cert: pem(chain, chain.value), key: pem(key, key.value), ...passphrase(keyPassword) }
    return usable(key, both, 'ssl.key.password')
  }
  if (location === undefined) return {}
  const content = read(location)
  const format = formatOf(content)
  if (format === 'PEM' && type === 'PEM') {
    const both = pem(location, content.toString())
    return usable(location, { cert: both, key: both, ...passphrase(keyPassword) }, 'ssl.key.password')
  }
  if (format === 'PEM') throw location.wrong('is a PEM file: say ssl.keystore.type=PEM')
  if (format === 'JKS') {
    throw location.wrong(
      `is a Java key store (JKS), which is Java's alone. Make a PKCS12 file of it: ${toPem.jks(location.value)}; and say ` +
        'ssl.keystore.type=PKCS12',
    )
  }
  if (type === 'PEM') throw location.wrong('is no PEM file, which ssl.keystore.type says it is')
  const password = parts.get('ssl.keystore.password')?.value ?? keyPassword
  return usable(location, { pfx: content, ...passphrase(password) }, 'ssl.keystore.password')
}

function usable<T extends TlsOptions>(entry: Entry, options: T, password: string): T {
  try {
    createSecureContext(options)
    return options
  } catch (thrown) {
    const why = toError(thrown).message
    throw entry.wrong(`cannot be used (${why}): check ${password}, and that the key belongs to the certificate`)
  }
}

/** Node takes what is no certificate for none, without a word. */
function authorities(entry: Entry, text: string): string {
  const all = pem(entry, text)
  for (const [certificate] of all.matchAll(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)) {
    try {
      new X509Certificate(certificate)
    } catch (thrown) {
      throw entry.wrong(`has a certificate that cannot be read: ${toError(thrown).message}`)
    }
  }
  return all
}

function passphrase(value: string | undefined): Pick<TlsOptions, 'passphrase'> {
  return value === undefined || value === '' ? {} : { passphrase: value }
}

function typeOf(entry: Entry | undefined): string {
  if (entry === undefined) return 'JKS'
  return entry.oneOf({ JKS: 'JKS', PKCS12: 'PKCS12', PEM: 'PEM' })
}

function read(location: Entry): Buffer {
  try {
    return readFileSync(location.text())
  } catch (thrown) {
    throw location.wrong(`cannot be read: ${toError(thrown).message}`)
  }
}

function formatOf(content: Buffer): 'PEM' | 'JKS' | 'other' {
  if (content.length >= 4 && [0xfeedfeed, 0xcececece].includes(content.readUInt32BE())) return 'JKS'
  return content.includes('-----BEGIN ') ? 'PEM' : 'other'
}

/** Properties lose their line ends, which Java does without. */
function pem(entry: Entry, text: string): string {
  if (!text.includes('-----BEGIN ')) throw entry.wrong('is not PEM: it has no -----BEGIN …-----')
  return text.replaceAll(
    /(-----BEGIN [\w ]+-----)([\w+/=\s]+)(-----END [\w ]+-----)\s*/g,
    (_, begin, body: string, end) => {
      const lines = body.replaceAll(/\s+/g, '').match(/.{1,64}/g) ?? []
      return [begin, ...lines, end, ''].join('\n')
    },
  )
}
