import assert from 'node:assert/strict'
import {
  appendFile,
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { FileFollower, type FollowOptions } from '../../src/cli/file-follower.ts'
import { LineCutter } from '../../src/cli/line-cutter.ts'
import { until } from '../until.ts'
import { VirtualClock } from '../virtual-clock.ts'

let folder = ''
let files = 0
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-follow-'))
})
after(() => rm(folder, { recursive: true }))

const newPath = () => join(folder, `${files++}.log`)

/** Collects what a follower gives, until it is disposed of. Time moves only while a test waits for lines. */
class Following {
  readonly clock = new VirtualClock()
  readonly lines: string[] = []
  readonly offsets: number[] = []
  readonly told: string[] = []
  error: Error | null = null
  readonly #path: string
  readonly #abort = new AbortController()
  readonly #ended: Promise<void>

  constructor(path: string, options: FollowOptions = {}) {
    this.#path = path
    const { clock, told } = this
    const { signal } = this.#abort
    this.#ended = this.#collect(
      new FileFollower(path, { signal, clock, tell: what => told.push(what.slice(path.length + 1)), ...options }),
    )
  }

  /** Resolves when it has found the file or missed it, and waits for more. */
  async begun(): Promise<this> {
    await until('it has begun', () => this.told.length > 0)
    return this
  }

  /** Waits for so many lines while time goes by, or stands still. */
  async reach(count: number, goesBy = true): Promise<string[]> {
    await until(`${count} lines of ${this.#path}, not ${this.lines.length}`, async () => {
      if (goesBy) await this.clock.advance(100)
      if (this.error !== null) throw this.error
      return this.lines.length >= count
    })
    return this.lines
  }

  async saw(what: RegExp): Promise<void> {
    await until(`${what} is told`, async () => {
      await this.clock.advance(100)
      return this.told.some(each => what.test(each))
    })
  }

  async #collect(follower: FileFollower): Promise<void> {
    try {
      for await (const { bytes, offset } of follower.lines()) {
        this.lines.push(String(bytes))
        this.offsets.push(offset)
      }
    } catch (thrown) {
      this.error = thrown as Error
    }
  }

  get ended(): Promise<void> {
    return this.#ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort()
    await this.#ended
  }
}

test('lines are cut at newlines only, however the bytes come', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary', maxLength: 20 }).map(text => text.replaceAll('\n', '\r\u2028'))),
      fc.string({ unit: 'grapheme', maxLength: 5 }).map(text => text.replaceAll('\n', ' ')),
      fc.integer({ min: 1, max: 30 }),
      (lines, last, size) => {
        const all = Buffer.from([...lines.map(line => `${line}\n`), last].join(''))
        const cutter = new LineCutter(1_000, 7)
        const cut = []
        for (let at = 0; at < all.length; at += size) cut.push(...cutter.cut(all.subarray(at, at + size)))
        cut.push(...cutter.rest())
        // Lone surrogates have no bytes of their own.
        const sent = [...lines, ...(last === '' ? [] : [last])].map(line => Buffer.from(line).toString())
        assert.deepEqual(
          cut.map(({ bytes }) => String(bytes)),
          sent,
        )
        for (const { bytes, offset } of cut) {
          assert.deepEqual(all.subarray(offset - 7, offset - 7 + (bytes?.length ?? 0)), bytes)
        }
      },
    ),
    { seed: 1, numRuns: 300 },
  )
})

test('what is there comes first, from the start; then what is appended, once its line has an end', async () => {
  const path = newPath()
  await writeFile(path, 'one\n\ntwo\nthr')
  await using following = new Following(path, { from: 'start' })
  assert.deepEqual(await following.reach(3), ['one', '', 'two'])
  await appendFile(path, 'ee\nfour\r\n')
  assert.deepEqual((await following.reach(5)).slice(3), ['three', 'four\r'])
  assert.deepEqual(following.offsets, [0, 4, 5, 9, 15])
})

test('from the end: nothing of what is there but the line that is being written', async () => {
  const path = newPath()
  for (const [there, offset] of [
    ['', 0],
    ['no newline yet', 0],
    ['old\n', 4],
    [`${'old\n'.repeat(50_000)}begun`, 200_000],
  ] as const) {
    await writeFile(path, there)
    await using following = await new Following(path).begun()
    await appendFile(path, ' and ended\n')
    const begun = there.slice(offset)
    assert.deepEqual(await following.reach(1), [`${begun} and ended`])
    assert.deepEqual(following.offsets, [offset])
  }
})

test('characters that are written in parts are whole', async () => {
  const path = newPath()
  await writeFile(path, '')
  await using following = new Following(path, { from: 'start' })
  const line = Buffer.from('Grüße, 世界 🌊')
  await using file = await open(path, 'a')
  for (const byte of line) {
    await file.write(Buffer.from([byte]))
    await following.clock.advance(250)
  }
  await file.write('\n')
  assert.deepEqual(await following.reach(1), [line.toString()])
})

test('the system tells of changes, so that nobody waits for the next look', async () => {
  const path = newPath()
  await using following = await new Following(path).begun()
  await writeFile(path, 'made\n')
  assert.deepEqual(await following.reach(1, false), ['made'])
  await appendFile(path, 'more\n')
  assert.deepEqual(await following.reach(2, false), ['made', 'more'])
})

test('where the system tells nothing, it is looked at', async () => {
  const elsewhere = join(folder, 'elsewhere')
  await mkdir(elsewhere)
  await writeFile(join(elsewhere, 'a'), '')
  const path = newPath()
  await symlink(join(elsewhere, 'a'), path)
  await using following = await new Following(path).begun()
  await appendFile(join(elsewhere, 'a'), 'a\n')
  assert.deepEqual(await following.reach(1), ['a'])
  await using missing = await new Following(join(folder, 'later/log')).begun()
  await mkdir(join(folder, 'later'))
  await writeFile(join(folder, 'later/log'), 'a\n')
  assert.deepEqual(await missing.reach(1), ['a'])
})

test('a file that is not there is waited for, and read from its start', async () => {
  const path = newPath()
  await using following = await new Following(path, { from: 'end' }).begun()
  assert.deepEqual(following.told, ['is not there: waiting for it'])
  await writeFile(path, 'first\n')
  assert.deepEqual(await following.reach(1), ['first'])
  await rm(path)
  await following.saw(/^is not there/)
  await writeFile(path, 'second\n')
  assert.deepEqual(await following.reach(2), ['first', 'second'])
})

test('a renamed file is read to its end, with what its writer still adds, before the one that has its name', async () => {
  const path = newPath()
  await using writer = await open(path, 'a')
  await writer.write('1\n')
  await using following = new Following(path, { from: 'start' })
  await following.reach(1)
  await rename(path, `${path}.1`)
  await writer.write('2\n')
  await writeFile(path, '5\n')
  await following.reach(2, false)
  await writer.write('3\n4, without an end')
  assert.deepEqual(await following.reach(5), ['1', '2', '3', '4, without an end', '5'])
  assert.deepEqual(following.offsets, [0, 2, 4, 6, 0])
})

test('files that take the name one after another, faster than they are read, are all read', async () => {
  const path = newPath()
  await using writer = await open(path, 'a')
  await using following = await new Following(path).begun()
  for (let turn = 1; turn <= 5; turn++) {
    await rename(path, `${path}.${turn}`)
    await writeFile(path, `${turn}\n`)
    await until('it is seen', () => following.told.filter(each => /another file/.test(each)).length === turn)
  }
  await writer.write('0\n')
  assert.deepEqual(await following.reach(6), ['0', '1', '2', '3', '4', '5'])
})

test('files that come and go while nobody takes lines are read as well', async () => {
  const path = newPath()
  await writeFile(path, '0\n'.repeat(100_000))
  let seen = 0
  const tell = (what: string) => {
    if (/another/.test(what)) seen++
  }
  const lines = new Set<string>()
  for await (const { bytes } of new FileFollower(path, { from: 'start', pollMs: 5, quietMs: 20, tell }).lines()) {
    for (let turn = seen + 1; turn <= 3; turn++) {
      await rename(path, `${path}.${turn}`)
      await writeFile(path, `${turn}\n`)
      await until('it is seen', () => seen === turn)
    }
    lines.add(String(bytes))
    if (lines.size === 4) break
  }
  assert.deepEqual([...lines], ['0', '1', '2', '3'])
})

test('a file that is cut off is read from its start, whether it is shorter then or longer', async () => {
  const path = newPath()
  await writeFile(path, 'long enough\nbegun')
  await using following = new Following(path, { from: 'start' })
  await following.reach(1)
  await copyFile(path, `${path}.1`)
  await truncate(path)
  await following.saw(/truncated/)
  await appendFile(path, 'a\n')
  assert.deepEqual(await following.reach(3), ['long enough', 'begun', 'a'])
  {
    // As if nobody had looked while it was empty.
    await using file = await open(path, 'r+')
    await file.write('other bytes, and more of them than there were\n')
  }
  assert.equal((await following.reach(4))[3], 'other bytes, and more of them than there were')
  await writeFile(`${path}.new`, 'b\n')
  await rename(`${path}.new`, path)
  assert.equal((await following.reach(5))[4], 'b')
})

test('whatever is done to a file, each line comes once and in order', async () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ append: fc.string({ unit: 'grapheme', maxLength: 30 }) }) },
      fc.constant('rename' as const),
      fc.constant('replace' as const),
      fc.constant('truncate' as const),
    ),
    { maxLength: 12 },
  )
  await fc.assert(
    fc.asyncProperty(steps, async plan => {
      const path = newPath()
      const expected: string[] = []
      let begun = ''
      await writeFile(path, '')
      await using following = new Following(path, { from: 'start' })
      for (const [turn, step] of plan.entries()) {
        if (typeof step === 'object') {
          await appendFile(path, step.append)
          const lines = `${begun}${step.append}`.split('\n')
          begun = lines.pop() ?? ''
          expected.push(...lines)
          continue
        }
        // What nobody has seen before it is gone, nobody can read.
        await appendFile(path, `${turn}\n`)
        expected.push(`${begun}${turn}`)
        begun = ''
        await following.reach(expected.length)
        const told = following.told.length
        if (step === 'truncate') await truncate(path)
        else if (step === 'replace') await rm(path)
        else await rename(path, `${path}.${turn}`)
        if (step !== 'truncate') await writeFile(path, '')
        await until(`${step} is seen`, async () => {
          await following.clock.advance(250)
          return following.told.length > told
        })
      }
      await appendFile(path, 'end\n')
      expected.push(`${begun}end`)
      assert.deepEqual(await following.reach(expected.length), expected)
    }),
    { seed: 1, numRuns: 15 },
  )
})

test('a line that is too long is told in its place, and takes no memory', async () => {
  const path = newPath()
  await writeFile(path, `${'x'.repeat(100)}\n${'y'.repeat(101)}\n${'z'.repeat(300_000)}\nend\n`)
  await using following = new Following(path, { from: 'start', mostLineBytes: 100 })
  assert.deepEqual(await following.reach(4), ['x'.repeat(100), 'null', 'null', 'end'])
  assert.deepEqual(following.offsets, [0, 101, 203, 300_204])
})

test('what is no file is refused', async () => {
  await using following = new Following(folder)
  await following.ended
  assert.match(`${following.error}`, /^CommandError: .* cannot be followed: is no file$/)
})

test('nothing is left behind: by a signal while it waits, or a loop that is left', async () => {
  const path = newPath()
  await writeFile(path, 'a\nb\n')
  const abort = new AbortController()
  const clock = new VirtualClock()
  const held = async () => {
    const watchers = process.getActiveResourcesInfo().filter(name => /FSEvent/.test(name)).length
    if (process.platform !== 'linux') return watchers
    const names = await Promise.all(
      (await readdir('/proc/self/fd')).map(fd => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
    )
    return watchers + names.filter(name => name === path).length
  }
  assert.equal(await held(), 0)
  for await (const { bytes } of new FileFollower(path, { from: 'start', clock }).lines()) {
    assert.equal(String(bytes), 'a')
    assert.ok((await held()) > 0)
    break
  }
  assert.equal(await held(), 0)
  {
    await using following = await new Following(path, { signal: abort.signal }).begun()
    abort.abort()
    await following.ended
    assert.equal(following.error, null)
    assert.equal(following.clock.timers, 0)
  }
  assert.equal(await held(), 0)
  assert.equal(clock.timers, 0)
})
