import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import { OptionError, toError } from '../base/errors.ts'
import { describe } from '../base/option-check.ts'
import { Consumer } from '../consumer/consumer.ts'
import { type ConsumerOptions, resolveOptions } from '../consumer/options.ts'
import type { BatchHandler, Handler, RouteOptions } from '../consumer/route.ts'
import { mergeOptions } from '../properties/dialects.ts'
import { CommandError, exitCodes } from './failure.ts'
import type { HandlerWork } from './handler-process.ts'
import type { Settings } from './settings.ts'

/** What a module exports that `millrace run` runs. What is in it is checked where it is used. */
interface HandlerModule {
  readonly default: Handler | BatchHandler
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
  // A CommonJS module that a compiler made of such exports is the default export itself.
  const inner = loaded.default
  const found = typeof inner === 'object' && inner !== null && 'default' in inner ? inner : loaded
  const sound =
    typeof found.default === 'function' ||
    (typeof found.default === 'object' && found.default !== null && 'limits' in found.default)
  if (sound) return found as HandlerModule
  throw new OptionError(
    `${basename(path)} needs a default export that is a handler: a function or batch(…), not ${describe(found.default)}`,
  )
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
  const { group, instanceId, members, concurrency, from, topics, pattern, logLevel } = work
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
    work: { ...given.work, ...(concurrency !== null && { concurrency }) },
    offsets: { ...given.offsets, ...(from !== null && { start: from }) },
  })
  const routeOptions = module.options ?? {}
  if (topics.length > 0) consumer.topic(topics, routeOptions, module.default)
  if (pattern !== null) consumer.topic(new RegExp(pattern), routeOptions, module.default)
  return { consumer, drainMs: ownership.rebalanceTimeoutMs }
}

function checkExport(consumer: unknown): void {
  if (typeof consumer !== 'object' || consumer === null || Array.isArray(consumer)) {
    throw new OptionError(`the module's export consumer must be an object, not ${describe(consumer)}`)
  }
  for (const [name, option] of Object.entries(ofCommand)) {
    if (name in consumer) throw new OptionError(`the module's consumer.${name} is what ${option} says: remove it`)
  }
}
