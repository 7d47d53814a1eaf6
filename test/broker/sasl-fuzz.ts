import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type Random, seededRandom } from '../../src/base/random.ts'
import type { Caller } from '../../src/broker/dispatcher.ts'
import { decodeResponse } from '../../src/protocol/frame.ts'
import { encodeBearer } from '../../src/protocol/sasl/oauthbearer.ts'
import { garbage, mutated } from '../protocol/hostile-bytes.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { Desk } from './desk.ts'
import { requestFrame } from './raw-connection.ts'
import { plain, unsecuredToken } from './sasl-client.ts'

const secret = 'a-password-nobody-tells'
const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const

/** Errors of JavaScript: these are defects of the broker. */
const defect = /^[A-Z][A-Za-z]*Error\b/

/** Clients that begin to authenticate and go astray: nothing but answers and closed connections may come of it. */
export class SaslFuzz {
  readonly clock = new VirtualClock()
  readonly desk: Desk
  /** Connections that had which end, and messages that the broker took. */
  readonly counts = { open: 0, closed: 0, taken: 0 }
  readonly #random: Random
  readonly #gone = new AbortController()
  #mechanism: (typeof mechanisms)[number] = 'PLAIN'

  constructor(seed: number) {
    this.#random = seededRandom(seed)
    const sasl = { mechanisms, users: { alice: secret }, sessionLifetimeMs: 10_000 }
    this.desk = new Desk({ orders: 1 }, this.clock, sasl)
    this.desk.log.listen(({ api, why, outcome, errors }) => {
      if (api === 'SaslAuthenticate' && outcome === 'answered' && errors.length === 0) this.counts.taken++
      assert.ok(why === null || !(defect.test(why) || why.includes(secret)), `${why}`)
    })
  }

  async run(clients: number): Promise<void> {
    for (let client = 0; client < clients; client++) await this.#client()
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T
  }

  async #client(): Promise<void> {
    const caller = this.desk.connect(this.#gone.signal)
    const frames = 2 + this.#below(8)
    let nonce = ''
    for (let sent = 0; sent < frames; sent++) {
      const reply = await this.#send(caller, sent, nonce)
      if (reply === null) {
        this.counts.closed++
        return
      }
      nonce = /r=([^,]+)/.exec(reply.toString('latin1'))?.[1] ?? nonce
      if (this.#below(10) === 0) await this.clock.advance(this.#below(12_000))
    }
    this.counts.open++
  }

  /** Null: the connection was closed. */
  async #send(caller: Caller, sent: number, nonce: string): Promise<Buffer | null> {
    const frame = this.#frame(sent, nonce)
    const bare = caller.session.takesBareMessage
    const { pieces, close } = await this.desk.dispatcher.handle(frame, caller)
    const bytes = Buffer.concat(pieces)
    if (bytes.length > 0) assert.equal(bytes.readInt32BE(0), bytes.length - 4)
    assert.ok(!bytes.includes(secret))
    const asked = frame.length >= 4 && !bare && bytes.length > 0 ? frame.readInt16BE(0) : -1
    if (asked === 17) decodeResponse('SaslHandshake', frame.readInt16BE(2), bytes.subarray(4))
    if (asked === 36) decodeResponse('SaslAuthenticate', frame.readInt16BE(2), bytes.subarray(4))
    return close ? null : bytes
  }

  /** A sound one more often than not, and in its place at first. */
  #frame(sent: number, nonce: string): Buffer {
    const kind = sent === 0 ? this.#below(10) : this.#below(13)
    const frame =
      kind < 9 && sent === 0 ? this.#handshake() : kind < 10 ? this.#authenticate(nonce) : this.#other(nonce)
    const fate = this.#below(20)
    if (fate === 0) return garbage(4 + this.#below(100), this.#random)
    return fate < 3 ? mutated(frame, this.#random) : frame
  }

  #handshake(): Buffer {
    this.#mechanism = this.#pick(mechanisms)
    return requestFrame('SaslHandshake', this.#below(4) === 0 ? 0 : 1, { mechanism: this.#mechanism })
  }

  #authenticate(nonce: string): Buffer {
    return requestFrame('SaslAuthenticate', this.#below(3), { authBytes: this.#message(nonce) })
  }

  #other(nonce: string): Buffer {
    return this.#pick([
      () => this.#handshake(),
      () => this.#message(nonce),
      () => requestFrame('Metadata', 9, { topics: null }),
    ])()
  }

  /** Most are of the mechanism that was agreed on. */
  #message(nonce: string): Buffer {
    const mechanism = this.#below(5) === 0 ? this.#pick(mechanisms) : this.#mechanism
    const exp = this.clock.wallTime() / 1000 + this.#below(100) - 10
    const token = unsecuredToken({ sub: 'alice', exp })
    const choices = {
      PLAIN: [plain('alice', secret), plain('alice', secret, 'alice'), plain('alice', 'wrong')],
      OAUTHBEARER: [encodeBearer({ authzid: '', token, extensions: {} }), Buffer.of(1), Buffer.alloc(0)],
      SCRAM: [
        Buffer.from('n,,n=alice,r=abc'),
        Buffer.from('n,a=alice,n=alice,r=abc,ext=1'),
        Buffer.from(`c=biws,r=${nonce},p=${randomBytes(32).toString('base64')}`),
      ],
    }
    const message = this.#pick(choices[mechanism.startsWith('SCRAM') ? 'SCRAM' : (mechanism as 'PLAIN')])
    return this.#below(4) === 0 ? mutated(message, this.#random) : message
  }
}
