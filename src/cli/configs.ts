import { MillraceError } from '../base/errors.ts'
import { Admin } from '../client/admin.ts'
import type { ConfigChange, ConfigEntry, ConfigOwner } from '../client/config-admin.ts'
import type { NativeClient } from '../client/native-client.ts'
import { type CommonOptions, withClient } from './connect.ts'
import { CommandError, exitCodes } from './failure.ts'
import { writeObjects, writeText } from './output.ts'
import { findTopics } from './partitions.ts'
import { printable } from './printable.ts'
import { table } from './table.ts'

type Settings = Readonly<Record<string, string>>

export interface ConfigsOptions extends CommonOptions {
  readonly all?: boolean
  readonly set?: Settings
  readonly append?: Settings
  readonly subtract?: Settings
  readonly delete?: readonly string[]
  readonly dryRun?: boolean
  readonly json?: boolean
}

/** `millrace topics configs`. */
export async function topicConfigs(topic: string, options: ConfigsOptions): Promise<void> {
  await showOrChange({ topic }, options, client => findTopics(client, [topic], options.timeout))
}

/** `millrace cluster configs`. */
export async function brokerConfigs(broker: number | 'default', options: ConfigsOptions): Promise<void> {
  await showOrChange({ broker }, options, async client => {
    const { brokers } = await new Admin(client).describeCluster()
    const ids = brokers.map(({ nodeId }) => nodeId)
    if (broker === 'default' || ids.includes(broker)) return
    const message = `The cluster has no broker ${broker}: there are ${ids.sort((a, b) => a - b).join(', ')}`
    throw new CommandError(exitCodes.unknown, 'UNKNOWN_BROKER', message)
  })
}

/** Shows settings or, when there are changes, makes them. `find` rejects when there is no such owner. */
async function showOrChange(
  owner: ConfigOwner,
  options: ConfigsOptions,
  find: (client: NativeClient) => Promise<unknown>,
): Promise<void> {
  const changes = changesOf(options)
  await withClient(options, async client => {
    await find(client)
    const admin = new Admin(client)
    if (Object.keys(changes).length === 0) {
      const entries = await admin.describeConfigs(owner)
      await show(entries.filter(({ inherited }) => options.all || !inherited).sort(byName), options)
      return
    }
    await alter(admin, owner, changes, options)
    await tellChanges(owner, changes, options)
  })
}

function changesOf({ set = {}, append = {}, subtract = {}, delete: deleted = [] }: ConfigsOptions) {
  const changes: [name: string, change: ConfigChange][] = [
    ...Object.entries(set),
    ...Object.entries(append).map(([name, value]): [string, ConfigChange] => [name, { append: value }]),
    ...Object.entries(subtract).map(([name, value]): [string, ConfigChange] => [name, { subtract: value }]),
    ...deleted.map((name): [string, null] => [name, null]),
  ]
  const twice = changes.find(([name], at) => changes.findIndex(([other]) => other === name) !== at)
  if (twice === undefined) return Object.fromEntries(changes)
  throw new CommandError(exitCodes.usage, 'USAGE', `"${twice[0]}" is to be changed in two ways; say it once`)
}

async function alter(
  admin: Admin,
  owner: ConfigOwner,
  changes: Readonly<Record<string, ConfigChange>>,
  { dryRun = false }: ConfigsOptions,
): Promise<void> {
  try {
    await admin.alterConfigs(owner, changes, { validateOnly: dryRun })
  } catch (thrown) {
    if (!(thrown instanceof MillraceError) || thrown.code !== 'INVALID_CONFIG') throw thrown
    const advice = 'Nothing was changed. The same command with --all and without changes shows what there is'
    throw new CommandError(exitCodes.failure, thrown.code, `${thrown.message}. ${advice}`, thrown)
  }
}

async function show(entries: readonly ConfigEntry[], { json }: ConfigsOptions): Promise<void> {
  if (json) {
    return writeObjects(entries.map(({ documentation: _, synonyms: __, ...entry }) => entry))
  }
  const rows = entries.map(({ name, value, source, sensitive }) => [
    name,
    sensitive ? '(secret)' : (value ?? '-'),
    source,
  ])
  await writeText(table([['NAME', 'VALUE', 'SOURCE'], ...rows]))
}

async function tellChanges(
  owner: ConfigOwner,
  changes: Readonly<Record<string, ConfigChange>>,
  { json, dryRun = false }: ConfigsOptions,
): Promise<void> {
  if (json) return writeObjects([{ ...owner, changes, dryRun }])
  const lines = Object.entries(changes).map(([name, change]) => `${dryRun ? 'could ' : ''}${describe(name, change)}`)
  await writeText(lines.map(line => `${printable(line)}\n`).join(''))
}

function describe(name: string, change: ConfigChange): string {
  if (change === null) return `delete ${name}`
  if (typeof change !== 'object') return `set ${name}=${change}`
  return 'append' in change ? `append ${name}=${change.append}` : `subtract ${name}=${change.subtract}`
}

function byName(a: ConfigEntry, b: ConfigEntry): number {
  return a.name < b.name ? -1 : 1
}
