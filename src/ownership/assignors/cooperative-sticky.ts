import type { Assignor } from './assignor.ts'
import { assignSticky } from './sticky.ts'

/**
 * The assignment of `sticky`, reached while all members keep what stays with them (KIP-429). Subscriptions before version 2 have no
 * generation, so it is in the user data as well.
 */
export const cooperativeSticky: Assignor = {
  name: 'cooperative-sticky',
  protocol: 'cooperative',
  assign: assignSticky,
  userData({ generation }) {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(generation)
    return bytes
  },
  lastAssignment({ owned, generation, userData }) {
    if (generation >= 0 || userData === null || userData.length < 4) return { owned, generation }
    return { owned, generation: userData.readInt32BE() }
  },
}
