import { connect, type Socket } from 'node:net'
import type { Clock } from '../base/clock.ts'
import { ConnectionError, toError } from '../base/errors.ts'
import type { ApiName } from '../protocol/apis.ts'
import { FrameReader } from '../protocol/frame-reader.ts'
import { type Ask, Call, type Question } from './call.ts'
import type { Tls } from './tls.ts'
import { tlsFault } from './tls-fault.ts'
import type { Versions } from './versions.ts'

export interface ConnectionOptions {
  /** Where to connect: an IP address. */
  readonly ip: string
  readonly port: number
  /** The name or address that `ip` was found for: whom a certificate must name. */
  readonly host: string
  /** Null: plain TCP. */
  readonly tls: Tls | null
  /** How errors call the broker. */
  readonly broker: string
  readonly clientId: string
  readonly maxFrameBytes: number
  /** A connection for large answers: reads much at once, and gives out frames whose memory the next one overwrites. */
  readonly large: boolean
  /** How much longer than its own deadline an unanswered request may keep the line, for the sake of those behind it. */
  readonly patienceMs: number
  readonly clock: Clock
  /** Called once, when the connection is over and all its calls are rejected; `unanswered` is how many those were. */
  readonly onEnd: (cause: Error, unanswered: number) => void
  /** The broker wants no requests for so long (KIP-219). */
  readonly onThrottle: (ms: number) => void
  /** Requests are welcome again after `hold`. */
  readonly onRelease: () => void
}

interface Sent {
  readonly correlationId: number
  readonly version: number
  readonly call: Ask
}

/** What is said of a connection that ended between two answers without an error. */
export const wasClosed = 'it was closed'

const largeReadBytes = 256 * 1024
const readBytes = 16 * 1024
const keepAliveMs = 30_000

/**
 * One socket to one broker, from connecting to its end; it never reconnects. Requests are pipelined, and answers come in the same
 * order: any other correlation id ends the connection. A call whose deadline is over keeps its place in the line, so that its late
 * answer is recognised and dropped.
 */
export class Connection {
  /** Resolves when TCP stands, rejects when the connection ends before. */
  readonly reached: Promise<void>
  /** Resolves when bytes can be sent: with TLS, when its handshake is done. Rejects when the connection ends before. */
  readonly opened: Promise<void>
  /** Resolves when the socket is gone. */
  readonly closed: Promise<void>
  readonly #options: ConnectionOptions
  readonly #socket: Socket
  readonly #reader: FrameReader
  readonly #line: Sent[] = []
  #correlationId = 0
  #versions: Versions | null = null
  #ended: Error | null = null
  #why = ''
  #lastRead = 0
  #hint = ''
  #held = false
  /** Told when the last request under way is answered, or the connection ends. */
  #quiet: () => void = () => {}

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#reader = new FrameReader({
      maxFrameBytes: options.maxFrameBytes,
      reuse: options.large,
      onFrame: frame => this.#receive(frame),
    })
    const buffer = Buffer.allocUnsafeSlow(options.large ? largeReadBytes : readBytes)
    const onread = { buffer, callback: (bytes: number) => this.#read(buffer, bytes) }
    const { ip, port, host, tls } = options
    const socket = tls === null ? connect({ host: ip, port, onread }) : tls.connect({ ip, port, host, onread })
    socket.setNoDelay(true)
    socket.setKeepAlive(true, keepAliveMs)
    this.#socket = socket
    socket.on('error', error => {
      // Node hangs the whole certificate on it, with all that vouch for it: pages of bytes in every log.
      Reflect.deleteProperty(error, 'cert')
      this.end(tlsFault(error)?.why ?? `${error.message}${this.#ifAsked}`, error)
    })
    socket.on('close', () => {
      this.end(this.#reader.partial ? 'it was closed in the middle of an answer' : `${wasClosed}${this.#ifAsked}`)
    })
    const told = (event: string) =>
      new Promise<void>((resolve, reject) => {
        socket.once(event, () => resolve())
        socket.once('close', () => reject(this.#ended))
      })
    this.reached = told('connect')
    this.opened = tls === null ? this.reached : told('secureConnect')
    // Whoever does not wait for these learns of the end by `onEnd`.
    this.reached.catch(() => {})
    this.opened.catch(() => {})
    this.closed = new Promise(resolve => socket.once('close', () => resolve()))
  }

  /** What the broker speaks; to be set before requests whose version is to be found. */
  set versions(versions: Versions) {
    this.#versions = versions
  }

  /** What it may mean when the broker ends the connection before the next answer. */
  set hint(hint: string) {
    this.#hint = hint
  }

  /** Why it ended, in words that go on a sentence about the broker; empty before. */
  get why(): string {
    return this.#why
  }

  /** Why it is over; null while it is not. */
  get ended(): Error | null {
    return this.#ended
  }

  /** Requests sent whose answer has not come, those nobody waits for any more included. */
  get inFlight(): number {
    return this.#line.length
  }

  /**
   * Whether the line is stuck: brokers answer one request after another, so a new one would wait in vain behind those whose time is
   * over. One that is still in time is given some patience.
   */
  get stuck(): boolean {
    const oldest = this.#line[0]
    if (oldest === undefined) return false
    const now = this.#options.clock.now()
    // Timers may fire a little early.
    const over = ({ call }: Sent) => now >= call.deadline - 1
    if (!over(oldest)) return false
    return this.#line.every(over) || now - Math.max(oldest.call.deadline, this.#lastRead) >= this.#options.patienceMs
  }

  /** Whether new requests are to wait until `onRelease`. */
  get held(): boolean {
    return this.#held
  }

  /** Asks that no new request is sent; resolves when none is under way any more, or the connection has ended. */
  hold(): Promise<void> {
    this.#held = true
    return new Promise(resolve => {
      this.#quiet = resolve
      if (this.#line.length === 0) resolve()
    })
  }

  release(): void {
    this.#held = false
    if (this.#ended === null) this.#options.onRelease()
  }

  /** Sends the request, in the highest version both sides know unless told; what goes wrong settles the call. */
  send(call: Ask, version?: number): void {
    if (call.settled) return
    if (this.#ended !== null) {
      call.fail(this.#ended)
      return
    }
    const correlationId = this.#correlationId
    let chosen: number
    let frame: readonly Uint8Array[]
    try {
      chosen = version ?? this.#pick(call)
      frame = call.encode(chosen, correlationId, this.#options.clientId)
    } catch (thrown) {
      call.fail(toError(thrown))
      return
    }
    this.#correlationId = (correlationId + 1) & 0x7fffffff
    if (call.answered) this.#line.push({ correlationId, version: chosen, call })
    this.#write(frame)
    if (!call.answered) call.written()
  }

  /** In one system call, whatever the number of pieces. */
  #write(pieces: readonly Uint8Array[]): void {
    if (pieces.length > 1) this.#socket.cork()
    for (const piece of pieces) this.#socket.write(piece)
    if (pieces.length > 1) this.#socket.uncork()
  }

  /** Asks on this connection alone, in the highest version both sides know unless told. */
  ask<N extends ApiName, T>(question: Question<N, T>, version?: number): Promise<T> {
    const { clock, broker } = this.#options
    const late = () => 'the connection stands, the broker is silent'
    const call = new Call(question, clock, broker, late, () => {})
    this.send(call, version)
    return call.promise
  }

  /** Ends the connection; all calls on it are rejected with a `ConnectionError` that says why. */
  end(why: string, cause?: unknown): void {
    if (this.#ended !== null) return
    this.#why = why
    const { broker } = this.#options
    this.close(new ConnectionError(`The connection to ${broker} ended: ${why}`, { broker, cause }))
  }

  /** Ends the connection; all calls on it are rejected with `reason`. */
  close(reason: Error): void {
    if (this.#ended !== null) return
    this.#ended = reason
    this.#reader.stop()
    this.#socket.destroy()
    const unanswered = this.#line.splice(0)
    for (const { call } of unanswered) call.fail(reason)
    this.#quiet()
    this.#options.onEnd(reason, unanswered.length)
  }

  get #ifAsked(): string {
    return this.#line.length > 0 ? this.#hint : ''
  }

  #pick(call: Ask): number {
    if (this.#versions === null) throw new ConnectionError(`${this.#options.broker} has not told its versions yet`)
    return this.#versions.pick(call.name, call.minVersion, call.maxVersion)
  }

  #read(buffer: Buffer, bytes: number): boolean {
    this.#lastRead = this.#options.clock.now()
    try {
      this.#reader.push(buffer, bytes)
    } catch (thrown) {
      const error = toError(thrown)
      this.end(error.message, error)
    }
    return true
  }

  #receive(frame: Buffer): void {
    const sent = this.#line.shift()
    const correlationId = frame.readInt32BE(0)
    if (sent?.correlationId !== correlationId) {
      const expected = sent === undefined ? 'when nothing was asked' : `instead of ${sent.correlationId}`
      if (sent !== undefined) this.#line.unshift(sent)
      this.end(`it answered with the correlation id ${correlationId} ${expected}: this port is not a Kafka broker's`)
      return
    }
    this.#hint = ''
    if (this.#line.length === 0) this.#quiet()
    if (sent.call.settled) return
    const own = this.#options.large && sent.call.keepsFrame ? Buffer.from(frame) : frame
    const throttleMs = sent.call.answer(sent.version, own)
    if (throttleMs > 0) this.#options.onThrottle(throttleMs)
  }
}
