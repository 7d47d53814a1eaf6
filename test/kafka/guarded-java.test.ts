import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Broker } from '../../src/broker/index.ts'
import { runJava } from './java.ts'

const security = 'org.apache.kafka.common.security'
const password = 'p=ss, w,rd'
const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const

/** Lines of a file of properties; line ends in values are escaped. */
function properties(entries: Readonly<Record<string, string>>): string {
  return Object.entries(entries)
    .map(([name, value]) => `${name}=${value.replaceAll('\n', '\\n')}\n`)
    .join('')
}

function jaas(mechanism: (typeof mechanisms)[number], secret: string): string {
  if (mechanism === 'OAUTHBEARER') {
    return `${security}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="shop";`
  }
  const module = mechanism === 'PLAIN' ? 'plain.Plain' : 'scram.Scram'
  return `${security}.${module}LoginModule required username="shop" password="${secret}";`
}

describe("Kafka's own clients on the embedded broker, over TLS and SASL and under access rules", () => {
  let broker: Broker
  let folder: string
  let tls: Readonly<Record<string, string>>
  before(async () => {
    broker = await Broker.start({
      topics: { orders: 1, payments: 1 },
      tls: { clientAuth: 'required' },
      sasl: { mechanisms, users: { shop: password } },
      acls: [
        { principal: 'User:shop', operation: 'Read', topic: 'orders' },
        { principal: 'User:shop', operation: 'Write', topic: 'orders' },
        { principal: 'User:shop', operation: 'Read', group: { prefix: 'shop-' } },
      ],
    })
    folder = await mkdtemp(join(tmpdir(), 'millrace-java-'))
    const { cert, key } = await broker.issueCertificate('shop')
    tls = {
      'security.protocol': 'SASL_SSL',
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.certificates': broker.ca ?? '',
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.certificate.chain': cert,
      'ssl.keystore.key': key,
      'default.api.timeout.ms': '10000',
      'max.block.ms': '10000',
    }
  })
  after(async () => {
    await broker?.close()
    if (folder) await rm(folder, { recursive: true })
  })

  async function tool(name: 'Producer' | 'Consumer', mechanism: (typeof mechanisms)[number], rest: ToolOptions) {
    const file = join(folder, `${name}-${mechanism}-${rest.topic}.properties`)
    const login = { 'sasl.mechanism': mechanism, 'sasl.jaas.config': jaas(mechanism, rest.password ?? password) }
    await writeFile(file, properties({ ...tls, ...login }))
    const tools = 'org.apache.kafka.tools'
    const main = name === 'Producer' ? `${tools}.ConsoleProducer` : `${tools}.consumer.ConsoleConsumer`
    const config = name === 'Producer' ? '--producer.config' : '--consumer.config'
    const args = [
      '--bootstrap-server',
      broker.brokers[0] ?? '',
      '--topic',
      rest.topic,
      config,
      file,
      ...(rest.args ?? []),
    ]
    const { stdout, stderr } = await runJava(main, args, { input: rest.input ?? '' })
    return `${stdout}${stderr}`
  }

  interface ToolOptions {
    readonly topic: string
    readonly password?: string
    readonly input?: string
    readonly args?: readonly string[]
  }

  for (const mechanism of mechanisms) {
    test(`they write and read with ${mechanism}`, async () => {
      const written = await tool('Producer', mechanism, { topic: 'orders', input: `by ${mechanism}\n` })
      assert.doesNotMatch(written, /ERROR|Exception/)
      const args = ['--from-beginning', '--timeout-ms', '5000', '--group', `shop-${mechanism}`]
      const read = await tool('Consumer', mechanism, { topic: 'orders', args })
      assert.match(read, new RegExp(`^by ${mechanism}$`, 'm'))
    })
  }

  test('they are told that a password is wrong, and what they may not write', async () => {
    for (const mechanism of ['PLAIN', 'SCRAM-SHA-512'] as const) {
      const wrong = await tool('Producer', mechanism, { topic: 'orders', input: 'x\n', password: 'wrong' })
      assert.match(wrong, /Authentication failed/)
    }
    const denied = await tool('Producer', 'PLAIN', { topic: 'payments', input: 'x\n' })
    assert.match(denied, /Not authorized to access topics: \[payments\]/)
  })
})
