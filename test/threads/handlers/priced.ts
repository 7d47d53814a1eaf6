import { json } from '../../../src/serde/json.ts'
import { defineHandler } from '../../../src/threads/handler-module.ts'

/** A handler with a serde of its own, which runs in the thread. */
export default defineHandler({ value: json() }, ({ key, value }, { log }) => {
  log.info({ key: String(key), value, isBuffer: Buffer.isBuffer(key) }, 'priced')
})
