import type { Cluster } from '../cluster.ts'
import { type Login, Probe, type Script } from './probe.ts'
import type { View } from './view.ts'

/** Answers by script and step. */
export type Journals = ReadonlyMap<string, ReadonlyMap<string, View>>

const atOnce = 24

/** Runs scripts against a cluster, several at a time. `prefix` keeps their names apart from those of other runs on it. */
export async function runScripts(
  cluster: Cluster,
  scripts: readonly Script[],
  prefix: string,
  user: Login | null = null,
): Promise<Journals> {
  const journals = new Map<string, ReadonlyMap<string, View>>()
  const waiting = scripts
    .map((script, index) => ({ script, own: `${prefix}${String(index).padStart(3, '0')}-` }))
    .reverse()
  const worker = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const probe = new Probe(cluster, next.own, user)
      await probe.run(next.script)
      journals.set(next.script.name, probe.journal)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return journals
}

/**
 * Where Kafka and ours did not answer the same, a line each: script, step, path and the values, such as
 * `heartbeat v3 > nobody > .errorCode: Kafka 25, ours 0`. What only one side has is `absent` on the other, as a whole.
 */
export function differences(kafka: Journals, ours: Journals): string[] {
  return [...new Set([...kafka.keys(), ...ours.keys()])].flatMap(script => {
    const [theirs, own] = [kafka.get(script), ours.get(script)]
    const steps = new Set([...(theirs?.keys() ?? []), ...(own?.keys() ?? [])])
    return [...steps].flatMap(step => [...compare(theirs?.get(step), own?.get(step), `${script} > ${step} > `)])
  })
}

function* compare(kafka: View | undefined, ours: View | undefined, where: string): Generator<string> {
  const [theirs, own] = [parts(kafka), parts(ours)]
  if (theirs === null || own === null || Array.isArray(kafka) !== Array.isArray(ours)) {
    const [left, right] = [JSON.stringify(kafka) ?? 'absent', JSON.stringify(ours) ?? 'absent']
    if (left !== right) yield `${where}: Kafka ${left}, ours ${right}`
    return
  }
  for (const name of new Set([...theirs.keys(), ...own.keys()])) {
    yield* compare(theirs.get(name), own.get(name), `${where}${Array.isArray(kafka) ? `[${name}]` : `.${name}`}`)
  }
}

/** Fields by name, elements by what tells them apart; null for what has no parts. */
function parts(view: View | undefined): Map<string, View> | null {
  if (view === null || typeof view !== 'object') return null
  return new Map(Array.isArray(view) ? named(view) : Object.entries(view))
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
  'principal',
  'partitionIndex',
  'partition',
  'index',
  'nodeId',
  'brokerId',
]

function named(elements: readonly View[]): [string, View][] {
  const seen = new Map<string, number>()
  return elements.map((element, index) => {
    const name = nameOf(element) ?? String(index)
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return [count === 1 ? name : `${name} #${count}`, element]
  })
}

function nameOf(element: View): string | undefined {
  if (element === null || typeof element !== 'object' || Array.isArray(element)) return undefined
  const struct = element as { readonly [name: string]: View }
  for (const key of keys) {
    const value = struct[key]
    if (value !== undefined && value !== null && value !== '' && value !== 'none') return String(value)
  }
  return keys.some(key => struct[key] === '') ? 'nameless' : undefined
}
