/** For `node --import`: programs that import the package `millrace`, as its users do, get the sources of this checkout. */
import { registerHooks } from 'node:module'

const source = new URL('../../../src/index.ts', import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) => next(specifier === 'millrace' ? source : specifier, context),
})
