/**
 * What `cpu-bound.ts` runs in threads: compresses a document as small as it goes, which keeps a core busy for milliseconds, and writes it to
 * a file. A message may come twice: the second time it writes the same.
 */
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { defineHandler, string } from 'millrace'

const folder = process.env.ARCHIVE ?? '.'
const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY }

// The serde is here, and not at the route, so that it runs in the thread as well.
export default defineHandler({ key: string }, async ({ key, rawValue, partition, offset }, { signal, log }) => {
  if (rawValue === null) return
  const compressed = brotliCompressSync(rawValue, { params })
  const file = join(folder, `${partition}-${offset}.br`)
  await writeFile(`${file}.part`, compressed, { signal })
  // Whole, or not at all: a thread may be ended at any moment.
  await rename(`${file}.part`, file)
  log.info({ key, bytes: rawValue.length, compressed: compressed.length }, 'compressed')
})
