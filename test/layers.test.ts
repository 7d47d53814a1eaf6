import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { dirname, join, normalize, sep } from 'node:path'
import test from 'node:test'

const source = join(import.meta.dirname, '../src')
const longestFile = 500

/** What each folder of `src` may import beside itself. */
const mayImport = new Map<string, readonly string[]>()
const layers = [
  ['base'],
  ['protocol'],
  ['records'],
  ['client'],
  ['serde', 'metrics', 'properties'],
  ['ownership', 'fetch', 'work', 'offsets', 'producer'],
  ['threads'],
  ['consumer', 'broker'],
  ['server', 'opentelemetry', 'testing'],
  ['cli'],
]
for (const [depth, siblings] of layers.entries()) {
  for (const folder of siblings) mayImport.set(folder, layers.slice(0, depth).flat())
}
mayImport.set('work', ['base'])
mayImport.set('threads', ['work', 'serde', 'records', 'base'])
mayImport.set('metrics', ['base'])
mayImport.set('properties', ['client', 'base'])
mayImport.set('broker', ['records', 'protocol', 'base'])

/** Modules that a file names in import and export statements, `import()` and `import` types. */
function importsOf(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
  const statement = /\b(?:import|export)\b[^'"`;()]*?\bfrom\s*(['"])(.+?)\1|\bimport\s*\(?\s*(['"])(.+?)\3/g
  return [...code.matchAll(statement)].map(match => match[2] ?? match[4] ?? '')
}

/** What is wrong with the imports of one file; `file` is its path below `src`. */
function wrongImports(file: string, text: string): string[] {
  const folder = folderOf(file)
  if (folder === '') return file === 'index.ts' ? [] : [`${file}: only index.ts belongs into src itself`]
  const allowed = mayImport.get(folder)
  if (!allowed) return [`${file}: the folder ${folder} has no place among the layers of this test`]
  return importsOf(text)
    .filter(name => name.startsWith('.'))
    .map(name => ({ name, target: folderOf(normalize(join(dirname(file), name))) }))
    .filter(({ target }) => target !== folder && !allowed.includes(target))
    .map(({ name }) => `${file}: ${folder} may not import ${name}`)
}

function folderOf(file: string): string {
  const parts = file.split(sep)
  return parts.length > 1 ? (parts[0] as string) : ''
}

test('a folder imports from the layers below only, never from its siblings', async () => {
  const wrong: string[] = []
  let files = 0
  for await (const file of glob('**/*.ts', { cwd: source })) {
    files += 1
    wrong.push(...wrongImports(file, await readFile(join(source, file), 'utf8')))
  }
  assert.deepEqual(wrong, [])
  assert.ok(files > 10, `only ${files} files were looked at`)
})

test('a file of src is at most 500 lines long, unless it is generated', async () => {
  const long: string[] = []
  for await (const file of glob('**/*.ts', { cwd: source })) {
    const text = await readFile(join(source, file), 'utf8')
    if (!text.startsWith('// Generated') && text.split('\n').length - 1 > longestFile) long.push(file)
  }
  assert.deepEqual(long, [])
})

test('an import that breaks the layers is found, however it is written', () => {
  const broken: [file: string, text: string][] = [
    ['fetch/loop.ts', "import { a } from '../work/lanes.ts'"],
    ['fetch/loop.ts', "import type {\n  A,\n  B,\n} from '../consumer/claim.ts'"],
    ['work/lanes.ts', "import '../records/reader.ts'"],
    ['work/lanes.ts', "export * from '../client/native.ts'"],
    ['work/deep/lanes.ts', "const a = await import('../../client/native.ts')"],
    ['work/lanes.ts', "let a: import('../protocol/codec.ts').Codec"],
    ['base/clock.ts', 'export { a } from "../protocol/codec.ts"'],
    ['base/clock.ts', "import { a } from '../index.ts'"],
    ['broker/log.ts', "import { a } from '../client/native.ts'"],
    ['consumer/consumer.ts', "import { a } from '../broker/index.ts'"],
    ['unknown/file.ts', ''],
    ['stray.ts', ''],
  ]
  for (const [file, text] of broken) assert.equal(wrongImports(file, text).length, 1, `${file}: ${text}`)
})

test('an import that keeps to the layers is none of its findings', () => {
  const sound: [file: string, text: string][] = [
    ['work/lanes.ts', "import { a } from './slot.ts'\nimport { b } from '../base/clock.ts'\nimport fs from 'node:fs'"],
    ['cli/main.ts', "import { a } from '../consumer/consumer.ts'"],
    ['cli/broker.ts', "import { a } from '../broker/index.ts'"],
    ['base/clock.ts', "// import { a } from '../cli/main.ts'\n/* import '../cli/main.ts' */"],
    ['index.ts', "export { Consumer } from './consumer/consumer.ts'"],
  ]
  for (const [file, text] of sound) assert.deepEqual(wrongImports(file, text), [], `${file}: ${text}`)
})
