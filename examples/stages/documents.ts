import { brotliDecompressSync } from 'node:zlib'
import type { Stage } from './stage.ts'

const DOCUMENTS = 100
const text = JSON.stringify(process.versions).repeat(50)

export const documents: Stage = {
  topics: { documents: 4 },
  messages: Array.from({ length: DOCUMENTS }, (_, n) => ({
    topic: 'documents',
    key: `document-${n}`,
    value: `${n}: ${text}`,
  })),
  play: scene => scene.done('archive', DOCUMENTS),
  async epilogue(scene) {
    const files = await scene.files()
    const whole = files.filter(file => String(brotliDecompressSync(file)).endsWith(text))
    console.log(
      `${whole.length} whole files, ${Math.round(whole.reduce((sum, { length }) => sum + length, 0) / 1024)} KiB`,
    )
  },
}
