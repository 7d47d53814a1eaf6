import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { type Random, seededRandom } from '../../src/base/random.ts'
import { apiTable } from '../../src/broker/api/table.ts'
import type { Reply } from '../../src/broker/dispatcher.ts'
import { type ApiName, api } from '../../src/protocol/apis.ts'
import { decodeRequest, decodeResponse } from '../../src/protocol/frame.ts'
import { ProtocolError } from '../../src/protocol/protocol-error.ts'
import { arbitraryMessage } from '../protocol/arbitrary-message.ts'
import { garbage, mutated } from '../protocol/hostile-bytes.ts'
import { type Message, messageVersion } from '../protocol/message-versions.ts'
import { VirtualClock } from '../virtual-clock.ts'
import { Desk } from './desk.ts'
import { Likely } from './likely.ts'
import { requestFrame } from './raw-connection.ts'

/** Requests as clients of all kinds sent them to Kafka, without their length. */
const recorded: readonly Buffer[] = gunzipSync(readFileSync(new URL('../data/frames.txt.gz', import.meta.url)))
  .toString('latin1')
  .trimEnd()
  .split('\n')
  .map(line => line.split(' '))
  .filter(([direction]) => direction === 'req')
  .map(([, , , hex = '']) => Buffer.from(hex, 'hex'))

/** Errors of JavaScript: these are defects of the broker. */
const defect = /^[A-Z][A-Za-z]*Error\b/

const noId = 'AAAAAAAAAAAAAAAAAAAAAA'
const connections = 30
const structuredPerVersion = 20

/** One that may be busy with a parked request, as connections are. */
interface Line {
  gone: AbortController
  busy: boolean
}

interface Structured {
  readonly name: ApiName
  readonly version: number
  readonly bodies: readonly Message[]
}

/** Throws frames of all kinds at a broker, without sockets: nothing but answers and closed connections may come of it. */
export class BrokerFuzz {
  readonly clock = new VirtualClock()
  readonly desk: Desk
  /** How many frames had which end. */
  readonly counts = { answered: 0, silent: 0, closed: 0, parked: 0 }
  /** APIs that answered something without an error: their handlers were reached. */
  readonly reached = new Set<ApiName>()
  readonly #random: Random
  readonly #likely: Likely
  readonly #lines: Line[]
  readonly #structured: readonly Structured[]

  constructor(seed: number) {
    this.#random = seededRandom(seed)
    this.desk = new Desk({ orders: 3, payments: 1 }, this.clock)
    // Everybody is a super user there, and may make rules.
    this.desk.cluster.acls.replace([])
    const topicIds = () => ['orders', 'payments'].map(topic => this.desk.cluster.topics.get(topic)?.id ?? noId)
    this.#likely = new Likely(this.#random, topicIds, () => this.clock.wallTime())
    this.#lines = Array.from({ length: connections }, () => ({ gone: new AbortController(), busy: false }))
    this.#structured = structured(seed)
    this.desk.log.listen(({ api: name, version, errors, outcome, why }) => {
      assert.ok(why === null || !defect.test(why), `${name} v${version}: ${why}`)
      if (name !== null && outcome === 'answered' && errors.length === 0) this.reached.add(name)
    })
  }

  /** Sends so many frames: a third are sound requests, most others are mutated ones, and some are mere garbage. */
  async run(frames: number): Promise<void> {
    for (let sent = 0; sent < frames; sent++) {
      this.#send()
      if (sent % 50 === 0) await this.clock.advance(this.#below(20) === 0 ? 120_000 : this.#below(2_000))
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T
  }

  #send(): void {
    const line = this.#pick(this.#lines)
    if (line.busy) {
      if (this.#below(20) > 0) return
      line.gone.abort(new Error('the client went away'))
      line.gone = new AbortController()
      line.busy = false
    }
    const frame = this.frame()
    const reply = this.desk.dispatcher.handle(frame, this.desk.connect(line.gone.signal))
    if (!(reply instanceof Promise)) {
      this.#count(frame, reply)
      return
    }
    this.counts.parked++
    line.busy = true
    const { gone } = line
    reply.then(
      late => {
        if (line.gone === gone) line.busy = false
        this.#count(frame, late)
      },
      thrown => assert.fail(`a reply was rejected: ${thrown}`),
    )
  }

  /** One more, without its length. */
  frame(): Buffer {
    const kind = this.#below(30)
    if (kind === 0) return garbage(this.#below(100), this.#random)
    if (kind < 10) return mutated(this.#pick(recorded), this.#random)
    const sound = this.#sound()
    return kind < 20 ? mutated(sound, this.#random) : sound
  }

  #sound(): Buffer {
    const { name, version, bodies } = this.#pick(this.#structured)
    const body = this.#pick(bodies)
    const likely = structuredClone(body)
    this.#likely.request(name, likely)
    try {
      return requestFrame(name, version, likely)
    } catch (error) {
      // What is likely in one API may not be a value in another.
      assert.ok(error instanceof ProtocolError)
      return requestFrame(name, version, body)
    }
  }

  #count(frame: Buffer, { pieces, close }: Reply): void {
    const bytes = Buffer.concat(pieces)
    if (close) this.counts.closed++
    else if (bytes.length === 0) this.counts.silent++
    else {
      this.counts.answered++
      this.#learn(frame, bytes)
    }
  }

  /** Every answer can be read by the one who asked. */
  #learn(frame: Buffer, bytes: Buffer): void {
    assert.equal(bytes.readInt32BE(0), bytes.length - 4)
    assert.equal(bytes.readInt32BE(4), frame.readInt32BE(4))
    const { min, max } = rangeOf('ApiVersions')
    const version = frame.readInt16BE(2)
    if (frame.readInt16BE(0) === api('ApiVersions').key && (version < min || version > max)) return
    const { name, body } = decodeRequest(frame)
    const answer: object = decodeResponse(name, version, bytes.subarray(4))
    this.#likely.answer(name, body as Message, answer as Message)
  }
}

function rangeOf(name: ApiName): { min: number; max: number } {
  const { minVersion: min, maxVersion: max } = api(name)
  return { min, max }
}

function structured(seed: number): Structured[] {
  return (Object.keys(apiTable) as ApiName[]).flatMap(name => {
    const { min, max } = rangeOf(name)
    return Array.from({ length: max - min + 1 }, (_, at) => {
      const arbitrary = arbitraryMessage(messageVersion(`${name}Request`, min + at))
      return {
        name,
        version: min + at,
        bodies: fc.sample(arbitrary, { seed: seed + at, numRuns: structuredPerVersion }),
      }
    })
  })
}
