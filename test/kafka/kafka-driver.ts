import { join } from 'node:path'
import { Child } from './child.ts'
import { startJava } from './java.ts'

type Command = { readonly do: string } & Readonly<Record<string, unknown>>

interface Pending {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
  readonly what: string
}

const source = join(import.meta.dirname, 'java/Driver.java')

/** Kafka's own clients in a process of their own, for what tests do to a cluster. */
export class KafkaDriver {
  readonly #pending = new Map<number, Pending>()
  readonly #child: Child
  #lastId = 0

  private constructor(process: Awaited<ReturnType<typeof startJava>>) {
    this.#child = new Child('The driver', process, line => this.#answer(line))
    void this.#child.ended.then(() => {
      for (const { reject, what } of this.#pending.values()) reject(this.#child.failure(`did not answer "${what}"`))
      this.#pending.clear()
    })
  }

  static async start(version: string, brokers: readonly string[]): Promise<KafkaDriver> {
    return new KafkaDriver(await startJava('Driver', [brokers.join(',')], { version, sources: [source] }))
  }

  call(command: Command): Promise<unknown> {
    const what = command.do
    if (!this.#child.running) return Promise.reject(this.#child.failure(`cannot do "${what}"`))
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, what })
      this.#child.send(JSON.stringify({ id, ...command }))
    })
  }

  close(): Promise<void> {
    return this.#child.end('SIGKILL')
  }

  #answer(line: string): void {
    if (!line.startsWith('{')) return
    const { id, result, error } = JSON.parse(line) as { id: number; result?: unknown; error?: string }
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    if (error === undefined) pending?.resolve(result)
    else pending?.reject(new Error(`Kafka refused "${pending.what}": ${error}`))
  }
}
