import { mkdir, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { OptionError } from '../base/errors.ts'
import { describe } from '../base/option-check.ts'
import type { Failure } from '../work/failure.ts'
import type { AnyMessage } from './claim.ts'
import type { KeepingSink } from './failure-sink.ts'

/**
 * Writes a message whose attempts are spent to a file of its own, `TOPIC-PARTITION-OFFSET.json`, and counts it as done once that is on the
 * disk; if that fails it is held, and tried again. Keys, values and headers are in base64.
 *
 * @throws {OptionError}
 */
export function park(directory: string): KeepingSink {
  if (typeof directory !== 'string' || directory === '') {
    throw new OptionError(`park needs the name of a directory, not ${describe(directory)}`)
  }
  return {
    name: directory,
    create: false,
    topicsFor: () => [],
    keep: async (failure, { group, now }) => {
      await mkdir(directory, { recursive: true })
      const { topic, partition, offset } = failure.message
      const path = join(directory, `${topic}-${partition}-${offset}.json`)
      await writeWhole(path, `${JSON.stringify(parked(failure, group, now), null, 2)}\n`)
      return 'skip'
    },
  }
}

function parked({ message, error, attempts, reason }: Failure<AnyMessage>, group: string | null, now: number) {
  const { topic, partition, offset, timestamp, rawKey, rawValue, headers } = message
  const base64 = (bytes: Buffer | null) => bytes?.toString('base64') ?? null
  return {
    topic,
    partition,
    offset,
    timestamp,
    key: base64(rawKey),
    value: base64(rawValue),
    headers: headers.raw.map(([name, value]) => [name, base64(value)]),
    group,
    attempts,
    reason,
    error: { class: error.constructor.name, message: error.message },
    failedAt: new Date(now).toISOString(),
  }
}

/** Under its name there is the whole file or none, also after the machine lost its power. */
async function writeWhole(path: string, text: string): Promise<void> {
  const unfinished = `${path}.part`
  const file = await open(unfinished, 'w')
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(unfinished, path)
}
