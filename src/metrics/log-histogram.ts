/** Buckets of each doubling: a value is known to a sixty-fourth. */
const PER_OCTAVE = 32
/** Bits of a double's upper half below the exponent that choose the bucket. */
const SHIFT = 20 - Math.log2(PER_OCTAVE)
/** 2^-20, about a millionth; what is smaller counts as that. */
const LOWEST_EXPONENT = -20
/** 2^15, in seconds nine hours; what is larger counts as that. */
const HIGHEST_EXPONENT = 15
const SIZE = (HIGHEST_EXPONENT - LOWEST_EXPONENT) * PER_OCTAVE

const double = new Float64Array(1)
const halves = new Uint32Array(double.buffer)
/** Where the half with sign and exponent is. */
const UPPER = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0
const FIRST = upperHalf(2 ** LOWEST_EXPONENT) >>> SHIFT

function upperHalf(value: number): number {
  double[0] = value
  return halves[UPPER] as number
}

/** The smallest value of a bucket; the next bucket's is where it ends. */
function lowerBound(bucket: number): number {
  const octave = Math.floor(bucket / PER_OCTAVE)
  return 2 ** (LOWEST_EXPONENT + octave) * (1 + (bucket % PER_OCTAVE) / PER_OCTAVE)
}

/**
 * How often which values came, in 9 kB whatever their number: buckets whose width follows the value, so that percentiles are right to
 * 1.6 %, from a millionth to 32,768.
 */
export class LogHistogram {
  count = 0
  sum = 0
  /** 0 when nothing was observed. */
  max = 0
  readonly #buckets = new Float64Array(SIZE)

  observe(value: number): void {
    this.count++
    this.sum += value
    if (value > this.max) this.max = value
    double[0] = value
    const bucket = ((halves[UPPER] as number) >>> SHIFT) - FIRST
    // What is negative or no number has the sign bit set, or the highest exponent.
    const place = bucket < 0 || value < 0 ? 0 : bucket < SIZE ? bucket : SIZE - 1
    ;(this.#buckets[place] as number)++
  }

  /** How many were observed up to each of these rising values; which is right to 1.6 % of the value. */
  cumulative(bounds: readonly number[]): number[] {
    let bucket = 0
    let count = 0
    return bounds.map(bound => {
      for (; bucket < SIZE && middle(bucket) <= bound; bucket++) count += this.#buckets[bucket] as number
      return count
    })
  }

  /** Values below which these parts of what came since `earlier` lie, `parts` from 0 to 1 and rising. */
  quantiles(parts: readonly number[], earlier: LogHistogram = emptyHistogram): number[] {
    const total = this.count - earlier.count
    let bucket = -1
    let seen = 0
    return parts.map(part => {
      const rank = Math.max(1, Math.ceil(part * total))
      while (seen < rank && bucket < SIZE - 1) {
        bucket++
        seen += (this.#buckets[bucket] as number) - (earlier.#buckets[bucket] as number)
      }
      return bucket < 0 ? 0 : Math.min(middle(bucket), this.max)
    })
  }

  copy(): LogHistogram {
    const copy = new LogHistogram()
    copy.count = this.count
    copy.sum = this.sum
    copy.max = this.max
    copy.#buckets.set(this.#buckets)
    return copy
  }
}

/** What was before anything was observed: shared, so nobody observes into it. */
export const emptyHistogram = new LogHistogram()

function middle(bucket: number): number {
  return (lowerBound(bucket) + lowerBound(bucket + 1)) / 2
}
