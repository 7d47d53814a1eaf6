import { NativeClient } from '../../src/client/native-client.ts'
import type { ClientOptions } from '../../src/client/options.ts'

/** What a client logged; each line as `level message`. */
export class Recorder {
  readonly lines: string[] = []
  debug(_: object, message: string): void {
    this.lines.push(`debug ${message}`)
  }
  info(_: object, message: string): void {
    this.lines.push(`info ${message}`)
  }
  warn(_: object, message: string): void {
    this.lines.push(`warn ${message}`)
  }
  error(_: object, message: string): void {
    this.lines.push(`error ${message}`)
  }
}

/** A client that is closed when the block ends, with short waits between attempts to connect. */
export function startClient(
  options: Partial<ClientOptions> & { brokers: readonly string[] },
): NativeClient & AsyncDisposable {
  const client = new NativeClient({ logger: new Recorder(), reconnect: { minMs: 1, maxMs: 20 }, ...options })
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() })
}
