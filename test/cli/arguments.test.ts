import assert from 'node:assert/strict'
import test from 'node:test'
import {
  parseCount,
  parseInstancePrefix,
  parseList,
  parsePartitions,
  parsePattern,
  parseSeconds,
  parseStates,
} from '../../src/cli/arguments.ts'
import { parseFrom } from '../../src/cli/from.ts'

const refused = { code: 'commander.invalidArgument' }

test('--from takes earliest, latest, an offset or a timestamp', () => {
  assert.equal(parseFrom('earliest'), 'earliest')
  assert.equal(parseFrom('latest'), 'latest')
  assert.deepEqual(parseFrom('0'), { offset: 0 })
  assert.deepEqual(parseFrom('1750000000000'), { offset: 1_750_000_000_000 })
  assert.deepEqual(parseFrom('@1750000000000'), { timestamp: 1_750_000_000_000 })
})

test('a time is ISO 8601; without a zone it is UTC, wherever this runs', () => {
  const noon = { timestamp: Date.UTC(2026, 0, 31, 12) }
  for (const text of [
    '2026-01-31T12:00Z',
    '2026-01-31T12:00',
    '2026-01-31 12:00:00',
    '2026-01-31t12:00:00.000z',
    '2026-01-31T14:00+02:00',
    '2026-01-31T14:00+0200',
    '2026-01-31T08:30:00.000-03:30',
  ]) {
    assert.deepEqual(parseFrom(text), noon, text)
  }
  assert.deepEqual(parseFrom('2026-01-31'), { timestamp: Date.UTC(2026, 0, 31) })
})

test('--from refuses everything else', () => {
  for (const text of [
    '',
    'first',
    '-1',
    '1.5',
    '1e3',
    '@',
    '@-1',
    '99999999999999999',
    '2026-02-30',
    '2026-13-01',
    '2026-01-31T25:00',
    '2026-01-31Z',
    '1969-12-31',
    '31.01.2026',
    'Sat Jan 31 2026',
  ]) {
    assert.throws(() => parseFrom(text), refused, text)
  }
})

test('--partition takes numbers, lists and ranges, and adds up', () => {
  assert.deepEqual(parsePartitions('3'), [3])
  assert.deepEqual(parsePartitions('10-12, 3,3', [4]), [3, 4, 10, 11, 12])
  for (const text of ['', 'a', '-1', '1-', '3-1', '1,,2', '1.5', '9999999']) {
    assert.throws(() => parsePartitions(text), refused, text)
  }
})

test('counts, seconds and lists are checked', () => {
  assert.equal(parseCount('12'), 12)
  assert.equal(parseSeconds('0.5'), 500)
  assert.equal(parseSeconds('10'), 10_000)
  assert.deepEqual(parseList('a:1, b:2,'), ['a:1', 'b:2'])
  for (const text of ['', '0', '-1', '1.5', 'x', '1e3']) assert.throws(() => parseCount(text), refused, text)
  for (const text of ['', '0', '-1', 'x', '1e9', '9999999', '0.0001']) {
    assert.throws(() => parseSeconds(text), refused, text)
  }
  assert.throws(() => parseList(' , '), refused)
})

test('states, patterns and prefixes are checked', () => {
  assert.deepEqual(parseStates('Stable, empty'), ['stable', 'empty'])
  assert.equal(parsePattern('^audit\\.'), '^audit\\.')
  assert.equal(parseInstancePrefix('host-1.shop_a'), 'host-1.shop_a')
  for (const text of ['', 'stabel', 'stable,gone']) assert.throws(() => parseStates(text), refused, text)
  for (const text of ['', '(', '*']) assert.throws(() => parsePattern(text), refused, text)
  for (const text of ['', 'a/b', 'a b', 'a'.repeat(241)]) assert.throws(() => parseInstancePrefix(text), refused, text)
})
