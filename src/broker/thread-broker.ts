import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { ClosedError, MillraceError, OptionError, toError } from '../base/errors.ts'
import type { ApiName } from '../protocol/apis.ts'
import type { Broker, CommittedOffset, GroupView } from './broker.ts'
import type { FaultOptions } from './fault.ts'
import type { Fault } from './faults.ts'
import type { GroupSnapshot } from './groups/groups.ts'
import type { CoordinatorType } from './nodes.ts'
import type { BrokerOptions, TopicOptions } from './options.ts'
import type { LoggedRequest } from './request-log.ts'
import type { AclOptions } from './security/acl.ts'
import type { Certificate } from './security/authority.ts'
import {
  type BrokerFacts,
  type FromThread,
  type Outcome,
  type Question,
  type Questions,
  type ThreadData,
  unpackError,
} from './thread-messages.ts'

type Method = keyof Questions
type Value<M extends Method> = Awaited<ReturnType<Questions[M]>>

/** How long the thread may take for a question during which this one stands still. */
const patienceMs = 30_000

interface Waiting {
  resolve(value: unknown): void
  reject(reason: Error): void
}

/**
 * A cluster in a thread of its own, so that it and the application take no time from each other. Whatever must be true when a call
 * returns (a fault that is set) is asked for while this thread stands still, for a fraction of a millisecond.
 */
export class ThreadBroker implements Broker {
  readonly #worker: Worker
  readonly #still = new MessageChannel()
  readonly #answered = new Int32Array(new SharedArrayBuffer(4))
  readonly #waiting = new Map<number, Waiting>()
  readonly #listeners = new Set<(request: LoggedRequest) => void>()
  readonly #started = Promise.withResolvers<void>()
  #facts: BrokerFacts = { brokers: [], ca: null }
  #questions = 0
  #ended: Error | null = null
  #closed: Promise<void> | null = null

  private constructor(options: BrokerOptions) {
    const source = import.meta.url.endsWith('.ts') ? './thread-worker.ts' : './thread-worker.js'
    const workerData: ThreadData = { options, still: this.#still.port2, answered: this.#answered }
    this.#worker = new Worker(new URL(source, import.meta.url), { workerData, transferList: [this.#still.port2] })
    this.#worker.on('message', (message: FromThread) => this.#receive(message))
    this.#worker.on('error', error => this.#end(toError(error)))
    this.#worker.on('exit', () => this.#end(new ClosedError('The broker')))
  }

  static async start(options: BrokerOptions): Promise<ThreadBroker> {
    const broker = new ThreadBroker(options)
    try {
      await broker.#started.promise
      return broker
    } catch (error) {
      await broker.#worker.terminate()
      throw error
    }
  }

  get brokers(): readonly string[] {
    return this.#facts.brokers
  }

  get ca(): string | null {
    return this.#facts.ca
  }

  issueCertificate(name: string): Promise<Certificate> {
    return this.#ask('issueCertificate', name)
  }

  get requests(): readonly LoggedRequest[] {
    return this.#askStill('requests')
  }

  onRequest(listener: (request: LoggedRequest) => void): () => void {
    this.#listeners.add(listener)
    if (this.#listeners.size === 1) this.#askStill('tellRequests', true)
    return () => {
      const wasLast = this.#listeners.delete(listener) && this.#listeners.size === 0
      if (wasLast && this.#ended === null) this.#askStill('tellRequests', false)
    }
  }

  createTopic(topic: string, options?: number | TopicOptions): Promise<void> {
    return this.#ask('createTopic', topic, options)
  }

  deleteTopic(topic: string): Promise<void> {
    return this.#ask('deleteTopic', topic)
  }

  setAcls(acls: readonly AclOptions[] | null): Promise<void> {
    return this.#ask('setAcls', acls)
  }

  leader(topic: string, partition: number): Promise<number> {
    return this.#ask('leader', topic, partition)
  }

  moveLeader(topic: string, partition: number, to?: number): Promise<number> {
    return this.#ask('moveLeader', topic, partition, to)
  }

  lagFollower(...args: Parameters<Broker['lagFollower']>): Promise<void> {
    return this.#ask('lagFollower', ...args)
  }

  deleteRecords(topic: string, partition: number, before: number): Promise<void> {
    return this.#ask('deleteRecords', topic, partition, before)
  }

  compact(topic: string): Promise<void> {
    return this.#ask('compact', topic)
  }

  committed(group: string): Promise<readonly CommittedOffset[]> {
    return this.#ask('committed', group)
  }

  group(name: string): GroupView {
    return {
      now: async () => withBuffers(await this.#ask('group', name)),
      until: async (...wanted) => withBuffers(await this.#ask('groupUntil', name, ...wanted)),
    }
  }

  setCoordinator(type: CoordinatorType, key: string, node: number): Promise<void> {
    return this.#ask('setCoordinator', type, key, node)
  }

  stopNode(node: number): Promise<void> {
    return this.#ask('stopNode', node)
  }

  startNode(node: number): Promise<void> {
    return this.#ask('startNode', node)
  }

  fault<const N extends ApiName = ApiName>(options: FaultOptions<N>): Fault {
    const reply: unknown = options?.action?.reply
    if (options?.when !== undefined || typeof reply === 'function') {
      const name = typeof reply === 'function' ? 'fault.action.reply' : 'fault.when'
      throw new OptionError(`${name} is a function, and functions cannot cross to the thread of this broker`)
    }
    const number = this.#askStill('fault', options as unknown as FaultOptions)
    let hits = 0
    const count = () => {
      if (this.#ended === null) hits = this.#askStill('hits', number)
      return hits
    }
    const remove = () => {
      if (this.#ended === null) this.#askStill('removeFault', number)
    }
    const hit = (n?: number) => {
      const reached = this.#ask('hit', number, n)
      // It may be asked for before it is waited for, and never be waited for.
      reached.catch(() => {})
      return reached
    }
    return {
      get hits() {
        return count()
      },
      hit,
      remove,
      [Symbol.dispose]: remove,
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#stop()
    return this.#closed
  }

  async #stop(): Promise<void> {
    if (this.#ended === null) await this.#ask('close')
    await this.#worker.terminate()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #ask<M extends Method>(method: M, ...args: Parameters<Questions[M]>): Promise<Value<M>> {
    if (this.#ended !== null) return Promise.reject(this.#ended)
    const question: Question = { number: this.#questions++, method, args }
    this.#worker.postMessage(question)
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#waiting.set(question.number, { resolve, reject })
    return promise as Promise<Value<M>>
  }

  #askStill<M extends Method>(method: M, ...args: Parameters<Questions[M]>): Value<M> {
    if (this.#ended !== null) throw this.#ended
    const question: Question = { number: this.#questions++, method, args }
    Atomics.store(this.#answered, 0, 0)
    this.#still.port1.postMessage(question)
    if (Atomics.wait(this.#answered, 0, 0, patienceMs) === 'timed-out') {
      throw new MillraceError('SILENT', `The thread of the broker did not answer within ${patienceMs} ms.`)
    }
    return opened(receiveMessageOnPort(this.#still.port1)?.message as Outcome) as Value<M>
  }

  #receive(message: FromThread): void {
    if ('started' in message) {
      this.#facts = message.started
      this.#started.resolve()
    } else if ('failed' in message) {
      this.#started.reject(unpackError(message.failed))
    } else if ('request' in message) {
      for (const listener of [...this.#listeners]) listener(message.request)
    } else {
      const waiting = this.#waiting.get(message.number)
      this.#waiting.delete(message.number)
      const { outcome } = message
      if ('error' in outcome) waiting?.reject(unpackError(outcome.error))
      else waiting?.resolve(outcome.value)
    }
  }

  #end(reason: Error): void {
    this.#ended ??= reason
    this.#started.reject(reason)
    this.#still.port1.close()
    for (const waiting of this.#waiting.values()) waiting.reject(reason)
    this.#waiting.clear()
  }
}

function opened(outcome: Outcome): unknown {
  if ('error' in outcome) throw unpackError(outcome.error)
  return outcome.value
}

/** Buffers arrive from another thread as plain arrays of bytes. */
function withBuffers(snapshot: GroupSnapshot): GroupSnapshot {
  const members = snapshot.members.map(member => {
    const { buffer, byteOffset, byteLength } = member.assignment
    return { ...member, assignment: Buffer.from(buffer, byteOffset, byteLength) }
  })
  return { ...snapshot, members }
}
