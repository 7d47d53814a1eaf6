import { OptionError } from '../base/errors.ts'
import { describe, SectionCheck } from '../base/option-check.ts'
import type { Message } from '../records/message.ts'
import type { Deserializer } from '../serde/serde.ts'
import type { HandlerContext } from '../work/context.ts'

/** What `defineHandler()` makes: a handler with the serdes that it needs. */
export interface DefinedHandler<K = Buffer | null, V = Buffer | null> {
  readonly key: Deserializer<K> | undefined
  readonly value: Deserializer<V> | undefined
  readonly handle: (message: Message<K, V>, context: HandlerContext) => unknown
}

/**
 * The default export of a handler module whose serdes run where the handler does, in a thread: `threads()` and `millrace run` take it.
 *
 * ```ts
 * export default defineHandler({ value: json(Order) }, order => price(order.value))
 * ```
 *
 * @throws {OptionError}
 */
export function defineHandler<K = Buffer | null, V = Buffer | null>(
  serdes: { key?: Deserializer<K>; value?: Deserializer<V> },
  handle: (message: Message<K, V>, context: HandlerContext) => unknown,
): DefinedHandler<K, V> {
  const section = new SectionCheck('defineHandler', serdes, ['key', 'value'])
  for (const name of ['key', 'value'] as const) {
    if (serdes[name] !== undefined && typeof serdes[name].deserialize !== 'function')
      throw section.wrong(name, 'a serde such as json()')
  }
  if (typeof handle !== 'function') throw new OptionError(`defineHandler needs a handler, not ${describe(handle)}`)
  return { key: serdes.key, value: serdes.value, handle }
}

export function isDefinedHandler(value: unknown): value is DefinedHandler<unknown, unknown> {
  return typeof value === 'object' && value !== null && 'handle' in value && !('limits' in value)
}

/** A CommonJS module that a compiler made of such exports is the default export itself. */
export function exportsOf<M extends { default?: unknown }>(loaded: M): M {
  const inner = loaded.default
  return typeof inner === 'object' && inner !== null && 'default' in inner ? (inner as M) : loaded
}

/**
 * Loads a module with `import()`.
 *
 * @throws {OptionError} when its default export is no handler
 */
export async function loadHandler(module: string): Promise<DefinedHandler<unknown, unknown>> {
  const { default: found } = exportsOf<{ default?: unknown }>(await import(module))
  if (typeof found === 'function') {
    return { key: undefined, value: undefined, handle: found as DefinedHandler<unknown, unknown>['handle'] }
  }
  if (isDefinedHandler(found)) return found
  throw new OptionError(
    `its default export must be a handler, a function or defineHandler(…), and is ${describe(found)}`,
  )
}
