import { glob } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'

export const root = join(import.meta.dirname, '..')

export interface TestOptions {
  /** Files at the same time. */
  readonly concurrency: number
  /** Of one test. */
  readonly timeoutMs: number
}

export interface TestTotals {
  readonly passed: number
  readonly failed: number
  /** What tests told with `t.diagnostic`. */
  readonly notes: readonly string[]
}

/** Test files by pattern, from the root, sorted. */
export async function testFiles(pattern: string, exclude: readonly string[] = []): Promise<string[]> {
  const files: string[] = []
  for await (const file of glob(pattern, { cwd: root, exclude })) files.push(file)
  return files.sort()
}

/** Runs test files, each in a process of its own, and shows what happens. A file that cannot be loaded is a failed test. */
export async function runTests(files: readonly string[], options: TestOptions): Promise<TestTotals> {
  if (files.length === 0) return { passed: 0, failed: 0, notes: [] }
  // Every file and every command that a test starts would compile the same sources again.
  process.env.NODE_COMPILE_CACHE ??= join(root, 'node_modules/.cache/compiled')
  let passed = 0
  let failed = 0
  const notes: string[] = []
  const stream = run({
    files: files.map(file => join(root, file)),
    concurrency: options.concurrency,
    timeout: options.timeoutMs,
  })
  stream.on('test:summary', summary => {
    // Each file has a summary too; the one without a file is the sum.
    if (summary.file !== undefined) return
    passed = summary.counts.passed
    failed = summary.counts.tests - passed - summary.counts.skipped - summary.counts.todo
  })
  stream.on('test:diagnostic', ({ file, message }) => {
    if (file !== undefined) notes.push(message)
  })
  for await (const text of stream.compose(spec)) process.stdout.write(text)
  return { passed, failed, notes }
}
