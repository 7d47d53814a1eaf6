import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const main = join(import.meta.dirname, '../../src/cli/main.ts')

export interface CommandResult {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

interface CommandOptions {
  readonly brokers?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly stdout?: number | 'unread'
}

/** The `millrace` command in a process of its own. */
export class RunningCommand {
  readonly child: ChildProcess
  readonly #stdout: Buffer[] = []
  readonly #stderr: Buffer[] = []
  readonly #ended: Promise<unknown[]>
  #reading = false

  /** Its stdout is kept, goes to a file descriptor, or nobody reads it until `read` is called or the command has ended. */
  constructor(args: readonly string[], options: CommandOptions = {}) {
    const brokers = options.brokers === undefined ? {} : { MILLRACE_BROKERS: options.brokers.join() }
    const stdout = typeof options.stdout === 'number' ? options.stdout : 'pipe'
    this.child = spawn(process.execPath, [main, ...args], {
      env: { ...process.env, ...brokers, ...options.environment },
      stdio: ['ignore', stdout, 'pipe'],
    })
    if (options.stdout === undefined) this.read()
    this.child.stderr?.on('data', chunk => this.#stderr.push(chunk))
    this.#ended = once(this.child, 'close')
    if (options.stdout === 'unread') this.child.once('exit', () => this.read())
  }

  read(): void {
    if (this.#reading) return
    this.#reading = true
    this.child.stdout?.on('data', chunk => this.#stdout.push(chunk))
  }

  /** Resolves when an unread command has printed something. */
  async begun(): Promise<void> {
    if (this.child.stdout !== null) await once(this.child.stdout, 'readable')
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#stdout)
  }

  get stderr(): string {
    return Buffer.concat(this.#stderr).toString()
  }

  /** Lines printed so far. */
  get lines(): string[] {
    return this.bytes.toString().split('\n').slice(0, -1)
  }

  async result(): Promise<CommandResult> {
    const [code, signal] = (await this.#ended) as [number | null, NodeJS.Signals | null]
    return { code, signal, stdout: this.bytes.toString(), stderr: this.stderr }
  }
}

export function command(args: readonly string[], brokers?: readonly string[]): Promise<CommandResult> {
  return new RunningCommand(args, brokers === undefined ? {} : { brokers }).result()
}
