import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hear, Witness } from '../kafka/witness.ts'

/** Lines as `NAME KIND OFFSET`, all of partition 0, each a little later than the one before; `NAME killed` is not a line of its log. */
function hearing(lines: readonly string[], end = 1) {
  const witnesses = new Map<string, Witness>()
  lines.forEach((line, at) => {
    const [name = '', kind = '', offset = '-1'] = line.split(' ')
    const witness = witnesses.get(name) ?? new Witness(name, '')
    witnesses.set(name, witness)
    if (kind === 'killed') witness.killedAt = at
    else witness.events.push({ kind, partition: 0, offset: Number(offset), at })
  })
  return hear([...witnesses.values()], [end])
}

const fine = ['a owns', 'a begin 0', 'a done 0', 'a committed 1', 'a gone']

test('witnesses of what is allowed have nothing to say', () => {
  const allowed = {
    'a process after another': [...fine, 'b owns', 'b begin 1', 'b done 1', 'b committed 2'],
    'again after a kill': ['a begin 0', 'a done 0', 'a killed', 'b begin 0', 'b done 0', 'b committed 1'],
    'begun again after a kill': ['a begin 0', 'a killed', 'b begin 0', 'b done 0', 'b committed 1'],
    'begun again after it was aborted': ['a begin 0', 'a aborted 0', 'b begin 0', 'b done 0', 'b committed 1'],
    'again after it was lost': ['a begin 0', 'a done 0', 'a lost', 'b begin 0', 'b done 0', 'b committed 1'],
  }
  for (const [what, lines] of Object.entries(allowed)) {
    const end = what === 'a process after another' ? 2 : 1
    assert.deepEqual(hearing(lines, end).violations, [], what)
  }
})

test('each thing that must not be is told by the witnesses', () => {
  const forbidden: [RegExp, string[]][] = [
    [/b began 1 while a was at 0/, ['a begin 0', 'b begin 1', 'b done 1', 'a done 0', 'a committed 2']],
    [/b began 0, which a had handled/, ['a begin 0', 'a done 0', 'b begin 0', 'b done 0', 'b committed 2']],
    [/b began 0, and 1 was committed/, [...fine, 'a killed', 'b begin 0', 'b done 0']],
    [/a committed 2, and 1 was not handled/, ['a begin 0', 'a done 0', 'a committed 2', 'a begin 1', 'a done 1']],
    [/1 was never handled/, ['a begin 0', 'a done 0', 'a committed 1']],
    [/it ends at 2 and was committed to 1/, [...fine, 'b begin 1', 'b done 1']],
    [/a left 0 undone/, ['a begin 0']],
  ]
  for (const [violation, lines] of forbidden) assert.match(hearing(lines, 2).violations.join('\n'), violation)
})
