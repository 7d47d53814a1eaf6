import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { before, test } from 'node:test'
import { promisify } from 'node:util'
import { completionScript } from '../../src/cli/completion.ts'
import { shells } from '../../src/cli/completion-command.ts'
import { makeProgram } from '../../src/cli/program.ts'

const run = promisify(execFile)
const scripts = Object.fromEntries(shells.map(shell => [shell, completionScript(shell, makeProgram())]))
const installed = new Set<string>()

before(async () => {
  for (const shell of shells)
    await run(shell, ['-c', 'true']).then(
      () => installed.add(shell),
      () => {},
    )
})

/** What each shell offers for the last word. */
const offered = {
  async bash(...words: string[]) {
    const line =
      'source /dev/stdin <<<"$SCRIPT"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; _millrace'
    return lines(await start('bash', [`${line}; printf '%s\\n' "\${COMPREPLY[@]}"`, 'bash', ...words]))
  },
  /** Outside of its line editor; what would show the list prints it. */
  async zsh(...words: string[]) {
    const stubs = [
      'compdef() { : }',
      'compadd() { shift; print -rl -- "$@" }',
      `_describe() { print -rl -- "\${(@P)2}" }`,
      `_files() { print -rl -- \${words[CURRENT]}*(N) }`,
    ]
    const line = `${stubs.join('\n')}\neval "$SCRIPT"; words=("$@"); CURRENT=$#; _millrace`
    return lines(await start('zsh', [line, 'zsh', ...words])).map(each => each.replace(/:.*/, ''))
  },
  async fish(...words: string[]) {
    const shown = await start('fish', ['echo $SCRIPT | source; complete -C "$argv"', '--', words.join(' ')])
    return lines(shown).map(each => each.replace(/\t.*/, ''))
  },
}

async function start(shell: keyof typeof offered, args: readonly string[]): Promise<string> {
  const env = { ...process.env, SCRIPT: scripts[shell] }
  return (await run(shell, [...(shell === 'zsh' ? ['-f'] : []), '-c', ...args], { env, cwd: import.meta.dirname }))
    .stdout
}

function lines(text: string): string[] {
  return text.split('\n').filter(line => line !== '')
}

for (const shell of shells) {
  test(`${shell} completes commands, options, and values where they are known`, async t => {
    if (!installed.has(shell)) return t.skip(`there is no ${shell} here`)
    const complete = async (...words: string[]) => (await offered[shell]('millrace', ...words)).sort()
    const topics = ['alter', 'configs', 'create', 'delete', 'describe', 'list']
    assert.deepEqual(await complete('topics', ''), topics)
    assert.ok((await complete('')).includes('consume'))
    const options = await complete('topics', 'create', 'orders', '-p', '3', '--')
    for (const option of ['--partitions', '--wait', '--brokers']) assert.ok(options.includes(option), option)
    assert.ok(!options.includes('--all'))
    assert.deepEqual(await complete('perf', 'consume', 'orders', '--order', ''), ['key', 'none', 'partition'])
    assert.deepEqual(await complete('completion', ''), ['bash', 'fish', 'zsh'])
    assert.deepEqual(await complete('produce', '-z', ''), ['gzip', 'lz4', 'none', 'snappy', 'zstd'])
    assert.deepEqual(await complete('run', 'completion.t'), ['completion.test.ts'])
    assert.deepEqual(await complete('produce', 'orders', 'completion.t'), ['completion.test.ts'])
    assert.deepEqual(await complete('topics', 'list', '--tls-ca', 'completion.t'), ['completion.test.ts'])
    // Nobody knows the names of groups here.
    assert.deepEqual(await complete('consume', 'orders', '--group', 'no-such-file'), [])
  })
}
