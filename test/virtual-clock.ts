import { HeldClock } from '../src/base/held-clock.ts'

export { settled } from '../src/base/held-clock.ts'

/** The clock that users of the embedded broker hold and turn is the one that all tests do; here it begins in November 2023, each time. */
export class VirtualClock extends HeldClock {
  constructor(now = 0) {
    super(now, 1_700_000_000_000)
  }
}
