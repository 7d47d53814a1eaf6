/** The program of the processes that `millrace run` starts: a consumer with the handler of a module. Its supervisor tells it what to do. */
import { enableCompileCache } from 'node:module'
import { toError } from '../base/errors.ts'
import type { Consumer } from '../consumer/consumer.ts'
import { exitCodeOf, exitCodes } from './failure.ts'
import type { HandlerWork, Order, Report } from './handler-process.ts'

const lookMs = 50
/** What the module holds open is not waited for longer. */
const lingerMs = 500
/** Beside what draining may take: the last commit, and leaving the group. */
const leaveMs = 15_000

let consumer: Consumer | null = null

enableCompileCache()
// Terminals and service managers send them to all processes at once: what they mean comes from the supervisor.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
process.on('message', (order: Order) => {
  if (order.order === 'run') void run(order.work)
  else if (order.order === 'close') close(order.leave)
  else void consumer?.close({ drainMs: 0 })
})
// The supervisor is gone: nobody would start another process in this one's place.
process.on('disconnect', orphaned)

async function run(work: HandlerWork): Promise<void> {
  try {
    const { consumerOf, loadHandlerModule } = await import('./handler-module.ts')
    const { settingsOf } = await import('./settings.ts')
    const settings = await settingsOf(work.given)
    const made = consumerOf(await loadHandlerModule(work.module), work, settings)
    consumer = made.consumer
    const report = { report: 'running', closeMs: made.drainMs + leaveMs } as const
    const stopWatch = whenMember(consumer, () => tell(report))
    try {
      await consumer.run()
    } finally {
      stopWatch()
    }
    end(exitCodes.ok)
  } catch (thrown) {
    const error = toError(thrown)
    const { message } = error
    const code = 'code' in error ? String(error.code) : error.name
    const exitCode = exitCodeOf(error)
    await tell({ report: 'failed', failure: { code, message, exitCode } })
    end(exitCode)
  }
}

function close(leave: boolean): void {
  // Nothing was begun.
  if (consumer === null) process.exit(exitCodes.ok)
  void consumer.close({ leave })
}

function orphaned(): void {
  close(true)
}

/** Calls `then` once this is a member and has its partitions; the answer stops looking. */
function whenMember(consumer: Consumer, then: () => void): () => void {
  const timer = setInterval(() => {
    if (consumer.state().ownership?.membership?.phase !== 'stable') return
    clearInterval(timer)
    then()
  }, lookMs)
  return () => clearInterval(timer)
}

/** Resolves when it was sent, or when nobody is there any more. */
function tell(report: Report): Promise<void> {
  return new Promise(resolve => {
    if (process.connected && process.send) process.send(report, () => resolve())
    else resolve()
  })
}

function end(exitCode: number): void {
  process.exitCode = exitCode
  process.off('disconnect', orphaned)
  if (process.connected) process.disconnect()
  setTimeout(() => process.exit(), lingerMs).unref()
}
