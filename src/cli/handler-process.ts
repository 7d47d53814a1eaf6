import { type ChildProcess, fork } from 'node:child_process'
import { toError } from '../base/errors.ts'
import type { LogLevel } from '../base/logger.ts'
import type { StartPosition } from '../fetch/options.ts'
import { type ExitCode, exitCodes } from './failure.ts'
import type { Given } from './given.ts'

/** What a process is to do, as it travels between processes. */
export interface HandlerWork {
  /** Absolute path of the module that has the handler. */
  readonly module: string
  /** What makes its settings: they are read anew for each process. */
  readonly given: Given
  readonly group: string
  readonly instanceId: string
  /** Processes that are started together. */
  readonly members: number
  readonly topics: readonly string[]
  /** Source of a regular expression. */
  readonly pattern: string | null
  /** Null: as the module says, or the default. The same for `threads` and `from`. */
  readonly concurrency: number | null
  /** Of each process. */
  readonly threads: number | null
  readonly from: StartPosition | null
  readonly logLevel: LogLevel
}

/** What the supervisor tells a process. `run` comes first and once; a second `close` changes nothing. */
export type Order =
  | { readonly order: 'run'; readonly work: HandlerWork }
  /** Drain, commit, end; and leave the group or keep the place in it for the next process. */
  | { readonly order: 'close'; readonly leave: boolean }
  /** Wait for no handler any more. */
  | { readonly order: 'hurry' }

/** Why a process could not go on. */
export interface ProcessFailure {
  /** Of the error, or its name. */
  readonly code: string
  readonly message: string
  /** What the command ends with when this ends it. */
  readonly exitCode: ExitCode
}

/** What a process tells its supervisor. */
export type Report =
  /** It is a member of the group and knows its partitions. It ends within `closeMs` after `close`. */
  | { readonly report: 'running'; readonly closeMs: number }
  | { readonly report: 'failed'; readonly failure: ProcessFailure }

/** How a process ended. */
export interface Ending {
  readonly exitCode: number | null
  readonly signal: string | null
}

export interface ProcessListener {
  reported(report: Report): void
  /** The last call. */
  ended(ending: Ending): void
}

/** A process that was started. */
export interface HandlerProcess {
  readonly pid: number
  send(order: Order): void
  /** Ends it at once, as a crash does. */
  kill(): void
}

const source = import.meta.url.endsWith('.ts') ? './run-child.ts' : './run-child.js'

/** Starts a process of its own; its output is this one's. It ends by itself when this process is gone. */
export function forkProcess(work: HandlerWork, listener: ProcessListener): HandlerProcess {
  const failed = (thrown: unknown) => {
    const message = `No process can be started: ${toError(thrown).message}`
    listener.reported({ report: 'failed', failure: { code: 'CANNOT_FORK', message, exitCode: exitCodes.failure } })
    listener.ended({ exitCode: null, signal: null })
  }
  let child: ChildProcess
  try {
    // The argument is for those who look at a list of processes.
    child = fork(new URL(source, import.meta.url), [work.instanceId], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
  } catch (thrown) {
    // As on a machine without memory. Whoever starts it has it first, and then learns that it ended.
    setImmediate(failed, thrown)
    return { pid: -1, send: () => {}, kill: () => {} }
  }
  child.on('message', message => listener.reported(message as Report))
  child.on('exit', (exitCode, signal) => listener.ended({ exitCode, signal }))
  child.on('error', error => {
    // Every other error is followed by its end.
    if (child.pid === undefined) failed(error)
  })
  const send = (order: Order) => {
    // Where it is gone already, that is told by its end.
    if (child.connected) child.send(order, () => {})
  }
  send({ order: 'run', work })
  return { pid: child.pid ?? -1, send, kill: () => void child.kill('SIGKILL') }
}
