import { parseArgs } from 'node:util'

export const HELP = `Orders for the shops of one consumer group, on an embedded broker: nothing is installed, no Java is needed.

    npm run demo -- [--rate ORDERS] [--join N] [--seconds N]

  --rate ORDERS   orders in a second, 1 to 20000 (default 500)
  --join N        a third shop joins after so many seconds (default 5, or a third of --seconds)
  --seconds N     end after so long; without it the shops are open until Ctrl-C
  --help          this text

On a terminal, + lets another shop join and - lets one leave: watch the partitions move.

Ctrl-C closes the shops: what was ordered is handled and committed, and the proof is printed. A second Ctrl-C leaves
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
  /** After how many seconds another consumer joins. */
  readonly join: number
}

/** What the arguments say; null: they ask for help. Throws an error that says what is wrong with them. */
export function readOptions(args: readonly string[]): DemoOptions | null {
  const text = { type: 'string' } as const
  const options = { rate: text, seconds: text, join: text, help: { type: 'boolean' } } as const
  const { values } = parseArgs({ args: [...args], options })
  if (values.help) return null
  const seconds = number('seconds', values.seconds, mostSeconds)
  return {
    rate: number('rate', values.rate, highestRate) ?? 500,
    seconds,
    join: number('join', values.join, mostSeconds) ?? Math.min(5, (seconds ?? 15) / 3),
  }
}

function number(name: string, text: string | undefined, most: number): number | null {
  if (text === undefined) return null
  const value = text.trim() === '' ? 0 : Number(text)
  if (value > 0 && value <= most) return value
  throw new Error(`--${name} takes a number above 0 and up to ${most}, not "${text}".`)
}
