import type { MillraceError } from '../base/errors.ts'
import { Admin } from '../client/admin.ts'
import type { NativeClient } from '../client/native-client.ts'
import type { TopicOutcome } from '../client/topic-admin.ts'
import { confirm } from './confirm.ts'
import { type CommonOptions, withClient } from './connect.ts'
import { CommandError, exitCodes } from './failure.ts'
import { writeObjects, writeText } from './output.ts'
import { findTopics } from './partitions.ts'
import { plural } from './plural.ts'
import { printable } from './printable.ts'
import { Progress } from './progress.ts'

interface ChangeTopicOptions extends CommonOptions {
  readonly json?: boolean
}

export interface CreateTopicsOptions extends ChangeTopicOptions {
  readonly partitions?: number
  readonly replicationFactor?: number
  readonly set?: Readonly<Record<string, string>>
  readonly ifNotExists?: boolean
  readonly wait?: boolean
  readonly dryRun?: boolean
}

export interface AlterTopicOptions extends ChangeTopicOptions {
  readonly partitions: number
  readonly wait?: boolean
  readonly dryRun?: boolean
}

export interface DeleteTopicsOptions extends ChangeTopicOptions {
  readonly yes?: boolean
  readonly ifExists?: boolean
}

/** A line, or an object with `--json`. */
interface Told {
  readonly text: string
  readonly object: object
}

/** Topics that are named in a question. */
const mostNames = 10

/** `millrace topics create`: those that can be made are, whatever becomes of the others. */
export async function createTopics(given: readonly string[], options: CreateTopicsOptions): Promise<void> {
  const { partitions, replicationFactor: replicas, set: configs = {}, ifNotExists, dryRun = false } = options
  const names = [...new Set(given)]
  await withClient(options, async client => {
    const admin = new Admin(client)
    const wanted = names.map(topic => ({
      topic,
      configs,
      ...(partitions !== undefined && { partitions }),
      ...(replicas !== undefined && { replicas }),
    }))
    const outcomes = await admin.createTopics(wanted, { validateOnly: dryRun })
    const there = outcomes.filter(({ error }) => ifNotExists && error?.code === 'TOPIC_ALREADY_EXISTS')
    const made = outcomes.filter(({ error }) => error === null)
    if (options.wait && !dryRun) await waitForLeaders(admin, [...made, ...there], options)
    await tell(options, [
      ...made.map(({ topic, topicId, partitions, replicas }) => {
        const size = [counted(partitions, 'partition'), counted(replicas, 'replica')].filter(Boolean).join(', ')
        const object = { [dryRun ? 'possible' : 'created']: topic, topicId, partitions, replicas }
        return { text: `${dryRun ? 'could create' : 'created'} ${topic}${size && ` (${size})`}`, object }
      }),
      ...there.map(({ topic }) => ({ text: `exists ${topic}`, object: { exists: topic } })),
    ])
    throwFailures(
      outcomes.filter(outcome => !there.includes(outcome)),
      'created',
    )
  })
}

/** `millrace topics alter`. */
export async function alterTopic(topic: string, options: AlterTopicOptions): Promise<void> {
  const { partitions, dryRun = false } = options
  await withClient(options, async client => {
    const [found] = await findTopics(client, [topic], options.timeout)
    const before = found?.partitions.length ?? 0
    const admin = new Admin(client)
    // Kafka refuses it; asked again, as scripts do, it is done already.
    if (partitions !== before) await admin.createPartitions(topic, partitions, { validateOnly: dryRun })
    if (options.wait && !dryRun) await waitForLeaders(admin, [{ topic }], options)
    const verb = dryRun ? 'could have' : 'has'
    const object = { topic, partitions, before, dryRun }
    await tell(options, [{ text: `${topic} ${verb} ${plural(partitions, 'partition')} (before: ${before})`, object }])
  })
}

/** `millrace topics delete`: all of them or, where one does not exist, none. */
export async function deleteTopics(given: readonly string[], options: DeleteTopicsOptions): Promise<void> {
  await withClient(options, async client => {
    const { names, missing } = await existing(client, [...new Set(given)], options)
    if (names.length > 0) {
      const what = names.length === 1 ? 'topic' : `${names.length} topics`
      const which = names.slice(0, mostNames).join(', ') + (names.length > mostNames ? ', …' : '')
      await confirm(`Delete ${what} ${which} with all messages?`, options.yes)
    }
    const outcomes = await new Admin(client).deleteTopics(names)
    await tell(options, [
      ...outcomes
        .filter(({ error }) => error === null)
        .map(({ topic }) => ({ text: `deleted ${topic}`, object: { deleted: topic } })),
      ...missing.map(topic => ({ text: `missing ${topic}`, object: { missing: topic } })),
    ])
    throwFailures(outcomes, 'deleted')
  })
}

async function existing(client: NativeClient, names: readonly string[], { ifExists, timeout }: DeleteTopicsOptions) {
  if (!ifExists) {
    const found = await findTopics(client, names, timeout)
    return { names: found.map(({ topic }) => topic), missing: [] }
  }
  const { topics } = await client.metadata(names)
  const missing = names.filter(name => topics.get(name)?.error?.code === 'UNKNOWN_TOPIC_OR_PARTITION')
  return { names: names.filter(name => !missing.includes(name)), missing }
}

async function waitForLeaders(
  admin: Admin,
  topics: readonly { readonly topic: string }[],
  { timeout }: CommonOptions,
): Promise<void> {
  if (topics.length === 0) return
  const progress = new Progress(`waiting for the leaders of ${plural(topics.length, 'topic')}`)
  try {
    await admin.waitForLeaders(
      topics.map(({ topic }) => topic),
      { timeoutMs: timeout },
    )
  } catch (thrown) {
    throw failure('NO_LEADER', thrown as MillraceError, '. Wait longer with --timeout, or look at the brokers')
  } finally {
    progress.end()
  }
}

async function tell({ json }: ChangeTopicOptions, all: readonly Told[]): Promise<void> {
  if (json) await writeObjects(all.map(({ object }) => object))
  else await writeText(all.map(({ text }) => `${printable(text)}\n`).join(''))
}

/** One line says which were not done, and why. */
function throwFailures(outcomes: readonly TopicOutcome[], done: string): void {
  const failed = outcomes.flatMap(({ error }) => error ?? [])
  const [first, ...more] = failed
  if (first === undefined) return
  const message = outcomes.length === 1 ? '' : `${failed.length} of ${outcomes.length} topics were not ${done}: `
  throw failure(first.code, first, more.map(({ message }) => `; ${message}`).join(''), message)
}

function failure(code: string, cause: MillraceError, after = '', before = ''): CommandError {
  return new CommandError(exitCodes.failure, code, `${before}${cause.message}${after}`, cause)
}

/** Brokers of old do not tell. */
function counted(count: number | null, noun: string): string {
  return count === null ? '' : plural(count, noun)
}
