/** For `node --import`: programs that import the package `millrace`, as its users do, get the sources of this checkout. */
import { registerHooks } from 'node:module'

const entries = new Map([
  ['millrace', new URL('../src/index.ts', import.meta.url).href],
  ['millrace/broker', new URL('../src/broker/index.ts', import.meta.url).href],
  ['millrace/opentelemetry', new URL('../src/opentelemetry/index.ts', import.meta.url).href],
  ['millrace/prometheus', new URL('../src/metrics/prometheus.ts', import.meta.url).href],
  ['millrace/server', new URL('../src/server/index.ts', import.meta.url).href],
  ['millrace/testing', new URL('../src/testing/index.ts', import.meta.url).href],
  ['millrace/statsd', new URL('../src/metrics/statsd.ts', import.meta.url).href],
])

registerHooks({
  resolve: (specifier, context, next) => next(entries.get(specifier) ?? specifier, context),
})
