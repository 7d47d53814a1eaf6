import type { Writable } from 'node:stream'
import type { LoggedRequest } from '../broker/index.ts'
import { printable } from './printable.ts'

/** Beyond so many bytes that nobody has read yet, requests are counted and not printed. */
const mostWaiting = 1024 * 1024

/** A line for each request. A reader that is slow does not slow down the broker, and one that went away ends nothing. */
export class RequestPrinter {
  readonly #stream: Writable
  readonly #format: (request: LoggedRequest) => string
  #leftOut = 0

  constructor(stream: Writable, format: (request: LoggedRequest) => string) {
    this.#stream = stream.on('error', () => {})
    this.#format = format
  }

  print(request: LoggedRequest): void {
    if (this.#stream.destroyed) return
    if (this.#stream.writableLength > mostWaiting) {
      this.#leftOut++
      return
    }
    if (this.#leftOut > 0)
      process.stderr.write(`millrace: ${this.#leftOut} requests were not printed: nobody read them\n`)
    this.#leftOut = 0
    this.#stream.write(`${this.#format(request)}\n`)
  }
}

/** `12:00:00.000 node 1 my-app Fetch v17 orders: answered after 3 ms with 120 bytes`. */
export function describeRequest(request: LoggedRequest): string {
  const { at, node, clientId, api, version, topics, group, outcome, tookMs, answerBytes, errors, why, fault } = request
  const who = [new Date(at).toISOString().slice(11, 23), `node ${node}`, clientId ?? '-']
  const what = [api === null ? '?' : `${api} v${version}`, topics.join(), group && `group ${group}`]
  const end = outcome === 'answered' ? `answered after ${tookMs} ms with ${answerBytes} bytes` : outcome
  const more = [end, errors.join(), why, fault && `fault: ${fault}`]
  return printable(`${[...who, ...what].filter(Boolean).join(' ')}: ${more.filter(Boolean).join(', ')}`)
}
