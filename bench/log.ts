import type { Logger } from '../src/index.ts'

export function log(line: string): void {
  console.error(`${new Date().toISOString().slice(11, 19)} ${line}`)
}

const nothing = () => {}

/** For clients below a `Consumer`, which bring no logger of their own. */
export const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }
