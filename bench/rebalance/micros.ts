/** The clock that all processes of a machine share, in µs. */
export function micros(): number {
  return Number(process.hrtime.bigint() / 1_000n)
}
