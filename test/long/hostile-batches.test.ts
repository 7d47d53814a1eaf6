import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const seed = Number(process.env.SEED ?? 1)
const program = fileURLToPath(new URL('../records/hostile-program.ts', import.meta.url))
const processes = 4
const batches = 250_000

test('a million damaged batches of every format and compression are messages or a typed error, in bounded memory', async t => {
  let sound = 0
  let peak = 0
  for (let index = 0; index < processes; index++) {
    const child = spawn(process.execPath, [program, String(seed + index), String(batches)])
    const [stdout, stderr, ended] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    assert.deepEqual(ended, [0, null], `seed ${seed + index}: ${stderr}`)
    const told = JSON.parse(stdout) as { sound: number; peakMiB: number }
    sound += told.sound
    peak = Math.max(peak, told.peakMiB)
  }
  assert.ok(peak < 512, `a process had ${peak} MiB`)
  t.diagnostic(`${processes * batches} batches, ${sound} of them had messages; a process had ${peak} MiB at most`)
})
