/**
 * Memory that all groups together may keep for clients, so that no client can make the broker grow without end: whoever keeps
 * something looks whether it fits, and charges it.
 */
export class Allowance {
  #left: number

  constructor(bytes: number) {
    this.#left = bytes
  }

  fits(bytes: number): boolean {
    return bytes <= this.#left
  }

  /** Negative: that much was let go. */
  charge(bytes: number): void {
    this.#left -= bytes
  }
}

/** What a member, a group or an offset takes beside its strings and bytes. */
export const entryCost = 512

/** What these strings take. */
export function textCost(...texts: readonly (string | null)[]): number {
  return texts.reduce((sum, text) => sum + 2 * (text?.length ?? 0), 0)
}
