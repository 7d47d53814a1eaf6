import type { Socket } from 'node:net'
import type { Clock, Timer } from '../base/clock.ts'
import { toError } from '../base/errors.ts'
import { FrameReader } from '../protocol/frame-reader.ts'
import type { Caller, Dispatcher, Reply } from './dispatcher.ts'
import type { Session } from './security/session.ts'
import type { Debtor, Untaken } from './untaken.ts'

/** Bytes of requests that arrive, wait or are being served, on all connections together. */
export interface Load {
  bytes: number
}

export interface ConnectionOptions {
  readonly node: number
  readonly clock: Clock
  readonly dispatcher: Dispatcher
  readonly session: Session
  /** Longest request, in bytes. */
  readonly frameBytes: number
  readonly load: Load
  /** Who lets the load grow beyond this is closed. */
  readonly waitingBytes: number
  readonly untaken: Untaken
  /** A connection on which nothing happens for so long is closed. */
  readonly idleMs: number
  readonly onClosed: () => void
}

/**
 * One client. As Kafka does, it serves one request after another: the next one is begun when the operating system has taken the answer
 * to the one before, so answers are in order, and who reads slowly waits with its own requests. While requests wait, nothing is read.
 */
export class Connection implements Debtor {
  readonly #options: ConnectionOptions
  readonly #socket: Socket
  readonly #reader: FrameReader
  readonly #gone = new AbortController()
  readonly #caller: Caller
  readonly #waiting: Buffer[] = []
  /** What this connection adds to the load. */
  #load = 0
  /** Length of the request whose answer is waited for. */
  #servedBytes = 0
  /** Whether an answer is waited for, or has to be taken by the client. */
  #busy = false
  /** Why nothing more is read: what came after the requests that wait was none. Empty: all is well. */
  #broken = ''
  #ended = false
  #lastUse: number
  #idle: Timer

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#options = options
    this.#socket = socket
    const { remoteAddress: host = '', remotePort } = socket
    const { node, session, frameBytes } = options
    this.#caller = { node, host, client: `${host}:${remotePort}`, session, gone: this.#gone.signal }
    this.#reader = new FrameReader({
      get maxFrameBytes() {
        return session.frameBytes(frameBytes)
      },
      reuse: false,
      onFrame: frame => void this.#waiting.push(frame),
      explain: (head, length) => whatItIs(head, length, session.frameBytes(frameBytes)),
    })
    this.#lastUse = options.clock.now()
    this.#idle = options.clock.after(options.idleMs, () => this.#lookIfIdle())
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('drain', () => this.#goOn())
    // The socket closes after an error, and there is nothing else to be done about it.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#stop()
      options.onClosed()
    })
  }

  /** Closes the socket at once; what waits is not served any more. */
  end(): void {
    this.#stop()
    this.#socket.destroy()
  }

  /** Ends it, and tells why. */
  refuse(why: string): void {
    this.#options.dispatcher.closed(this.#caller.node, this.#caller.client, why)
    this.end()
  }

  #stop(): void {
    if (this.#ended) return
    this.#ended = true
    this.#idle.cancel()
    this.#reader.stop()
    this.#waiting.length = 0
    this.#servedBytes = 0
    this.#weigh()
    this.#options.untaken.delete(this)
    this.#gone.abort(new Error('the connection was closed before the answer was there'))
  }

  #read(chunk: Buffer): void {
    this.#lastUse = this.#options.clock.now()
    try {
      this.#reader.push(chunk)
    } catch (thrown) {
      this.#broken = toError(thrown).message
      this.#reader.stop()
    }
    this.#serve()
    if (this.#waiting.length > 0 || this.#broken !== '') this.#socket.pause()
  }

  /** Serves what waits, until an answer has to be waited for. */
  #serve(): void {
    while (!this.#busy && !this.#ended) {
      const frame = this.#waiting.shift()
      if (frame === undefined) {
        if (this.#broken !== '') this.refuse(this.#broken)
        break
      }
      this.#busy = true
      this.#servedBytes = frame.length
      const reply = this.#options.dispatcher.handle(frame, this.#caller)
      if (!(reply instanceof Promise)) this.#send(reply)
      else {
        void reply.then(late => {
          this.#send(late)
          if (!this.#busy) this.#goOn()
        })
      }
    }
    this.#weigh()
  }

  #send({ pieces, close }: Reply): void {
    if (this.#ended) return
    this.#lastUse = this.#options.clock.now()
    this.#servedBytes = 0
    if (pieces.length > 0) {
      this.#socket.cork()
      for (const piece of pieces) this.#socket.write(piece)
      this.#socket.uncork()
    }
    if (close) {
      this.#stop()
      this.#socket.destroySoon()
      return
    }
    this.#busy = this.#socket.writableNeedDrain
    if (this.#busy) this.#options.untaken.add(this, this.#socket.writableLength)
  }

  /** The answer before was taken: the next request is served. */
  #goOn(): void {
    this.#options.untaken.delete(this)
    this.#busy = false
    this.#serve()
    if (this.#waiting.length === 0 && this.#broken === '') this.#socket.resume()
  }

  #weigh(): void {
    const { load, waitingBytes } = this.#options
    const bytes = this.#waiting.reduce((sum, { length }) => sum + length, this.#reader.held + this.#servedBytes)
    load.bytes += bytes - this.#load
    this.#load = bytes
    if (load.bytes > waitingBytes && !this.#ended) {
      this.refuse(`more than ${waitingBytes} bytes of requests wait, those of all connections together`)
    }
  }

  #lookIfIdle(): void {
    const { clock, idleMs } = this.#options
    const left = this.#lastUse + idleMs - clock.now()
    if (left <= 0 && this.#servedBytes === 0) this.refuse(`nothing happened on it for ${idleMs} ms`)
    else this.#idle = clock.after(left > 0 ? left : idleMs, () => this.#lookIfIdle())
  }
}

/** What begins with these bytes instead of a request's length. */
function whatItIs(head: Buffer, length: number, most: number): string {
  if (head[0] === 0x16 && head[1] === 3) return 'the client speaks TLS, and this port does not'
  if (/^(GET|POST|PUT|HEAD)/.test(head.toString('latin1'))) return 'the client speaks HTTP, and this port does not'
  return `no request has ${length} bytes; at most ${most} are taken`
}
