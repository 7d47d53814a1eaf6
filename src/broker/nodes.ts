/** One broker of the cluster as clients are told of it. */
export interface NodeInfo {
  /** From 1. */
  readonly id: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
  /** A stopped one is in no metadata, leads nothing and coordinates nothing. */
  running: boolean
}

/** As many as Kafka's topics of committed offsets and of transactions have: groups and transactions move in so many parts. */
const shares = 50

/** The nodes of the cluster, and which of them has which role. */
export class Nodes {
  readonly all: NodeInfo[] = []
  /** What `setCoordinator` laid down, by `group:` or `transaction:` and the key. */
  readonly #coordinators = new Map<string, number>()
  /** Who coordinates each share, where it was asked for. */
  readonly #shares: Readonly<Record<CoordinatorType, Map<number, number>>> = {
    group: new Map(),
    transaction: new Map(),
  }

  get running(): NodeInfo[] {
    return this.all.filter(node => node.running)
  }

  get(id: number): NodeInfo | undefined {
    return this.all[id - 1]
  }

  isRunning(id: number): boolean {
    return this.get(id)?.running ?? false
  }

  /** The running node with the lowest number; -1 while none runs. */
  get controller(): number {
    return this.running[0]?.id ?? -1
  }

  /**
   * The node that coordinates this group or transaction; -1 while none runs. Another one takes over where it stopped, and keeps it when
   * the first one is back.
   */
  coordinator(type: CoordinatorType, key: string): number {
    const set = this.#coordinators.get(`${type}:${key}`)
    if (set !== undefined && this.isRunning(set)) return set
    const share = javaHash(key) % shares
    const known = this.#shares[type].get(share) ?? (share % this.all.length) + 1
    const node = this.isRunning(known) ? known : this.#next(known)
    if (node !== -1) this.#shares[type].set(share, node)
    return node
  }

  setCoordinator(type: CoordinatorType, key: string, node: number): void {
    this.#coordinators.set(`${type}:${key}`, node)
  }

  /** The first running node after this one; -1 while none runs. */
  #next(id: number): number {
    const following = this.running.find(node => node.id > id)
    return following?.id ?? this.controller
  }
}

/** By the number that requests have for it. */
export const coordinatorTypes = ['group', 'transaction'] as const

export type CoordinatorType = (typeof coordinatorTypes)[number]

/** Java's `String.hashCode`, made positive as Kafka does to find the partition of `__consumer_offsets`. */
function javaHash(text: string): number {
  let hash = 0
  for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) | 0
  return hash & 0x7f_ff_ff_ff
}
