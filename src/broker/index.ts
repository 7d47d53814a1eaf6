export { Broker } from './broker.ts'
export type { BrokerOptions, LimitOptions, TopicOptions } from './options.ts'
