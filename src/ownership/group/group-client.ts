import type { NativeClient } from '../../client/native-client.ts'

/** What membership of a group needs of a client. */
export type GroupClient = Pick<NativeClient, 'send' | 'forgetCoordinator'>

/**
 * Connections to the coordinator: a broker answers the requests of one connection in turn, and a join may be parked for as long as a
 * rebalance lasts. Commits have connection 0.
 */
export const joinConnection = 1
export const heartbeatConnection = 2
