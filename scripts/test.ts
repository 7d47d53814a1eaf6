/**
 * Runs one level of the tests: `node scripts/test.ts unit|kafka [part…]`, where a part is some text in a file's path.
 * `TEST_TOTALS` names a file that gets the line `passed failed`.
 */
import { appendFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { runTests, testFiles } from './test-run.ts'

const levels = {
  unit: {
    pattern: 'test/**/*.test.ts',
    exclude: ['test/kafka/**', 'test/long/**'],
    concurrency: availableParallelism() + 1,
    timeoutMs: 60_000,
  },
  // One cluster at a time: each is up to four processes.
  kafka: { pattern: 'test/kafka/**/*.test.ts', exclude: [], concurrency: 1, timeoutMs: 300_000 },
} as const

const [name = '', ...parts] = process.argv.slice(2)
const level = name === 'unit' || name === 'kafka' ? levels[name] : undefined
if (!level) throw new Error(`Which tests? "${name}" is neither unit nor kafka.`)

const files = (await testFiles(level.pattern, level.exclude)).filter(
  file => parts.length === 0 || parts.some(part => file.includes(part)),
)
const totals = await runTests(files, level)
if (process.env.TEST_TOTALS) await appendFile(process.env.TEST_TOTALS, `${totals.passed} ${totals.failed}\n`)
if (totals.failed > 0) process.exitCode = 1
if (files.length === 0) {
  console.error(`No test file of "${name}" matches ${parts.join(' or ') || level.pattern}.`)
  process.exitCode = 1
}
