import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { Child } from '../../test/kafka/child.ts'
import { type Cpus, endWithUs, pinned } from '../launch.ts'

const PATIENCE_MS = 30_000

/** Called for each message that a member has handled; `at` in µs of the clock that all processes share. */
export type OnHandled = (partition: number, offset: number, at: number) => void

/** A process with somebody's client, to join a group, to leave it, or to be killed. */
export class Member {
  readonly name: string
  readonly #child: Child
  readonly #ready: Promise<void>
  #leaving = false

  constructor(name: string, command: readonly string[], cpus: Cpus, onHandled: OnHandled) {
    const [program = '', ...args] = pinned(command, cpus)
    const child: ChildProcessWithoutNullStreams = spawn(program, args, { stdio: 'pipe' })
    const { promise, resolve } = Promise.withResolvers<void>()
    this.name = name
    this.#ready = promise
    this.#child = new Child(`member ${name}`, child, line => {
      const [first = '', ...rest] = line.split(' ')
      const [offset = 0, at = 0] = rest.map(Number)
      if (first === 'ready') resolve()
      else if (/^\d+ \d+ \d+$/.test(line)) onHandled(Number(first), offset, at)
    })
    void this.#child.ended.then(endWithUs(child))
  }

  /** Its client is made, and waits to be told to join. */
  async ready(): Promise<void> {
    await this.#within(Promise.race([this.#ready, this.#child.ended]), 'did not start')
    this.check()
  }

  join(): void {
    this.#child.send('join')
  }

  /** Resolves when it has ended. */
  async leave(): Promise<void> {
    this.#leaving = true
    this.#child.send('leave')
    await this.#within(this.#child.ended, 'did not leave')
  }

  async kill(): Promise<void> {
    this.#leaving = true
    await this.#child.end('SIGKILL')
  }

  /** @throws when it has ended before anybody told it to */
  check(): void {
    if (!this.#child.running && !this.#leaving) throw this.#child.failure('ended by itself')
  }

  async #within(what: Promise<unknown>, otherwise: string): Promise<void> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => late.reject(this.#child.failure(otherwise)), PATIENCE_MS)
    try {
      await Promise.race([what, late.promise])
    } finally {
      clearTimeout(timer)
    }
  }
}
