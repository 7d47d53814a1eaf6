import { appendFileSync } from 'node:fs'
import type { HandlerContext, Message } from '../../../src/index.ts'

/** A handler whose thread dies at random, and that writes down what it has handled: the seed is in the value. */
export default async function mortal(message: Message, { attempt }: HandlerContext): Promise<void> {
  const { deed, file } = JSON.parse(String(message.value)) as { deed: string; file: string }
  if (attempt === 1 && deed === 'exits') process.exit(1)
  if (attempt === 1 && deed === 'blocks') for (;;);
  if (attempt === 1 && deed === 'throws') setImmediate(() => Promise.reject(new Error('nobody catches this')))
  if (deed !== 'returns') await new Promise(resolve => setTimeout(resolve, 2))
  appendFileSync(file, `${message.offset}\n`)
  if (attempt === 1 && deed === 'exits late') process.exit(1)
}
