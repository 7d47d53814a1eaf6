import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { type ApiName, api } from '../../src/protocol/apis.ts'
import { compile } from '../../src/protocol/codec.ts'
import { FrameReader } from '../../src/protocol/frame-reader.ts'
import type { RequestHeader, Requests } from '../../src/protocol/messages.ts'
import type { Encodable } from '../../src/protocol/shapes.ts'
import { Writer } from '../../src/protocol/writer.ts'

/** A request as it goes over the wire, header and all, without its length. Fields that the version lacks are left out. */
export function requestFrame<N extends ApiName>(name: N, version: number, body: Encodable<Requests[N]>): Buffer {
  const codec = compile<Encodable<Requests[N]>>(`${name}Request`, version, false)
  const writer = new Writer()
  const header = { requestApiKey: api(name).key, requestApiVersion: version, correlationId: 7, clientId: 'probe' }
  compile<RequestHeader>('RequestHeader', codec.flexible ? 2 : 1, true).encode(writer, header)
  codec.encode(writer, body)
  return Buffer.from(writer.finish())
}

/** One connection that says whatever it is told to say, and hears what comes back. */
export class RawConnection implements Disposable {
  readonly #socket: Socket
  readonly #waiting: ((frame: Buffer | null) => void)[] = []
  #open = true
  #received = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    const frames = new FrameReader({
      maxFrameBytes: 1 << 28,
      reuse: false,
      onFrame: frame => this.#waiting.shift()?.(frame),
    })
    socket.setNoDelay(true)
    socket.on('data', chunk => {
      this.#received += chunk.length
      frames.push(chunk)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#open = false
      for (const answer of this.#waiting.splice(0)) answer(null)
    })
  }

  /** With `tls`, resolves when its handshake is over. */
  static async to(address: string, tls?: ConnectionOptions): Promise<RawConnection> {
    const [host = '', port] = address.split(':')
    const socket = tls ? connectTls({ host, port: Number(port), ...tls }) : connect(Number(port), host)
    await once(socket, tls ? 'secureConnect' : 'connect')
    return new RawConnection(socket)
  }

  get open(): boolean {
    return this.#open
  }

  /** Bytes that came so far. */
  get received(): number {
    return this.#received
  }

  /** Sends a frame, whose length is put before it, and resolves to the next answer; null when the connection is closed instead. */
  exchange(frame: Buffer): Promise<Buffer | null> {
    return this.exchangeBytes(prefixed(frame))
  }

  /** The same for bytes that are sent as they are. */
  exchangeBytes(bytes: Buffer): Promise<Buffer | null> {
    if (!this.#open) return Promise.resolve(null)
    this.#socket.write(bytes)
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  /** Sends a frame that gets no answer. */
  tell(frame: Buffer): void {
    this.#socket.write(prefixed(frame))
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }
}

function prefixed(frame: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeInt32BE(frame.length)
  return Buffer.concat([length, frame])
}
