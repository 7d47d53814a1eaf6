/** Those whose name contains one of these texts; all when there are none. */
export function named<T extends { readonly name: string }>(all: readonly T[], only: readonly string[]): readonly T[] {
  if (only.length === 0) return all
  return all.filter(({ name }) => only.some(part => name.toLowerCase().includes(part.toLowerCase())))
}
