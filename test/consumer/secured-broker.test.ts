import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { Broker, type BrokerOptions } from '../../src/broker/index.ts'
import { Admin, type ClientOptions, Consumer, NativeClient, writeBatch } from '../../src/index.ts'
import { unsecuredToken } from '../broker/sasl-client.ts'
import { Recorder } from '../client/recorder.ts'
import { freePorts } from '../kafka/ports.ts'
import '../millrace-from-source.ts'
import { until } from '../until.ts'

type Security = Pick<ClientOptions, 'tls' | 'sasl'>
const user = { username: 'shop', password: 's3cret-Pencil' }
const users = { [user.username]: user.password }

/** Writes so many messages to partition 0, over a client like those under test. */
async function write(broker: Broker, security: Security, topic: string, count: number): Promise<void> {
  const client = new NativeClient({ brokers: broker.brokers, ...security, logger: new Recorder() })
  const records = writeBatch(Array.from({ length: count }, (_, n) => ({ value: String(n) })))
  await client.metadata([topic])
  const [answer] = await client.produce([{ topic, partition: 0, records }])
  await client.close()
  assert.equal(answer?.error, null)
}

const bearer = () => ({ value: unsecuredToken({ sub: 'shop', exp: Math.floor(Date.now() / 1_000) + 60 }) })
const cases: readonly [NonNullable<ClientOptions['sasl']>, BrokerOptions['sasl']][] = [
  [{ mechanism: 'PLAIN', ...user }, { users }],
  [{ mechanism: 'SCRAM-SHA-256', ...user }, { users }],
  [{ mechanism: 'SCRAM-SHA-512', ...user, password: async () => user.password }, { users }],
  [{ mechanism: 'OAUTHBEARER', token: bearer }, {}],
]
describe('over TLS', { concurrency: true }, () => {
  for (const [sasl, guard = {}] of cases) {
    test(`with ${sasl.mechanism} a group is consumed, and goes on when sessions end`, async () => {
      const options = { tls: { clientAuth: 'required' }, sasl: { ...guard, sessionLifetimeMs: 1_500 } } as const
      await using broker = await Broker.start({ ...options, topics: { orders: 3 } })
      const security = { tls: { ca: broker.ca ?? '', ...(await broker.issueCertificate('shop')) }, sasl }
      await using admin = new Admin({ brokers: broker.brokers, ...security })
      assert.equal((await admin.describeCluster()).brokers.length, 1)
      const logger = new Recorder()
      let handled = 0
      const shop = new Consumer({ brokers: broker.brokers, group: 'shop', ...security, logger }).topic('orders', () => {
        handled += 1
      })
      const running = shop.run()
      const renewals = () => logger.lines.filter(line => line === 'debug authenticated with a broker again').length
      for (let round = 1; renewals() < 4; round++) {
        await write(broker, security, 'orders', 10)
        await until('all are handled', () => handled === round * 10)
      }
      await shop.close()
      await running
      const committed = await broker.committed('shop')
      assert.equal(
        committed.reduce((sum, { offset }) => sum + offset, 0),
        handled,
      )
    })
  }
})

test('a password that does not hold any more ends a consumer that runs', async () => {
  const topics = { orders: 1 }
  const sasl: ClientOptions['sasl'] = { mechanism: 'SCRAM-SHA-256', ...user }
  const ports = await freePorts(1)
  const first = await Broker.start({ sasl: { users }, topics, ports })
  const options = { brokers: first.brokers, sasl, reconnect: { minMs: 1, maxMs: 50 }, logLevel: 'silent' } as const
  const runs = [{}, { group: 'shop' }].map(group => {
    const shop = new Consumer({ ...options, ...group }).topic('orders', () => {})
    return { shop, running: shop.run() }
  })
  for (const { running } of runs) running.catch(() => {})
  await until('they run', () => runs.every(({ shop }) => shop.state().partitions.length === 1))
  await first.close()
  await using second = await Broker.start({ sasl: { users: { shop: 'another' } }, topics, ports })
  assert.deepEqual(second.brokers, first.brokers)
  for (const { running } of runs)
    await assert.rejects(running, { code: 'AUTHENTICATION', message: /refuses user 'shop'/ })
})

test('what the page about security shows of AWS MSK works with a signer', async t => {
  const page = await readFile(join(import.meta.dirname, '../../docs/security.md'), 'utf8')
  const block = [...page.matchAll(/^```ts\n(.*?)^```/gms)]
    .map(([, code = '']) => code)
    .find(code => code.includes('msk'))
  assert.ok(block !== undefined)
  // As the package of AWS: a signed request to the service, encoded.
  const signer = `
    let count = 0
    export async function generateAuthToken({ region }) {
      const url = new URL('https://kafka.' + region + '.amazonaws.com/?Action=kafka-cluster%3AConnect')
      const query = { Algorithm: 'AWS4-HMAC-SHA256', Credential: 'AKIDEXAMPLE/20260101/' + region + '/kafka-cluster/aws4_request' }
      for (const [name, value] of Object.entries(query)) url.searchParams.set('X-Amz-' + name, value)
      url.searchParams.set('X-Amz-Expires', '900')
      url.searchParams.set('X-Amz-Signature', String(++count).padStart(64, '0'))
      url.searchParams.set('User-Agent', 'aws-msk-iam-sasl-signer-js/1.0.0')
      return { token: Buffer.from(url.href).toString('base64url'), expiryTime: Date.now() + 900_000 }
    }`
  const signerUrl = `data:text/javascript,${encodeURIComponent(signer)}`
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'aws-msk-iam-sasl-signer-js' ? { url: signerUrl, shortCircuit: true } : next(specifier, context),
  })
  t.after(() => hooks.deregister())
  const signatures: string[] = []
  const oauth = (token: string) => {
    const { host, searchParams } = new URL(Buffer.from(token, 'base64url').toString())
    if (host !== 'kafka.eu-central-1.amazonaws.com' || searchParams.get('Action') !== 'kafka-cluster:Connect')
      return null
    signatures.push(searchParams.get('X-Amz-Signature') ?? '')
    return { principal: 'User:arn', lifetimeMs: 900_000 }
  }
  await using broker = await Broker.start({ tls: true, sasl: { oauth }, topics: { orders: 1 } })
  const program = join(import.meta.dirname, `msk-${process.pid}.mts`)
  const adapted = block
    .replace(/brokers: \[.*\]/, `brokers: ${JSON.stringify(broker.brokers)}`)
    .replace('tls: true', `tls: ${JSON.stringify({ ca: broker.ca })}`)
  await writeFile(program, `${adapted}export { msk, mskToken }\n`)
  t.after(() => rm(program, { force: true }))
  const { msk, mskToken } = await import(pathToFileURL(program).href)
  const security: Security = { tls: { ca: broker.ca ?? '' }, sasl: { mechanism: 'OAUTHBEARER', token: mskToken } }
  await write(broker, security, 'orders', 5)
  let handled = 0
  const running = (msk as Consumer).topic('orders', () => void handled++).run()
  await until('all are handled', () => handled === 5)
  await msk.close()
  await running
  assert.equal(new Set(signatures).size, signatures.length)
  assert.ok(signatures.length >= 5)
})
