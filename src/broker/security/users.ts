import { randomBytes } from 'node:crypto'
import { type ScramCredential, type ScramMechanism, sameBytes, scramCredential } from '../../protocol/sasl/scram.ts'

/** As many as Kafka's tools take by default; the mechanisms ask for no fewer. */
const iterations = 4096
const saltBytes = 24

/** The users that have a password. */
export class Users {
  readonly #passwords: ReadonlyMap<string, string>
  /** What SCRAM knows of them, computed when it is first needed; by mechanism and name. */
  readonly #credentials = new Map<string, Promise<ScramCredential>>()

  constructor(passwords: ReadonlyMap<string, string>) {
    this.#passwords = passwords
  }

  hasPassword(name: string, password: string): boolean {
    const expected = this.#passwords.get(name)
    return expected !== undefined && sameBytes(Buffer.from(expected), Buffer.from(password))
  }

  /** Null: there is no such user. */
  credential(mechanism: ScramMechanism, name: string): Promise<ScramCredential> | null {
    const password = this.#passwords.get(name)
    if (password === undefined) return null
    const key = `${mechanism} ${name}`
    const credential =
      this.#credentials.get(key) ?? scramCredential(mechanism, password, randomBytes(saltBytes), iterations)
    this.#credentials.set(key, credential)
    return credential
  }
}
