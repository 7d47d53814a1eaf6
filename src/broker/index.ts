export { Broker } from './broker.ts'
export { HeldClock } from './held-clock.ts'
export type { BrokerOptions, LimitOptions, TopicOptions } from './options.ts'
