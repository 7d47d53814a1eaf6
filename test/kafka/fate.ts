import type { Message } from '../../src/index.ts'

/**
 * What becomes of a message of a storm. `unsure`: it fails every other time; `poison`: it always fails; `held` and `left`: it fails until the
 * storm is over; `hangs`: its handler settles every other time; `filtered` and `expired`: no handler is to see it.
 */
export type Fate = 'well' | 'unsure' | 'poison' | 'held' | 'left' | 'hangs' | 'filtered' | 'expired'

export interface Fated {
  readonly number: number
  readonly fate: Fate
}

export function writeFated({ number, fate }: Fated): string {
  return `${number} ${fate}`
}

export function fateOf(message: Pick<Message<unknown, unknown>, 'rawValue'>): Fate {
  return (String(message.rawValue).split(' ')[1] ?? 'well') as Fate
}

export function numberOf(message: Pick<Message<unknown, unknown>, 'rawValue'>): number {
  return Number(String(message.rawValue).split(' ')[0])
}
