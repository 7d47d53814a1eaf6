import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { MillraceError, toError } from '../base/errors.ts'
import { Connection, type ConnectionOptions } from './connection.ts'

export interface NodeOptions extends Omit<ConnectionOptions, 'onClosed'> {
  /** Connections at the same time; further ones are closed at once. */
  readonly connections: number
}

/** One broker's port and the connections on it. */
export class Node {
  readonly #connections = new Set<Connection>()
  readonly #server: Server

  constructor(options: NodeOptions) {
    this.#server = createServer({ noDelay: true, keepAlive: true }, socket => {
      const connection: Connection = new Connection(socket, {
        ...options,
        onClosed: () => this.#connections.delete(connection),
      })
      this.#connections.add(connection)
    })
    this.#server.maxConnections = options.connections
    this.#server.on('drop', ({ remoteAddress, remotePort } = {}) => {
      const why = `node ${options.node} has ${options.connections} connections, and takes no more`
      options.dispatcher.closed(options.node, `${remoteAddress}:${remotePort}`, why)
    })
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
      for (const connection of this.#connections) connection.end()
    })
  }
}
