import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Machine } from './machine.ts'
import type { Measurement } from './measurement.ts'

export interface Run {
  readonly round: number
  readonly contender: string
  readonly measurement: Measurement
}

export interface ComparisonResult {
  readonly name: string
  readonly runs: readonly Run[]
  /** What could not be run, and why. */
  readonly failed: readonly { readonly contender: string; readonly reason: string }[]
}

/** Everything that one scenario measured, with where and how: what the report is written from. */
export interface ScenarioResult {
  readonly scenario: string
  /** ISO 8601. */
  readonly at: string
  readonly commit: string | null
  readonly machine: Machine
  readonly settings: {
    readonly rounds: number
    readonly minSeconds: number
    readonly pinning: string
    readonly millrace: 'src' | 'dist'
    /** Messages in each topic. */
    readonly topics: Readonly<Record<string, number>>
  }
  readonly comparisons: readonly ComparisonResult[]
}

/** One file for each scenario: a run of one leaves the others as they are. */
export async function saveResult(folder: string, result: ScenarioResult): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, `${result.scenario}.json`), `${JSON.stringify(result, null, 1)}\n`)
}

export async function readResults(folder: string): Promise<ReadonlyMap<string, ScenarioResult>> {
  const names = (await readdir(folder)).filter(name => name.endsWith('.json'))
  const results = await Promise.all(
    names.map(async name => JSON.parse(await readFile(join(folder, name), 'utf8')) as ScenarioResult),
  )
  return new Map(results.map(result => [result.scenario, result]))
}
