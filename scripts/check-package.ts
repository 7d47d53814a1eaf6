/**
 * Checks the package as its users get it: packed, judged by publint and are-the-types-wrong, installed from the tarball into an
 * empty folder, type-checked against and run there, on the oldest Node that `engines` allows.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const oldest = '22.18.0'
const folder = await mkdtemp(join(tmpdir(), 'millrace-package-'))
/** Beside it: modules are looked for in the folders above too. */
const bare = `${folder}-bare`
const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }

try {
  const tarball = await pack()
  show('publint', 'publint', ['run', tarball, '--strict'])
  show('are the types wrong?', 'attw', [tarball, '--profile', 'esm-only', '--format', 'ascii'])
  await installTarball(tarball)
  await checkTypes()
  const node = await oldestNode()
  runOldest(node)
  await runBroker(node)
  await runThreads(node)
  await runWithoutOptional(node, tarball)
  console.log(`\nThe package is sound.`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  for (const made of [folder, bare]) await rm(made, { recursive: true, force: true })
}

function show(title: string, command: string, args: readonly string[], cwd = root): void {
  console.log(`\n${title}`)
  execFileSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] })
}

async function pack(): Promise<string> {
  show('pack', 'npm', ['pack', '--pack-destination', folder])
  return join(folder, `millrace-${version}.tgz`)
}

async function installTarball(tarball: string): Promise<void> {
  await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  show('install', 'npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball], folder)
}

/** The declarations alone, without this checkout's compiler options. */
async function checkTypes(): Promise<void> {
  // Without those whose types are of optional peers.
  const entries = ['broker', 'prometheus', 'statsd', 'server', 'testing'].map(
    name => `export * as ${name} from 'millrace/${name}'`,
  )
  await writeFile(join(folder, 'main.ts'), ["export * from 'millrace'", ...entries, ''].join('\n'))
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node']
  show('type-check', 'tsc', [...options, '--typeRoots', join(root, 'node_modules/@types'), 'main.ts'], folder)
}

function runOldest(node: string): void {
  const run = (...args: string[]) => execFileSync(node, args, { cwd: folder, encoding: 'utf8' }).trim()
  console.log(`\nrun on Node ${run('--version')}`)
  const names = run('-e', "import('millrace').then(all => console.log(Object.keys(all).join(' ')))")
  if (!names.split(' ').includes('Consumer')) throw new Error(`import 'millrace' gives no Consumer, but: ${names}`)
  for (const [entry, name] of [
    ['prometheus', 'prometheus'],
    ['statsd', 'graphite'],
    ['server', 'serve'],
    ['testing', 'deliver'],
  ]) {
    const there = run('-e', `import('millrace/${entry}').then(all => console.log(typeof all.${name}))`)
    if (there !== 'function') throw new Error(`import 'millrace/${entry}' gives no ${name}`)
  }
  const peer = run('-e', "import('millrace/opentelemetry').catch(error => console.log(error.message))")
  if (!peer.includes('@opentelemetry/api'))
    throw new Error(`millrace/opentelemetry does not name its peer, but: ${peer}`)
  const said = run(join(folder, 'node_modules/.bin/millrace'), '--version')
  if (said !== version) throw new Error(`millrace --version says "${said}", package.json ${version}.`)
}

/** The broker, in the process and in a thread of its own, and as a command, asked by the client of the same package. */
async function runBroker(node: string): Promise<void> {
  const program = `
    import { NativeClient } from 'millrace'
    import { Broker } from 'millrace/broker'
    for (const thread of [false, true]) {
      const broker = await Broker.start({ thread, topics: { orders: 6 } })
      const log = () => {}
      const logger = { debug: log, info: log, warn: log, error: log }
      const client = new NativeClient({ brokers: broker.brokers, logger })
      const { topics } = await client.metadata(['orders'])
      console.log(topics.get('orders').partitions.length)
      await client.close()
      await broker.close()
    }`
  await writeFile(join(folder, 'broker.mjs'), program)
  const said = execFileSync(node, ['broker.mjs'], { cwd: folder, encoding: 'utf8' })
  if (said !== '6\n6\n') throw new Error(`millrace/broker should have told of six partitions twice, but: ${said}`)
  const command = spawn(node, [
    join(folder, 'node_modules/millrace/dist/cli/main.js'),
    'broker',
    '--port',
    '0',
    '--json',
  ])
  const [line] = await once(command.stdout, 'data')
  command.kill('SIGTERM')
  const [code] = await once(command, 'exit')
  const { brokers } = JSON.parse(String(line))
  if (code !== 0 || brokers.length !== 1) throw new Error(`millrace broker said ${line} and ended with ${code}.`)
  console.log('millrace/broker and millrace broker serve')
}

/** Handlers in threads: without their package the error names it; with it modules of every kind are run. */
async function runThreads(node: string): Promise<void> {
  const handlers = {
    'handler.ts': `import { defineHandler, string, type Serde } from 'millrace'
      const value: Serde<string | null> = string
      export default defineHandler({ value }, message => { if (message.value !== 'a') throw new Error('no a') })`,
    'handler.mjs': `import { Poison } from 'millrace'
      export default message => { if (String(message.value) !== 'a') throw new Poison('no a') }`,
    'handler.cjs': `module.exports = message => { if (String(message.value) !== 'a') throw new Error('no a') }`,
  }
  for (const [name, code] of Object.entries(handlers)) await writeFile(join(folder, name), code)
  const program = `
    import { Consumer, threads } from 'millrace'
    import { deliver } from 'millrace/testing'
    try {
      const consumer = new Consumer({ brokers: ['127.0.0.1:1'], work: { threads: 1, attempts: 1, onFailure: 'skip' } })
      const names = ${JSON.stringify(Object.keys(handlers))}
      for (const name of names) consumer.topic(name, threads(new URL(name, import.meta.url)))
      const messages = names.flatMap(topic => [{ topic, value: 'a' }, { topic, value: 'b' }])
      const { handled, failed, error } = await deliver(consumer, messages)
      console.log(handled.length, failed.map(({ error }) => error.message).join(), error)
    } catch (error) {
      console.log(error.code, error.message)
    }`
  await writeFile(join(folder, 'threads.mjs'), program)
  const run = () => execFileSync(node, ['threads.mjs'], { cwd: folder, encoding: 'utf8' }).trim()
  const missing = run()
  if (!/^MISSING_PACKAGE .*npm install piscina$/.test(missing))
    throw new Error(`Without piscina threads() says: ${missing}`)
  await cp(join(root, 'node_modules/piscina'), join(folder, 'node_modules/piscina'), { recursive: true })
  const said = run()
  if (said !== '3 no a,no a,no a null') throw new Error(`Handlers in threads should have handled three, but: ${said}`)
  console.log('handlers run in threads')
}

/** Without the optional dependencies all works but what needs them, and that says which package is missing. */
async function runWithoutOptional(node: string, tarball: string): Promise<void> {
  await mkdir(bare)
  await writeFile(join(bare, 'package.json'), '{ "private": true, "type": "module" }\n')
  const options = ['--omit=optional', '--no-audit', '--no-fund', '--prefer-offline']
  show('install without optional dependencies', 'npm', ['install', ...options, tarball], bare)
  const program = `
    import { writeBatch } from 'millrace'
    for (const compression of ['none', 'gzip', 'zstd']) writeBatch([{ value: 'a' }], { compression })
    for (const compression of ['snappy', 'lz4']) {
      try {
        writeBatch([{ value: 'a' }], { compression })
      } catch (error) {
        console.log(error.code, /npm install [\\w-]+/.exec(error.message)[0])
      }
    }`
  await writeFile(join(bare, 'main.mjs'), program)
  const said = execFileSync(node, ['main.mjs'], { cwd: bare, encoding: 'utf8' })
  const expected = ['snappy', 'lz4-napi'].map(name => `UNSUPPORTED_COMPRESSION npm install ${name}\n`).join('')
  if (said !== expected) throw new Error(`Without optional dependencies ${expected} was expected, but: ${said}`)
  console.log('what is optional is named where it is missing')
}

/** The Node that npm has for this platform, kept for the next time. */
async function oldestNode(): Promise<string> {
  const target = `${process.platform}-${process.arch}`
  const name = target === 'darwin-arm64' ? `node-bin-${target}` : `node-${target}`
  const cache = join(root, 'node_modules/.cache/node', oldest)
  const binary = join(cache, 'node_modules', name, 'bin/node')
  if (!existsSync(binary)) {
    await mkdir(cache, { recursive: true })
    await writeFile(join(cache, 'package.json'), '{ "private": true }\n')
    show(`Node ${oldest}`, 'npm', ['install', '--no-audit', '--no-fund', '--no-save', `${name}@${oldest}`], cache)
  }
  return binary
}
