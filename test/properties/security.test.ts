import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { Authority } from '../../src/broker/security/authority.ts'
import { OptionError, readProperties, type TlsOptions } from '../../src/index.ts'
import { Entry } from '../../src/properties/entry.ts'
import { parseJaas } from '../../src/properties/jaas.ts'

const pkcs12 = join(import.meta.dirname, '../data/alice.p12')
const authority = new Authority('a test', Date.now())
const { cert, key } = authority.forHosts(['localhost'])
const plainLogin = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const scramLogin = 'org.apache.kafka.common.security.scram.ScramLoginModule'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-stores-'))
})
after(() => rm(folder, { recursive: true }))

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

function read(values: Readonly<Record<string, string>>) {
  return readProperties({ 'bootstrap.servers': 'localhost', ...values })
}

/** The option `tls` of these properties. */
function tls(values: Readonly<Record<string, string>> = {}): TlsOptions {
  const { tls } = read({ 'security.protocol': 'SSL', ...values }).options
  assert.ok(typeof tls === 'object')
  return tls
}

function sasl(mechanism: string, jaas: string) {
  return read({ 'security.protocol': 'SASL_PLAINTEXT', 'sasl.mechanism': mechanism, 'sasl.jaas.config': jaas }).options
    .sasl
}

function complaint(values: Readonly<Record<string, string>>): string {
  try {
    read(values)
  } catch (error) {
    assert.ok(error instanceof OptionError)
    return error.message
  }
  return ''
}

describe('the protocol says what is spoken', () => {
  const credentials = {
    'sasl.mechanism': 'PLAIN',
    'sasl.jaas.config': `${plainLogin} required username="a" password="b";`,
  }
  const cases: [protocol: string, tls: boolean, sasl: boolean][] = [
    ['PLAINTEXT', false, false],
    ['SSL', true, false],
    ['sasl_plaintext', false, true],
    ['SASL_SSL', true, true],
  ]
  for (const [protocol, hasTls, hasSasl] of cases) {
    test(protocol, () => {
      const { options } = read({ 'security.protocol': protocol, ...credentials })
      assert.equal(options.tls, hasTls ? true : undefined)
      assert.deepEqual(options.sasl, hasSasl ? { mechanism: 'PLAIN', username: 'a', password: 'b' } : undefined)
    })
  }

  test('what it does not speak is noted', () => {
    const { notes } = read({ ...credentials, 'ssl.enabled.protocols': 'TLSv1.3' })
    assert.deepEqual(
      notes.map(({ key }) => key),
      ['sasl.mechanism', 'sasl.jaas.config', 'ssl.enabled.protocols'],
    )
    assert.match(notes[2]?.message ?? '', /has no meaning here: security\.protocol is neither SSL nor SASL_SSL$/)
  })

  test('another one is an error', () => {
    assert.match(
      complaint({ 'security.protocol': 'TLS' }),
      /must be PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL, not 'TLS'$/,
    )
  })
})

describe('TLS', () => {
  test('authorities are a PEM file, or PEM in the properties themselves', async () => {
    const location = await file('ca.pem', authority.certificate)
    assert.equal(tls({ 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': location }).ca, authority.certificate)
    const oneLine = authority.certificate.replaceAll('\n', ' ')
    const joined = authority.certificate.replaceAll('\n', '')
    for (const text of [authority.certificate, oneLine, joined]) {
      const ca = tls({ 'ssl.truststore.type': 'PEM', 'ssl.truststore.certificates': text }).ca
      assert.equal(ca, authority.certificate)
    }
  })

  test('a certificate is a PEM file with its key, both in the properties, or PKCS12', async () => {
    const location = await file('client.pem', `${cert}${key}`)
    const ofFile = tls({ 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': location })
    assert.deepEqual([ofFile.cert, ofFile.key], [`${cert}${key}`, `${cert}${key}`])
    assert.deepEqual(tls({ 'ssl.keystore.certificate.chain': cert, 'ssl.keystore.key': key }), { cert, key })
    const pfx = tls({ 'ssl.keystore.type': 'PKCS12', 'ssl.keystore.location': pkcs12, 'ssl.keystore.password': 'hush' })
    assert.deepEqual(pfx, { pfx: await readFile(pkcs12), passphrase: 'hush' })
  })

  test('names, versions and suites', () => {
    assert.deepEqual(tls({ 'ssl.enabled.protocols': 'TLSv1.3,TLSv1.2' }), {
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
    })
    assert.deepEqual(tls({ 'ssl.enabled.protocols': 'TLSv1.3' }), { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' })
    const suites = 'TLS_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384'
    assert.equal(tls({ 'ssl.cipher.suites': suites }).ciphers, suites.replace(',', ':'))
    const { checkServerIdentity } = tls({ 'ssl.endpoint.identification.algorithm': '' })
    // It does not look at the certificate.
    assert.equal(checkServerIdentity?.('anything', {} as never), undefined)
    assert.equal(
      read({ 'security.protocol': 'SSL', 'ssl.endpoint.identification.algorithm': 'https' }).options.tls,
      true,
    )
  })

  test('what cannot be used is said, and how to convert it', async () => {
    const jks = await file('store.jks', Buffer.from('feedfeed00000002', 'hex'))
    const pem = await file('store.pem', `${cert}${key}`)
    const ssl = { 'security.protocol': 'SSL' }
    const cases: [Readonly<Record<string, string>>, RegExp][] = [
      [
        { 'ssl.truststore.location': jks },
        /^ssl\.truststore\.location is a Java key store \(JKS\), .*keytool .* && openssl .*type=PEM$/,
      ],
      [
        { 'ssl.truststore.location': pkcs12 },
        /is no PEM file, .*: openssl pkcs12 -in \S+ -nokeys -out ca\.pem; and say/,
      ],
      [{ 'ssl.truststore.location': pem }, /is a PEM file: say ssl\.truststore\.type=PEM$/],
      [{ 'ssl.truststore.location': join(folder, 'none') }, /^ssl\.truststore\.location cannot be read: ENOENT/],
      [
        { 'ssl.truststore.type': 'BKS', 'ssl.truststore.location': jks },
        /ssl\.truststore\.type must be JKS, PKCS12 or PEM, not 'BKS'$/,
      ],
      [{ 'ssl.truststore.certificates': 'MII' }, /is not PEM: it has no -----BEGIN/],
      [
        { 'ssl.keystore.location': jks },
        /is a Java key store \(JKS\), which is Java's alone\..* keytool .*type=PKCS12$/,
      ],
      [{ 'ssl.keystore.location': pem }, /is a PEM file: say ssl\.keystore\.type=PEM$/],
      [
        { 'ssl.keystore.location': pkcs12, 'ssl.keystore.type': 'PEM' },
        /is no PEM file, which ssl\.keystore\.type says it is$/,
      ],
      [{ 'ssl.keystore.key': key }, /^ssl\.keystore\.key needs ssl\.keystore\.certificate\.chain beside it$/],
      [{ 'ssl.keystore.certificate.chain': cert }, /needs ssl\.keystore\.key beside it$/],
      [
        { 'ssl.truststore.certificates': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
        /^ssl\.truststore\.certificates has a certificate that cannot be read: /,
      ],
      [
        { 'ssl.keystore.location': pkcs12, 'ssl.keystore.password': 'wrong' },
        /^ssl\.keystore\.location cannot be used \(.*\): check ssl\.keystore\.password, /,
      ],
      [
        { 'ssl.keystore.certificate.chain': authority.certificate, 'ssl.keystore.key': key },
        /^ssl\.keystore\.key cannot be used \(.*\): check ssl\.key\.password, and that the key belongs/,
      ],
      [{ 'ssl.enabled.protocols': 'TLSv1.1' }, /must be TLSv1\.2, TLSv1\.3 or both, not 'TLSv1\.1'$/],
      [{ 'ssl.cipher.suites': 'NOPE' }, /has no cipher suite of OpenSSL's: /],
      [
        { 'ssl.endpoint.identification.algorithm': 'ldaps' },
        /must be https, or empty: host names are not compared, not 'ldaps'$/,
      ],
    ]
    for (const [values, message] of cases) assert.match(complaint({ ...ssl, ...values }), message)
  })
})

describe('SASL', () => {
  test('name and password are those of the login module', () => {
    const expected = { username: 'alice', password: 'it"s; \\ = ' }
    const options = `username='alice' password="it\\"s; \\\\ = "`
    assert.deepEqual(sasl('PLAIN', `${plainLogin} required ${options};`), { mechanism: 'PLAIN', ...expected })
    for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512']) {
      assert.deepEqual(sasl(mechanism, `${scramLogin} REQUIRED ${options} ;`), { mechanism, ...expected })
    }
  })

  test('whatever is quoted comes back', () => {
    const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`
    const plain = fc.string({ unit: 'grapheme' }).filter(text => !/[\r\n]/.test(text))
    fc.assert(
      fc.property(plain, plain, (username, password) => {
        const value = `a.B required username=${quoted(username)} password=${quoted(password)};`
        const { options } = parseJaas(new Entry('sasl.jaas.config', value))
        assert.deepEqual([...options.values()], [username, password])
      }),
      { seed: 6, numRuns: 300 },
    )
  })

  test('what is wrong is said, and no password', () => {
    const base = { 'security.protocol': 'SASL_SSL', 'sasl.mechanism': 'PLAIN' }
    const jaas = (value: string) => complaint({ ...base, 'sasl.jaas.config': value })
    const cases: [string, RegExp][] = [
      [
        complaint({ 'security.protocol': 'SASL_SSL' }),
        /^security\.protocol needs sasl\.mechanism: .*Kafka takes GSSAPI, which is not spoken$/,
      ],
      [complaint({ ...base, 'sasl.mechanism': 'GSSAPI' }), /must be PLAIN, .*, not 'GSSAPI'$/],
      [
        complaint({ ...base, 'sasl.mechanism': 'OAUTHBEARER' }),
        /needs a function that gives tokens: pass it as the option sasl/,
      ],
      [complaint(base), /^sasl\.mechanism needs sasl\.jaas\.config, which has username and password$/],
      [jaas(`${plainLogin} required username="a" password="hush`), /has a quote that does not end; expected '/],
      [jaas(`${plainLogin} required username="a" password="hush"`), /does not end with a semicolon/],
      [jaas(`${plainLogin} username="a" password="hush";`), /has no flag, such as required, behind the class/],
      [jaas(`${plainLogin} required username "a" password="hush";`), /has an option that is not name="value"/],
      [
        jaas(`"x" required username="a" password="hush";`),
        /does not begin with the class of a login module|has the login module/,
      ],
      [jaas(`${plainLogin} required password="hush";`), /has no username or no password$/],
      [
        jaas(`${plainLogin} required username="a" password="hush"; ${plainLogin} required;`),
        /has something behind its semicolon/,
      ],
      [
        jaas(`${scramLogin} required username="a" password="hush";`),
        /has the login module .*ScramLoginModule, and sasl\.mechanism is PLAIN$/,
      ],
      [
        jaas('com.Ours required password="hush";'),
        /has the login module com\.Ours; PlainLoginModule and ScramLoginModule are known here$/,
      ],
    ]
    for (const [message, expected] of cases) {
      assert.match(message, expected)
      assert.doesNotMatch(message, /hush/)
    }
  })

  test('a token function of the program does without the rest', () => {
    const token = () => ({ value: 'x' })
    const values = {
      'bootstrap.servers': 'localhost',
      'security.protocol': 'SASL_SSL',
      'sasl.mechanism': 'OAUTHBEARER',
      'sasl.oauthbearer.client.credentials.client.secret': 'hush',
    }
    const { options, notes } = readProperties(values, { overrides: { sasl: { mechanism: 'OAUTHBEARER', token } } })
    assert.deepEqual(options.sasl, { mechanism: 'OAUTHBEARER', token })
    assert.equal(options.tls, true)
    assert.equal(notes.length, 1)
    assert.doesNotMatch(inspect(notes), /hush/)
  })
})
