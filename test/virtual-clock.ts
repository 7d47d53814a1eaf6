/** The clock that users of the embedded broker hold and turn is the one that all tests do. */
export { HeldClock as VirtualClock, settled } from '../src/broker/held-clock.ts'
