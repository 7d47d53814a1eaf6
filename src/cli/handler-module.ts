import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import { OptionError, toError } from '../base/errors.ts'
import { describe } from '../base/option-check.ts'
import { Consumer } from '../consumer/consumer.ts'
import { type ConsumerOptions, resolveOptions } from '../consumer/options.ts'
import type { BatchHandler, Handler, RouteOptions } from '../consumer/route.ts'
import type { Match } from '../ownership/subscription.ts'
import { mergeOptions } from '../properties/dialects.ts'
import { type DefinedHandler, exportsOf, isDefinedHandler } from '../threads/handler-module.ts'
import { threads } from '../threads/threads.ts'
import { CommandError, exitCodes } from './failure.ts'
import type { HandlerWork } from './handler-process.ts'
import type { Settings } from './settings.ts'

/** What a module exports that `millrace run` runs. What is in it is checked where it is used. */
interface HandlerModule {
  readonly default: Handler | BatchHandler | DefinedHandler<unknown, unknown>
  readonly options?: RouteOptions<Buffer | null, Buffer | null>
  readonly consumer?: Partial<ConsumerOptions>
}

/** What the command line says, and where. */
const ofCommand = {
  brokers: '--brokers',
  group: '--group',
  clientId: '--client-id',
  tls: '--tls',
  sasl: '--sasl-mechanism, or a config file,',
} as const

/**
 * Loads a module with `import()`; its TypeScript is what Node can strip.
 *
 * @throws {CommandError} when it does not load, with the place that the error names
 * @throws {OptionError} when it exports no handler
 */
export async function loadHandlerModule(path: string): Promise<HandlerModule> {
  let loaded: { default?: unknown }
  try {
    loaded = await import(pathToFileURL(path).href)
  } catch (thrown) {
    const error = toError(thrown)
    const at = /file:\S+?:\d+(?::\d+)?/.exec(error.stack ?? '')?.[0]
    const where = at === undefined ? '' : ` (${at})`
    throw new CommandError(
      exitCodes.failure,
      'HANDLER_MODULE',
      `The handler module ${path} does not load: ${error.name}: ${error.message}${where}`,
      error,
    )
  }
  const found = exportsOf(loaded)
  if (typeof found.default === 'function' || isBatchHandler(found.default) || isDefinedHandler(found.default)) {
    return found as HandlerModule
  }
  throw new OptionError(
    `${basename(path)} needs a default export that is a handler: a function, batch(…) or defineHandler(…), not ${describe(found.default)}`,
  )
}

function isBatchHandler(value: unknown): value is BatchHandler {
  return typeof value === 'object' && value !== null && 'limits' in value
}

export interface MadeConsumer {
  readonly consumer: Consumer
  /** How long it may take to give up its partitions. */
  readonly drainMs: number
}

/**
 * The consumer that the module, the config file and the command line describe together, the latter going first.
 *
 * @throws {OptionError}
 */
export function consumerOf(module: HandlerModule, work: HandlerWork, settings: Settings): MadeConsumer {
  const { group, instanceId, members, concurrency, threads: size, from, topics, pattern, logLevel } = work
  checkExport(module.consumer ?? {})
  const given = mergeOptions({ ...module.consumer }, settings.consumer) as Partial<ConsumerOptions>
  const { connection } = settings
  const { ownership } = resolveOptions({ ...given, ...connection, group })
  if (ownership.instanceId !== null) {
    throw new OptionError(
      'ownership.instanceId is what --instance-prefix says: remove it from the module or the config file',
    )
  }
  const consumer = new Consumer({
    logLevel,
    ...given,
    ...connection,
    group,
    // A new group is assigned when all processes are there, and not anew for each of them.
    ownership: { startup: { minMembers: members }, ...given.ownership, instanceId },
    work: { ...given.work, ...(concurrency !== null && { concurrency }), ...(size !== null && { threads: size }) },
    offsets: { ...given.offsets, ...(from !== null && { start: from }) },
  })
  const threaded = (size ?? given.work?.threads ?? null) !== null
  for (const match of [...(topics.length > 0 ? [topics] : []), ...(pattern === null ? [] : [new RegExp(pattern)])])
    addRoute(consumer, match, module, threaded ? work.module : null)
  return { consumer, drainMs: ownership.rebalanceTimeoutMs }
}

/** `inThreads`: path of the module, which threads load by themselves. */
function addRoute(consumer: Consumer, match: Match, module: HandlerModule, inThreads: string | null): void {
  const { default: handler, options = {} } = module
  if (inThreads !== null) {
    if (isBatchHandler(handler))
      throw new OptionError('batch(…) cannot run in threads: leave out --threads, or work.threads')
    consumer.topic(match, options, threads(pathToFileURL(inThreads)))
  } else if (isDefinedHandler(handler)) {
    const { key = options.key, value = options.value, handle } = handler
    const serdes = { ...(key !== undefined && { key }), ...(value !== undefined && { value }) }
    consumer.topic<unknown, unknown>(match, { ...(options as RouteOptions<unknown, unknown>), ...serdes }, handle)
  } else consumer.topic(match, options, handler)
}

function checkExport(consumer: unknown): void {
  if (typeof consumer !== 'object' || consumer === null || Array.isArray(consumer)) {
    throw new OptionError(`the module's export consumer must be an object, not ${describe(consumer)}`)
  }
  for (const [name, option] of Object.entries(ofCommand)) {
    if (name in consumer) throw new OptionError(`the module's consumer.${name} is what ${option} says: remove it`)
  }
}
