import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, TLSSocket } from 'node:tls'
import { MillraceError, toError } from '../base/errors.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import { Handshakes } from './security/handshakes.ts'
import type { Sasl } from './security/sasl.ts'
import { Session } from './security/session.ts'
import { certificateName, objectionTo, type TlsServerOptions } from './security/tls.ts'

export interface NodeOptions extends Omit<ConnectionOptions, 'session' | 'onClosed'> {
  /** Connections at the same time; further ones are closed at once. */
  readonly connections: number
  /** Null: it speaks without TLS. */
  readonly tls: TlsServerOptions | null
  /** Null: everybody is let in. */
  readonly sasl: Sasl | null
}

/** One broker's port and the connections on it. */
export class Node {
  readonly #options: NodeOptions
  readonly #connections = new Set<Connection>()
  readonly #handshakes: Handshakes
  readonly #server: Server

  constructor(options: NodeOptions) {
    const { node, dispatcher, clock, tls, connections } = options
    this.#options = options
    this.#handshakes = new Handshakes(clock, (client, why) => dispatcher.closed(node, client, why))
    this.#server = tls === null ? this.#plainServer() : this.#tlsServer(tls)
    this.#server.maxConnections = connections
    this.#server.on('drop', ({ remoteAddress, remotePort } = {}) => {
      const why = `node ${node} has ${connections} connections, and takes no more`
      dispatcher.closed(node, `${remoteAddress}:${remotePort}`, why)
    })
  }

  #plainServer(): Server {
    return createServer({ noDelay: true, keepAlive: true }, socket => this.#connect(socket))
  }

  #tlsServer(tls: TlsServerOptions): Server {
    const server = createTlsServer({ noDelay: true, keepAlive: true, ...tls })
    server.on('connection', (socket: Socket) => this.#handshakes.begin(socket))
    server.on('secureConnection', socket => {
      this.#handshakes.end(socket)
      this.#connect(socket)
    })
    server.on('tlsClientError', (error, socket) => this.#handshakes.fail(socket, error))
    return server
  }

  #connect(socket: Socket): void {
    const { clock, sasl } = this.#options
    const secured = socket instanceof TLSSocket ? socket : null
    const session = new Session({ clock, sasl, certificate: secured && certificateName(secured) })
    const connection: Connection = new Connection(socket, {
      ...this.#options,
      session,
      onClosed: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
    const objection = secured && objectionTo(secured)
    if (objection !== null) connection.refuse(objection)
  }

  /** Begins to listen, and answers the port; not to be stopped before that. */
  async listen(host: string, port: number): Promise<number> {
    const server = this.#server.listen(port, host)
    try {
      await once(server, 'listening')
    } catch (error) {
      const why = `The broker cannot listen on ${host}:${port}: ${toError(error).message}`
      throw new MillraceError('CANNOT_LISTEN', why, { cause: error })
    }
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : port
  }

  /** Ends all connections at once, as a crash does, and resolves when the port is free; `listen` may be called again then. */
  stop(): Promise<void> {
    return new Promise(resolve => {
      this.#server.close(() => resolve())
      this.#handshakes.stop()
      for (const connection of this.#connections) connection.end()
    })
  }
}
