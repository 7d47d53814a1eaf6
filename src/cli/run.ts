import { closeSync, openSync } from 'node:fs'
import { availableParallelism, hostname } from 'node:os'
import { resolve } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { toError } from '../base/errors.ts'
import { Admin } from '../client/admin.ts'
import type { StartPosition } from '../fetch/options.ts'
import { type CommonOptions, logLevel, withClient } from './connect.ts'
import { CommandError, exitCodes } from './failure.ts'
import { forkProcess, type HandlerWork } from './handler-process.ts'
import { findTopics } from './partitions.ts'
import { tellNotes } from './settings.ts'
import { Supervisor, type SupervisorEvent } from './supervisor.ts'

export interface RunCommandOptions extends CommonOptions {
  /** Default: as the config file says. */
  readonly group?: string
  readonly topic?: readonly string[]
  /** Source of a regular expression. */
  readonly pattern?: string
  /** Default: one for each core. */
  readonly processes?: number
  readonly concurrency?: number
  readonly threads?: number
  readonly from?: StartPosition
  readonly instancePrefix?: string
  readonly json?: boolean
}

/** Group and host together could make it longer than Kafka takes a name. */
const longestPrefix = 200
const endSignals = ['SIGINT', 'SIGTERM'] as const

/** `millrace run`: the handler of a module in supervised processes, each a static member of the group, until SIGINT or SIGTERM. */
export async function runHandlers(module: string, options: RunCommandOptions): Promise<void> {
  const { topic: topics = [], pattern, settings, processes = availableParallelism(), json } = options
  if (topics.length === 0 && pattern === undefined) {
    throw new CommandError(exitCodes.usage, 'NO_TOPIC', 'Name what to consume: --topic NAME, --pattern REGEX, or both')
  }
  const group = groupOf(options)
  if (options.verbose === 0) tellNotes(settings)
  await withClient(options, client => findTopics(client, topics, options.timeout))
  const { instancePrefix = `${hostname()}-${group}`.replaceAll(/[^\w.-]/g, '_').slice(0, longestPrefix) } = options
  const instanceId = (number: number) => `${instancePrefix}-${number}`
  const work: Omit<HandlerWork, 'instanceId'> = {
    module: resolve(module),
    given: options.given,
    group,
    members: processes,
    topics,
    pattern: pattern ?? null,
    concurrency: options.concurrency ?? null,
    threads: options.threads ?? null,
    from: options.from ?? null,
    logLevel: logLevel(options),
  }
  const supervisor = new Supervisor({
    processes,
    clock: systemClock,
    random: Math.random,
    start: (number, listener) => forkProcess({ ...work, instanceId: instanceId(number) }, listener),
    tell: event => void process.stderr.write(`${json ? JSON.stringify(event) : describeEvent(event, processes)}\n`),
  })
  const stopListening = listen(supervisor)
  try {
    await supervisor.run()
  } finally {
    stopListening()
    const members = supervisor.members.map(instanceId)
    if (members.length > 0) await removeMembers(options, group, members)
  }
}

function groupOf({ group, settings }: RunCommandOptions): string {
  const named = group ?? settings.consumer.group
  if (named !== undefined) return named
  const how = '--group NAME, MILLRACE_GROUP, or the group of a --config'
  throw new CommandError(exitCodes.usage, 'NO_GROUP', `Name the group: ${how}`)
}

/** Signals are orders: the first to end lets all drain, the second does not wait for handlers, the third is the system's. */
function listen(supervisor: Supervisor): () => void {
  const steps = [() => supervisor.stop(), () => supervisor.hurry(), () => supervisor.kill()]
  const end = (signal: NodeJS.Signals) => {
    steps.shift()?.()
    if (steps.length > 0) return
    stop()
    process.kill(process.pid, signal)
  }
  const restart = () => (isHungUp() ? supervisor.stop() : supervisor.restart())
  const kill = () => supervisor.kill()
  const stop = () => {
    for (const signal of endSignals) process.off(signal, end)
    process.off('SIGHUP', restart).off('exit', kill)
  }
  for (const signal of endSignals) process.on(signal, end)
  // Whatever ends this process, no other one stays behind.
  process.on('SIGHUP', restart).on('exit', kill)
  return stop
}

/** Whether SIGHUP says that its terminal was closed. */
function isHungUp(): boolean {
  if (!process.stdin.isTTY && !process.stderr.isTTY) return false
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return false
  } catch {
    return true
  }
}

/** The group would wait for processes that are gone until their session timeout is over. */
async function removeMembers(options: RunCommandOptions, group: string, instanceIds: readonly string[]): Promise<void> {
  const members = instanceIds.map(instanceId => ({ instanceId }))
  try {
    await withClient(options, client => new Admin(client).removeMembers(group, members))
  } catch (thrown) {
    const { message } = toError(thrown)
    process.stderr.write(`millrace: The group was not told that members are gone: ${message}\n`)
  }
}

/** A line for people; `millrace[2]: …` is about the second of several processes. */
function describeEvent(event: SupervisorEvent, processes: number): string {
  const number = 'process' in event && processes > 1 ? `[${event.process}]` : ''
  return `millrace${number}: ${what(event)}`
}

function what(event: SupervisorEvent): string {
  switch (event.event) {
    case 'started':
      return `started, pid ${event.pid}`
    case 'running':
      return 'running'
    case 'killed':
      return `killed, as it did not end within ${event.afterMs / 1000} s`
    case 'ended':
      return event.exitCode === 0 ? 'ended' : `ended with ${how(event)}`
    case 'died':
      return `died with ${how(event)}; starts again in ${(event.againInMs / 1000).toFixed(1)} s`
    case 'restarting':
      return 'restarting one process after another'
    case 'restarted':
      return 'all are restarted'
    case 'stopping':
      return 'stopping'
  }
}

function how({ exitCode, signal, failure }: Extract<SupervisorEvent, { event: 'died' | 'ended' }>): string {
  const ending = signal === null ? `exit code ${exitCode}` : `signal ${signal}`
  return failure === null ? ending : `${ending}: ${failure.message.replaceAll(/\s*\n\s*/g, ' ')}`
}
