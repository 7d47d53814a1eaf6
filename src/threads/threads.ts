import { OptionError } from '../base/errors.ts'
import { describe } from '../base/option-check.ts'

/** A handler that runs in threads; made by `threads()`. */
export class ThreadedHandler {
  /** The module whose default export handles. */
  readonly module: URL

  /** @internal */
  constructor(module: URL) {
    this.module = module
  }
}

/**
 * A handler that a module exports, run in the consumer's threads (`work.threads`): for work that would keep the event loop from
 * everything else. Needs the package piscina.
 *
 * ```ts
 * shop.topic('images', threads(new URL('./resize.ts', import.meta.url)))
 * ```
 *
 * The module's default export is a handler, `(message, context) => …`, or what `defineHandler()` makes of one and its serdes. Each thread
 * loads it once.
 *
 * @throws {OptionError}
 */
export function threads(module: URL | string): ThreadedHandler {
  const url = module instanceof URL ? module : URL.parse(module)
  if (url?.protocol !== 'file:') {
    const given = module instanceof URL ? module.href : describe(module)
    throw new OptionError(
      `threads() needs the URL of a handler module, such as new URL('./resize.ts', import.meta.url), not ${given}`,
    )
  }
  return new ThreadedHandler(url)
}
