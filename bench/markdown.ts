import type { Spread } from './statistics.ts'

/** The first column is text, the others are figures. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`
  return line(head) + line(head.map((_, index) => (index === 0 ? '---' : '--:'))) + rows.map(line).join('')
}

export function range({ median, min, max }: Spread, format: (value: number) => string): string {
  return `${format(median)} (${format(min)}–${format(max)})`
}

export function verdict(goal: string, found: string, isReached: boolean): string {
  return `Goal ${goal}: ${found}, ${reached(isReached)}.`
}

export const reached = (isReached: boolean) => (isReached ? 'reached' : '**not reached**')
export const whole = (value: number) => Math.round(value).toLocaleString('en')
export const times = (value: number) => value.toFixed(value < 10 ? 2 : 0)
export const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
export const firstLine = (text: string) => text.split('\n')[0] ?? ''
