import { commit, type Machine, machine } from './machine.ts'

/** When, where and how something was measured. */
export interface Occasion {
  readonly scenario: string
  /** ISO 8601. */
  readonly at: string
  readonly commit: string | null
  readonly machine: Machine
  readonly settings: OccasionSettings
}

export interface OccasionSettings {
  readonly rounds: number
  readonly pinning: string
  readonly millrace: 'src' | 'dist'
}

/** Now and here. `split`: broker and clients have a processor each. */
export function occasion(scenario: string, rounds: number, split: boolean): Occasion {
  return {
    scenario,
    at: new Date().toISOString(),
    commit: commit(),
    machine: machine(),
    settings: {
      rounds,
      pinning: split ? 'broker on processor 0, each client on processor 1' : 'none',
      millrace: process.env.MILLRACE === 'dist' ? 'dist' : 'src',
    },
  }
}
