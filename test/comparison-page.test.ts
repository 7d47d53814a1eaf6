import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { withFigures } from '../bench/comparison-page.ts'

const read = (page: string) => readFile(join(import.meta.dirname, '../docs', page), 'utf8')

test('the figures of the page about comparison are those of the benchmarks (npm run bench -- --report writes them)', async () => {
  const [page, report] = await Promise.all([read('comparison.md'), read('benchmarks.md')])
  assert.equal(page, withFigures(page, report))
})

test('a figure that is not that of the benchmarks is found', async () => {
  const [page, report] = await Promise.all([read('comparison.md'), read('benchmarks.md')])
  const [figure = ''] = /[\d.]+ M \(/.exec(page) ?? []
  const other = page.replace(figure, '99 M (')
  assert.notEqual(other, withFigures(other, report))
  assert.equal(withFigures(other, report), page)
})
