import { Refusal } from './refusal.ts'

/** In answers these are numbers: their places here, from 1. */
const types = ['boolean', 'string', 'int', 'short', 'long', 'double', 'list'] as const

export type SettingType = (typeof types)[number]

/** What is known of one setting. */
export interface Setting {
  readonly name: string
  readonly type: SettingType
  /** Null: it has no value unless it is set. */
  readonly default: string | null
  /** Of numbers. */
  readonly min?: number
  readonly max?: number
  /** The only values there are; of a list, its elements. */
  readonly values?: readonly string[]
  /** What the value looks like; of a list, each element. */
  readonly pattern?: RegExp
}

/** Longest value that is kept: Kafka's are as long as the protocol lets them be. */
const longest = 1_024

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n }
const int32 = { min: -(2n ** 31n), max: 2n ** 31n - 1n }
const int16 = { min: -(2n ** 15n), max: 2n ** 15n - 1n }

export function typeNumber({ type }: Setting): number {
  return types.indexOf(type) + 1
}

/**
 * The value as it is kept and shown: without spaces around it, numbers without a plus sign or leading zeros.
 * @throws {Refusal} INVALID_CONFIG
 */
export function checkedValue(setting: Setting, given: string): string {
  if (given.length > longest) throw wrong(setting, `${given.slice(0, 20)}…`, `at most ${longest} letters`)
  const value = given.trim()
  if (setting.type !== 'list') return checkedElement(setting, setting.type, value)
  return elements(value)
    .map(element => checkedElement(setting, 'string', element))
    .join(',')
}

/** Of a list, as it is kept. */
export function elements(list: string): string[] {
  const trimmed = list.trim()
  return trimmed === '' ? [] : trimmed.split(/\s*,\s*/)
}

function checkedElement(setting: Setting, type: Exclude<SettingType, 'list'>, given: string): string {
  const value = ofType(setting, type, given)
  const { values, pattern } = setting
  if (values !== undefined && !values.includes(value)) throw wrong(setting, value, `one of ${values.join(', ')}`)
  if (pattern !== undefined && !pattern.test(value)) throw wrong(setting, value, `what matches ${pattern.source}`)
  return value
}

function ofType(setting: Setting, type: Exclude<SettingType, 'list'>, value: string): string {
  switch (type) {
    case 'string':
      return value
    case 'boolean':
      if (!/^(true|false)$/i.test(value)) throw wrong(setting, value, 'true or false')
      return value.toLowerCase()
    case 'double':
      return checkedDouble(setting, value)
    case 'short':
      return checkedInteger(setting, value, int16)
    case 'int':
      return checkedInteger(setting, value, int32)
    case 'long':
      return checkedInteger(setting, value, int64)
  }
}

function checkedInteger(setting: Setting, value: string, range: { min: bigint; max: bigint }): string {
  if (!/^[+-]?\d+$/.test(value)) throw wrong(setting, value, `a whole number (${setting.type})`)
  const number = BigInt(value.replace('+', ''))
  if (number < range.min || number > range.max) throw wrong(setting, value, `a whole number (${setting.type})`)
  checkBounds(setting, Number(number))
  return String(number)
}

function checkedDouble(setting: Setting, value: string): string {
  const number = Number(value)
  if (value === '' || !Number.isFinite(number)) throw wrong(setting, value, 'a number')
  checkBounds(setting, number)
  return Number.isInteger(number) ? number.toFixed(1) : String(number)
}

function checkBounds(setting: Setting, number: number): void {
  const { min = -Infinity, max = Infinity } = setting
  if (number < min) throw wrong(setting, String(number), `at least ${min}`)
  if (number > max) throw wrong(setting, String(number), `at most ${max}`)
}

function wrong({ name }: Setting, value: string, expected: string): Refusal {
  return new Refusal('INVALID_CONFIG', `Invalid value ${value} for configuration ${name}: expected ${expected}`)
}
