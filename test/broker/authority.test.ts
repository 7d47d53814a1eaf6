import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import { Authority } from '../../src/broker/security/authority.ts'

const now = Date.parse('2026-01-31T12:00:00.250Z')
const authority = new Authority('an authority', now)
const root = new X509Certificate(authority.certificate)

test('an authority signs itself, and may sign others', () => {
  assert.equal(root.subject, 'CN=an authority')
  assert.equal(root.issuer, 'CN=an authority')
  assert.ok(root.ca)
  assert.ok(root.verify(root.publicKey))
  assert.ok(root.checkIssued(root))
  assert.equal(root.validFromDate.toISOString(), '2026-01-30T12:00:00.000Z')
  assert.equal(root.validToDate.toISOString(), '2036-01-29T12:00:00.000Z')
})

test('a certificate for hosts is valid for their names and addresses and no others', () => {
  const { cert, key } = authority.forHosts([
    'localhost',
    '127.0.0.1',
    '::1',
    'fe80::1:2',
    '::ffff:10.0.0.1',
    'kafka-1.test',
  ])
  const certificate = new X509Certificate(cert)
  assert.ok(certificate.checkIssued(root))
  assert.ok(certificate.verify(root.publicKey))
  assert.ok(certificate.checkPrivateKey(createPrivateKey(key)))
  assert.ok(!certificate.ca)
  for (const name of ['localhost', 'kafka-1.test']) assert.equal(certificate.checkHost(name), name)
  for (const ip of ['127.0.0.1', '::1', 'fe80::1:2', '::ffff:10.0.0.1']) assert.equal(certificate.checkIP(ip), ip)
  assert.equal(certificate.checkHost('kafka-2.test'), undefined)
  assert.equal(certificate.checkIP('127.0.0.2'), undefined)
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1'])
})

test('a certificate for a client has its name, whatever letters that has', () => {
  for (const name of ['alice', 'Älice, "=+', 'x'.repeat(64), 'x'.repeat(300)]) {
    const certificate = new X509Certificate(authority.forClient(name).cert)
    assert.ok(certificate.checkIssued(root) && certificate.verify(root.publicKey))
    assert.equal(certificate.toLegacyObject().subject.CN, name)
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2'])
  }
})

test('no two certificates have the same number, nor those of two authorities the same key', () => {
  const serials = ['a', 'a'].map(name => new X509Certificate(authority.forClient(name).cert).serialNumber)
  assert.notEqual(serials[0], serials[1])
  const other = new Authority('an authority', now)
  assert.ok(!new X509Certificate(other.forClient('a').cert).verify(root.publicKey))
})

test('years from 2050 on are written with four digits', () => {
  const late = new X509Certificate(new Authority('late', Date.parse('2049-06-01T00:00:00Z')).certificate)
  assert.equal(late.validFromDate.getUTCFullYear(), 2049)
  assert.equal(late.validToDate.getUTCFullYear(), 2059)
})
