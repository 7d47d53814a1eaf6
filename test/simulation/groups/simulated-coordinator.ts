import type { GroupSnapshot } from '../../../src/broker/groups/groups.ts'
import { Desk } from '../../broker/desk.ts'
import type { Dice } from '../dice.ts'
import type { PartitionLog } from '../partition-log.ts'
import type { SimulatedClock } from '../simulated-clock.ts'

export const GROUP = 'shop'

/** What a coordinator answers that moved, or is starting. */
const refusals = ['NOT_COORDINATOR', 'COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE'] as const

/** The coordinator of the group, which is the embedded broker's, on two nodes. It knows the same topics as the logs. */
export class SimulatedCoordinator {
  readonly #desk: Desk
  readonly #dice: Dice
  readonly #clock: SimulatedClock

  constructor(clock: SimulatedClock, dice: Dice) {
    this.#clock = clock
    this.#dice = dice
    this.#desk = new Desk({}, clock)
    this.#desk.cluster.nodes.all.push({ id: 2, host: '127.0.0.1', port: 9093, rack: null, running: true })
  }

  /** The partition exists from now on; those of a topic come in their order. */
  added({ topic, partition }: PartitionLog): void {
    const { topics } = this.#desk.cluster
    const known = topics.get(topic)
    if (known === undefined) topics.create({ name: topic, partitions: 1 })
    else topics.grow(known, partition + 1)
  }

  /** Node that coordinates the group. */
  get node(): number {
    return this.#desk.cluster.nodes.coordinator('group', GROUP)
  }

  get group(): GroupSnapshot {
    return this.#desk.cluster.groups.snapshot(GROUP)
  }

  /** -1: nothing was committed. */
  committed(topic: string, partition: number): number {
    return this.#desk.cluster.groups.get(GROUP)?.offsets.get(topic, partition)?.offset ?? -1
  }

  /** Applies a request that reaches this node. The answer is a frame without its length, null when there is none. */
  async handle(frame: Buffer, node: number): Promise<Buffer | null> {
    const { dispatcher, caller, log } = this.#desk
    const { pieces, close } = await dispatcher.handle(frame, { ...caller, node })
    if (close) throw new Error(`the coordinator closed a connection: ${log.requests.at(-1)?.why}`)
    return pieces.length === 0 ? null : Buffer.concat(pieces).subarray(4)
  }

  /** For a while it does not answer for the group, or a transaction has its offsets pending (KIP-447). */
  refuse(ms: number): void {
    const { faults } = this.#desk
    const fault = this.#dice.chance(0.3)
      ? faults.add({
          api: 'OffsetFetch',
          group: GROUP,
          when: ({ body }) => body.requireStable === true,
          action: { error: 'UNSTABLE_OFFSET_COMMIT' },
        })
      : faults.add({ group: GROUP, action: { error: this.#dice.pick(refusals) } })
    this.#clock.after(ms, () => fault.remove())
  }

  /** The other node takes over. */
  move(): void {
    const { nodes, groups } = this.#desk.cluster
    nodes.setCoordinator('group', GROUP, 3 - this.node)
    groups.coordinatorsChanged()
  }

  close(): void {
    this.#desk.close()
  }
}
