/**
 * Runs a script of this project on the project's own Node, right after `git clone` too: it installs the locked dependencies first
 * when they are missing or not those of the lock file. Plain JavaScript, because it runs on whatever Node the machine has.
 *
 *     node scripts/run.mjs FILE [ARGUMENT…]
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const ownNode = join(root, 'node_modules/node/bin/node')
const neededMajor = 24

/**
 * Whether `node_modules` holds what the lock file says. npm notes what it installed in a hidden lock file; what is optional may be
 * absent there (it is for another platform, or could not be built), but not another version.
 */
function isInstalled(folder) {
  const hidden = join(folder, 'node_modules/.package-lock.json')
  if (!existsSync(hidden)) return false
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages
  const locked = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages
  // What the package itself names, and is not built when it is installed, comes with every install.
  const always = Object.keys(locked[''].optionalDependencies ?? {}).map(name => `node_modules/${name}`)
  return Object.entries(locked).every(([path, wanted]) => {
    if (path === '') return true
    const found = installed[path]
    if (found) return found.version === wanted.version
    return wanted.optional === true && (wanted.hasInstallScript === true || !always.includes(path))
  })
}

/** Installs the locked dependencies of a package when they are not there; ends the process when that fails. */
function install(folder) {
  if (isInstalled(folder)) return
  console.error('Installing the locked dependencies (npm ci) …')
  const npm = process.env.npm_execpath
  const [command, ...args] = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm']
  // Its output is not this script's output.
  const result = spawnSync(command, [...args, 'ci', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
  })
  if (result.status === 0) return
  console.error(
    `"npm ci" failed in ${folder}${result.error ? `: ${result.error.message}` : ''}. Its own messages are above.`,
  )
  process.exit(1)
}

/** The project's Node, or this one when it is new enough. */
function findNode() {
  if (existsSync(ownNode)) return ownNode
  if (Number(process.versions.node.split('.')[0]) >= neededMajor) return process.execPath
  console.error(
    `This project's scripts run on Node ${neededMajor}; this is Node ${process.versions.node}, and ${ownNode} is missing: ` +
      `the install script of the package "node" did not run. package.json approves it (allowScripts), so check that npm is not ` +
      `told to ignore scripts (npm config get ignore-scripts) and run "npm rebuild node"; or use Node ${neededMajor} itself.`,
  )
  process.exit(1)
}

function main(args) {
  install(root)
  const bin = join(root, 'node_modules/.bin')
  const node = findNode()
  // Commands of dependencies, and the `node` they find, are in the path as npm would have it.
  const path = [dirname(node), bin, process.env.PATH].join(delimiter)
  const child = spawn(node, args, { stdio: 'inherit', env: { ...process.env, PATH: path } })
  // At a terminal Ctrl-C reaches the child by itself, and twice would mean more than once.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  process.on('SIGHUP', () => child.kill('SIGHUP'))
  child.on('error', error => {
    console.error(`Cannot run ${node}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

main(process.argv.slice(2))
