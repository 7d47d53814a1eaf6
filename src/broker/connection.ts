import type { Socket } from 'node:net'
import type { Clock, Timer } from '../base/clock.ts'
import { toError } from '../base/errors.ts'
import { FrameReader } from '../protocol/frame-reader.ts'
import type { Caller, Dispatcher, Reply } from './dispatcher.ts'

export interface ConnectionOptions {
  readonly node: number
  readonly clock: Clock
  readonly dispatcher: Dispatcher
  /** Longest request, in bytes. */
  readonly frameBytes: number
  /** A connection on which nothing happens for so long is closed. */
  readonly idleMs: number
  readonly onEnd: () => void
}

/**
 * One client. As Kafka does, it serves one request after another: the next one is begun when the answer of the one before is with
 * the operating system, so answers are in order, and a slow reader stops its own requests. While requests wait, nothing is read.
 */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #socket: Socket
  readonly #reader: FrameReader
  readonly #gone = new AbortController()
  readonly #caller: Caller
  readonly #waiting: Buffer[] = []
  #busy = false
  #ended = false
  #lastUse: number
  #idle: Timer

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#options = options
    this.#socket = socket
    this.#caller = { node: options.node, host: socket.remoteAddress ?? '', gone: this.#gone.signal }
    this.#reader = new FrameReader({
      maxFrameBytes: options.frameBytes,
      reuse: false,
      onFrame: frame => void this.#waiting.push(frame),
    })
    this.#lastUse = options.clock.now()
    this.#idle = options.clock.after(options.idleMs, () => this.#lookIfIdle())
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('drain', () => this.#served())
    socket.on('error', () => {})
    socket.on('close', () => this.end())
  }

  /** Closes the socket at once; what waits is not served any more. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#idle.cancel()
    this.#reader.stop()
    this.#waiting.length = 0
    this.#socket.destroy()
    this.#gone.abort()
    this.#options.onEnd()
  }

  #read(chunk: Buffer): void {
    this.#lastUse = this.#options.clock.now()
    try {
      this.#reader.push(chunk)
    } catch (thrown) {
      toError(thrown)
      this.end()
      return
    }
    this.#serve()
    if (this.#waiting.length > 0) this.#socket.pause()
  }

  /** Serves what waits, until an answer has to be waited for. */
  #serve(): void {
    while (!this.#busy) {
      const frame = this.#waiting.shift()
      if (frame === undefined) return
      this.#busy = true
      const reply = this.#options.dispatcher.handle(frame, this.#caller)
      if (!(reply instanceof Promise)) this.#send(reply)
      else {
        void reply.then(late => {
          this.#send(late)
          this.#goOn()
        })
      }
    }
  }

  #send(reply: Reply): void {
    if (this.#ended) return
    this.#lastUse = this.#options.clock.now()
    const fits = reply.frame === null || this.#write(reply.frame)
    if (reply.close !== null) this.end()
    if (fits) this.#busy = false
  }

  /** Sends the pieces in one go, and answers whether there is room for more. */
  #write(frame: readonly Uint8Array[]): boolean {
    this.#socket.cork()
    for (const piece of frame) this.#socket.write(piece)
    this.#socket.uncork()
    return !this.#socket.writableNeedDrain
  }

  /** The reader has caught up with the answers. */
  #served(): void {
    this.#busy = false
    this.#goOn()
  }

  #goOn(): void {
    this.#serve()
    if (this.#waiting.length === 0) this.#socket.resume()
  }

  #lookIfIdle(): void {
    const { clock, idleMs } = this.#options
    const left = this.#lastUse + idleMs - clock.now()
    if (left <= 0 && !this.#busy) this.end()
    else this.#idle = clock.after(left > 0 ? left : idleMs, () => this.#lookIfIdle())
  }
}
