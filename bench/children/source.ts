/** The sources as they are, or what users run (`MILLRACE=dist`, after `npm run build`): the same code without its types. */
const root = new URL(process.env.MILLRACE === 'dist' ? '../../dist/' : '../../src/', import.meta.url)
const suffix = process.env.MILLRACE === 'dist' ? '.js' : '.ts'

export const millrace: typeof import('../../src/index.ts') = await load('index')
export const broker: typeof import('../../src/broker/index.ts') = await load('broker/index')
export const batchWriter: typeof import('../../src/records/batch-writer.ts') = await load('records/batch-writer')
export const { cooperativeSticky }: typeof import('../../src/ownership/assignors/cooperative-sticky.ts') = await load(
  'ownership/assignors/cooperative-sticky',
)
export const records: typeof import('../../src/records/open-batch.ts') = await load('records/open-batch')

function load<T>(module: string): Promise<T> {
  return import(new URL(module + suffix, root).href)
}
