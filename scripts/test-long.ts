/**
 * Runs the long tests, one part after the other: `npm run test:long [-- part…]`. A part is a test file `test/long/PART.ts`; `SEED`
 * repeats a run. The last result of each part is kept in `docs/test-long.md`, with the commit and what the tests told by
 * `t.diagnostic`.
 */
import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { root, runTests, testFiles } from './test-run.ts'

const partTimeoutMs = 30 * 60_000
const report = join(root, 'docs/test-long.md')
const heading = `# Results of the long tests

Written by \`npm run test:long\`: the last result of each part. \`SEED=… npm run test:long -- PART\` repeats one.

| Part | Passed | Failed | Seconds | Seed | Commit | Node | Day | Notes |
|---|---|---|---|---|---|---|---|---|
`

const parts = new Map(
  (await testFiles('test/long/*.ts')).map(file => [basename(file).replace(/(\.test)?\.ts$/, ''), file]),
)
const wanted = process.argv.length > 2 ? process.argv.slice(2) : [...parts.keys()]
const unknown = wanted.filter(part => !parts.has(part))
if (unknown.length > 0)
  throw new Error(`No such part: ${unknown.join(', ')}. Parts are ${[...parts.keys()].join(', ')}.`)
// The environment reaches the test files.
process.env.SEED ??= String(Date.now() % 2 ** 31)
console.log(`SEED=${process.env.SEED}`)

for (const part of wanted) {
  console.log(`\n${part}`)
  const before = performance.now()
  const totals = await runTests([parts.get(part) ?? ''], { concurrency: 1, timeoutMs: partTimeoutMs })
  const seconds = Math.round((performance.now() - before) / 1000)
  if (totals.failed > 0 || totals.passed === 0) process.exitCode = 1
  const cells = [
    part,
    totals.passed,
    totals.failed,
    seconds,
    process.env.SEED,
    commit(),
    process.versions.node,
    new Date().toISOString().slice(0, 10),
    totals.notes.join('; ').replaceAll('|', '\\|').replaceAll('\n', ' '),
  ]
  await keep(part, `| ${cells.join(' | ')} |`)
}

/** Rows of other parts stay as they are. */
async function keep(part: string, row: string): Promise<void> {
  const text = await readFile(report, 'utf8').catch(() => '')
  const rows = text.split('\n').filter(line => /^\| [a-z0-9]/.test(line) && !line.startsWith(`| ${part} |`))
  await writeFile(report, `${heading}${[...rows, row].sort().join('\n')}\n`)
}

/** The commit that is checked out, with a plus where the sources differ from it. */
function commit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--', 'src', 'test') === '' ? '' : '+')
  } catch {
    return 'unknown'
  }
}
