/** Emits `dist/`: JavaScript and declarations of `src/`, nothing left over from an earlier build. */
import { spawnSync } from 'node:child_process'
import { chmod, rm } from 'node:fs/promises'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const main = join(root, 'dist/cli/main.js')

await rm(join(root, 'dist'), { recursive: true, force: true })
const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)
// npm does this when it installs; a link from a checkout needs it now.
await chmod(main, 0o755)
