import type { Random } from '../base/random.ts'

/** Stands for no id: all bits are zero. */
export const noId = 'AAAAAAAAAAAAAAAAAAAAAA'

/** Kafka keeps small numbers for itself. */
const reserved = /^A{20}/

/** Sixteen bytes in base64url. Kafka's tools take an id that begins with a dash for an option. */
export function randomId(random: Random): string {
  const bytes = Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256)))
  const id = bytes.toString('base64url')
  return id.startsWith('-') || reserved.test(id) ? `M${id.slice(1)}` : id
}
