/** What a key on a terminal does; elsewhere there are none. The answer stops listening. */
export function onKeys(keys: Readonly<Record<string, () => void>>): () => void {
  const { stdin } = process
  if (!stdin.isTTY || !process.stdout.isTTY) return () => {}
  const listener = (bytes: Buffer) => {
    for (const key of bytes.toString()) keys[key]?.()
  }
  // Each key comes at once, Ctrl-C as one of them.
  stdin.setRawMode(true).on('data', listener).resume()
  return () => {
    stdin.setRawMode(false).off('data', listener).pause()
  }
}
