import { ConnectionError, RequestTimeoutError } from '../base/errors.ts'
import type { ApiName } from '../protocol/apis.ts'
import { addressName } from './address.ts'
import type { Question } from './call.ts'
import { Link, type LinkState, type Role } from './link.ts'
import type { BrokerAddress } from './low-level-client.ts'
import type { Settings } from './options.ts'

/** One broker of the cluster and this client's connections to it. */
export interface BrokerState {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly connections: readonly LinkState[]
}

interface Node {
  readonly address: BrokerAddress
  readonly links: Map<string, Link>
}

/** How errors and logs call a broker whose id is known. */
function brokerName(address: BrokerAddress): string {
  return `${addressName(address)} (node ${address.nodeId})`
}

/** The brokers that metadata names, and the connections to them. */
export class Brokers {
  readonly #settings: Settings
  readonly #nodes = new Map<number, Node>()
  readonly #closing = new Set<Promise<void>>()
  #closed: Error | null = null

  constructor(settings: Settings) {
    this.#settings = settings
  }

  get known(): readonly BrokerAddress[] {
    return [...this.#nodes.values()].map(node => node.address)
  }

  /** How errors and logs call it. */
  nameOf(nodeId: number): string {
    const node = this.#nodes.get(nodeId)
    return node === undefined ? `node ${nodeId}` : brokerName(node.address)
  }

  has(nodeId: number): boolean {
    return this.#nodes.has(nodeId)
  }

  /** These are all brokers now: connections to others, or to an old address, are closed. */
  replace(addresses: readonly BrokerAddress[]): void {
    const ids = new Set(addresses.map(address => address.nodeId))
    for (const [nodeId, node] of this.#nodes) {
      if (!ids.has(nodeId)) this.#drop(node, 'is no longer part of the cluster')
    }
    for (const address of addresses) this.add(address)
  }

  /** A broker that another answer named, such as a coordinator. */
  add(address: BrokerAddress): void {
    const node = this.#nodes.get(address.nodeId)
    if (node !== undefined) {
      if (node.address.host === address.host && node.address.port === address.port) return
      this.#drop(node, `listens on ${addressName(address)} now`)
    }
    this.#nodes.set(address.nodeId, { address, links: new Map() })
  }

  /** The connection to use; throws a `ConnectionError` when no such broker is known. */
  link(nodeId: number, role: Role, connection: number): Link {
    if (this.#closed !== null) throw this.#closed
    const node = this.#nodes.get(nodeId)
    if (node === undefined) {
      throw new ConnectionError(`No broker has the node id ${nodeId}: it left the cluster, or metadata is out of date`)
    }
    const key = `${role}/${connection}`
    let link = node.links.get(key)
    if (link === undefined) {
      link = new Link(this.#settings, node.address, brokerName(node.address), role, connection)
      node.links.set(key, link)
    }
    return link
  }

  /**
   * Asks one broker, whichever has the least to do, and the next one when a connection fails or half of the time is over. Those
   * whose next attempt is not due yet come last, or not at all unless `patient`. Rejects with a `ConnectionError` when none is left.
   */
  async ask<N extends ApiName, T>(question: Question<N, T>, patient = false): Promise<T> {
    const { clock } = this.#settings
    const deadline = clock.now() + question.timeoutMs
    const candidates = this.#byLoad()
    const possible = patient ? candidates : candidates.filter(({ state }) => state.state !== 'waiting')
    let last = candidates.find(({ state }) => state.cause !== null)?.state.cause ?? null
    for (const [index, { link }] of possible.entries()) {
      const leftMs = deadline - clock.now()
      const timeoutMs = Math.max(1, index === possible.length - 1 ? leftMs : leftMs / 2)
      try {
        return await link.send({ ...question, timeoutMs })
      } catch (thrown) {
        const another = thrown instanceof ConnectionError || thrown instanceof RequestTimeoutError
        if (!another || leftMs <= 0) throw thrown
        last = thrown
      }
    }
    if (this.#closed !== null) throw this.#closed
    if (last instanceof RequestTimeoutError) throw last
    const why = last === null ? '' : `; the last attempt: ${last.message}`
    throw new ConnectionError(`None of the ${this.#nodes.size} known brokers can be reached now${why}`, { cause: last })
  }

  state(): BrokerState[] {
    return [...this.#nodes.values()].map(({ address, links }) => ({
      nodeId: address.nodeId,
      host: address.host,
      port: address.port,
      connections: [...links.values()].map(link => link.state()),
    }))
  }

  async close(reason: Error): Promise<void> {
    this.#closed ??= reason
    for (const node of this.#nodes.values()) this.#closeLinks(node, reason)
    await Promise.all(this.#closing)
  }

  #byLoad(): { link: Link; state: LinkState }[] {
    const found = [...this.#nodes.keys()].map(nodeId => {
      const link = this.link(nodeId, 'general', 0)
      const state = link.state()
      const distance = { ready: state.throttledUntil === null ? 0 : 2e9, closed: 1e9, connecting: 1e9, waiting: 3e9 }
      return { link, state, load: distance[state.state] + state.inFlight + state.queued + this.#settings.random() }
    })
    return found.sort((a, b) => a.load - b.load)
  }

  #drop(node: Node, why: string): void {
    const broker = brokerName(node.address)
    this.#nodes.delete(node.address.nodeId)
    this.#closeLinks(node, new ConnectionError(`The connection to ${broker} ended: it ${why}`, { broker }))
  }

  #closeLinks(node: Node, reason: Error): void {
    for (const link of node.links.values()) {
      const closing = link.close(reason).finally(() => this.#closing.delete(closing))
      this.#closing.add(closing)
    }
  }
}
