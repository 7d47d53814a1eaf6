import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Child } from '../kafka/child.ts'

const hooks = new URL('../millrace-from-source.ts', import.meta.url).href

/** A program that runs beside the test, what it has printed, and how it ends. */
export interface Program {
  readonly lines: readonly string[]
  readonly child: Child
  readonly exited: Promise<unknown[]>
}

/** Programs that import the package by its name, in a folder that is not the project's. */
export class Programs {
  readonly #started: Child[] = []

  start(program: string, cwd: string, env: Record<string, string>, args: readonly string[] = []): Program {
    const lines: string[] = []
    const spawned = spawn(process.execPath, ['--import', hooks, program, ...args], {
      cwd,
      env: { ...process.env, ...env },
    })
    const child = new Child(program, spawned, line => lines.push(line))
    this.#started.push(child)
    // Not before all that it printed is read.
    return { lines, child, exited: once(spawned, 'close') }
  }

  async end(): Promise<void> {
    await Promise.all(this.#started.map(child => child.end('SIGKILL')))
  }
}
