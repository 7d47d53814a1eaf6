import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Admin, Producer, type ProducerMessage } from '../../src/index.ts'

/** Status and JSON that a service answers; null: it never does. */
export type Answer = { readonly status: number; readonly json?: unknown } | null

/** What an example needs around it so that it can be run here. */
export interface Stage {
  /** How many partitions each topic has. */
  readonly topics: Readonly<Record<string, number>>
  /** Written before the example starts. */
  readonly messages: readonly ProducerMessage[]
  /** By the variable of the environment that takes its address: a service that the example calls. */
  readonly services?: Readonly<Record<string, (request: IncomingMessage) => Answer>>
  readonly env?: Readonly<Record<string, string>>
  readonly args?: readonly string[]
  /** In the folder that it runs in, by their names. */
  readonly files?: Readonly<Record<string, string>>
  /** Resolves when the example may be told to end. Left out: it ends by itself. */
  play?(scene: Scene): Promise<void>
  /** After it has ended. */
  epilogue?(scene: Scene): Promise<void>
}

/** Where an example is running: what a stage can ask and do meanwhile. */
export class Scene {
  readonly #brokers: readonly string[]
  readonly #folder: string
  /** Aborts when the example has ended: what it was to do does not come any more. */
  readonly #ended: AbortSignal

  constructor(brokers: readonly string[], folder: string, ended: AbortSignal) {
    this.#brokers = brokers
    this.#folder = folder
    this.#ended = ended
  }

  async write(messages: readonly ProducerMessage[]): Promise<void> {
    await using producer = new Producer({ brokers: this.#brokers })
    await Promise.all(messages.map(message => producer.send(message)))
  }

  /** Resolves when the group has done so many messages. */
  async done(group: string, messages: number): Promise<void> {
    await using admin = new Admin({ brokers: this.#brokers })
    await this.until(async () => {
      const offsets = await admin.groupOffsets(group)
      return offsets.reduce((sum, { offset }) => sum + offset, 0) >= messages
    })
  }

  async until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await isSo())) await delay(100, undefined, { signal: this.#ended })
  }

  /** Of a database that the example made in its folder; none before it has. */
  rows(file: string, sql: string): readonly Record<string, unknown>[] {
    try {
      using database = new DatabaseSync(join(this.#folder, file), { readOnly: true, timeout: 5_000 })
      return database.prepare(sql).all()
    } catch {
      return []
    }
  }

  /** What the example wrote into its folder. */
  async files(): Promise<readonly Buffer[]> {
    const names = await readdir(this.#folder)
    return Promise.all(names.map(name => readFile(join(this.#folder, name))))
  }

  /** Prints what is in a topic. */
  show(topic: string): Promise<void> {
    return this.millrace('consume', topic, '--from', 'earliest', '--until-end', '--format', '%k %s\\n')
  }

  /** Runs the command of this name, and shows how. */
  async millrace(...args: readonly string[]): Promise<void> {
    const quoted = args.map(arg => (/[^\w.:/-]/.test(arg) ? `'${arg}'` : arg))
    console.log(`\n$ millrace ${quoted.join(' ')}`)
    const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
    const env = { ...process.env, MILLRACE_BROKERS: this.#brokers.join() }
    await once(spawn(process.execPath, [main, ...args], { stdio: 'inherit', env }), 'exit')
  }
}
