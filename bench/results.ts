import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Measurement } from './measurement.ts'
import type { ScaleResult } from './group-scale/result.ts'
import type { Occasion, OccasionSettings } from './occasion.ts'
import type { RebalanceResult } from './rebalance/result.ts'

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

/** Everything that one scenario measured: what the report is written from. */
export interface ScenarioResult extends Occasion {
  readonly settings: OccasionSettings & {
    readonly minSeconds: number
    /** Messages in each topic. */
    readonly topics: Readonly<Record<string, number>>
  }
  readonly comparisons: readonly ComparisonResult[]
}

export type Result = ScenarioResult | RebalanceResult | ScaleResult

/** One file for each scenario: a run of one leaves the others as they are. */
export async function saveResult(folder: string, result: Result): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, `${result.scenario}.json`), `${JSON.stringify(result, null, 1)}\n`)
}

export async function readResults(folder: string): Promise<ReadonlyMap<string, Result>> {
  const names = (await readdir(folder)).filter(name => name.endsWith('.json'))
  const results = await Promise.all(
    names.map(async name => JSON.parse(await readFile(join(folder, name), 'utf8')) as Result),
  )
  return new Map(results.map(result => [result.scenario, result]))
}
