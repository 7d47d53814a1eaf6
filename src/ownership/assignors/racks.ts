/**
 * Whether it can matter which rack a member is on (KIP-881): a member and a replica share one, and not every partition has a replica
 * on every rack.
 */
export function racksMatter(memberRacks: ReadonlySet<string>, partitionRacks: readonly ReadonlySet<string>[]): boolean {
  const all = new Set<string>()
  for (const racks of partitionRacks) for (const rack of racks) all.add(rack)
  return [...memberRacks].some(rack => all.has(rack)) && partitionRacks.some(racks => racks.size < all.size)
}

/** The racks of members, of those that tell it. */
export function memberRacks(members: readonly { readonly rack: string | null }[]): Set<string> {
  const racks = new Set<string>()
  for (const { rack } of members) if (rack) racks.add(rack)
  return racks
}
