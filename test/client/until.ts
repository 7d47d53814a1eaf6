/** Resolves when `condition` holds, looked at again in each turn of the event loop; rejects after `ms` with what was waited for. */
export async function until(what: string, condition: () => boolean, ms = 10_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${ms} ms in vain until ${what}`)
    await new Promise(resolve => setTimeout(resolve, 1))
  }
}
