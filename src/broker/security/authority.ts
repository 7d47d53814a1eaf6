import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { bits, integer, octets, oid, sequence, set, tagged, taggedBytes, time, truth, utf8 } from './der.ts'

/** A certificate and its key, as PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

const dayMs = 24 * 60 * 60 * 1000
const validMs = 3650 * dayMs

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'))
const basicConstraints = oid('2.5.29.19')
const keyUsage = oid('2.5.29.15')
const extendedKeyUsage = oid('2.5.29.37')
const subjectKeyIdentifier = oid('2.5.29.14')
const authorityKeyIdentifier = oid('2.5.29.35')
const alternativeNames = oid('2.5.29.17')
const serverAuthentication = oid('1.3.6.1.5.5.7.3.1')
const clientAuthentication = oid('1.3.6.1.5.5.7.3.2')

/** What a certificate says of its owner. */
interface Subject {
  readonly name: string
  readonly key: KeyObject
  readonly extensions: readonly Buffer[]
}

/**
 * Issues certificates for tests (X.509, RFC 5280): its own, which it signs itself and clients are to trust, that of the brokers, and those
 * of clients. Keys are of the curve P-256, which every implementation of TLS knows, and last as long as this object and its copies.
 */
export class Authority {
  /** Its own certificate, as PEM: what clients take for `ca`. */
  readonly certificate: string
  readonly #name: string
  readonly #key: KeyObject
  readonly #keyId: Buffer
  readonly #now: number

  /** `now`: ms since 1970. What it issues is valid from a day before until ten years after. */
  constructor(name: string, now: number) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#name = name
    this.#key = privateKey
    this.#keyId = identifier(publicKey)
    this.#now = now
    this.certificate = this.#signed({
      name,
      key: publicKey,
      extensions: [
        critical(basicConstraints, sequence(truth())),
        // Signing certificates and lists of revoked ones.
        critical(keyUsage, bits(Buffer.of(0b0000_0110), 1)),
      ],
    })
  }

  /** For brokers that are reached at these hosts: names or addresses. */
  forHosts(hosts: readonly string[]): Certificate {
    const names = [...new Set(hosts)].map(host =>
      isIP(host) === 0 ? taggedBytes(2, Buffer.from(host)) : taggedBytes(7, addressBytes(host)),
    )
    return this.#issue('millrace broker', [
      extension(extendedKeyUsage, sequence(serverAuthentication)),
      extension(alternativeNames, sequence(...names)),
    ])
  }

  /** For a client of this name: to Kafka it is `User:CN=name`. */
  forClient(name: string): Certificate {
    return this.#issue(name, [extension(extendedKeyUsage, sequence(clientAuthentication))])
  }

  #issue(name: string, extensions: readonly Buffer[]): Certificate {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    // Signing whatever a handshake agrees on.
    const usage = critical(keyUsage, bits(Buffer.of(0b1000_0000), 7))
    const cert = this.#signed({ name, key: publicKey, extensions: [usage, ...extensions] })
    return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
  }

  #signed({ name, key, extensions }: Subject): string {
    const [from, to] = [new Date(this.#now - dayMs), new Date(this.#now + validMs)]
    const content = sequence(
      tagged(0, integer(Buffer.of(2))),
      integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
      ecdsaWithSha256,
      commonName(this.#name),
      sequence(time(from), time(to)),
      commonName(name),
      key.export({ type: 'spki', format: 'der' }),
      tagged(
        3,
        sequence(
          ...extensions,
          extension(subjectKeyIdentifier, octets(identifier(key))),
          extension(authorityKeyIdentifier, sequence(taggedBytes(0, this.#keyId))),
        ),
      ),
    )
    return pem(sequence(content, ecdsaWithSha256, bits(sign('sha256', content, this.#key))))
  }
}

function commonName(name: string): Buffer {
  return sequence(set(sequence(oid('2.5.4.3'), utf8(name))))
}

function extension(id: Buffer, value: Buffer): Buffer {
  return sequence(id, octets(value))
}

/** One that who does not know it must not ignore. */
function critical(id: Buffer, value: Buffer): Buffer {
  return sequence(id, truth(), octets(value))
}

/** What keys are told apart by. */
function identifier(key: KeyObject): Buffer {
  return createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
}

/** 4 or 16 bytes. */
function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  // A URL has it in one form: groups of hexadecimal digits, `::` at most once.
  const [head = '', tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':').map(group => Number.parseInt(group, 16)))
  const zeros = new Array(8 - groups(head).length - groups(tail).length).fill(0)
  return Buffer.from([...groups(head), ...zeros, ...groups(tail)].flatMap(group => [group >> 8, group & 0xff]))
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}
