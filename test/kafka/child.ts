import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const keptLines = 100

/** A Java program that runs beside the test: its lines as they come, the last ones kept for when it fails. */
export class Child {
  readonly #name: string
  readonly #process: ChildProcessWithoutNullStreams
  readonly #ended: Promise<unknown>
  readonly #lines: string[] = []

  constructor(name: string, process: ChildProcessWithoutNullStreams, onLine: (line: string) => void = () => {}) {
    this.#name = name
    this.#process = process
    // A failed spawn tells 'error' and never 'exit'.
    this.#ended = Promise.race([once(process, 'exit'), once(process, 'error').catch(error => error)])
    process.stdin.on('error', () => {})
    createInterface({ input: process.stdout }).on('line', onLine)
    createInterface({ input: process.stderr }).on('line', line => {
      this.#lines.push(line)
      if (this.#lines.length > keptLines) this.#lines.shift()
      onLine(line)
    })
  }

  get running(): boolean {
    return this.#process.pid !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  /** Resolves when the program has ended by itself or by a signal. */
  get ended(): Promise<unknown> {
    return this.#ended
  }

  send(line: string): void {
    this.#process.stdin.write(`${line}\n`)
  }

  /** For a program that ends by itself with its input. */
  endInput(): void {
    this.#process.stdin.end()
  }

  /** Ends it, and resolves when it is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM' | 'SIGINT'): Promise<void> {
    if (this.running) this.#process.kill(signal)
    await this.#ended
  }

  /** An error that shows what the program printed last. */
  failure(what: string): Error {
    const how = this.running ? 'is still running' : `ended with ${this.#process.exitCode ?? this.#process.signalCode}`
    return new Error(`${this.#name} ${what}; it ${how}. Its last lines:\n${this.#lines.join('\n')}`)
  }
}
