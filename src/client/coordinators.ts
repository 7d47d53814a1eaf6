import { sleep } from '../base/clock.ts'
import { errorCodes, type KafkaError, kafkaError } from '../protocol/error-codes.ts'
import type { FindCoordinatorResponse } from '../protocol/messages.ts'
import type { Question } from './call.ts'
import type { BrokerAddress } from './low-level-client.ts'
import type { Settings } from './options.ts'

/** `ask` asks any broker; `found` is told of each coordinator, because metadata may not know its broker yet. */
export interface CoordinatorSource {
  ask(question: Question<'FindCoordinator', Answer>): Promise<Answer>
  found(address: BrokerAddress): void
}

type Answer = { readonly address: BrokerAddress } | { readonly error: KafkaError }

/** Who has a coordinator: a group, or a transactional producer. */
export type CoordinatorType = 'group' | 'transaction'

const keyTypes: Readonly<Record<CoordinatorType, number>> = { group: 0, transaction: 1 }
/** Coordinators remembered; beyond it the one looked up longest ago is forgotten. */
const maxKnown = 10_000
const minWaitMs = 100
const maxWaitMs = 1_000

/** Which broker coordinates what: looked up once, shared by all who ask at the same time, and kept until it is wrong. */
export class Coordinators {
  readonly #settings: Settings
  readonly #source: CoordinatorSource
  readonly #known = new Map<string, number>()
  readonly #lookups = new Map<string, Promise<number>>()
  readonly #aborter = new AbortController()

  constructor(settings: Settings, source: CoordinatorSource) {
    this.#settings = settings
    this.#source = source
  }

  /** Node id of the coordinator. Rejects with a `KafkaError`, or with what kept the last attempt within `requestTimeoutMs`. */
  async find(type: CoordinatorType, key: string): Promise<number> {
    const name = nameOf(type, key)
    const known = this.#known.get(name)
    if (known !== undefined) return known
    let lookup = this.#lookups.get(name)
    if (lookup === undefined) {
      lookup = this.#lookUp(type, key).finally(() => this.#lookups.delete(name))
      this.#lookups.set(name, lookup)
    }
    return lookup
  }

  forget(type: CoordinatorType, key: string): void {
    this.#known.delete(nameOf(type, key))
  }

  close(reason: Error): void {
    this.#aborter.abort(reason)
  }

  async #lookUp(type: CoordinatorType, key: string): Promise<number> {
    const { clock, requestTimeoutMs } = this.#settings
    const deadline = clock.now() + requestTimeoutMs
    for (let waitMs = minWaitMs; ; waitMs = Math.min(maxWaitMs, waitMs * 2)) {
      const timeoutMs = Math.max(1, deadline - clock.now())
      const answer = await this.#source.ask(question(type, key, timeoutMs))
      if ('address' in answer) return this.#remember(nameOf(type, key), answer.address)
      const { error } = answer
      const passing =
        error.errorCode === errorCodes.COORDINATOR_NOT_AVAILABLE ||
        error.errorCode === errorCodes.COORDINATOR_LOAD_IN_PROGRESS
      if (!passing || clock.now() + waitMs >= deadline) throw error
      await sleep(clock, waitMs, this.#aborter.signal)
    }
  }

  #remember(name: string, address: BrokerAddress): number {
    this.#source.found(address)
    this.#known.set(name, address.nodeId)
    const [oldest] = this.#known.keys()
    if (this.#known.size > maxKnown && oldest !== undefined) this.#known.delete(oldest)
    return address.nodeId
  }
}

/** No name of a type holds a space. */
function nameOf(type: CoordinatorType, key: string): string {
  return `${type} ${key}`
}

function question(type: CoordinatorType, key: string, timeoutMs: number): Question<'FindCoordinator', Answer> {
  const keyType = keyTypes[type]
  return {
    name: 'FindCoordinator',
    body: version => (version < 4 ? { key, keyType } : { coordinatorKeys: [key], keyType }),
    read: (answer, version) => readAnswer(type, key, answer, version),
    minVersion: 1,
    timeoutMs,
  }
}

function readAnswer(type: CoordinatorType, key: string, answer: FindCoordinatorResponse, version: number): Answer {
  const found = version < 4 ? answer : answer.coordinators.find(entry => entry.key === key)
  const code = found === undefined ? errorCodes.COORDINATOR_NOT_AVAILABLE : found.errorCode
  const error = kafkaError(code, `finding the coordinator of ${type} ${key}`)
  if (error !== null) return { error }
  const { nodeId, host, port } = found as { nodeId: number; host: string; port: number }
  return { address: { nodeId, host, port, rack: null } }
}
