import assert from 'node:assert/strict'
import type { Clock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { Cluster } from '../../src/broker/cluster.ts'
import { type Caller, Dispatcher, type Reply } from '../../src/broker/dispatcher.ts'
import { Faults } from '../../src/broker/faults.ts'
import { RequestLog } from '../../src/broker/request-log.ts'
import { type BrokerSaslOptions, Sasl, saslSettings } from '../../src/broker/security/sasl.ts'
import { Session } from '../../src/broker/security/session.ts'
import type { ApiName } from '../../src/protocol/apis.ts'
import { decodeResponse } from '../../src/protocol/frame.ts'
import type { Requests, Responses } from '../../src/protocol/messages.ts'
import type { Encodable } from '../../src/protocol/shapes.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { requestFrame } from './raw-connection.ts'

/** Where requests arrive at a broker of one node, without sockets. */
export class Desk {
  readonly cluster: Cluster
  readonly faults: Faults
  readonly log: RequestLog
  readonly dispatcher: Dispatcher
  readonly #gone = new AbortController()
  readonly #sasl: Sasl | null
  readonly caller: Caller

  constructor(
    topics: Readonly<Record<string, number>> = {},
    clock: Clock = new VirtualClock(),
    sasl: BrokerSaslOptions | undefined = undefined,
  ) {
    const checked = saslSettings(sasl)
    this.#sasl = checked && new Sasl(checked, clock)
    const settings = {
      clock,
      random: seededRandom(1),
      config: new Map<string, string>(),
      autoCreateTopics: true,
      superUsers: ['User:ANONYMOUS'],
    }
    this.cluster = new Cluster('MillraceTestsClusterId', settings)
    this.cluster.nodes.all.push({ id: 1, host: '127.0.0.1', port: 9092, rack: null, running: true })
    for (const [name, partitions] of Object.entries(topics)) this.cluster.topics.create({ name, partitions })
    this.faults = new Faults(this.cluster)
    this.log = new RequestLog(clock, 100)
    this.dispatcher = new Dispatcher(this)
    this.caller = this.connect(this.#gone.signal)
  }

  /** Somebody whose connection has just been opened. */
  connect(gone: AbortSignal): Caller {
    const session = new Session({ clock: this.cluster.clock, sasl: this.#sasl, certificate: null })
    return { node: 1, host: '127.0.0.1', client: '127.0.0.1:1', session, gone }
  }

  /** What is sent for a frame without its length: bytes without their length. */
  handle(frame: Buffer): Reply | Promise<Reply> {
    return this.dispatcher.handle(frame, this.caller)
  }

  /** Asks, and reads the answer; null: none is sent. Fields that the version lacks are left out. */
  async ask<N extends ApiName>(name: N, version: number, body: Encodable<Requests[N]>): Promise<Responses[N] | null> {
    const { pieces, close } = await this.handle(requestFrame(name, version, body))
    assert.equal(close, false, this.log.requests.at(-1)?.why ?? '')
    return pieces.length === 0 ? null : decodeResponse(name, version, Buffer.concat(pieces).subarray(4))
  }

  close(): void {
    this.#gone.abort()
    this.faults.close()
    this.cluster.close()
  }
}
