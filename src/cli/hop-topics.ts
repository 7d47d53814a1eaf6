import { toError } from '../base/errors.ts'
import { Admin } from '../client/admin.ts'
import type { TopicMetadata } from '../client/low-level-client.ts'
import { type CommonOptions, withClient } from './connect.ts'
import { CommandError, exitCodes } from './failure.ts'
import { findTopics } from './partitions.ts'

export interface HopTopicsOptions extends CommonOptions {
  readonly create?: boolean
  /** Of each topic that is made. */
  readonly partitions?: number
  readonly replicationFactor?: number
}

/** `orders`, `orders-2`, …: the topics that a message goes through, one after another. */
export function hopTopics(topic: string, hops: number): string[] {
  return Array.from({ length: hops }, (_, hop) => (hop === 0 ? topic : `${topic}-${hop + 1}`))
}

/**
 * Calls `use` with these topics, which are made before and deleted afterwards where `create` says so. What was there already stays.
 *
 * @throws {CommandError} when one does not exist, or is there where it was to be made
 */
export async function withHopTopics<T>(
  names: readonly string[],
  options: HopTopicsOptions,
  use: (topics: readonly TopicMetadata[]) => Promise<T>,
): Promise<T> {
  const made = options.create ? await makeTopics(names, options) : []
  try {
    return await use(await withClient(options, client => findTopics(client, names, options.timeout)))
  } finally {
    await deleteTopics(made, options)
  }
}

async function makeTopics(names: readonly string[], options: HopTopicsOptions): Promise<string[]> {
  const { partitions = 1, replicationFactor: replicas, timeout } = options
  return withClient(options, async client => {
    const admin = new Admin(client)
    const wanted = names.map(topic => ({ topic, partitions, ...(replicas !== undefined && { replicas }) }))
    const outcomes = await admin.createTopics(wanted)
    const made = outcomes.filter(({ error }) => error === null).map(({ topic }) => topic)
    try {
      const failed = outcomes.find(({ error }) => error !== null)?.error
      if (failed != null) throw cannotMake(failed)
      await admin.waitForLeaders(names, { timeoutMs: timeout })
    } catch (thrown) {
      await admin.deleteTopics(made)
      throw thrown
    }
    return made
  })
}

function cannotMake(error: Error & { readonly code?: string }): CommandError {
  const advice =
    error.code === 'TOPIC_ALREADY_EXISTS' ? '. Name another topic, or leave out --create to use this one' : ''
  return new CommandError(exitCodes.failure, error.code ?? 'CREATE', `${error.message}${advice}`, error)
}

/** What cannot be deleted is told, and is no failure of what was measured. */
async function deleteTopics(names: readonly string[], options: HopTopicsOptions): Promise<void> {
  if (names.length === 0) return
  try {
    const outcomes = await withClient(options, client => new Admin(client).deleteTopics(names))
    for (const { error } of outcomes) if (error !== null) throw error
  } catch (thrown) {
    const left = `millrace topics delete ${names.join(' ')}`
    process.stderr.write(`millrace: The topics that were made are still there: ${toError(thrown).message}. ${left}\n`)
  }
}
