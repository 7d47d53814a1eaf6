import { InvalidArgumentError } from 'commander'
import { toError } from '../base/errors.ts'

/** A whole number of at least 1. */
export function parseCount(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : 0
  if (value >= 1 && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('Expected a whole number of at least 1.')
}

/** The same from 0 on. */
export function parseWhole(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Expected a whole number of at least 0.')
}

/** A number of seconds above 0, as milliseconds: a timer takes up to 24 days. */
export function parseSeconds(text: string): number {
  const ms = /^\d+(\.\d+)?$|^\.\d+$/.test(text) ? Math.round(Number(text) * 1000) : 0
  if (ms >= 1 && ms < 2 ** 31) return ms
  throw new InvalidArgumentError('Expected a number of seconds, such as 10 or 0.5.')
}

/** A number of milliseconds. */
export function parseMilliseconds(text: string): number {
  const ms = /^\d{1,10}$/.test(text) ? Number(text) : -1
  if (ms >= 0 && ms < 2 ** 31) return ms
  throw new InvalidArgumentError('Expected a whole number of milliseconds, such as 50.')
}

/** How many in a second. */
export function parseRate(text: string): number {
  const value = /^\d+(\.\d+)?$|^\.\d+$/.test(text) ? Number(text) : 0
  if (value >= 0.001 && value <= 1e9) return value
  throw new InvalidArgumentError('Expected a number of messages per second, such as 1000 or 0.5.')
}

/** `host:port,host:port`. */
export function parseList(text: string): readonly string[] {
  const parts = text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
  if (parts.length > 0) return parts
  throw new InvalidArgumentError('Expected at least one, separated by commas.')
}

export function parseText(text: string): string {
  if (text !== '') return text
  throw new InvalidArgumentError('It must not be empty.')
}

/** Given several times, they add up. */
export function parseTexts(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, parseText(text)]
}

const groupStates = ['stable', 'empty', 'preparingrebalance', 'completingrebalance', 'assigning', 'reconciling', 'dead']

/** `stable,empty`: states of groups, in lower case. */
export function parseStates(text: string): readonly string[] {
  const states = parseList(text).map(state => state.toLowerCase())
  if (states.every(state => groupStates.includes(state))) return states
  throw new InvalidArgumentError(`Expected states such as stable or stable,empty; there are ${groupStates.join(', ')}.`)
}

/** `0`, `0,2`, `0-3,7`; given several times, they add up. Sorted, each once. */
export function parsePartitions(text: string, before: readonly number[] = []): readonly number[] {
  const found = new Set(before)
  for (const part of text.split(',')) {
    const match = /^\s*(\d{1,6})(?:-(\d{1,6}))?\s*$/.exec(part)
    const first = Number(match?.[1])
    const last = Number(match?.[2] ?? match?.[1])
    if (!(first <= last)) throw new InvalidArgumentError('Expected partitions such as 0 or 0,2 or 0-3.')
    for (let partition = first; partition <= last; partition++) found.add(partition)
  }
  return [...found].sort((a, b) => a - b)
}

export function parsePartition(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Expected the number of one partition, such as 0.')
}

/** `name=value`; given several times, they are in this order, also those of one name. */
export function parseHeaders(
  text: string,
  before: readonly (readonly [name: string, value: string])[] = [],
): readonly (readonly [name: string, value: string])[] {
  const at = text.indexOf('=')
  if (at <= 0) throw new InvalidArgumentError('Expected a header such as source=shell.')
  return [...before, [text.slice(0, at), text.slice(at + 1)]]
}

/** A TCP port; 0 lets the operating system choose a free one. */
export function parsePort(text: string): number {
  const value = /^\d{1,5}$/.test(text) ? Number(text) : -1
  if (value >= 0 && value <= 65_535) return value
  throw new InvalidArgumentError('Expected a port from 0 to 65535.')
}

/** `orders:6,payments`: how many partitions each topic has, null where that is not said; given several times, they add up. */
export function parseTopics(
  text: string,
  before: ReadonlyMap<string, number | null> = new Map(),
): ReadonlyMap<string, number | null> {
  const topics = new Map(before)
  for (const part of text.split(',')) {
    const [, name = '', count] = /^\s*([^:\s]+)(?::(\d{1,6}))?\s*$/.exec(part) ?? []
    if (name === '' || count === '0')
      throw new InvalidArgumentError('Expected topics such as orders:6 or orders:6,payments.')
    if (topics.has(name)) throw new InvalidArgumentError(`"${name}" is named twice.`)
    topics.set(name, count === undefined ? null : Number(count))
  }
  return topics
}

/** `orders`, or `orders:0,2-3`: numbers of its partitions, null for all; given several times, they add up. */
export function parseTopicPartitions(
  text: string,
  before: ReadonlyMap<string, readonly number[] | null> = new Map(),
): ReadonlyMap<string, readonly number[] | null> {
  const [, topic = '', numbers] = /^([^:]+)(?::(.+))?$/.exec(text) ?? []
  if (topic === '')
    throw new InvalidArgumentError('Expected a topic such as orders, or orders:0,2 for two of its partitions.')
  return new Map(before).set(topic, numbers === undefined ? null : parsePartitions(numbers))
}

/** A whole number, which may be negative. */
export function parseShift(text: string): number {
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('Expected a number of messages such as 100 or -100.')
}

/** A broker by its id, or `default`: what is set for all of them. */
export function parseBrokerName(text: string): number | 'default' {
  if (text === 'default') return text
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Expected the id of a broker, such as 1, or default.')
}

/** `name=value`; given several times, they add up. */
export function parseSettings(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf('=')
  if (at <= 0) throw new InvalidArgumentError('Expected a setting such as num.partitions=6.')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}

/** `key=value` of a `.properties` file; given several times, they add up. */
export function parseProperty(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf('=')
  if (at <= 0) throw new InvalidArgumentError('Expected a property such as security.protocol=SSL.')
  return { ...before, [text.slice(0, at).trim()]: text.slice(at + 1) }
}

/** A regular expression of JavaScript, unanchored; its source. */
export function parsePattern(text: string): string {
  try {
    new RegExp(text)
  } catch (thrown) {
    throw new InvalidArgumentError(`Expected a regular expression such as '^audit\\.': ${toError(thrown).message}.`)
  }
  return parseText(text)
}

/** What the instance ids of members begin with: Kafka takes the letters of topic names, 249 of them. */
export function parseInstancePrefix(text: string): string {
  if (/^[\w.-]{1,240}$/.test(text)) return text
  throw new InvalidArgumentError('Expected up to 240 letters, digits, dots, dashes and underscores.')
}

/** `name:password`, passwords by name; given several times, they add up. A password may hold colons. */
export function parseUsers(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf(':')
  if (at > 0 && at < text.length - 1) return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
  throw new InvalidArgumentError('Expected a name and a password, such as shop:secret.')
}
