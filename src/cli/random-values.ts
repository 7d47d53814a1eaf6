const LETTERS = 26
const A = 65
/** Values begin at so many places of the same letters. */
const PLACES = 65_536
/** Neighbours begin far apart. */
const STEP = 40_503

/** Makes values of so many bytes: capital letters at random, which a codec makes some smaller. They are views of the same bytes. */
export function randomValues(bytes: number): (number: number) => Buffer {
  const letters = Buffer.from(Array.from({ length: PLACES }, () => A + Math.floor(Math.random() * LETTERS)))
  const all = Buffer.alloc(PLACES + bytes, letters)
  return number => {
    const at = (number * STEP) % PLACES
    return all.subarray(at, at + bytes)
  }
}
