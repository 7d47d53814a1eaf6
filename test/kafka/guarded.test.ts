import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { saltedPassword as salted } from '../../src/protocol/sasl/scram.ts'
import type { ClusterOptions } from '../cluster.ts'
import { differences } from '../probe/comparison.ts'
import { Probe, theEnd } from '../probe/probe.ts'
import { record, recorded } from '../probe/recorded.ts'
import { guardedAnswers } from '../probe/rounds.ts'
import { admin, passwords, sessionLifetimeMs } from '../probe/users.ts'
import { KafkaCluster } from './kafka-cluster.ts'

const modules = 'org.apache.kafka.common.security'
const users = Object.entries(passwords).map(([name, password]) => `user_${name}="${password}"`)
const listener = 'listener.name.plaintext'

/** SASL on the port of clients, and access rules. Controllers talk to one another without SASL. */
const guards = {
  'listener.security.protocol.map': 'PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
  'inter.broker.listener.name': 'PLAINTEXT',
  'sasl.mechanism.inter.broker.protocol': 'PLAIN',
  'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
  [`${listener}.plain.sasl.jaas.config`]: `${modules}.plain.PlainLoginModule required username="admin" password="${admin.password}" ${users.join(' ')};`,
  [`${listener}.scram-sha-256.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
  [`${listener}.scram-sha-512.sasl.jaas.config`]: `${modules}.scram.ScramLoginModule required;`,
  [`${listener}.oauthbearer.sasl.jaas.config`]: `${modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="admin";`,
  'connections.max.reauth.ms': String(sessionLifetimeMs),
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:admin;User:ANONYMOUS',
}

async function start(options: ClusterOptions): Promise<KafkaCluster> {
  const cluster = await KafkaCluster.start({ ...options, config: { ...options.config, ...guards } })
  try {
    const probe = new Probe(cluster, 'users-', admin)
    await probe.run({ name: 'users', run: addScramUsers })
    assert.deepEqual([...probe.journal], [])
    return cluster
  } catch (error) {
    await cluster.close()
    throw error
  }
}

/** Whom SCRAM knows is not in the settings of a broker. One request may change a user once. */
async function addScramUsers(probe: Probe): Promise<void> {
  const salt = randomBytes(24)
  for (const [at, mechanism] of (['SCRAM-SHA-256', 'SCRAM-SHA-512'] as const).entries()) {
    const upsertions = Object.entries(passwords).map(async ([name, password]) => {
      const saltedPassword = await salted(mechanism, password, salt, 4096)
      return { name, mechanism: at + 1, iterations: 4096, salt, saltedPassword }
    })
    const { results } = await probe.setUp('AlterUserScramCredentials', { upsertions: await Promise.all(upsertions) })
    assert.deepEqual(
      results.filter(({ errorCode }) => errorCode !== 0),
      [],
    )
  }
}

// The embedded broker is held to these answers in `test/probe`. `RECORD_ANSWERS=1` records them anew.
test('Kafka 4.1.1 lets in and refuses as it was recorded', async () => {
  const kafka = await guardedAnswers(start)
  const cut = [...kafka].filter(([, steps]) => steps.has(theEnd)).map(([script, steps]) => [script, steps.get(theEnd)])
  assert.deepEqual(cut, [], 'scripts that did not come to their end')
  if (process.env.RECORD_ANSWERS) await record(kafka, 'guarded')
  // "ours" is what was recorded.
  assert.deepEqual(differences(kafka, await recorded('guarded')), [])
})
