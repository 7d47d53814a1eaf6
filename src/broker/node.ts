import { createServer, type Server } from 'node:net'
import type { Clock } from '../base/clock.ts'
import { Connection } from './connection.ts'
import type { Dispatcher } from './dispatcher.ts'

export interface NodeOptions {
  readonly id: number
  readonly clock: Clock
  readonly dispatcher: Dispatcher
  readonly frameBytes: number
  readonly connections: number
  readonly idleMs: number
}

/** One broker's port and the connections on it. */
export class Node {
  readonly #connections = new Set<Connection>()
  readonly #server: Server

  constructor(options: NodeOptions) {
    this.#server = createServer({ noDelay: true, keepAlive: true }, socket => {
      const connection: Connection = new Connection(socket, {
        ...options,
        node: options.id,
        onEnd: () => this.#connections.delete(connection),
      })
      this.#connections.add(connection)
    })
    this.#server.maxConnections = options.connections
  }

  /** Begins to listen, and answers the port. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject)
        const address = this.#server.address()
        resolve(typeof address === 'object' && address !== null ? address.port : port)
      })
    })
  }

  /** Ends all connections at once, as a crash does, and resolves when the port is free. */
  stop(): Promise<void> {
    return new Promise(resolve => {
      this.#server.close(() => resolve())
      for (const connection of this.#connections) connection.end()
    })
  }
}
