/** Most of a story is waiting. Only Linux has more loopback addresses than one without being told. */
const atOnce = process.platform === 'linux' ? 24 : 1

/**
 * Runs the stories of as many seeds, some at a time; rejects with the first that goes wrong. Each gets an address for its brokers that no other
 * story has: the ports of nodes that are stopped are free, and who gets such a port must not be taken for that node.
 */
export async function inLanes(
  seed: number,
  stories: number,
  run: (seed: number, host: string) => Promise<void>,
): Promise<void> {
  let next = seed
  const wrong: Error[] = []
  const lane = async (_: unknown, index: number) => {
    while (next < seed + stories && wrong.length === 0) {
      const each = next++
      await run(each, `127.0.0.${1 + index}`).catch(cause => wrong.push(new Error(`seed ${each}`, { cause })))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  if (wrong.length > 0) throw wrong[0]
}
