/** For `node --import`: programs that import the package `millrace`, as its users do, get the sources of this checkout. */
import { registerHooks } from 'node:module'

const entries = new Map([
  ['millrace', new URL('../src/index.ts', import.meta.url).href],
  ['millrace/broker', new URL('../src/broker/index.ts', import.meta.url).href],
])

registerHooks({
  resolve: (specifier, context, next) => next(entries.get(specifier) ?? specifier, context),
})
