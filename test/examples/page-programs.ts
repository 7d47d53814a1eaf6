import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** A code block of a page that says in its first line whose code it is. */
export interface Program {
  /** The section that it is in. */
  readonly section: string
  readonly whose: string
  readonly code: string
}

/** What a program gets from those who run it: what it uses without declaring it, and what it imports, by the package's name. */
export interface Given {
  readonly names: Readonly<Record<string, unknown>>
  readonly packages: Readonly<Record<string, object>>
}

/** All code blocks of a page that name whose they are, from its first to its last. */
export async function programsOf(page: string): Promise<readonly Program[]> {
  const text = await readFile(join(import.meta.dirname, '../../docs', page), 'utf8')
  return text.split(/^## /m).flatMap(part => {
    const [section = ''] = part.split('\n')
    const blocks = [...part.matchAll(/^```(?:ts|js)\n\/\/ ([^\n]+)\n(.*?)^```/gms)]
    return blocks.map(([, whose = '', code = '']) => ({ section, whose, code }))
  })
}

/** Programs as modules of a folder of their own, which goes with it. */
export class ProgramFolder implements AsyncDisposable {
  readonly #path: string
  #count = 0

  private constructor(path: string) {
    this.#path = path
  }

  static async make(): Promise<ProgramFolder> {
    return new ProgramFolder(await mkdtemp(join(tmpdir(), 'millrace-page-')))
  }

  /** Resolves when the program has come to its end. */
  async run({ code }: Program, { names, packages }: Given): Promise<void> {
    const file = join(this.#path, `${++this.#count}.mts`)
    const body = code
      .replaceAll(/^import \{(.*)\} from '(.*)'$/gm, (_, imported: string, name: string) => {
        const values = imported.split(',').filter(each => !each.trim().startsWith('type '))
        return `const {${values.join(',').replaceAll(' as ', ': ')}} = packages['${name}']`
      })
      .replaceAll(/^import (\w+) from '(.*)'$/gm, "const { default: $1 } = packages['$2']")
    // A block of its own, so that what the program declares may have the name of something that it was given.
    const text = `export async function run({ ${Object.keys(names).join(', ')} }, packages) {\n{\n${body}\n}\n}\n`
    await writeFile(file, text)
    const { run } = (await import(pathToFileURL(file).href)) as { run(...given: object[]): Promise<void> }
    await run(names, packages)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#path, { recursive: true })
  }
}
