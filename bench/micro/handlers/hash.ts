import { createHash } from 'node:crypto'

/** About 2 ms of a core. */
const ROUNDS = Number(process.env.ROUNDS ?? 2_500)

export default function hash(): void {
  let digest = Buffer.alloc(32)
  for (let round = 0; round < ROUNDS; round++) digest = createHash('sha256').update(digest).digest()
}
