import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const gc: () => void = runInNewContext('gc')

/** Bytes that are still reachable, heap and buffers, after the garbage is collected. */
export async function reachableBytes(): Promise<number> {
  for (let i = 0; i < 3; i += 1) {
    gc()
    await new Promise(resolve => setImmediate(resolve))
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
