export { HeldClock } from '../base/held-clock.ts'
export {
  type Delivered,
  type DeliverOptions,
  deliver,
  type FailedMessage,
  type HandledMessage,
  type TestMessage,
} from './deliver.ts'
