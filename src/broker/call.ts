import type { ApiName } from '../protocol/apis.ts'
import type { Requests, Responses } from '../protocol/messages.ts'
import type { Decoded, Encodable } from '../protocol/shapes.ts'
import type { Cluster } from './cluster.ts'
import type { Session } from './security/session.ts'

/** One request that a node has to answer. What is to outlive the call is copied: bytes in `body` are views into the frame. */
export interface Call<N extends ApiName> {
  readonly name: N
  readonly version: number
  readonly clientId: string | null
  /** Address of the client, without its port. */
  readonly host: string
  readonly body: Decoded<Requests[N]>
  /** The node that was asked. */
  readonly node: number
  /** Who asks. */
  readonly session: Session
  /** Aborted when the connection is gone: nobody waits for an answer any more. */
  readonly gone: AbortSignal
}

/** What is left out holds its default. */
export type Answer<N extends ApiName> = Encodable<Responses[N]>

/**
 * Applies a request to the state of the cluster. It does so before it returns, in one go; only the answer may come later (a long
 * poll, a parked join). Null: none is sent (`acks: 0`). What it throws closes the connection, so bad arguments are error codes.
 */
export type Handler<N extends ApiName> = (
  cluster: Cluster,
  call: Call<N>,
) => Answer<N> | null | Promise<Answer<N> | null>

/** The handlers of some APIs; the table of all of them is made of such parts. */
export type Handlers<N extends ApiName> = { readonly [K in N]: Handler<K> }
