export { opentelemetry } from './metrics.ts'
export { type TracedOptions, traced } from './tracing.ts'
