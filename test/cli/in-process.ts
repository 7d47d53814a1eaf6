import { PassThrough, Readable } from 'node:stream'
import { CommanderError } from 'commander'
import { toError } from '../../src/base/errors.ts'
import { describeFailure, exitCodeOf } from '../../src/cli/failure.ts'
import { type ProduceOptions, produce } from '../../src/cli/produce.ts'
import type { Streams } from '../../src/cli/producing.ts'
import { makeProgram } from '../../src/cli/program.ts'

export interface Produced {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** What stdin gives, chunk by chunk. */
export type Chunks = Iterable<string | Buffer> | AsyncIterable<string | Buffer>

interface ProduceSetup {
  readonly brokers?: readonly string[]
  readonly stdout?: Streams['stdout']
  /** As if somebody sat there. */
  readonly isTTY?: boolean
}

/** `millrace produce` in this process, but for signals. */
export async function producing(
  args: readonly string[],
  stdin: string | Buffer | Chunks = '',
  { brokers = [], stdout, isTTY = false }: ProduceSetup = {},
): Promise<Produced> {
  const chunks = typeof stdin === 'string' || Buffer.isBuffer(stdin) ? [stdin] : stdin
  const out = new Text()
  const err = new Text()
  const streams: Streams = {
    stdin: Object.assign(chunks instanceof Readable ? chunks : Readable.from(bytesOf(chunks), { objectMode: false }), {
      isTTY,
    }),
    stdout: stdout ?? out.stream,
    stderr: Object.assign(err.stream, { isTTY }) as unknown as NodeJS.WriteStream,
  }
  const program = makeProgram()
  program.commands
    .find(command => command.name() === 'produce')
    ?.configureOutput({ writeErr: text => void err.stream.write(text) })
    .action((topic: string | undefined, files: string[], options: ProduceOptions) => {
      return produce(topic, files, options, streams)
    })
  const where = brokers.length === 0 ? [] : ['--brokers', brokers.join()]
  const code = await program.parseAsync(['produce', ...args, ...where], { from: 'user' }).then(
    () => 0,
    (thrown: unknown) => {
      if (thrown instanceof CommanderError) return 2
      err.stream.write(describeFailure(toError(thrown), false))
      return exitCodeOf(toError(thrown))
    },
  )
  return { code, stdout: out.text, stderr: err.text }
}

async function* bytesOf(chunks: Chunks): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) if (chunk.length > 0) yield Buffer.from(chunk)
}

class Text {
  readonly stream = new PassThrough()
  #text = ''

  constructor() {
    this.stream.on('data', chunk => (this.#text += String(chunk)))
  }

  get text(): string {
    return this.#text
  }
}
