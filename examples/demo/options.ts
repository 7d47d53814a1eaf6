import { parseArgs } from 'node:util'

export const HELP = `A shop's orders on an embedded broker: nothing is installed, no Java is needed.

    npm run demo -- [--rate ORDERS] [--seconds N]

  --rate ORDERS   orders in a second, 1 to 20000 (default 500)
  --seconds N     end after so long; without it the shop is open until Ctrl-C
  --help          this text

Ctrl-C closes the shop: what was ordered is handled and committed, and the proof is printed. A second Ctrl-C leaves
what is not handled yet, a third ends the demo at once. Exit code 0: nothing was lost; 1: something was, or went
wrong; 2: wrong usage.
`

const highestRate = 20_000
/** A timer takes up to 24 days. */
const mostSeconds = 2_000_000

export interface DemoOptions {
  /** Orders in a second. */
  readonly rate: number
  readonly seconds: number | null
}

/** What the arguments say; null: they ask for help. Throws an error that says what is wrong with them. */
export function readOptions(args: readonly string[]): DemoOptions | null {
  const options = { rate: { type: 'string' }, seconds: { type: 'string' }, help: { type: 'boolean' } } as const
  const { values } = parseArgs({ args: [...args], options })
  if (values.help) return null
  return {
    rate: number('rate', values.rate, highestRate) ?? 500,
    seconds: number('seconds', values.seconds, mostSeconds),
  }
}

function number(name: string, text: string | undefined, most: number): number | null {
  if (text === undefined) return null
  const value = text.trim() === '' ? 0 : Number(text)
  if (value > 0 && value <= most) return value
  throw new Error(`--${name} takes a number above 0 and up to ${most}, not "${text}".`)
}
