import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import type { Command } from 'commander'
import { makeProgram } from '../../src/cli/program.ts'
import { command, RunningCommand } from './command.ts'

/** Every command that does something, with what is typed for it. */
function leaves(parent: Command, path: string): [path: string, command: Command][] {
  if (parent.commands.length === 0) return [[path, parent]]
  return parent.commands.flatMap(child => leaves(child, `${path} ${child.name()}`))
}

const all = leaves(makeProgram(), 'millrace')

/** What a page says between the heading of this command and the next one that is no deeper. */
function section(page: string, path: string): string {
  const [heading = '', marks = ''] = new RegExp(`^(##+) \`${path}(?: [^\`]*)?\`$`, 'm').exec(page) ?? []
  const after = page.slice(page.indexOf(heading) + heading.length)
  const end = after.search(new RegExp(`^#{1,${Math.max(marks.length, 1)}} `, 'm'))
  return heading === '' ? '' : after.slice(0, end < 0 ? undefined : end)
}

test('every command and every option of it is on the page about the command line', async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/cli.md'), 'utf8')
  const missing: string[] = []
  for (const [path, { options }] of all) {
    const own = section(page, path)
    if (own === '') missing.push(`${path} has no heading`)
    // What several commands have in common stands before the first of them.
    const [common = ''] = section(page, path.replace(/ [\w-]+$/, '')).split(/^### /m)
    const text = own + common
    for (const { short, long, helpGroupHeading } of options) {
      const where = helpGroupHeading === undefined ? text : page
      for (const flag of [short, long]) {
        if (flag != null && !new RegExp(`\`${flag}[\` ]`).test(where)) missing.push(`${path} ${flag}`)
      }
    }
  }
  assert.deepEqual(missing, [])
  assert.ok(all.length > 12, `only ${all.length} commands were found`)
})

test('every command has a summary, a description, examples, and the exit codes in its help', () => {
  for (const { summary, name } of makeProgram().commands.map(each => ({
    summary: each.summary(),
    name: each.name(),
  }))) {
    assert.notEqual(summary, '', name)
  }
  for (const [path, leaf] of all) {
    let help = ''
    leaf.configureOutput({ writeOut: text => (help += text) }).outputHelp()
    assert.ok(leaf.summary() !== '' && leaf.description().length > leaf.summary().length, path)
    assert.match(help, new RegExp(`\nExamples:\n(?: {2}.*\n)*? {2}${path}`), path)
    assert.match(help, /\nExit codes:\n/, path)
  }
})

test('help shows the same as --help, also of a command within another', async () => {
  const [shown, asked, program, unknown] = await Promise.all([
    command(['help', 'topics', 'create']),
    command(['topics', 'create', '--help']),
    command(['help']),
    command(['help', 'topics', 'creat']),
  ])
  assert.deepEqual([shown.code, shown.stdout], [0, asked.stdout])
  assert.match(program.stdout, /^Usage: millrace /)
  assert.deepEqual([unknown.code, unknown.stdout], [2, ''])
  assert.match(unknown.stderr, /^millrace: unknown command 'creat': millrace topics has list, describe, /)
})

test('help that nobody reads to its end is no failure', async () => {
  const reader = new RunningCommand(['consume', '--help'], { stdout: 'unread' })
  reader.child.stdout?.destroy()
  assert.deepEqual(await reader.result().then(({ code, stderr }) => [code, stderr]), [0, ''])
})
