import type { NodeInfo, Nodes } from './nodes.ts'
import { Refusal } from './refusal.ts'

/** Of the replicas of a partition, the preferred leader first. */
export type NodeNumbers = readonly number[]

/**
 * The replicas of new partitions: each begins one node further than the one before, and the next nodes follow, those of other racks
 * first. Nodes that do not run get replicas only where the others are too few.
 * @throws {Refusal} INVALID_REPLICATION_FACTOR
 */
export function spread(
  nodes: Nodes,
  { partitions, replicas, turn }: { partitions: number; replicas: number; turn: number },
): NodeNumbers[] {
  if (replicas < 1) {
    throw new Refusal('INVALID_REPLICATION_FACTOR', 'The replication factor must be above 0, or -1.')
  }
  if (replicas > nodes.all.length) {
    const why = `The target replication factor of ${replicas} cannot be reached because only ${nodes.all.length} broker(s) are registered.`
    throw new Refusal('INVALID_REPLICATION_FACTOR', why)
  }
  const running = rackByRack(nodes.running)
  const stopped = nodes.all.filter(node => !node.running).map(({ id }) => id)
  return Array.from({ length: partitions }, (_, index) => {
    const first = (turn + index) % Math.max(1, running.length)
    return [...running.slice(first), ...running.slice(0, first), ...stopped].slice(0, replicas)
  })
}

/** The first node of each rack, then the second of each. */
function rackByRack(nodes: readonly NodeInfo[]): number[] {
  const racks = Map.groupBy(nodes, ({ rack }) => rack)
  const rounds = Math.max(0, ...[...racks.values()].map(({ length }) => length))
  return Array.from({ length: rounds }, (_, round) => {
    return [...racks.values()].flatMap(members => members[round]?.id ?? [])
  }).flat()
}

/**
 * Replicas that were asked for, when they can be.
 * @throws {Refusal} INVALID_REPLICA_ASSIGNMENT
 */
export function assignmentsGiven(nodes: Nodes, assignments: readonly NodeNumbers[], replicas?: number): NodeNumbers[] {
  const expected = replicas ?? assignments[0]?.length ?? 0
  const wrong = (why: string) => new Refusal('INVALID_REPLICA_ASSIGNMENT', why)
  for (const assigned of assignments) {
    if (assigned.length === 0) throw wrong('The manual partition assignment includes an empty replica list.')
    if (new Set(assigned).size < assigned.length) {
      throw wrong(`The manual partition assignment includes a broker twice: ${assigned.join(', ')}.`)
    }
    const unknown = assigned.find(id => nodes.get(id) === undefined)
    if (unknown !== undefined) {
      throw wrong(`The manual partition assignment includes broker ${unknown}, but no such broker is registered.`)
    }
    if (!assigned.some(id => nodes.isRunning(id))) {
      throw wrong(`All brokers of the manual partition assignment are stopped: ${assigned.join(', ')}.`)
    }
    if (assigned.length !== expected) {
      throw wrong(`The partitions are to have ${expected} replica(s), but one was given ${assigned.length}.`)
    }
  }
  return assignments.map(assigned => [...assigned])
}
