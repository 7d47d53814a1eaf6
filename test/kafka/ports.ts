import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Ports that nobody listens on now. They are outside the ranges from which Linux and macOS give out ports by themselves, so that
 * a killed broker finds its own free again.
 */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = []
  while (found.length < count) {
    const port = 15_000 + Math.floor(Math.random() * 17_000)
    if (!found.includes(port) && (await isFree(port))) found.push(port)
  }
  return found
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
