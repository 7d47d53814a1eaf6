import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Clock, Timer } from '../../base/clock.ts'

const patienceMs = 10_000

interface Handshake {
  readonly socket: Socket
  readonly timer: Timer
  why: string
}

/** The connections to a port whose TLS handshake is not over: they are closed when that takes too long, or fails. */
export class Handshakes {
  readonly #clock: Clock
  readonly #onFailed: (client: string, why: string) => void
  readonly #open = new Map<string, Handshake>()

  constructor(clock: Clock, onFailed: (client: string, why: string) => void) {
    this.#clock = clock
    this.#onFailed = onFailed
  }

  begin(socket: Socket): void {
    const client = addressOf(socket)
    const handshake = {
      socket,
      why: 'it left before its TLS handshake was over, or its certificate was not accepted',
      timer: this.#clock.after(patienceMs, () => {
        handshake.why = `its TLS handshake was not over within ${patienceMs} ms`
        socket.destroy()
      }),
    }
    this.#open.set(client, handshake)
    socket.on('close', () => {
      handshake.timer.cancel()
      // Another client may have the same port by now.
      if (this.#open.get(client) !== handshake) return
      this.#open.delete(client)
      this.#onFailed(client, handshake.why)
    })
  }

  /** It is over. */
  end(secured: TLSSocket): void {
    const client = addressOf(secured)
    this.#open.get(client)?.timer.cancel()
    this.#open.delete(client)
  }

  /** Why it failed, when the client is still there to be told apart; it is closed by Node. */
  fail(socket: TLSSocket, error: NodeJS.ErrnoException): void {
    const handshake = this.#open.get(addressOf(socket))
    if (handshake !== undefined) handshake.why = whatWentWrong(error)
  }

  /** Closes all of them. */
  stop(): void {
    for (const { socket } of this.#open.values()) socket.destroy()
  }
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`
}

function whatWentWrong({ code = '', message }: NodeJS.ErrnoException): string {
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') return 'the client speaks without TLS, and this port speaks TLS'
  if (code === 'ERR_SSL_HTTP_REQUEST') return 'the client speaks HTTP, and this port does not'
  return `its TLS handshake failed: ${code || message}`
}
