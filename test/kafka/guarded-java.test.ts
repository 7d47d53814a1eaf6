import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Broker } from '../../src/broker/index.ts'
import { mechanisms, password, startGuarded } from '../peers/guarded-broker.ts'
import { runJava } from './java.ts'
import { propertiesText } from './kafka-node.ts'

const security = 'org.apache.kafka.common.security'

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
    const { certificate, ...guarded } = await startGuarded()
    broker = guarded.broker
    folder = await mkdtemp(join(tmpdir(), 'millrace-java-'))
    const { cert, key } = certificate
    tls = {
      'security.protocol': 'SASL_SSL',
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.certificates': guarded.ca,
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
    await writeFile(file, propertiesText({ ...tls, ...login }))
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
