/** The name that is most like this one, where one is like it. */
export function nearest(name: string, names: readonly string[]): string | null {
  let best: string | null = null
  let least = Math.max(2, Math.floor(name.length / 4)) + 1
  const plain = name.toLowerCase().replaceAll(/[_-]/g, '.')
  for (const other of names) {
    const changes = distance(plain, other.toLowerCase().replaceAll(/[_-]/g, '.'))
    if (changes >= least) continue
    least = changes
    best = other
  }
  return best
}

/** Letters to insert, remove or replace. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[to.length] as number
}
