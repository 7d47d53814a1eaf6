import { ProtocolError } from '../../protocol/protocol-error.ts'

const mostBytes = 256 * 1024 * 1024

/**
 * What an answer takes in memory, about. As in Kafka, what is asked for many times is answered as often, and what is kept may be much
 * longer than the question for it; so a small request could ask for more than there is memory.
 */
export class AnswerSize {
  #left = mostBytes

  /** @throws {ProtocolError} which ends the connection, when it becomes too large */
  add(bytes: number): void {
    this.#left -= bytes
    if (this.#left < 0) throw new ProtocolError(`the answer would take more than ${mostBytes} bytes`)
  }
}
