import type { Cluster } from '../cluster.ts'
import { Probe, type Script } from './probe.ts'
import type { View } from './view.ts'

/** Answers by script and step. */
export type Journals = ReadonlyMap<string, ReadonlyMap<string, View>>

const atOnce = 12

/** Runs scripts against a cluster, several at a time. `prefix` keeps their names apart from those of other runs on it. */
export async function runScripts(cluster: Cluster, scripts: readonly Script[], prefix: string): Promise<Journals> {
  const journals = new Map<string, ReadonlyMap<string, View>>()
  const waiting = scripts
    .map((script, index) => ({ script, own: `${prefix}${String(index).padStart(3, '0')}-` }))
    .reverse()
  const worker = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const probe = new Probe(cluster, next.own)
      await probe.run(next.script)
      journals.set(next.script.name, probe.journal)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return journals
}

/** One value that is not the same: `where` is script, step and path, such as `heartbeat v3 > unknown group > errorCode`. */
export interface Difference {
  readonly where: string
  readonly kafka: string
  readonly ours: string
}

/** Where Kafka and ours did not answer the same. A value that is missing on one side is `absent`. */
export function differences(kafka: Journals, ours: Journals): Difference[] {
  const theirs = values(kafka)
  const own = values(ours)
  return [...new Set([...theirs.keys(), ...own.keys()])].flatMap(where => {
    const difference = { where, kafka: theirs.get(where) ?? 'absent', ours: own.get(where) ?? 'absent' }
    return difference.kafka === difference.ours ? [] : [difference]
  })
}

/** Every single value, by where it is. */
function values(journals: Journals): Map<string, string> {
  const found = new Map<string, string>()
  for (const [script, journal] of journals) {
    for (const [step, view] of journal) flatten(view, `${script} > ${step} >`, found)
  }
  return found
}

function flatten(view: View, path: string, into: Map<string, string>): void {
  if (view === null || typeof view !== 'object') {
    into.set(path, JSON.stringify(view))
  } else if (Array.isArray(view)) {
    if (view.length === 0) into.set(`${path}[]`, 'empty')
    for (const [element, name] of nameElements(view)) flatten(element, `${path}[${name}]`, into)
  } else {
    for (const [name, inner] of Object.entries(view))
      flatten(inner, `${path}${path.endsWith('>') ? ' ' : '.'}${name}`, into)
  }
}

/** What tells elements of an array apart, so that their order does not matter: Kafka's is mostly that of a hash map. */
const keys = [
  'apiKey',
  'name',
  'topic',
  'topicId',
  'groupId',
  'transactionalId',
  'key',
  'memberId',
  'resourceName',
] as const
const numbers = ['partitionIndex', 'partition', 'partitionId', 'index', 'nodeId', 'brokerId', 'source'] as const

function nameElements(elements: readonly View[]): [View, string][] {
  const seen = new Map<string, number>()
  return elements.map((element, index) => {
    const name = nameOf(element) ?? String(index)
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return [element, count === 1 ? name : `${name} #${count}`]
  })
}

function nameOf(element: View): string | undefined {
  if (element === null || typeof element !== 'object' || Array.isArray(element)) return undefined
  const struct = element as { readonly [name: string]: View }
  for (const key of [...keys, ...numbers]) {
    const value = struct[key]
    if (value !== undefined && value !== null && value !== '' && value !== 'none') return String(value)
  }
  return keys.some(key => struct[key] === '') ? 'nameless' : undefined
}
