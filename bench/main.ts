/** Measures Millrace against others: `npm run bench -- --help`. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run, type Settings } from './benchmark.ts'
import { withFigures } from './comparison-page.ts'
import { groupScale } from './group-scale/group-scale.ts'
import { rebalance } from './rebalance/rebalance.ts'
import { report } from './report.ts'
import { type Result, readResults, saveResult } from './results.ts'
import { scenarios } from './scenarios.ts'
import { loads, quickLoads } from './topics.ts'

const parts = [...scenarios.map(({ name }) => name), 'rebalance', 'group-scale']

const USAGE = `npm run bench -- [SCENARIO…] [OPTION…]

Scenarios (default all): ${parts.join(', ')}

--rounds N            how often all contenders take turns (default 5; rebalance 7, group-scale 3)
--seconds S           how long each is measured in a round (default 3)
--memory-seconds S    how long memory is watched (default 180)
--stall-seconds S     how long it is watched around a broker that stands still for three quarters of it (default 80)
--only TEXT           only contenders whose name contains this; repeatable; writes no report
--pin split|none      broker and client on a processor each, or wherever the system puts them (default split)
--quick               small topics, two short rounds: whether all of it works; writes bench/results/quick/
--report              measures nothing, writes the report anew from bench/results/

MILLRACE=dist         measures what was built instead of the sources
`

const here = import.meta.dirname
const page = join(here, '../docs/benchmarks.md')
const comparisonPage = join(here, '../docs/comparison.md')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    'memory-seconds': { type: 'string' },
    'stall-seconds': { type: 'string' },
    only: { type: 'string', multiple: true, default: [] },
    pin: { type: 'string', default: 'split' },
    quick: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

// An exit takes the measured process along; death by a signal would not.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

if (values.help) console.log(USAGE)
else if (values.report) await writeReport(join(here, 'results'), page)
else await main()

async function main(): Promise<void> {
  const { quick, only } = values
  const unknown = positionals.find(name => !parts.includes(name))
  if (unknown !== undefined) throw new Error(`No scenario is named ${unknown}.\n${USAGE}`)
  installPeers()
  const folder = join(here, quick ? 'results/quick' : 'results')
  let failures = 0
  for await (const result of measure(parts.filter(name => positionals.length === 0 || positionals.includes(name)))) {
    failures += ('failed' in result ? result.failed : result.comparisons.flatMap(({ failed }) => failed)).length
    if (only.length > 0) continue
    await saveResult(folder, result)
    await writeReport(folder, quick ? join(folder, 'benchmarks.md') : page)
  }
  if (failures > 0) console.error(`${failures} contenders could not be run.`)
}

/** Answers each result when it is complete. */
async function* measure(names: readonly string[]): AsyncGenerator<Result> {
  const { quick, only, pin } = values
  if (pin !== 'split' && pin !== 'none') throw new Error(`--pin is split or none, not ${pin}`)
  const settings: Settings = {
    rounds: amount('rounds', quick ? 2 : 5),
    warmSeconds: quick ? 0.1 : 2,
    minSeconds: amount('seconds', quick ? 0.3 : 3),
    memorySeconds: amount('memory-seconds', quick ? 10 : 180),
    stallSeconds: amount('stall-seconds', quick ? 8 : 80),
    pin,
    loads: quick ? quickLoads : loads,
    only,
  }
  const chosen = scenarios.filter(({ name }) => names.includes(name))
  if (chosen.length > 0) yield* run(chosen, settings)
  if (names.includes('rebalance')) yield await rebalance({ rounds: amount('rounds', quick ? 1 : 7), pin, only })
  if (names.includes('group-scale') && only.length === 0) yield await groupScale(amount('rounds', quick ? 1 : 3), pin)
}

async function writeReport(folder: string, file: string): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true })
  const text = report(await readResults(folder))
  await writeFile(file, text)
  console.error(`Wrote ${file}`)
  if (file !== page) return
  await writeFile(comparisonPage, withFigures(await readFile(comparisonPage, 'utf8'), text))
  console.error(`Wrote the figures of ${comparisonPage}`)
}

function amount(name: 'rounds' | 'seconds' | 'memory-seconds' | 'stall-seconds', standard: number): number {
  const given = values[name]
  const value = given === undefined ? standard : Number(given)
  if (!(value > 0)) throw new Error(`--${name} needs a number above 0, not ${given}`)
  return value
}

/** The peers are dependencies of this folder alone. */
function installPeers(): void {
  if (existsSync(join(here, 'node_modules/.package-lock.json'))) return
  console.error('Installing the peers (npm ci in bench/; node-rdkafka is compiled, which takes some minutes) …')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error(`npm ci failed in ${here} with ${status}`)
}
