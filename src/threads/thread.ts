import { inspect } from 'node:util'
import { MessageChannel, parentPort, threadId, workerData } from 'node:worker_threads'
import { Message } from '../records/message.ts'
import { decoder } from '../serde/decoder.ts'
import {
  type Abort,
  type Outcome,
  packError,
  type Report,
  type Task,
  type ThreadData,
  type WrittenLevel,
} from './crossing.ts'
import { type DefinedHandler, loadHandler } from './handler-module.ts'
import { ThreadContext } from './thread-context.ts'

/** What runs inside of each thread of a pool: it loads the handler modules, and handles the one message it is given at a time. */

interface Loaded {
  readonly handle: DefinedHandler<unknown, unknown>['handle']
  readonly decode: ReturnType<typeof decoder>
}

const { modules } = workerData as ThreadData
const { port1: port, port2 } = new MessageChannel()
const loaded: Loaded[] = []
let running: { readonly number: number; readonly context: ThreadContext } | null = null
let lastAbort: Abort | null = null

port.on('message', (abort: Abort) => {
  lastAbort = abort
  if (running?.number === abort.number) running.context.abort(abort.reason)
})
// A pool's thread lives until it is ended.
port.unref()
parentPort?.postMessage({ thread: threadId, port: port2 }, [port2])
void load()

async function load(): Promise<void> {
  const serdes: { key: boolean; value: boolean }[] = []
  for (const module of modules) {
    try {
      const { key, value, handle } = await loadHandler(module)
      loaded.push({ handle, decode: decoder(key, value) })
      serdes.push({ key: key !== undefined, value: value !== undefined })
    } catch (thrown) {
      report({ unloadable: packError(thrown), module })
      return
    }
  }
  report({ ready: serdes })
}

function report(message: Report): void {
  port.postMessage(message)
}

function tell(log: WrittenLevel, fields: object, text: string): void {
  try {
    report({ log, fields, text })
  } catch {
    // What cannot be sent is shown.
    report({ log, fields: { fields: inspect(fields) }, text })
  }
}

/** Handles one message. Never rejects: what a rejection carries may not be sendable. */
export async function handle({ number, module, message: packed, attempt, deadline }: Task): Promise<Outcome> {
  const { decode, handle: handler } = loaded[module] as Loaded
  const message = Message.unpacked(packed)
  const context = new ThreadContext(message, attempt, deadline, tell)
  if (lastAbort?.number === number) context.abort(lastAbort.reason)
  running = { number, context }
  let undecoded = true
  try {
    await decode?.(message)
    undecoded = false
    context.signal.throwIfAborted()
    await handler(message, context)
    return null
  } catch (thrown) {
    return { error: packError(thrown), undecoded }
  } finally {
    running = null
  }
}
