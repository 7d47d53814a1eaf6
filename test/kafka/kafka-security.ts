import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Authority } from '../../src/broker/security/authority.ts'
import { NativeClient } from '../../src/client/native-client.ts'
import type { PasswordSasl, TlsOptions } from '../../src/client/security.ts'
import { type ScramMechanism, saltedPassword } from '../../src/protocol/sasl/scram.ts'
import { Recorder } from '../client/recorder.ts'

/** Listeners beside the plain one. On `SSL` clients must show a certificate; sessions on `SASL_PLAINTEXT` end after `sessionMs`. */
export const securedListeners = ['SASL_SSL', 'SSL', 'SASL_PLAINTEXT'] as const
export type SecuredListener = (typeof securedListeners)[number]

export const sessionMs = 5_000
const iterations = 4_096
const scram: readonly [ScramMechanism, type: number][] = [
  ['SCRAM-SHA-256', 1],
  ['SCRAM-SHA-512', 2],
]

interface SecuredNode {
  readonly listeners: readonly string[]
  /** For `listener.security.protocol.map`. */
  readonly protocols: readonly string[]
  readonly settings: Readonly<Record<string, string>>
}

/** Certificates and users of one cluster with secured listeners. */
export class KafkaSecurity {
  readonly authority = new Authority('of a Kafka of tests', Date.now())
  readonly username = 'shop'
  readonly password = `p=,${randomBytes(12).toString('base64')}`
  readonly #certificate = this.authority.forHosts(['127.0.0.1', 'localhost'])

  /** What clients trust. */
  get tls(): TlsOptions {
    return { ca: this.authority.certificate }
  }

  sasl(mechanism: PasswordSasl['mechanism']): PasswordSasl {
    return { mechanism, username: this.username, password: this.password }
  }

  /** Settings of one node; a port for each of `securedListeners`. */
  properties(ports: readonly number[]): SecuredNode {
    const mechanisms = 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER'
    const { cert, key } = this.#certificate
    const settings: Record<string, string> = {
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.certificate.chain': cert,
      'ssl.keystore.key': key,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.certificates': this.authority.certificate,
      'listener.name.ssl.ssl.client.auth': 'required',
    }
    for (const listener of ['sasl_ssl', 'sasl_plaintext']) {
      const prefix = `listener.name.${listener}`
      settings[`${prefix}.sasl.enabled.mechanisms`] = mechanisms
      settings[`${prefix}.plain.sasl.jaas.config`] =
        `${module('plain.Plain')} user_${this.username}="${this.password}";`
      for (const [mechanism] of scram) {
        settings[`${prefix}.${mechanism.toLowerCase()}.sasl.jaas.config`] = `${module('scram.Scram')};`
      }
      // Tokens are JSON Web Tokens that nobody signed.
      settings[`${prefix}.oauthbearer.sasl.jaas.config`] =
        `${module('oauthbearer.OAuthBearer')} unsecuredLoginStringClaim_sub="broker";`
    }
    for (const mechanism of mechanisms.toLowerCase().split(',')) {
      settings[`listener.name.sasl_plaintext.${mechanism}.connections.max.reauth.ms`] = String(sessionMs)
    }
    return {
      listeners: securedListeners.map((name, at) => `${name}://127.0.0.1:${ports[at]}`),
      protocols: securedListeners.map(name => `${name}:${name}`),
      settings,
    }
  }

  /** Tells a running cluster the SCRAM credentials, over its plain listener; resolves when each broker takes them. */
  async addUser(plain: readonly string[], secured: readonly string[]): Promise<void> {
    const client = new NativeClient({ brokers: plain, logger: new Recorder() })
    try {
      await client.connect()
      // Kafka alters one credential of a user in one request.
      for (const [name, mechanism] of scram) {
        const salt = randomBytes(16)
        const salted = await saltedPassword(name, this.password, salt, iterations)
        const upsertion = { name: this.username, mechanism, iterations, salt, saltedPassword: salted }
        const request = { deletions: [], upsertions: [upsertion] }
        const { results } = await client.send('controller', 'AlterUserScramCredentials', request)
        for (const { errorCode, errorMessage } of results) if (errorCode !== 0) throw new Error(`${errorMessage}`)
      }
    } finally {
      await client.close()
    }
    for (const broker of secured) for (const [mechanism] of scram) await this.#known(broker, mechanism)
  }

  /** Brokers learn of users after the controller does. */
  async #known(broker: string, mechanism: ScramMechanism): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const client = new NativeClient({
        brokers: [broker],
        tls: this.tls,
        sasl: this.sasl(mechanism),
        logger: new Recorder(),
      })
      try {
        return await client.connect()
      } catch (error) {
        if (attempt === 200) throw error
        await delay(50)
      } finally {
        await client.close()
      }
    }
  }
}

function module(name: string): string {
  return `org.apache.kafka.common.security.${name}LoginModule required`
}
